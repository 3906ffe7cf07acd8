"""Example: mviper predict video.mp4 --box=380,420,300,900 --out=predictions.

Without --box the person is found by OpenCV's built-in detector.
"""

from __future__ import annotations

import pathlib

from absl import flags

flags.DEFINE_string("model", "", "SavedModel, or a folder with numbered ones; default: the network that comes along")
flags.DEFINE_string("out", "predictions", "folder to write NAME.npz and NAME_overlay.mp4 to")
flags.DEFINE_string("box", "", "person box of all frames: x,y,width,height in pixels")
flags.DEFINE_float("model_fps", 15.0, "frames a second of the clips that the model was trained on", lower_bound=0.1)
flags.DEFINE_integer("max_frames", 0, "read at most so many frames; 0: all", lower_bound=0)


def main(positional: list[str]) -> int:
    """Predicts one video."""
    from model.errors import ConfigError
    from pipeline.export import pretrained_base
    from serving import tracking, video
    from serving.predictor import Predictor

    values = flags.FLAGS
    if len(positional) != 1:
        raise ConfigError(f"mviper predict takes one video file. Received: {positional}")
    path = pathlib.Path(positional[0])
    box = tracking.parse_box(values.box) if values.box else None
    clip = video.read_video(path, values.max_frames or None)
    squares = [box] * len(clip.frames) if box else tracking.detect_people(clip.frames)
    predictor = Predictor(values.model or pretrained_base())
    outputs = video.predict(clip, squares, predictor, values.model_fps)
    out = pathlib.Path(values.out)
    results, drawn = out / f"{path.stem}.npz", out / f"{path.stem}_overlay.mp4"
    video.write_results(results, outputs, squares, predictor.body.body_id)
    video.write_overlay(drawn, clip, squares, outputs, predictor)
    print(f"{len(clip.frames)} frames: {results}, {drawn}")
    return 0
