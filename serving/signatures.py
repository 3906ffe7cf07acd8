"""The SavedModel: what TF Serving, the Evaluator and clients call."""

from __future__ import annotations

import pathlib
from collections.abc import Callable
from typing import Any

from model import conventions
from model.body.layer import BodyLayer
from model.camera import project_weak, to_pixels
from model.crop import person_squares
from model.evaluation import clip_metrics
from model.frame_model import FrameModel
from model.images import decode_clips
from model.video_model import VideoModel

DEFAULT = "serving_default"
CLIP = "clip"
CLIP_VERTICES = "clip_vertices"
EVALUATION = "evaluation"


def export(
    folder: str | pathlib.Path,
    network: FrameModel | VideoModel,
    body: BodyLayer,
    parse_frames: Callable[[Any], Any],
    parse_labels: Callable[[Any], dict[str, Any]],
) -> None:
    """Writes a SavedModel with four signatures.

    `serving_default`: serialised tf.Examples [B], whose frames are person crops -> prediction.
    `clip`: person crops, JPEG strings [B, T] -> prediction.
    `clip_vertices`: the same with the mesh, [B, T, V, 3] metres.
    `evaluation`: serialised, labelled tf.Examples [B] -> per-frame metrics of the network and of the mean pose. Frames
    are cropped around the labelled person, as in training.

    A prediction is theta [B, T, 85], its parts camera [B, T, 3], pose [B, T, 72] and betas [B, T, 10], joints3d
    [B, T, 19, 3] metres (camera axes, pelvis-relative) and joints2d [B, T, 19, 2] pixels of a crop of the network's
    input size.

    Args:
        folder: where to write.
        network: frame or video model; a frame model sees each frame by itself.
        body: poses its predictions.
        parse_frames: serialised examples [B] -> JPEG strings [B, T].
        parse_labels: serialised examples [B] -> labels, components.records.parse_batch with its length bound.
    """
    import keras
    import tensorflow as tf

    config = network.config

    def theta_of(clips):
        if isinstance(network, VideoModel):
            return network(clips, training=False)
        frames = tf.reshape(clips, (-1, *clips.shape[2:]))
        return tf.reshape(network(frames, training=False), (-1, clips.shape[1], conventions.THETA_SIZE))

    def predict(clips, vertices=False):
        theta = theta_of(clips)
        camera = theta[..., conventions.CAMERA_SLICE]
        pose, betas = theta[..., conventions.POSE_SLICE], theta[..., conventions.BETAS_SLICE]
        posed = body(pose, betas, vertices=vertices)
        outputs = {
            "theta": theta,
            "camera": camera,
            "pose": pose,
            "betas": betas,
            "joints3d": posed.keypoints,
            "joints2d": to_pixels(project_weak(posed.keypoints, camera), config.image_size),
        }
        return {**outputs, "vertices": posed.vertices} if vertices else outputs

    def evaluate(examples):
        labels = parse_labels(examples)
        squares = person_squares(labels["keypoints2d"], labels["frame_size"])
        theta = theta_of(decode_clips(labels["frames"], config.image_size, squares))
        return clip_metrics(theta, network.mean_theta.mean, labels, body)

    examples = tf.TensorSpec([None], tf.string, name="examples")
    jpegs = tf.TensorSpec([None, config.clip_length], tf.string, name="jpegs")
    size = config.image_size
    archive = keras.export.ExportArchive()
    archive.track(network)
    archive.track(body)

    def endpoint(name, function, spec):
        archive.add_endpoint(name, tf.function(function, input_signature=[spec]))

    endpoint(DEFAULT, lambda examples: predict(decode_clips(parse_frames(examples), size)), examples)
    endpoint(CLIP, lambda jpegs: predict(decode_clips(jpegs, size)), jpegs)
    endpoint(CLIP_VERTICES, lambda jpegs: predict(decode_clips(jpegs, size), vertices=True), jpegs)
    endpoint(EVALUATION, evaluate, examples)
    archive.write_out(str(folder), verbose=False)
