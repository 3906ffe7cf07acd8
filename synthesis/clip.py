"""One plan line -> frames and labels: simulate (once for all clips of a simulation), then render."""

from __future__ import annotations

import dataclasses
import functools
import pathlib

import cv2
import numpy as np

from model.errors import UserError
from model.storage import written_aside
from synthesis import labels
from synthesis.avatar import planned_body
from synthesis.cloth import gates
from synthesis.cloth.simulate import ImplicitEngine
from synthesis.dressed import set_in_motion
from synthesis.garments.dress import dress
from synthesis.garments.fabrics import FABRICS
from synthesis.motion import builtin, library, placement
from synthesis.motion.motion import Motion
from synthesis.render import film
from synthesis.render.interface import FIRST_GARMENT_ID, Frame, Renderer, Surface
from synthesis.scene import backgrounds, cameras, textures
from synthesis.scene.appearance import dress_body
from synthesis.scene.plan import BUILTIN, SIMULATION_FPS, ClipPlan, MotionPlan, SimulationPlan


class SimulationRejectedError(UserError):
    """A simulation did not pass the cloth's quality gates; the message holds the reasons."""


@dataclasses.dataclass(frozen=True, eq=False)
class SimulatedGarment:
    """A garment in motion.

    Attributes:
        faces: [F, 3] vertex indices.
        rest_uv: [F, 3, 2] pattern coordinates of each corner, metres.
        vertices: [T, V, 3] metres, world.
    """

    faces: np.ndarray
    rest_uv: np.ndarray
    vertices: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class Simulation:
    """A dressed, moving person at SIMULATION_FPS, lead-in cut.

    Attributes:
        pose: [T, 72] axis-angle, world.
        trans: [T, 3] metres.
        garments: inner ones first.
    """

    pose: np.ndarray
    trans: np.ndarray
    garments: tuple[SimulatedGarment, ...]

    def save(self, path: pathlib.Path) -> None:
        """Writes a cache file."""
        arrays = {"pose": self.pose, "trans": self.trans}
        for i, garment in enumerate(self.garments):
            for field in dataclasses.fields(garment):
                arrays[f"{field.name}_{i}"] = getattr(garment, field.name)
        with written_aside(path) as aside:
            np.savez(aside, **arrays)

    @classmethod
    def load(cls, path: pathlib.Path) -> Simulation:
        """Reads a cache file."""
        with np.load(path) as file:
            count = sum(name.startswith("faces_") for name in file.files)
            names = [field.name for field in dataclasses.fields(SimulatedGarment)]
            garments = (SimulatedGarment(**{name: file[f"{name}_{i}"] for name in names}) for i in range(count))
            return cls(file["pose"], file["trans"], tuple(garments))


def load_motion(plan: MotionPlan) -> Motion:
    """The planned window of a motion, at SIMULATION_FPS.

    Raises:
        MotionError: the file cannot be read or is shorter than the plan says.
    """
    if plan.source == BUILTIN:
        seconds = (plan.start + plan.frames) / SIMULATION_FPS
        return builtin.make(plan.kind, plan.seed, seconds, SIMULATION_FPS).window(plan.start, plan.frames)
    return _file_motion(plan.source).window(plan.start, plan.frames)


@functools.lru_cache(maxsize=2)
def _file_motion(path: str) -> Motion:
    return library.load_motion(path).resample(SIMULATION_FPS)


def simulate(plan: SimulationPlan) -> Simulation:
    """Moves and dresses one person.

    Raises:
        SimulationRejectedError: the cloth did not pass its gates.
        MotionError: the motion cannot be had.
        BodyMismatchError: the plan is for another body.
    """
    body = planned_body(plan.body_id)
    betas = np.array(plan.betas, np.float32)
    motion = load_motion(plan.motion)
    pose, trans = placement.place(motion, body, betas)
    garments = dress(plan.outfit, body, betas, plan.edge_length, plan.ease)
    fabrics = [FABRICS[name] for name in plan.fabrics]
    person = set_in_motion(body, betas, pose, trans, SIMULATION_FPS, garments, fabrics)
    scene, lead = person.scene, person.lead
    cloth = ImplicitEngine().simulate(scene)
    reasons = gates.reasons(gates.measure(scene, cloth, first_frame=lead))
    if reasons:
        raise SimulationRejectedError(f"Cloth that passes its gates is needed. Received: {'; '.join(reasons)}")
    dressed = zip(garments, cloth.vertices, strict=True)
    return Simulation(
        pose=person.pose[lead:],
        trans=person.trans[lead:],
        garments=tuple(SimulatedGarment(mesh.faces, mesh.rest_uv, moved[lead:]) for mesh, moved in dressed),
    )


