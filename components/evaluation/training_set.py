"""What the baselines know of a training split: its poses, shapes and cameras."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Sequence

import numpy as np

from components import records
from model.baselines import mean_pose
from model.body.data import check_body_id
from model.camera import to_normalised
from model.errors import RecordError


@dataclasses.dataclass(frozen=True, eq=False)
class TrainingSet:
    """All N frames with SMPL labels.

    Attributes:
        pose: [N, 72] axis-angle.
        betas: [N, 10].
        cameras: [N, 3] weak-perspective s, t_x, t_y.
    """

    pose: np.ndarray
    betas: np.ndarray
    cameras: np.ndarray

    def mean_theta(self) -> np.ndarray:
        """[85]: what a predictor that sees nothing says."""
        return mean_pose.mean_theta(self.pose, self.betas, self.cameras)


def read(shards: Sequence[pathlib.Path], body_id: str) -> TrainingSet:
    """Reads a training split; images are not decoded.

    Args:
        shards: record files.
        body_id: the body that the labels must belong to.

    Raises:
        BodyMismatchError: a clip belongs to another body.
        RecordError: a shard cannot be read, a label is not finite, or no clip has SMPL labels.
    """
    poses, betas, cameras = [], [], []
    for clip in (clip for shard in shards for clip in records.read(shard) if clip.has_smpl):
        check_body_id(clip.body_id, body_id, f"Record {clip.clip_id}")
        # Relative to the pelvis as the body layer poses it, which is what a weak-perspective camera acts on.
        keypoints3d = clip.keypoints3d - clip.trans[:, None]
        points = to_normalised(clip.keypoints2d[..., :2], max(clip.frame_size))
        poses.append(clip.pose)
        betas.append(np.tile(clip.betas, (clip.length, 1)))
        cameras.append(mean_pose.fit_weak_camera(keypoints3d, points))
        if not all(np.isfinite(values[-1]).all() for values in (poses, betas, cameras)):
            raise RecordError(f"Finite labels are needed. Received: NaN or infinity in {clip.clip_id}")
    if not poses:
        raise RecordError(f"Clips with SMPL labels are needed. Received: none in {len(shards)} training shards")
    return TrainingSet(*(np.concatenate(values) for values in (poses, betas, cameras)))
