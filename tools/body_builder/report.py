"""What was built, in figures: `build_report.json` beside the bodies."""

from __future__ import annotations

from typing import Any

import numpy as np

from model import conventions
from model.body.data import BodyData
from model.body.measure import measure
from model.body.numpy_body import NumpyBody
from tools.body_builder import regressors, survey
from tools.body_builder.intersections import intersecting_faces

DRAWS = 500  # shapes with betas from the standard normal distribution, for the statistics
SHARES = (5, 25, 50, 75, 95)


def joint_errors(joint_regressor: np.ndarray, vertices: np.ndarray, joints: np.ndarray) -> dict[str, dict[str, float]]:
    """Distance in mm of regressed joints from the rig's: joint -> mean and max over people.

    Args:
        joint_regressor: [24, V].
        vertices: [n, V, 3] metres, people that it was not fitted to.
        joints: [n, 24, 3] metres, their joints by the rig.
    """
    error = 1000 * np.linalg.norm(joint_regressor @ vertices - joints, axis=2)
    return {
        name: {"mean": round(float(error[:, j].mean()), 2), "max": round(float(error[:, j].max()), 2)}
        for j, name in enumerate(conventions.JOINTS)
    }


def describe(data: BodyData, rng: np.random.Generator) -> dict[str, Any]:
    """Figures of one body: sizes of its people against the survey's, keypoints, self-intersections of the template."""
    betas = rng.normal(size=(DRAWS, conventions.NUM_BETAS))
    sizes = [measure(data, b) for b in betas]
    stature, bmi = np.array([100 * s.stature for s in sizes]), np.array([s.bmi for s in sizes])
    pairs = intersecting_faces(data.v_template, data.faces)
    return {
        "body_id": data.body_id,
        "stature_cm": {"mean": _round(stature.mean()), "deviation": _round(stature.std())},
        "bmi": {f"p{share:02}": _round(np.percentile(bmi, share)) for share in SHARES},
        "largest_beta_at_bmi": {f"{goal:g}": _round(_largest_beta(data, goal)) for goal in survey.BMI_RANGE},
        "template_bmi": _round(measure(data, np.zeros(conventions.NUM_BETAS)).bmi),
        "template_intersections": len(pairs),
        "keypoint_error_mm": regressors.keypoint_errors(NumpyBody(data), rng),
    }


def describe_population(population: survey.Population) -> dict[str, Any]:
    """The survey's figures of one sex, its body mass index within survey.BMI_RANGE."""
    shares = np.array(SHARES) / 100
    return {
        "stature_cm": {"mean": population.stature_mean, "deviation": _round(population.stature_deviation)},
        "bmi": {f"p{share:02}": _round(bmi) for share, bmi in zip(SHARES, population.bmis(shares), strict=True)},
    }


def _largest_beta(data: BodyData, goal: float) -> float:
    """Largest absolute beta of the shape with the shortest betas that has a body mass index (Newton's method)."""
    betas = np.zeros(conventions.NUM_BETAS)
    for _ in range(8):
        here, step = measure(data, betas).bmi, 0.05
        gradient = np.array([(measure(data, betas + step * unit).bmi - here) / step for unit in np.eye(len(betas))])
        betas = gradient * (gradient @ betas + goal - here) / (gradient @ gradient)
    return float(np.abs(betas).max())


def _round(value: float) -> float:
    return round(float(value), 2)
