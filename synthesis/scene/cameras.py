"""The paper's cameras (section 3.4): four telephoto views around the avatar, in one of the authors' three modes.

Everything drawn at random is a Viewpoint, plain data for the plan; `track` turns one into a camera for each frame.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from model import rotations
from model.errors import ConfigError
from synthesis.render.interface import Camera

# Where each view stands, radians about +y from the direction that the avatar faces towards its own left.
VIEWS = {"front": 0.0, "left": 0.5 * math.pi, "back": math.pi, "right": -0.5 * math.pi}

# How a camera moves, with the share of views that draw each: it stands still; it follows the pelvis and keeps its
# direction (the paper's own: "track the Pelvis joint"); it follows the pelvis and turns with the body.
MODE_SHARES = {"fixed": 0.25, "translating": 0.5, "rotating": 0.25}
MODES = tuple(MODE_SHARES)

# Standard deviation of the Gaussian that a rotating camera's heading is smoothed with, seconds: it turns when the body
# does, but does not shake with the hips of one who walks (a stride takes about a second).
_HEADING_SMOOTHING = 0.35

# Field of view at the pelvis in statures, half of it on each side: raised arms reach 0.7 statures above the pelvis.
_FIELD_IN_STATURES = 1.4


@dataclasses.dataclass(frozen=True)
class Lens:
    """Sensor and lens; square pixels, principal point at the image's centre.

    Attributes:
        sensor_width: metres.
        focal_length: metres.
        width: pixels.
        height: pixels.
    """

    sensor_width: float = 0.032
    focal_length: float = 0.180
    width: int = 250
    height: int = 250

    def intrinsics(self) -> np.ndarray:
        """K [3, 3] pixels; pixel centres lie at whole numbers, so the image's centre is (width - 1) / 2."""
        focal = self.width * self.focal_length / self.sensor_width
        return np.array([[focal, 0, (self.width - 1) / 2], [0, focal, (self.height - 1) / 2], [0, 0, 1]])

    def fitting_distance(self, stature: float) -> float:
        """Metres from camera to pelvis at which a person of this height, arms raised, fills the shorter side."""
        side = self.sensor_width * min(self.width, self.height) / self.width
        return stature * _FIELD_IN_STATURES * self.focal_length / side


@dataclasses.dataclass(frozen=True)
class Jitter:
    """How far views stray from the four exact ones: half widths of uniform draws.

    Attributes:
        azimuth: radians.
        elevation: radians, about `mean_elevation`.
        mean_elevation: radians that the camera stands above the pelvis.
        roll: radians.
        distance: share of the distance.
    """

    azimuth: float = math.radians(10)
    elevation: float = math.radians(5)
    mean_elevation: float = math.radians(4)
    roll: float = math.radians(2)
    distance: float = 0.06


@dataclasses.dataclass(frozen=True)
class Viewpoint:
    """One camera's place relative to the pelvis.

    Attributes:
        name: "front", "back", "left" or "right" of the avatar.
        azimuth: radians about +y from the avatar's heading; positive towards its left.
        elevation: radians above the horizontal plane through the pelvis.
        roll: radians, clockwise turn of the camera about its axis.
        distance: metres to the pelvis; a fixed camera stands further back where the motion needs it.
        mode: one of MODES.
    """

    name: str
    azimuth: float
    elevation: float
    roll: float
    distance: float
    mode: str = "translating"

    def __post_init__(self):
        if self.mode not in MODES:
            raise ConfigError(f"A camera's mode is one of {', '.join(MODES)}. Received: {self.mode!r}")


def draw_viewpoints(
    rng: np.random.Generator, distance: float, jitter: Jitter | None = None, modes: Sequence[str] = MODES
) -> tuple[Viewpoint, ...]:
    """The four views in the order of VIEWS, each with jitter and a mode of its own.

    Args:
        rng: where jitter and modes come from.
        distance: metres to the pelvis, before jitter.
        jitter: how far views stray.
        modes: the modes to draw from, in the proportions of MODE_SHARES.

    Raises:
        ConfigError: no mode, or one that does not exist.
    """
    if not modes or not set(modes) <= set(MODES):
        raise ConfigError(f"Camera modes are some of {', '.join(MODES)}. Received: {', '.join(modes) or 'none'}")
    jitter = jitter or Jitter()
    shares = np.array([MODE_SHARES[mode] for mode in modes])
    views = []
    for name, azimuth in VIEWS.items():
        turn, lift, roll, stretch = rng.uniform(-1, 1, 4)
        views.append(
            Viewpoint(
                name=name,
                azimuth=float(azimuth + turn * jitter.azimuth),
                elevation=float(jitter.mean_elevation + lift * jitter.elevation),
                roll=float(roll * jitter.roll),
                distance=float(distance * (1 + stretch * jitter.distance)),
                mode=str(rng.choice(list(modes), p=shares / shares.sum())),
            )
        )
    return tuple(views)


