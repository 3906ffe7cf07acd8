"""Predictions drawn over the frames they were made from, for TensorBoard."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from model import conventions
from model.body.data import BodyData
from model.body.numpy_body import NumpyBody
from model.camera import project_weak, to_pixels
from model.training.mesh_trainer import MeshTrainer
from model.visualize import PREDICTION_COLOUR, TRUTH_COLOUR, draw_mesh

FRAMES = 6
# Small frames are enlarged to this side, pixels.
_SIDE = 224


class Overlays:
    """A few frames that stay the same over a stage.

    Args:
        data: the body.
        batches: evaluation batches (images, labels); the frames are spread over the first one.
    """

    def __init__(self, data: BodyData, batches: Any):
        self.body = NumpyBody(data)
        self.faces = data.faces
        images, labels = next(iter(batches))
        self.images = np.asarray(images)
        self.truth = np.asarray(labels["keypoints2d"])

    def __call__(self, trainer: MeshTrainer) -> np.ndarray:
        """Rows of frame with keypoints (true ones green, predicted ones blue) and predicted mesh.

        Returns:
            uint8 [FRAMES, S, 2 S, 3].
        """
        predicted = trainer.predict_on_batch(self.images)
        theta = np.asarray(predicted["theta"]).reshape(-1, conventions.THETA_SIZE)
        keypoints = np.asarray(predicted["keypoints"]).reshape(-1, conventions.NUM_KEYPOINTS, 3)
        images, truth = self.images.reshape(-1, *self.images.shape[-3:]), self.truth.reshape(keypoints.shape)
        chosen = np.unique(np.linspace(0, len(images) - 1, FRAMES).astype(int))
        return np.stack([self._draw(images[i], truth[i], theta[i], keypoints[i]) for i in chosen])

    def _draw(self, image, truth, theta, keypoints) -> np.ndarray:
        side = max(_SIDE, image.shape[0])
        image = cv2.resize(np.rint(255 * image).astype(np.uint8), (side, side), interpolation=cv2.INTER_LINEAR)
        camera = theta[conventions.CAMERA_SLICE]
        points = image.copy()
        _dots(points, to_pixels(truth[truth[:, 2] > 0, :2], side), TRUTH_COLOUR)
        _dots(points, to_pixels(project_weak(keypoints, camera), side), PREDICTION_COLOUR)
        vertices, _ = self.body(theta[None, conventions.POSE_SLICE], theta[conventions.BETAS_SLICE])
        mesh = draw_mesh(image, vertices[0], to_pixels(project_weak(vertices[0], camera), side), self.faces)
        return np.concatenate([points, mesh], 1)


def _dots(image: np.ndarray, pixels: np.ndarray, colour: tuple[int, int, int]) -> None:
    for x, y in pixels:
        # A keypoint far outside of the frame must not overflow OpenCV's integers.
        centre = tuple(int(v) for v in np.rint(np.clip((x, y), -1e4, 1e4)))
        cv2.circle(image, centre, 3, colour, cv2.FILLED, cv2.LINE_AA)
