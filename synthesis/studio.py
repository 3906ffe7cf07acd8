"""Pictures of bodies as a photographer's studio takes them: plain backdrop, soft light, a shadow on the floor."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import cv2
import numpy as np

from model import rotations
from model.body.data import BodyData
from model.body.numpy_body import NumpyBody
from synthesis.motion.placement import lowest_points
from synthesis.render.gl.renderer import GlRenderer
from synthesis.render.interface import AreaLight, Backdrop, Camera, Surface
from synthesis.scene import backgrounds, cameras
from synthesis.scene.appearance import Appearance, body_surface

SUPERSAMPLE = 3

# A portrait lens: little perspective, yet a body that is seen to be round.
_FOCAL_LENGTH, _SENSOR = 0.085, 0.032
_ELEVATION = math.radians(7)
_MARGIN = 0.06

_CLAY = Appearance(skin=(0.72, 0.69, 0.66), hair=None, hairline=0.5, eyes=(0.32, 0.3, 0.28), shoes=None, seed=0)
_TOP, _BOTTOM = np.array([0.94, 0.945, 0.95]), np.array([0.87, 0.875, 0.885])

# Position, radiance and side of key, fill and rim light around a figure at the origin that faces +z, metres.
_LIGHTS = (((-3.2, 4.2, 3.6), 17.0, 2.2), ((4.5, 2.4, 2.6), 4.0, 2.5), ((2.5, 4.0, -4.0), 16.0, 2.0))
_AMBIENT_GAIN = 0.42

# The floor's shadow: how much of a dome of light the body hides, on a grid of the floor, metres.
_DOME_DIRECTIONS, _SHADOW_HALF, _SHADOW_CELL = 200, 1.4, 0.02
# Sine of the lowest direction that light comes from, and how dark a floor without any light is.
_LOWEST_SKY, _SHADOW_DEPTH = 0.4, 0.7


@dataclasses.dataclass(frozen=True)
class Framing:
    """What a picture shows, at the depth of its centre.

    Attributes:
        centre: world point in the picture's middle, metres.
        height: metres from the picture's lower to its upper edge.
        turn: radians that the body is turned to its left before the camera.
        elevation: radians that the camera looks down.
    """

    centre: tuple[float, float, float]
    height: float
    turn: float = 0.0
    elevation: float = _ELEVATION


@dataclasses.dataclass(frozen=True, eq=False)
class Worn:
    """A garment on a body.

    Attributes:
        surface: its triangles and look.
        vertices: [V, 3] metres, world.
    """

    surface: Surface
    vertices: np.ndarray


class Studio:
    """Takes pictures of one size.

    Example:
        studio = Studio(640, 640)
        picture = studio.picture(data, vertices, studio.fit(vertices, turn=0.5))
        studio.close()
    """

    def __init__(self, width: int, height: int):
        """Starts a renderer.

        Args:
            width: pixels.
            height: pixels.

        Raises:
            RenderError: OpenGL cannot start here.
        """
        self.width, self.height = width, height
        self._renderer = GlRenderer(width, height, SUPERSAMPLE)
        self._loaded: str | None = None
        self._worn: list[Surface] = []

    def close(self) -> None:
        """Frees the renderer."""
        self._renderer.close()

    def fit(self, vertices: np.ndarray, turn: float = 0.0) -> Framing:
        """The framing that shows a whole figure [V, 3] metres with some room around."""
        low, high = vertices.min(0), vertices.max(0)
        framing = Framing(tuple(((low + high) / 2).tolist()), float(np.linalg.norm(high - low)), turn)
        # Size on the picture goes with the inverse of the distance, nearly: two steps settle it.
        for _ in range(2):
            camera = self.camera(framing)
            pixels = project(camera, vertices)
            share = (np.ptp(pixels, axis=0) / [self.width, self.height]).max()
            middle = (pixels.min(0) + pixels.max(0)) / 2 - [(self.width - 1) / 2, (self.height - 1) / 2]
            metres = middle * framing.height / self.height
            right, down = camera.extrinsics[0, :3], camera.extrinsics[1, :3]
            centre = np.array(framing.centre) + metres[0] * right + metres[1] * down
            framing = dataclasses.replace(
                framing, centre=tuple(centre.tolist()), height=framing.height * share / (1 - 2 * _MARGIN)
            )
        return framing

    def camera(self, framing: Framing) -> Camera:
        """The camera of a framing."""
        lens = cameras.Lens(_SENSOR, _FOCAL_LENGTH, self.width, self.height)
        distance = framing.height * lens.intrinsics()[1, 1] / self.height
        viewpoint = cameras.Viewpoint("front", -framing.turn, framing.elevation, 0.0, distance)
        return cameras.track(viewpoint, lens, np.array([framing.centre]))[0]

    def picture(
        self, data: BodyData, vertices: np.ndarray, framing: Framing, opacity: float = 1.0, worn: Sequence[Worn] = ()
    ) -> np.ndarray:
        """Takes one picture.

        Args:
            data: the body.
            vertices: [V, 3] metres, world; the floor is y = 0.
            framing: what to show.
            opacity: of the body, 0..1.
            worn: garments on it.

        Returns:
            uint8 [height, width, 3] sRGB.
        """
        garments = [garment.surface for garment in worn]
        if self._loaded != data.body_id or [*map(id, self._worn)] != [*map(id, garments)]:
            self._renderer.load([_surface(data), *garments])
            self._loaded, self._worn = data.body_id, garments
        camera = self.camera(framing)
        around = rotations.rotation_about(1, -framing.turn)
        below, chest = (np.array([framing.centre[0], y, framing.centre[2]]) for y in (0.0, 0.9))
        # Lights turn with the camera: a body is lit alike from wherever it is seen.
        lights = [
            AreaLight(tuple((around @ p + below).tolist()), tuple(chest.tolist()), radiance, side)
            for p, radiance, side in _LIGHTS
        ]
        backdrop = self._backdrop(camera, vertices)
        frame = self._renderer.render([vertices, *(g.vertices for g in worn)], camera, lights, backdrop)
        return cv2.addWeighted(frame.rgb, opacity, backdrop.image, 1 - opacity, 0)

    def _backdrop(self, camera: Camera, vertices: np.ndarray) -> Backdrop:
        """A plain wall and floor without a seam, with the body's shadow."""
        share = np.linspace(0, 1, self.height)[:, None, None]
        plain = np.broadcast_to(_TOP + share * (_BOTTOM - _TOP), (self.height, self.width, 3))
        # Pictures are put side by side: towards its sides each becomes the plain backdrop.
        aside = np.abs(np.linspace(-1, 1, self.width))
        middle = np.clip((1 - aside) / 0.35, 0, 1)[None, :, None]
        shadow = 1 - _SHADOW_DEPTH * middle * floor_shadow(camera, vertices)[..., None]
        image = (np.clip(plain * shadow, 0, 1) * 255 + 0.5).astype(np.uint8)
        return Backdrop(image, backgrounds.ambient_light((plain * 255).astype(np.uint8), _AMBIENT_GAIN))


