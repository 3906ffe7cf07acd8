"""Rendering: a dressed person with hair and shoes, walking, 250 x 250 pixels, four area lights.

Figures (CPU seconds count all threads and processes):
  gl_cpu_s_per_frame      OpenGL, 2 x 2 supersampling; the body in a new pose in every frame
  gl_again_cpu_s_per_frame  the same from another side: the views of one moment share vertices and shadow maps
  cycles_cpu_s_per_frame  Cycles, 16 samples a pixel, denoised, the same frames (null where there is no bpy)
  dress_cpu_s_per_person  painting skin, growing hair, fitting shoes
  follow_cpu_s_per_frame  hair and shoes brought to the body's pose
  film_cpu_s_per_frame    focus, exposure, noise, sharpening, JPEG
  peak_memory_mb          of this process with OpenGL; cycles_memory_mb is Blender's own process
"""

from __future__ import annotations

import dataclasses
import resource
import time

import numpy as np
from scipy.spatial import cKDTree

from benchmarks.harness import Figure, Result
from model.body.numpy_body import NumpyBody
from synthesis import avatar
from synthesis.garments.dress import dress
from synthesis.motion import builtin, placement
from synthesis.render import film
from synthesis.render.gl.renderer import GlRenderer
from synthesis.render.interface import FIRST_GARMENT_ID, AreaLight, Backdrop, Camera, Frame, Renderer, Surface
from synthesis.scene import backgrounds, cameras, lights, textures
from synthesis.scene.appearance import draw_appearance, dress_body
from synthesis.scene.attachments import bind

SIZE, SUPERSAMPLE, SAMPLES, FRAMES, CYCLES_FRAMES = 250, 2, 16, 48, 6
OUTFIT, EDGE_LENGTH, MOTION = "tshirt_trousers", 0.02, "walk"


@dataclasses.dataclass(frozen=True, eq=False)
class Scene:
    """Frames to render.

    Attributes:
        surfaces: body, hair, shoes, garments.
        vertices: for each surface its [T, V, 3] metres.
        views: a camera for each frame.
        lights: four.
        backdrop: of all frames.
    """

    surfaces: list[Surface]
    vertices: list[np.ndarray]
    views: list[Camera]
    lights: tuple[AreaLight, ...]
    backdrop: Backdrop

    def render(self, renderer: Renderer, frame: int, view: int) -> Frame:
        """One frame from the camera of another."""
        moment = [moving[frame] for moving in self.vertices]
        return renderer.render(moment, self.views[view], self.lights, self.backdrop)


