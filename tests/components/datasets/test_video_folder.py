import numpy as np
import pytest
import writers_videos as written

from components.datasets.base import DatasetError, Fault, PersonClip, ReaderSettings
from components.datasets.video_folder import UCF101, VideoFolder


def write(path, length, fps):
    written.write_video(path, [np.full((24, 32, 3), 5 * i, np.uint8) for i in range(length)], fps)


def test_every_video_gives_clips_with_its_folder_as_action(tmp_path):
    write(tmp_path / "UCF-101" / "Archery" / "v_Archery_g01_c01.avi", 21, 25.0)
    write(tmp_path / "UCF-101" / "YoYo" / "v_YoYo_g02_c03.mp4", 40, 50.0)
    (tmp_path / "UCF-101" / "YoYo" / "notes.txt").write_text("none")
    clips = list(UCF101(tmp_path, ReaderSettings(clip_length=8, fps=25.0)).clips())
    assert [(clip.action, clip.frames, clip.fps) for clip in clips] == [
        ("Archery", tuple(range(8)), 25.0),
        ("Archery", tuple(range(8, 16)), 25.0),
        ("YoYo", tuple(range(0, 16, 2)), 25.0),
        ("YoYo", tuple(range(16, 32, 2)), 25.0),
    ]
    assert clips[0].media == "UCF-101/Archery/v_Archery_g01_c01.avi" and clips[0].source == "ucf101"
    assert not any(clip.labelled.any() for clip in clips) and {clip.split for clip in clips} == {"eval"}


def test_rates_are_kept_where_none_is_wanted(tmp_path):
    write(tmp_path / "a.avi", 10, 50.0)
    (clip, second) = VideoFolder(tmp_path, ReaderSettings(clip_length=5, fps=0.0)).clips()
    assert (clip.frames, clip.fps, clip.action, second.frames) == ((0, 1, 2, 3, 4), 50.0, "", (5, 6, 7, 8, 9))


def test_names_that_differ_in_what_ids_may_not_hold_give_ids_that_differ(tmp_path):
    for name in ("one two.avi", "one_two.avi", "one_two.mp4", "ein zwei/one two.avi"):
        write(tmp_path / name, 4, 25.0)
    ids = [clip.clip_id for clip in VideoFolder(tmp_path, ReaderSettings(clip_length=4)).clips()]
    assert len(set(ids)) == 4 and all(name.replace("-", "").replace("_", "").isalnum() for name in ids)


def test_damaged_and_short_videos_are_faults(tmp_path):
    write(tmp_path / "a" / "good.avi", 6, 25.0)
    write(tmp_path / "a" / "short.avi", 3, 25.0)
    (tmp_path / "a" / "bad.avi").write_bytes(b"RIFF....AVI " * 20)
    found = list(VideoFolder(tmp_path, ReaderSettings(clip_length=4)).clips())
    assert [(f.item, f.reason[:5]) for f in found if isinstance(f, Fault)] == [
        ("a/bad.avi", "A vid"),
        ("a/short.avi", "fewer"),
    ]
    assert [clip.media for clip in found if isinstance(clip, PersonClip)] == ["a/good.avi"]
    states = {finding.state for finding in VideoFolder(tmp_path, ReaderSettings()).check()}
    assert states == {"found", "odd"}  # the first of the folder is the bad one


def test_a_folder_without_videos_is_an_error(tmp_path):
    with pytest.raises(DatasetError, match="videos"):
        list(VideoFolder(tmp_path, ReaderSettings()).clips())
    (missing,) = UCF101(tmp_path, ReaderSettings()).check()
    assert missing.state == "missing" and "crcv.ucf.edu" in missing.text
