"""Conversion of public datasets: how fast two workers turn stills and videos into records, and how large they get.

The datasets are made up in the official sizes and file formats: COCO's, 640 x 480 JPEGs with one labelled person each,
read from COCO's JSON; and videos as Human3.6M's, 1000 x 1000 MPEG-4 at 50 frames a second with labels in every frame,
thinned out to 25.

Figures:
  stills_per_s          stills written a second: sum of the workers' rates, each over the time that it worked
  video_frames_per_s    frames of videos written a second, likewise
  decoded_frames_per_s  the same with the frames in between, which are decoded too
  plan_clips_per_s      clips that the reader of COCO yields a second
  worker_memory_mb      most resident memory that any worker ever had
The load of the machine is in `machine`: with other programs on its cores these are not this program's figures.
"""

from __future__ import annotations

import json
import pathlib
import tempfile
import time
from collections.abc import Iterator

import numpy as np
from absl import flags

from benchmarks import job_outcomes
from benchmarks.harness import Result

FLAGS = flags.FLAGS
flags.DEFINE_integer("convert_stills", 2000, "stills of the measured job", lower_bound=1)
flags.DEFINE_integer("convert_videos", 8, "videos of the measured job", lower_bound=1)
flags.DEFINE_integer("convert_video_frames", 512, "frames of each", lower_bound=32)
flags.DEFINE_integer("convert_workers", 2, "worker processes", lower_bound=1)

STILL = (480, 640)
VIDEO = (1000, 1000)
FPS, STRIDE, LENGTH = 50, 2, 16
# Pictures that the stills are copies of.
_PICTURES = 16


def run() -> Result:
    """Converts both datasets once."""
    from components.datasets import base, registry

    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        _write_stills(work / "coco")
        coco = registry.make_reader("coco", work / "coco", base.ReaderSettings())
        began = time.perf_counter()
        planned = sum(1 for _ in coco.clips())
        plan_rate = planned / (time.perf_counter() - began)
        stills, memory = _convert(coco, work / "coco", work / "stills")
        _write_videos(work / "videos")
        frames, video_memory = _convert(_Videos(), work / "videos", work / "clips")
    settings = {
        "stills": FLAGS.convert_stills, "still_size": STILL, "videos": FLAGS.convert_videos, "video_size": VIDEO,
        "video_frames": FLAGS.convert_video_frames, "workers": FLAGS.convert_workers,
    }  # fmt: skip
    return Result(settings, {
        "stills_per_s": stills,
        "video_frames_per_s": frames,
        "decoded_frames_per_s": STRIDE * frames,
        "plan_clips_per_s": plan_rate,
        "worker_memory_mb": max(memory, video_memory),
    })  # fmt: skip


def _convert(reader, root: pathlib.Path, out: pathlib.Path) -> tuple[float, float]:
    """Frames a second of all workers, and the largest one's memory."""
    from components import job_run
    from components.datasets import convert_job

    runner = [*job_run.DEFAULT_RUNNER, f"--direct_num_workers={FLAGS.convert_workers}"]
    summary, _ = convert_job.run(reader, root, out, convert_job.ConvertSettings(), runner=runner)
    return job_outcomes.frames_per_second(job_outcomes.read(out)), summary.totals.peak_memory_mb


def _picture(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """Something that compresses about as photographs do: soft shapes and a little grain, uint8 [H, W, 3]."""
    import cv2

    coarse = rng.uniform(0, 255, (size[0] // 16, size[1] // 16, 3)).astype(np.float32)
    soft = cv2.resize(coarse, size[::-1], interpolation=cv2.INTER_CUBIC)
    return np.clip(soft + rng.normal(0, 4, soft.shape), 0, 255).astype(np.uint8)


def _write_stills(root: pathlib.Path) -> None:
    import cv2

    rng = np.random.default_rng(0)
    pictures = [cv2.imencode(".jpg", _picture(rng, STILL))[1].tobytes() for _ in range(_PICTURES)]
    (root / "annotations").mkdir(parents=True)
    (root / "train2017").mkdir()
    images, annotations = [], []
    for number in range(1, FLAGS.convert_stills + 1):
        name = f"{number:012d}.jpg"
        (root / "train2017" / name).write_bytes(pictures[number % _PICTURES])
        height, width = STILL
        images.append({"id": number, "file_name": name, "height": height, "width": width})
        places = rng.integers((width // 4, height // 8), (3 * width // 4, 7 * height // 8), (17, 2))
        joints = [int(value) for x, y in places for value in (x, y, 2)]
        annotations.append(
            {"id": number, "image_id": number, "category_id": 1, "iscrowd": 0, "keypoints": joints, "num_keypoints": 17}
        )
    text = json.dumps({"images": images, "annotations": annotations, "categories": []})
    (root / "annotations" / "person_keypoints_train2017.json").write_text(text)


def _write_videos(root: pathlib.Path) -> None:
    import cv2

    root.mkdir()
    rng = np.random.default_rng(0)
    picture = _picture(rng, (VIDEO[0] + 64, VIDEO[1] + 64))
    for number in range(FLAGS.convert_videos):
        writer = cv2.VideoWriter(str(root / f"{number}.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), FPS, VIDEO[::-1])
        for frame in range(FLAGS.convert_video_frames):
            # A camera that shakes: nothing of a frame is simply that of the one before.
            x, y = (int(32 + 31 * np.sin(frame * speed)) for speed in (0.21, 0.13))
            writer.write(np.ascontiguousarray(picture[y : y + VIDEO[0], x : x + VIDEO[1]]))
        writer.release()


class _Videos:
    """Clips of the written videos, with a walking person's labels."""

    name, page, joint_map = "videos", "", ""

    def clips(self) -> Iterator:
        from components.datasets import base

        rng = np.random.default_rng(0)
        for number in range(FLAGS.convert_videos):
            for first in range(0, FLAGS.convert_video_frames - STRIDE * LENGTH + 1, STRIDE * LENGTH):
                keypoints = np.ones((LENGTH, 19, 3), np.float32)
                keypoints[..., :2] = rng.uniform((400, 250), (600, 750), (LENGTH, 19, 2))
                yield base.PersonClip(
                    f"v{number}-{first}", "train", self.name, f"{number}.mp4", keypoints,
                    frames=tuple(range(first, first + STRIDE * LENGTH, STRIDE)), fps=FPS / STRIDE,
                )  # fmt: skip
