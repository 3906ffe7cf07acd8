"""How well MoSh does: on markers of a known person, and on a captured file."""

from __future__ import annotations

import dataclasses
import pathlib
import time

import numpy as np

from model import rotations
from model.body.data import BodyData
from model.body.numpy_body import NumpyBody
from model.conventions import NUM_BETAS
from synthesis.motion import builtin, placement
from synthesis.motion.c3d import Markers, read_c3d
from synthesis.motion.mosh import attachment
from synthesis.motion.mosh.attachment import Latent
from synthesis.motion.mosh.marker_body import MarkerBody
from synthesis.motion.mosh.marker_sets import Placement, load_marker_set
from synthesis.motion.mosh.solve import MoshResult, solve
from synthesis.motion.motion import Motion

# Share of the places' spread in the marker set by which a synthetic person's markers are off.
_CARELESS = 0.5
_MOTIONS = ("walk", "dance", "kick", "squat", "reach", "run")
_CHUNK = 32


@dataclasses.dataclass(frozen=True, eq=False)
class Worn:
    """A known person in known motion, and what a capture of them would give.

    Attributes:
        markers: as a file would hold them, y up.
        pose: [T, 72] the truth.
        trans: [T, 3] metres.
        betas: [10].
    """

    markers: Markers
    pose: np.ndarray
    trans: np.ndarray
    betas: np.ndarray


def wear(
    data: BodyData,
    motion: Motion,
    betas: np.ndarray,
    rng: np.random.Generator,
    noise: float = 0.002,
    missing: float = 0.1,
    marker_set: str = "cmu41",
) -> Worn:
    """Captures a known person: markers sit on the skin near their places, each seen with noise or not at all.

    Args:
        data: the body.
        motion: what the person does.
        betas: [10] their shape.
        rng: draws places, noise and gaps.
        noise: standard deviation of each coordinate, metres.
        missing: share of markers not seen, drawn for every frame and marker alone.
        marker_set: which markers.
    """
    worn = load_marker_set(marker_set)
    latent = _stray(data, worn.placements, attachment.place(data, worn), betas, rng)
    pose, trans = (array.astype(np.float64) for array in placement.place(motion, NumpyBody(data), betas))
    body = MarkerBody(data, latent, betas)
    quaternions = rotations.axis_angle_to_quaternion(pose.reshape(len(pose), -1, 3))
    positions = np.array([body.pose(q, t).points for q, t in zip(quaternions, trans, strict=True)])
    positions += rng.normal(0.0, noise, positions.shape)
    positions[rng.random(positions.shape[:2]) < missing] = np.nan
    labels = tuple(worn_at.label for worn_at in worn.placements)
    return Worn(Markers(motion.name, labels, positions, motion.fps), pose, trans, betas)


def _stray(
    data: BodyData, placements: tuple[Placement, ...], placed: Latent, betas: np.ndarray, rng: np.random.Generator
) -> Latent:
    """Markers of one dressing: along the skin off their places, at about their distance from it."""
    centres = placed.rest(data, betas)
    spread = np.array([p.spread for p in placements])[:, None]
    near = attachment.hang(data, betas, centres + _CARELESS * spread * rng.normal(size=centres.shape))
    distance = np.array([rng.normal(p.distance, _CARELESS * p.distance_spread) for p in placements])
    return Latent(near.vertices, distance[:, None] * attachment.normals(data, betas, near.vertices))


def shape_error(data: BodyData, betas: np.ndarray, truth: np.ndarray) -> float:
    """Mean distance of vertices in rest, metres, between two shapes [10] put on one another by their means."""
    body = NumpyBody(data)
    difference = body.shaped(betas)[0] - body.shaped(truth)[0]
    return float(np.linalg.norm(difference - difference.mean(0), axis=1).mean())


def pose_error(data: BodyData, result: MoshResult, truth: Worn) -> float:
    """Mean distance of posed vertices over all frames, metres, in the world: shape, pose and place together."""
    body = NumpyBody(data)
    errors = []
    for start in range(0, len(result.pose), _CHUNK):
        cut = slice(start, start + _CHUNK)
        found, _ = body(result.pose[cut], result.betas, result.trans[cut])
        known, _ = body(truth.pose[cut], truth.betas, truth.trans[cut])
        errors.append(np.linalg.norm(found - known, axis=-1).mean(1))
    return float(np.concatenate(errors).mean())


def synthetic_errors(data: BodyData, people: int = 6, seconds: float = 3.0, seed: int = 0) -> tuple[float, float]:
    """Errors on people drawn from the body's shape space in built-in motions, 2 mm noise and 10 % of markers missing.

    Returns:
        Means of `shape_error` and `pose_error` over all people, metres.
    """
    errors = []
    for person in range(people):
        rng = np.random.default_rng([seed, person])
        motion = builtin.make(_MOTIONS[person % len(_MOTIONS)], person, seconds)
        truth = wear(data, motion, rng.normal(size=NUM_BETAS), rng)
        result = solve(truth.markers, data)
        errors.append((shape_error(data, result.betas, truth.betas), pose_error(data, result, truth)))
    shape, pose = np.mean(errors, axis=0)
    return float(shape), float(pose)


@dataclasses.dataclass(frozen=True)
class CaptureFigures:
    """What a solve of one captured file gave.

    Attributes:
        residual: mean distance of markers from those on the body, metres.
        frames: in the file.
        frames_per_second: solved a second, both stages together, compiling left out.
    """

    residual: float
    frames: int
    frames_per_second: float


def measure_capture(path: str | pathlib.Path, data: BodyData) -> CaptureFigures:
    """Solves a C3D file and measures it.

    Raises:
        MotionError: as of `read_c3d` and `solve`.
    """
    markers = read_c3d(path)
    # The first call compiles.
    solve(dataclasses.replace(markers, positions=markers.positions[:2]), data)
    start = time.perf_counter()
    result = solve(markers, data)
    seconds = time.perf_counter() - start
    return CaptureFigures(float(np.nanmean(result.residual)), len(markers), len(markers) / seconds)
