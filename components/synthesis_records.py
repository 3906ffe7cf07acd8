"""Rendered clips as records."""

from __future__ import annotations

import numpy as np

from components import records
from synthesis.clip import RenderedClip
from synthesis.scene.plan import ClipPlan

SOURCE = "synthetic"


def encode(plan: ClipPlan, rendered: RenderedClip) -> bytes:
    """A rendered clip as a serialised tf.Example; the same clip gives the same bytes.

    Raises:
        RecordError: a label is not finite.
    """
    return records.encode(to_record(plan, rendered))


def to_record(plan: ClipPlan, rendered: RenderedClip) -> records.Clip:
    """A rendered clip as a record."""
    labels = rendered.labels
    return records.Clip(
        clip_id=plan.clip_id,
        source=SOURCE,
        subject=f"{plan.simulation.sex}-{plan.simulation.key}",
        action=plan.simulation.motion.kind,
        camera=plan.viewpoint.name,
        body_id=plan.simulation.body_id,
        fps=plan.fps,
        frames=rendered.frames,
        masks=rendered.masks,
        frame_size=(rendered.depth.shape[1], rendered.depth.shape[2]),
        pose=labels.pose,
        betas=np.array(plan.simulation.betas),
        trans=labels.trans,
        keypoints3d=labels.keypoints3d,
        keypoints3d_valid=np.ones(labels.keypoints3d.shape[:2]),
        keypoints2d=labels.keypoints2d,
        has_3d=True,
        has_smpl=True,
        intrinsics=rendered.intrinsics,
        extrinsics=rendered.extrinsics,
    )