def run() -> Result:
    """Measures both backends on the same frames."""
    scene, figures = _make_scene()
    # Compiles shaders and numba code.
    renderer = GlRenderer(SIZE, SIZE, SUPERSAMPLE)
    renderer.load(scene.surfaces)
    scene.render(renderer, 0, 0)
    frames, spent, again = [], 0.0, 0.0
    for t in range(1, FRAMES):
        began = time.process_time()
        frames.append(scene.render(renderer, t, t))
        posed = time.process_time()
        scene.render(renderer, t, 0)
        spent += posed - began
        again += time.process_time() - posed
    renderer.close()
    figures["gl_cpu_s_per_frame"] = spent / len(frames)
    figures["gl_again_cpu_s_per_frame"] = again / len(frames)
    figures["film_cpu_s_per_frame"] = _film_seconds(frames)
    figures["peak_memory_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    figures |= _cycles_figures(scene)
    settings = {
        "pixels": SIZE, "supersample": SUPERSAMPLE, "cycles_samples": SAMPLES, "frames": FRAMES, "outfit": OUTFIT,
        "triangles": sum(len(surface.faces) for surface in scene.surfaces), "edge_length": EDGE_LENGTH,
    }  # fmt: skip
    return Result(settings, figures)


def _make_scene() -> tuple[Scene, dict[str, Figure]]:
    rng = np.random.default_rng(0)
    body, betas = avatar.avatar_body(), avatar.random_betas("female", rng)
    motion = builtin.make(MOTION, 0, (FRAMES + 1) / 30, 30).window(0, FRAMES)
    pose, trans = placement.place(motion, body, betas)
    vertices, joints = body(pose, betas, trans)
    rest, _ = body.shaped(betas)
    # The dearest hair to draw.
    look = dataclasses.replace(
        draw_appearance(rng, "female"), hair=(0.2, 0.15, 0.1), hair_style="long", shoes=(0.3, 0.3, 0.35)
    )
    dress_body(body.data, rest, look)  # compiles, and finds what all people of a body share
    began = time.process_time()
    surface, worn = dress_body(body.data, rest, look)
    dressed = time.process_time()
    worn[0].follow(vertices[:1])
    following = time.process_time()
    moving = [attachment.follow(vertices) for attachment in worn]
    figures: dict[str, Figure] = {
        "dress_cpu_s_per_person": dressed - began,
        "follow_cpu_s_per_frame": (time.process_time() - following) / FRAMES,
    }
    garments, cloth = _garments(body, betas, rest, vertices)
    lens = cameras.Lens(width=SIZE, height=SIZE)
    viewpoint = cameras.draw_viewpoints(rng, lens.fitting_distance(float(np.ptp(rest[:, 1]))))[0]
    views = [
        cameras.track(dataclasses.replace(viewpoint, mode="translating", azimuth=t * 0.1), lens, joints[t : t + 1, 0])[
            0
        ]
        for t in range(FRAMES)
    ]
    backdrop = backgrounds.find(backgrounds.KINDS[0], 0).for_views(views[:1])[0]
    surfaces = [surface, *(attachment.surface for attachment in worn), *garments]
    return Scene(surfaces, [vertices, *moving, *cloth], views, lights.draw_lights(rng), backdrop), figures


def _garments(
    body: NumpyBody, betas: np.ndarray, rest: np.ndarray, vertices: np.ndarray
) -> tuple[list[Surface], list[np.ndarray]]:
    """An outfit that moves as the skin under it does: its triangles cost what they cost, whatever their folds."""
    surfaces, moving = [], []
    tree = cKDTree(rest)
    for i, mesh in enumerate(dress(OUTFIT, body, betas, EDGE_LENGTH)):
        material = textures.make(textures.KINDS[i], 0).material()
        surfaces.append(Surface(mesh.name, FIRST_GARMENT_ID + i, mesh.faces, mesh.rest_uv, material))
        held = body.data.weights[tree.query(mesh.vertices)[1]]
        weights = {int(joint): held[:, joint] for joint in np.flatnonzero(held.any(0))}
        moving.append(bind(body.data, rest, surfaces[-1], mesh.vertices, weights).follow(vertices))
    return surfaces, moving


def _film_seconds(frames: list[Frame]) -> float:
    settings = film.Film(
        f_number=4, exposure=0.1, white_balance=0.1, noise=0.01, vignetting=0.1, sharpening=0.5, jpeg_quality=85
    )
    began = time.process_time()
    for number, frame in enumerate(frames):
        film.encode(film.develop(film.defocus(frame, settings).rgb, settings, number), settings)
    return (time.process_time() - began) / len(frames)


def _cycles_figures(scene: Scene) -> dict[str, Figure]:
    try:
        from synthesis.render.blender import client
    except ImportError:
        return {"cycles_cpu_s_per_frame": None, "cycles_memory_mb": None}
    if not client.available():
        return {"cycles_cpu_s_per_frame": None, "cycles_memory_mb": None}
    renderer = client.BlenderRenderer(SIZE, SIZE, samples=SAMPLES)
    renderer.load(scene.surfaces)
    scene.render(renderer, 0, 0)
    before = renderer.usage.cpu_seconds
    for t in range(1, 1 + CYCLES_FRAMES):
        scene.render(renderer, t, t)
    used = renderer.usage
    renderer.close()
    return {
        "cycles_cpu_s_per_frame": (used.cpu_seconds - before) / CYCLES_FRAMES,
        "cycles_memory_mb": used.peak_memory_mb,
    }
