"""The paper's cameras (section 3.4): four telephoto views around the avatar that keep its pelvis in the frame's centre.

Everything drawn at random is a Viewpoint, plain data for the plan; `track` turns one into a camera for each frame.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from model import rotations
from synthesis.render.interface import Camera

# Where each view stands, radians about +y from the direction that the avatar faces towards its own left.
VIEWS = {"front": 0.0, "left": 0.5 * math.pi, "back": math.pi, "right": -0.5 * math.pi}

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
        distance: metres to the pelvis.
    """

    name: str
    azimuth: float
    elevation: float
    roll: float
    distance: float


def draw_viewpoints(rng: np.random.Generator, distance: float, jitter: Jitter | None = None) -> tuple[Viewpoint, ...]:
    """The four views in the order of VIEWS, at about `distance` metres, with fresh jitter for each."""
    jitter = jitter or Jitter()
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
            )
        )
    return tuple(views)


def heading(global_rotation: np.ndarray) -> float:
    """Radians about +y from +z to where a body with this global rotation (axis-angle [3]) faces; 0 if it faces up."""
    forward = rotations.axis_angle_to_matrix(np.asarray(global_rotation, np.float64))[..., 2]
    return float(math.atan2(forward[0], forward[2])) if np.hypot(forward[0], forward[2]) > 1e-6 else 0.0


def track(viewpoint: Viewpoint, lens: Lens, pelvis: np.ndarray, facing: float = 0.0) -> list[Camera]:
    """A camera for each frame that moves with the pelvis and keeps its direction.

    Args:
        viewpoint: place relative to the avatar.
        lens: intrinsics and image size.
        pelvis: [T, 3] world, metres.
        facing: the avatar's heading, radians (`heading` of its first frame).

    Returns:
        T cameras that see the pelvis at the image's centre.
    """
    azimuth = facing + viewpoint.azimuth
    level = math.cos(viewpoint.elevation)
    outward = np.array(
        [level * math.sin(azimuth), math.sin(viewpoint.elevation), level * math.cos(azimuth)]
    )  # from the pelvis to the camera
    right = np.array([math.cos(azimuth), 0.0, -math.sin(azimuth)])
    down = np.cross(-outward, right)
    cos, sin = math.cos(viewpoint.roll), math.sin(viewpoint.roll)
    rotation = np.stack([cos * right + sin * down, cos * down - sin * right, -outward])
    intrinsics = lens.intrinsics()
    return [
        Camera(
            intrinsics=intrinsics,
            extrinsics=np.concatenate([rotation, -rotation @ eye[:, None]], 1),
            width=lens.width,
            height=lens.height,
        )
        for eye in np.asarray(pelvis, np.float64) + viewpoint.distance * outward
    ]
