"""Stage II: the pose of every frame, one after the other (Loper et al. 2014).

Forwards, each frame starts where constant velocity leads; then each is solved again between its neighbours. How far it
may be from there is a matter of the accelerations that people reach, so it depends on the frame rate. Memory does not
grow with a trial's length but for the result.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

from model import rotations
from model.errors import MotionError
from synthesis.motion.mosh.frame_solver import FramePose, Linearised, Noise, Prediction, find_pose, solve_frame
from synthesis.motion.mosh.marker_body import MarkerBody
from synthesis.motion.mosh.pose_prior import PosePrior
from synthesis.motion.mosh.quaternions import between, turn

_NOISE = Noise(sigma=0.006, outlier=0.05)
# Standard deviations of acceleration, of a joint's rotation, rad / s^2, and of the body's place, m / s^2: forwards,
# where two noisy frames tell where the third one will be, and between two neighbours.
_FORWARD, _BETWEEN = (1000.0, 100.0), (100.0, 10.0)
# At low frame rates a prediction says little, at any it says something: bounds of its widths, radians and metres.
_MOST_TURN, _MOST_SHIFT = 0.5, 0.2
# A frame with a smaller share of the markers is not solved but led through.
_LEAST_SEEN = 0.3
# A frame whose median residual is above this, metres, is sought from nothing, and so is one after a gap this long.
_LOST = 0.05
_GAP_SECONDS = 0.25


@dataclasses.dataclass(frozen=True, eq=False)
class Track:
    """T solved frames.

    Attributes:
        quaternions: [T, 24, 4] rotation of each joint relative to its parent.
        trans: [T, 3] metres, added after posing.
        residual: [T, M] metres, NaN where a marker was not seen or a frame was not solved.
        solved: [T] False where too few markers were seen, and the pose is interpolated.
    """

    quaternions: np.ndarray
    trans: np.ndarray
    residual: np.ndarray
    solved: np.ndarray


def follow(
    body: MarkerBody, positions: np.ndarray, fps: float, prior: PosePrior, source: str, progress: bool = False
) -> Track:
    """Finds the pose of every frame.

    Args:
        body: the person, as stage I found them.
        positions: [T, M, 3] observed markers, metres, y up, NaN where not seen.
        fps: frames per second.
        prior: on the poses.
        source: where the markers came from, for messages.
        progress: shows a bar.

    Raises:
        MotionError: no frame shows enough markers.
    """
    from tqdm import tqdm

    count, markers = positions.shape[:2]
    solved = np.isfinite(positions[..., 0]).sum(1) >= max(_LEAST_SEEN * markers, 4)
    if not solved.any():
        raise MotionError(
            f"At least {_LEAST_SEEN:.0%} of {markers} markers are seen in some frame. Received: {source}, whose "
            f"fullest frame {int(np.isfinite(positions[..., 0]).sum(1).argmax())} has fewer"
        )
    track = Track(np.empty((count, 24, 4)), np.empty((count, 3)), np.full((count, markers), np.nan), solved)
    with tqdm(total=2 * int(solved.sum()), desc="MoSh", unit="step", disable=not progress) as bar:
        for step in (_forward, _smooth):
            for t, pose, end in step(body, positions, fps, prior, track):
                track.quaternions[t], track.trans[t] = pose.quaternions, pose.trans
                distances = np.linalg.norm(end.errors, axis=1)
                track.residual[t] = np.where(end.weights > 0, distances, np.nan)
                bar.update()
    _bridge(track)
    return track


def _forward(
    body: MarkerBody, positions: np.ndarray, fps: float, prior: PosePrior, track: Track
) -> Iterator[tuple[int, FramePose, Linearised]]:
    """Solves frame after frame, each from where constant velocity leads; yields each frame's number and solution."""
    turn_width, shift_width = _widths(fps, _FORWARD)
    before: FramePose | None = None
    earlier: FramePose | None = None
    last = -1
    for t in np.flatnonzero(track.solved):
        gap = t - last
        if before is None or gap / fps > _GAP_SECONDS:
            pose, end = find_pose(body, positions[t], _NOISE, prior)
            gap = 0
        else:
            lead = _lead(earlier, before) if earlier is not None and gap == 1 else before
            prediction = Prediction(lead, gap * turn_width, gap * shift_width)
            pose, end = solve_frame(body, positions[t], lead, _NOISE, prior, prediction)
            if np.median(np.linalg.norm(end.errors[end.weights > 0], axis=1)) > _LOST:
                fresh, fresh_end = find_pose(body, positions[t], _NOISE, prior)
                if fresh_end.cost < end.cost:
                    pose, end = fresh, fresh_end
        earlier, before, last = before if gap == 1 else None, pose, t
        yield t, pose, end


def _smooth(
    body: MarkerBody, positions: np.ndarray, fps: float, prior: PosePrior, track: Track
) -> Iterator[tuple[int, FramePose, Linearised]]:
    """Solves each frame again between its neighbours: what is known only from behind lags, and trembles."""
    turn_width, shift_width = _widths(fps, _BETWEEN)
    for t in np.flatnonzero(track.solved):
        if not 0 < t < len(positions) - 1 or not track.solved[t - 1 : t + 2].all():
            continue
        omegas = between(track.quaternions[t - 1], track.quaternions[t + 1])
        middle = FramePose(
            turn(track.quaternions[t - 1], 0.5 * omegas), 0.5 * (track.trans[t - 1] + track.trans[t + 1])
        )
        here = FramePose(track.quaternions[t], track.trans[t])
        prediction = Prediction(middle, turn_width, shift_width)
        yield t, *solve_frame(body, positions[t], here, _NOISE, prior, prediction)


def _widths(fps: float, accelerations: tuple[float, float]) -> tuple[float, float]:
    """Standard deviations of a frame's rotations, radians, and translation, metres, from a straight course."""
    turn_acceleration, shift_acceleration = accelerations
    return min(turn_acceleration / fps**2, _MOST_TURN), min(shift_acceleration / fps**2, _MOST_SHIFT)


def _lead(earlier: FramePose, before: FramePose) -> FramePose:
    """Where constant velocity leads from two frames."""
    omegas = between(earlier.quaternions, before.quaternions)
    return FramePose(turn(before.quaternions, omegas), 2 * before.trans - earlier.trans)


def _bridge(track: Track) -> None:
    """Fills frames that were not solved, in place: SLERP between their neighbours, held at the ends."""
    known = np.flatnonzero(track.solved)
    for t in np.flatnonzero(~track.solved):
        after = np.searchsorted(known, t)
        a, b = known[max(after - 1, 0)], known[min(after, len(known) - 1)]
        share = (t - a) / (b - a) if a < t < b else float(t > a)
        omegas = between(track.quaternions[a], track.quaternions[b])
        track.quaternions[t] = turn(track.quaternions[a], share * omegas)
        track.trans[t] = (1 - share) * track.trans[a] + share * track.trans[b]


def axis_angles(track: Track) -> np.ndarray:
    """[T, 72] the poses in SMPL's parameters, radians."""
    return rotations.quaternion_to_axis_angle(track.quaternions).reshape(len(track.trans), -1)
