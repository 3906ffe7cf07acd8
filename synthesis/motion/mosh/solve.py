"""From labelled markers to a body that moves: both stages of MoSh."""

from __future__ import annotations

import dataclasses
import pathlib

import numpy as np

from model import rotations
from model.body.data import BodyData
from model.conventions import NUM_BETAS
from model.errors import ConfigError, MotionError
from model.storage import written_aside
from synthesis.motion.c3d import Markers
from synthesis.motion.frames import unit
from synthesis.motion.mosh import attachment, pose_prior, stage1, stage2
from synthesis.motion.mosh.attachment import Latent
from synthesis.motion.mosh.marker_body import MarkerBody
from synthesis.motion.mosh.marker_sets import MarkerSet, load_marker_set

# Share of a set's markers, the highest and the lowest in a T-pose, that tell which way is up.
_ENDS = 0.2


@dataclasses.dataclass(frozen=True)
class MoshSettings:
    """Settings of a solve.

    Attributes:
        marker_set: name or path of the marker set.
        frames: how many frames stage I looks at.

    Raises:
        ConfigError: frames < 1.
    """

    marker_set: str = "cmu41"
    frames: int = 12

    def __post_init__(self):
        if self.frames < 1:
            raise ConfigError(f"Stage I of MoSh looks at one frame or more. Received: frames={self.frames}")


@dataclasses.dataclass(frozen=True, eq=False)
class MoshResult:
    """A person and T frames of their motion; the world's y is up, its floor and origin are the capture's.

    Attributes:
        pose: [T, 72] axis-angle in radians, global rotation first.
        trans: [T, 3] metres, added after posing.
        betas: [10] shape.
        latent: the M markers on the body.
        labels: [M] their names.
        observed: [T, M, 3] the markers as captured, metres, y up; NaN where not seen.
        residual: [T, M] metres from the markers on the body; NaN where not seen or not used.
        solved: [T] False where too few markers were seen, and the pose is interpolated.
        fps: frames per second.
        body_id: of the body that pose and betas belong to.
        source: where the markers came from.
    """

    pose: np.ndarray
    trans: np.ndarray
    betas: np.ndarray
    latent: Latent
    labels: tuple[str, ...]
    observed: np.ndarray
    residual: np.ndarray
    solved: np.ndarray
    fps: float
    body_id: str
    source: str

    def save(self, path: str | pathlib.Path) -> None:
        """Writes an npz of these fields (vertices and offsets for the latent markers), whole or not at all."""
        arrays = dataclasses.asdict(self)
        latent = arrays.pop("latent")
        with written_aside(path) as aside:
            np.savez_compressed(aside, **arrays, marker_vertices=latent["vertices"], marker_offsets=latent["offsets"])


def solve(markers: Markers, data: BodyData, settings: MoshSettings | None = None, progress: bool = False) -> MoshResult:
    """Finds shape, marker offsets and pose per frame.

    Args:
        markers: of one person; which way is up is found from them.
        data: the body to fit.
        settings: defaults for None.
        progress: shows a bar.

    Raises:
        MotionError: the marker set is unknown, mostly absent or cannot be put on this body, or too few markers are
            seen.
    """
    settings = settings or MoshSettings()
    marker_set = load_marker_set(settings.marker_set).worn(markers.labels, markers.source)
    labels = tuple(placement.label for placement in marker_set.placements)
    positions = markers.positions[:, [markers.labels.index(label) for label in labels]].astype(np.float64)
    positions = positions @ _to_y_up(data, marker_set, positions, markers.source).T
    prior = pose_prior.default_prior()
    frames = stage1.choose_frames(positions, settings.frames)
    subject = stage1.find_subject(data, marker_set, positions[frames], prior)
    body = MarkerBody(data, subject.latent, subject.betas)
    track = stage2.follow(body, positions, markers.fps, prior, markers.source, progress)
    return MoshResult(
        pose=stage2.axis_angles(track),
        trans=track.trans,
        betas=subject.betas,
        latent=subject.latent,
        labels=labels,
        observed=positions,
        residual=track.residual,
        solved=track.solved,
        fps=markers.fps,
        body_id=data.body_id,
        source=markers.source,
    )


def _to_y_up(data: BodyData, marker_set: MarkerSet, positions: np.ndarray, source: str) -> np.ndarray:
    """Rotation [3, 3] of the file's axes into ones with y up: the axis that parts head from feet on average.

    Raises:
        MotionError: no frame shows markers of head and feet.
    """
    height = attachment.place(data, marker_set).rest(data, np.zeros(NUM_BETAS))[:, 1]
    low, high = np.quantile(height, [_ENDS, 1 - _ENDS])
    seen = np.isfinite(positions[..., 0])
    whole = (seen & (height >= high)).any(1) & (seen & (height <= low)).any(1)
    if not whole.any():
        raise MotionError(
            f"Markers of head and feet are seen together in some frame. Received: {source}, where none does"
        )
    standing = positions[whole]
    upright = unit(np.nanmean(standing[:, height >= high], 1) - np.nanmean(standing[:, height <= low], 1)).mean(0)
    axis = int(np.abs(upright).argmax())
    sign = np.sign(upright[axis])
    if axis == 1:
        return np.diag([1.0, sign, sign])
    return (
        rotations.rotation_about(2, sign * np.pi / 2) if axis == 0 else rotations.rotation_about(0, -sign * np.pi / 2)
    )