@dataclasses.dataclass(frozen=True, eq=False)
class RenderedClip:
    """Frames and labels of one clip.

    Attributes:
        frames: T JPEG files.
        masks: T PNG files of uint8 [H, W] of the ids in synthesis/render/interface.py.
        depth: float32 [T, H, W] metres, inf where nothing is.
        labels: in the camera frame.
        intrinsics: [3, 3].
        extrinsics: [T, 3, 4] world to camera.
    """

    frames: list[bytes]
    masks: list[bytes]
    depth: np.ndarray
    labels: labels.Labels
    intrinsics: np.ndarray
    extrinsics: np.ndarray


def render(plan: ClipPlan, simulation: Simulation, renderer: Renderer) -> RenderedClip:
    """Renders one clip of a simulation and labels it.

    Args:
        plan: the clip.
        simulation: of plan.simulation.
        renderer: of the lens's picture size.
    """
    body = planned_body(plan.simulation.body_id)
    betas = np.array(plan.simulation.betas, np.float32)
    # All frames of the simulation in the window: hair follows them one by one, and exposures lie between shown ones.
    window = slice(plan.start, plan.start + plan.stride * (plan.length - 1) + 1)
    pose, trans = simulation.pose[window], simulation.trans[window]
    vertices, joints = body(pose, betas, trans)
    surface, worn = dress_body(body.data, body.shaped(betas)[0], plan.appearance)
    moving = [vertices, *(item.follow(vertices) for item in worn), *(g.vertices[window] for g in simulation.garments)]
    renderer.load([surface, *(item.surface for item in worn), *_garment_surfaces(plan, simulation)])

    views = cameras.track(plan.viewpoint, plan.lens, joints[:, 0], cameras.headings(pose[:, :3], SIMULATION_FPS))
    around = backgrounds.find(plan.backdrop, plan.backdrop_seed)
    lights = around.lights(plan.lights)
    extrinsics = np.stack([view.extrinsics for view in views])
    shown = np.arange(0, len(pose), plan.stride)
    backdrops = around.for_views([views[t] for t in shown])

    def photograph(number: int) -> Frame:
        def render_at(time: float) -> Frame:
            moment = float(np.clip(shown[number] + time * plan.stride, 0, len(pose) - 1))
            surfaces = [_between(frames, moment) for frames in moving]
            # In the time of an exposure a camera's turn is as good as linear.
            view = dataclasses.replace(views[0], extrinsics=_between(extrinsics, moment))
            return renderer.render(surfaces, view, lights, backdrops[number])

        return film.photograph(render_at, plan.film, number)

    pictures = [photograph(number) for number in range(len(shown))]
    pose, trans, vertices, extrinsics = pose[shown], trans[shown], vertices[shown], extrinsics[shown]
    depth = np.stack([picture.depth for picture in pictures])
    intrinsics = views[0].intrinsics
    return RenderedClip(
        frames=[film.encode(picture.rgb, plan.film) for picture in pictures],
        masks=[cv2.imencode(".png", picture.mask)[1].tobytes() for picture in pictures],
        depth=depth,
        labels=labels.label(body, betas, pose, trans, vertices, intrinsics, extrinsics, depth),
        intrinsics=intrinsics,
        extrinsics=extrinsics,
    )


def _garment_surfaces(plan: ClipPlan, simulation: Simulation) -> list[Surface]:
    return [
        Surface(
            f"garment{i}", FIRST_GARMENT_ID + i, garment.faces, garment.rest_uv, textures.find(source, seed).material()
        )
        for i, (garment, (source, seed)) in enumerate(zip(simulation.garments, plan.textures, strict=True))
    ]


def _between(frames: np.ndarray, moment: float) -> np.ndarray:
    """Values [...] at a time between frames [T, ...]."""
    first = int(moment)
    share = moment - first
    return frames[first] if share == 0.0 else (1.0 - share) * frames[first] + share * frames[first + 1]
