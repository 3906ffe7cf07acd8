"""The conversion job on a tiny dataset of its own: filters, a damaged file in the middle, a second run."""

import json

import cv2
import numpy as np
import pytest

from components import records
from components.datasets import base, check
from components.datasets.media import MediaReader
from model import conventions
from model.errors import VideoError

IN_PROCESS = (
    "--runner=DirectRunner", "--direct_running_mode=in_memory", "--direct_num_workers=1", "--allow_unsafe_triggers",
)  # fmt: skip
SIZE = (200, 160)
FRAMES = 40


def shade(number):
    """Grey of a video's frame, far enough apart to survive compression."""
    return 5 + 6 * number


def joints(length=1, visible=14, scale=1.0):
    keypoints = base.new_keypoints2d(length)
    keypoints[:, :14, 0] = 60 + scale * np.linspace(-30, 30, 14)
    keypoints[:, :14, 1] = 90 + scale * np.linspace(-60, 60, 14)
    keypoints[:, :visible, 2] = 1
    return keypoints


class Tiny:
    """Six stills, of which one is no image, one too small, one mostly hidden; three clips of a video and a fault."""

    name, page, joint_map = "tiny", "nowhere", "lsp"

    def __init__(self, root, videos=True):
        self.videos = videos
        for i in range(6):
            cv2.imwrite(str(root / f"{i}.jpg"), np.full((*SIZE, 3), 20 * i, np.uint8))
        (root / "3.jpg").write_bytes(b"no image")
        writer = cv2.VideoWriter(str(root / "v.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 50, SIZE[::-1])
        for number in range(FRAMES):
            writer.write(np.full((*SIZE, 3), shade(number), np.uint8))
        writer.release()

    def clips(self):
        kinds = {1: joints(visible=5), 2: joints(scale=0.4)}
        for i in range(6):
            yield base.PersonClip(f"still{i}", "train", "tiny", f"{i}.jpg", kinds.get(i, joints()))
        yield base.Fault("annotation 7", "no joints")
        if self.videos:
            for clip in range(3):
                frames = tuple(range(16 * clip, 16 * clip + 16, 2))
                yield base.PersonClip(
                    f"video{clip}", "eval", "tiny", "v.avi", joints(8), frames=frames, fps=25.0,
                    keypoints3d=np.full((8, 19, 3), 2.0), keypoints3d_valid=np.ones((8, 19)), protocols=("1", "2"),
                )  # fmt: skip


def convert(tmp_path, reader, side=100, **more):
    from components.datasets import convert_job

    settings = convert_job.ConvertSettings(side=side)
    return convert_job.run(reader, tmp_path / "tree", tmp_path / "out", settings, runner=IN_PROCESS, **more)


@pytest.fixture
def reader(tmp_path):
    (tmp_path / "tree").mkdir()
    return Tiny(tmp_path / "tree")


def test_good_people_are_converted_and_the_others_counted(tmp_path, reader):
    summary, left_out = convert(tmp_path, reader, max_failure_rate=0.5)
    assert left_out == {"fewer than 6 visible joints": 1, "smaller than 60 pixels": 1, "no joints": 1}
    # The third clip of the video begins at frame 32 and the video ends at 40.
    assert summary.clips == 7 and set(summary.failures) == {"still3", "video2"}
    assert "ImageError" in summary.failures["still3"] and "40 frames" in summary.failures["video2"]
    found = {clip.clip_id: clip for path in (tmp_path / "out").glob("*/*.tfrecord.gz") for clip in records.read(path)}
    assert set(found) == {"still0", "still4", "still5", "video0", "video1"}
    still, video = found["still5"], found["video1"]
    assert still.length == 1 and still.fps == 0 and not still.has_3d and still.protocols == ()
    picture = cv2.imdecode(np.frombuffer(still.frames[0], np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape[:2] == still.frame_size and 50 < max(still.frame_size) <= 100
    assert picture.mean() == pytest.approx(100, abs=2)
    shown = [cv2.imdecode(np.frombuffer(frame, np.uint8), cv2.IMREAD_COLOR).mean() for frame in video.frames]
    assert shown == pytest.approx([shade(number) for number in range(16, 32, 2)], abs=2)
    assert video.has_3d and not video.has_smpl and video.protocols == ("1", "2") and video.fps == 25
    report = json.loads((tmp_path / "out" / "job.json").read_text())
    assert report["dataset"] == "tiny" and report["left_out"][0]["examples"]
    assert len(report["rejects"]) == 2


def test_a_second_run_does_nothing_but_what_was_mended(tmp_path, reader):
    convert(tmp_path, reader, max_failure_rate=0.5)
    before = {path: path.read_bytes() for path in (tmp_path / "out").glob("*/*.gz")}
    summary, _ = convert(tmp_path, reader, max_failure_rate=0.5)
    assert summary.reused == summary.clips == 7 and len(summary.failures) == 2
    assert before == {path: path.read_bytes() for path in (tmp_path / "out").glob("*/*.gz")}
    cv2.imwrite(str(tmp_path / "tree" / "3.jpg"), np.zeros((*SIZE, 3), np.uint8))
    summary, _ = convert(tmp_path, reader, max_failure_rate=0.5, retry_failures=True)
    assert set(summary.failures) == {"video2"}
    # Frames of another size are other records.
    assert convert(tmp_path, reader, side=40, max_failure_rate=0.5)[0].reused == 0


def test_nobody_who_passes_is_an_error_and_leaves_nothing(tmp_path, reader):
    reader.clips = lambda: iter([base.Fault("a", "no joints")] * 3)
    with pytest.raises(base.DatasetError, match="Received: none; 3 x no joints"):
        convert(tmp_path, reader)
    assert not (tmp_path / "out").exists()


def test_a_video_is_decoded_once_and_front_to_back(tmp_path, reader, monkeypatch):
    media, opened = MediaReader(tmp_path / "tree"), []
    capture = cv2.VideoCapture
    monkeypatch.setattr(cv2, "VideoCapture", lambda path: opened.append(path) or capture(path))
    clips = [clip for clip in reader.clips() if isinstance(clip, base.PersonClip) and clip.frames]
    for clip in clips[:2]:
        assert [round(frame.mean()) for frame in media.frames(clip)] == pytest.approx(
            [shade(number) for number in clip.frames], abs=2
        )
    assert len(opened) == 1
    assert next(media.frames(clips[0])).mean() == pytest.approx(shade(0), abs=2) and len(opened) == 2
    with pytest.raises(VideoError, match=r"Received: .*v\.avi, 40 frames"):
        list(media.frames(clips[2]))


def test_the_check_draws_joints_where_they_are(tmp_path, reader):
    clips, seen = check.sample(reader, count=16)
    assert seen == 9 and len(clips) == 9 and all(clip.length == 1 for clip in clips)
    picture, problems = check.sheet(clips, tmp_path / "tree")
    # One image is none, and a frame of the last clip may lie behind the video's end.
    assert any("still3" in problem for problem in problems) and len(problems) <= 2
    assert picture.dtype == np.uint8 and picture.shape[1] == 1200
    left = np.array(tuple(int("3d8bfd"[i : i + 2], 16) for i in (0, 2, 4)))
    assert (np.abs(picture.astype(int) - left).max(-1) < 12).sum() > 50
    assert conventions.NUM_KEYPOINTS == 19
