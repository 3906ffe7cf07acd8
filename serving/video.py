"""`mviper predict`: a video in, bodies and an overlay video out."""

from __future__ import annotations

import dataclasses
import pathlib

import cv2
import numpy as np
import tqdm

from model.camera import project_weak, to_pixels
from model.errors import VideoError
from model.storage import written_aside
from model.visualize import draw_mesh
from serving.predictor import Predictor
from serving.tracking import Square

MP4V = cv2.VideoWriter.fourcc(*"mp4v")


@dataclasses.dataclass(frozen=True, eq=False)
class Video:
    """Frames in memory: RGB uint8 [H, W, 3] each, and their rate."""

    frames: list[np.ndarray]
    fps: float


def read_video(path: str | pathlib.Path, max_frames: int | None = None) -> Video:
    """Decodes a video.

    Raises:
        VideoError: the file is missing, cannot be decoded, or holds no frame.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise VideoError(f"A video file is needed. Received: {path}, which is not there")
    capture = cv2.VideoCapture(str(path))
    try:
        frames: list[np.ndarray] = []
        while max_frames is None or len(frames) < max_frames:
            ok, frame = capture.read()
            if not ok:
                break
            frames.append(frame[..., ::-1].copy())
        fps = capture.get(cv2.CAP_PROP_FPS)
    finally:
        capture.release()
    if not frames:
        raise VideoError(f"A video that can be decoded is needed. Received: {path}")
    return Video(frames, fps if np.isfinite(fps) and fps > 0 else 30.0)


def predict(video: Video, squares: list[Square], predictor: Predictor, model_fps: float) -> dict[str, np.ndarray]:
    """Predicts every frame of a video.

    A faster video is split into interleaved sequences of about the rate that the model was trained at.

    Args:
        video: N frames.
        squares: N crops.
        predictor: the model.
        model_fps: frames a second of the model's training clips.

    Returns:
        The predictor's outputs [N, ...].
    """
    size = predictor.config.model.image_size
    # Twice the network's size: it resizes with antialiasing itself, as it does in training.
    crops = [square.cut(frame, 2 * size) for frame, square in zip(video.frames, squares, strict=True)]
    stride = max(1, round(video.fps / model_fps))
    outputs: dict[str, np.ndarray] = {}
    for phase in tqdm.trange(min(stride, len(crops)), desc="predict", unit="pass", dynamic_ncols=True):
        for name, value in predictor(crops[phase::stride]).items():
            outputs.setdefault(name, np.empty((len(crops), *value.shape[1:]), value.dtype))[phase::stride] = value
    return outputs


def overlay(frame: np.ndarray, square: Square, outputs: dict[str, np.ndarray], index: int, predictor: Predictor):
    """One frame with the predicted mesh over it, RGB."""
    size = predictor.config.model.image_size
    vertices = outputs["vertices"][index]
    pixels = to_pixels(project_weak(vertices, outputs["camera"][index]), size)
    return draw_mesh(frame, vertices, square.to_frame(pixels, size), predictor.body.faces)


def write_overlay(
    path: pathlib.Path, video: Video, squares: list[Square], outputs: dict[str, np.ndarray], predictor: Predictor
) -> None:
    """Writes an mp4 with the meshes drawn over the frames.

    Raises:
        VideoError: this OpenCV cannot write mp4.
    """
    height, width = video.frames[0].shape[:2]
    with written_aside(path) as aside:
        writer = cv2.VideoWriter(str(aside), MP4V, video.fps, (width, height))
        if not writer.isOpened():
            raise VideoError(f"An OpenCV that writes mp4 is needed. Received: cv2 {cv2.__version__}, which cannot")
        try:
            for index, frame in enumerate(tqdm.tqdm(video.frames, desc="overlay", unit="frame", dynamic_ncols=True)):
                writer.write(overlay(frame, squares[index], outputs, index, predictor)[..., ::-1])
        finally:
            writer.release()


def write_results(path: pathlib.Path, outputs: dict[str, np.ndarray], squares: list[Square], body_id: str) -> None:
    """Writes predictions without vertices as npz: theta and its parts, joints, crops, body id."""
    arrays = {name: value for name, value in outputs.items() if name != "vertices"}
    crops = np.array([dataclasses.astuple(square) for square in squares])
    with written_aside(path) as aside:
        np.savez(aside, **arrays, crops=crops, body_id=body_id)
