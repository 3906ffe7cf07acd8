"""Where features lie on a body at rest: face, hairline, ears; shared by paint and geometry."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np

from model import conventions
from model.body.data import BodyData


@dataclasses.dataclass(frozen=True, eq=False)
class Landmarks:
    """Features of a rest shape, metres.

    Attributes:
        eyes: [3] midway between the eyeballs.
        unit: half the distance between the eyeballs, the measure of the face.
        ears: [2, 3] outermost points of the head.
        crown: height of the top of the head above the eyes.
    """

    eyes: np.ndarray
    unit: float
    ears: np.ndarray
    crown: float

    def forward(self, points: np.ndarray) -> np.ndarray:
        """How far in front of the ears points [..., 3] lie: 0 at the ears, 1 at the eyes."""
        ear_depth = float(self.ears[:, 2].mean())
        return (points[..., 2] - ear_depth) / float(self.eyes[2] - ear_depth)

    def above_hairline(self, points: np.ndarray, hairline: float) -> np.ndarray:
        """Height of points [..., 3] above the line where hair starts, in heights of the crown.

        The line runs from the nape past ears and temples to the forehead, where it lies `hairline` above the eyes.
        """
        places = [-0.7, -0.2, 0.05, 0.3, 0.45, 0.7, 1.0]
        line = np.interp(self.forward(points), places, [-0.65, -0.5, -0.2, -0.1, 0.3, hairline - 0.06, hairline])
        return (points[..., 1] - self.eyes[1]) / self.crown - line

    def ear_distance(self, points: np.ndarray) -> np.ndarray:
        """Distance of points [..., 3] from the nearer ear, 1 at its rim; ears are longer than they are wide."""
        scale = self.unit * np.array([1.0, 1.35, 0.8])
        return np.min([np.linalg.norm((points - ear) / scale, axis=-1) for ear in self.ears], axis=0)


@functools.lru_cache(maxsize=4)
def find_landmarks(data: BodyData) -> Landmarks:
    """Landmarks of a body's template."""
    vertices = data.v_template
    balls = vertices[np.unique(data.faces[data.face_parts == 1])]
    if not len(balls):  # a body without eyeballs: the keypoints say where they would be
        balls = (data.keypoint_regressor @ vertices)[[conventions.keypoint("L_eye"), conventions.keypoint("R_eye")]]
    left = balls[balls[:, 0] > 0].mean(0)
    eyes, unit = left * [0, 1, 1], float(left[0])
    beside = vertices[(np.abs(vertices[:, 1] - eyes[1]) < 1.5 * unit) & (np.abs(vertices[:, 0]) < 5 * unit)]
    return Landmarks(
        eyes=eyes,
        unit=unit,
        ears=beside[[beside[:, 0].argmax(), beside[:, 0].argmin()]],
        crown=float(vertices[:, 1].max() - eyes[1]),
    )


def ramp(low: float | np.ndarray, high: float | np.ndarray, x: np.ndarray) -> np.ndarray:
    """Smooth step from 0 at low to 1 at high (which may lie below low)."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)
