"""MediaPipe's BlazePose on a folder of pictures; runs where only mediapipe is installed, so it imports nothing of ours.

Usage: python worker.py FOLDER CONFIDENCE: reads FOLDER/*.jpg in order of name, writes FOLDER/result.npz:
  detected bool [N]; points float32 [N, 33, 3]: pixels x, y (pixel centres at whole numbers) and visibility 0..1.
"""

import pathlib
import sys

import cv2
import mediapipe
import numpy as np

LANDMARKS = 33
# 0 lite, 1 full, 2 heavy; the wheel holds the model of 1, and the others would be downloaded.
COMPLEXITY = 1


def main(folder: pathlib.Path, confidence: float) -> None:
    """Detects in every picture on its own."""
    paths = sorted(folder.glob("*.jpg"))
    points = np.zeros((len(paths), LANDMARKS, 3), np.float32)
    detected = np.zeros(len(paths), bool)
    settings = {"static_image_mode": True, "model_complexity": COMPLEXITY, "min_detection_confidence": confidence}
    with mediapipe.solutions.pose.Pose(**settings) as pose:
        for i, path in enumerate(paths):
            picture = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
            height, width = picture.shape[:2]
            found = pose.process(picture).pose_landmarks
            if found:
                detected[i] = True
                # Normalised 0..1 from edge to edge.
                points[i] = [(p.x * width - 0.5, p.y * height - 0.5, p.visibility) for p in found.landmark]
    np.savez(folder / "result.npz", detected=detected, points=points)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), float(sys.argv[2]))