def headings(global_rotations: np.ndarray, fps: float) -> np.ndarray:
    """Where a moving body faces, smoothed and without jumps: what a camera in mode "rotating" follows.

    The horizontal part of the facing direction is smoothed as a vector: frames in which the body faces up or down
    hardly count, and a full turn leaves no jump.

    Args:
        global_rotations: [T, 3] axis-angle.
        fps: frames a second.

    Returns:
        [T] radians about +y from +z; neighbours differ by less than pi.
    """
    forward = rotations.axis_angle_to_matrix(np.asarray(global_rotations, np.float64))[..., 2]
    seconds = np.arange(len(forward)) / fps
    weights = np.exp(-0.5 * ((seconds[:, None] - seconds) / _HEADING_SMOOTHING) ** 2)
    smooth = (weights / weights.sum(1, keepdims=True)) @ forward
    return np.unwrap(np.arctan2(smooth[:, 0], smooth[:, 2]))


def track(viewpoint: Viewpoint, lens: Lens, pelvis: np.ndarray, facing: np.ndarray | float = 0.0) -> list[Camera]:
    """A camera for each frame.

    Modes "translating" and "rotating" see the pelvis at the image's centre, `viewpoint.distance` away. "fixed" is one
    camera that looks at the middle of where the pelvis goes, from as far as it takes for everything that fits around
    the pelvis at `viewpoint.distance` to fit around all its places.

    Args:
        viewpoint: place relative to the avatar, and mode.
        lens: intrinsics and image size.
        pelvis: [T, 3] world, metres.
        facing: the avatar's heading, radians: [T] (`headings`), or one number. All modes but "rotating" use the first.

    Returns:
        T cameras; "fixed" repeats one.
    """
    pelvis = np.asarray(pelvis, np.float64)
    facing = np.broadcast_to(np.asarray(facing, np.float64), len(pelvis))
    if viewpoint.mode != "rotating":
        facing = np.broadcast_to(facing[0], len(pelvis))
    if viewpoint.mode == "fixed":
        rotation = _orientation(viewpoint, facing[0])
        return [_camera(lens, rotation, _eye_that_sees_all(viewpoint, lens, rotation, pelvis))] * len(pelvis)
    cameras = []
    for place, turn in zip(pelvis, facing, strict=True):
        rotation = _orientation(viewpoint, turn)
        cameras.append(_camera(lens, rotation, place - viewpoint.distance * rotation[2]))
    return cameras


def _orientation(viewpoint: Viewpoint, facing: float) -> np.ndarray:
    """World to camera [3, 3]: rows are the camera's right, down and forward."""
    azimuth = facing + viewpoint.azimuth
    level = math.cos(viewpoint.elevation)
    forward = -np.array([level * math.sin(azimuth), math.sin(viewpoint.elevation), level * math.cos(azimuth)])
    right = np.array([math.cos(azimuth), 0.0, -math.sin(azimuth)])
    down = np.cross(forward, right)
    cos, sin = math.cos(viewpoint.roll), math.sin(viewpoint.roll)
    return np.stack([cos * right + sin * down, cos * down - sin * right, forward])


def _eye_that_sees_all(viewpoint: Viewpoint, lens: Lens, rotation: np.ndarray, pelvis: np.ndarray) -> np.ndarray:
    """Where a camera of this orientation stands to see a person at every place of the pelvis [T, 3]; world, metres.

    With tangents k of half the field along x and y, the person reaches h = k_min * distance to each side of the pelvis.
    A pelvis at (x, y, z) in the camera's axes about the aim fits if |x| + h <= k_x (d + z), and so in y; d is the least
    that does for all.
    """
    tangents = np.array([lens.width, lens.height]) / (2 * lens.intrinsics()[[0, 1], [0, 1]])
    reach = viewpoint.distance * tangents.min()
    seen = pelvis @ rotation.T
    aim = (seen.min(0) + seen.max(0)) / 2
    offset = seen - aim
    distance = ((np.abs(offset[:, :2]) + reach) / tangents - offset[:, 2:]).max()
    return rotation.T @ (aim - [0, 0, distance])


def _camera(lens: Lens, rotation: np.ndarray, eye: np.ndarray) -> Camera:
    return Camera(
        intrinsics=lens.intrinsics(),
        extrinsics=np.concatenate([rotation, -rotation @ eye[:, None]], 1),
        width=lens.width,
        height=lens.height,
    )