def on_floor(body: NumpyBody, pose: np.ndarray, betas: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Poses a person so that the lowest point touches the floor: pose [72], betas [10] -> vertices [V, 3], joints."""
    trans = np.array([[0.0, -lowest_points(pose[None], body, betas)[0], 0.0]])
    vertices, joints = body(pose[None], betas, trans)
    return vertices[0], joints[0]


def project(camera: Camera, points: np.ndarray) -> np.ndarray:
    """World points [N, 3] metres -> pixels [N, 2] (synthesis.geometry.project would bring TensorFlow along)."""
    seen = points @ camera.extrinsics[:, :3].T + camera.extrinsics[:, 3]
    image = seen @ camera.intrinsics.T
    return image[:, :2] / image[:, 2:]


def floor_shadow(camera: Camera, vertices: np.ndarray) -> np.ndarray:
    """How much of an overcast sky the body [V, 3] hides from the floor y = 0 that each pixel sees: [H, W], 0..1."""
    side = round(2 * _SHADOW_HALF / _SHADOW_CELL)
    centre = (vertices[:, [0, 2]].min(0) + vertices[:, [0, 2]].max(0)) / 2
    hidden = np.zeros((side, side), np.float32)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    for direction in _dome():
        on_floor = vertices[:, [0, 2]] - vertices[:, 1:2] * (direction[[0, 2]] / direction[1])
        cell = np.rint((on_floor - centre + _SHADOW_HALF) / _SHADOW_CELL).astype(int)
        cell = cell[((cell >= 0) & (cell < side)).all(1)]
        struck = np.zeros((side, side), np.uint8)
        struck[cell[:, 1], cell[:, 0]] = 1
        hidden += cv2.morphologyEx(struck, cv2.MORPH_CLOSE, kernel)
    # No edge shows where the grid ends.
    ramp = np.clip((1 - np.abs(np.linspace(-1, 1, side))) / 0.4, 0, 1)
    hidden = cv2.GaussianBlur(hidden / _DOME_DIRECTIONS, (0, 0), 2.0) * np.outer(ramp, ramp).astype(np.float32)
    columns, rows = np.meshgrid(np.arange(camera.width), np.arange(camera.height))
    rays = np.stack([columns, rows, np.ones_like(rows)], -1) @ np.linalg.inv(camera.intrinsics).T
    rays = rays @ camera.extrinsics[:, :3]
    eye = -camera.extrinsics[:, :3].T @ camera.extrinsics[:, 3]
    downward = np.minimum(rays[..., 1], -1e-6)
    floor = eye[[0, 2]] + rays[..., [0, 2]] * (-eye[1] / downward)[..., None]
    where = ((floor - centre + _SHADOW_HALF) / _SHADOW_CELL).astype(np.float32)
    shadow = cv2.remap(hidden, where[..., 0], where[..., 1], cv2.INTER_LINEAR, borderValue=0)
    return np.where(rays[..., 1] < 0, shadow, 0.0)


def _dome() -> np.ndarray:
    """Directions [N, 3] up into the sky, spread by the golden angle, as dense as they light a level floor."""
    k = np.arange(_DOME_DIRECTIONS)
    height = np.sqrt(_LOWEST_SKY**2 + (1 - _LOWEST_SKY**2) * (k + 0.5) / _DOME_DIRECTIONS)
    turn = k * math.pi * (3 - math.sqrt(5))
    level = np.sqrt(np.maximum(1 - height**2, 0))
    return np.stack([level * np.cos(turn), height, level * np.sin(turn)], -1)


def _surface(data: BodyData) -> Surface:
    """The body as grey clay with painted eyes: neutral light, for skin's red glow looks like stains on grey."""
    surface = body_surface(data, _CLAY)
    return dataclasses.replace(surface, material=dataclasses.replace(surface.material, subsurface=(0.1, 0.1, 0.1)))
