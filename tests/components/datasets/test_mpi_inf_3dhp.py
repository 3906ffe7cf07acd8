import shutil

import cv2
import numpy as np
import pytest
import writers_videos as written

from components.datasets import mpi_inf_3dhp
from components.datasets.base import DatasetError, Fault, PersonClip, ReaderSettings
from components.datasets.mpi_inf_3dhp import MPIInf3DHP
from model import conventions

SIZE, LENGTH, CAMERAS = 160, 40, 3
SETTINGS = ReaderSettings(clip_length=4, fps=25.0)
PLACES = tuple(
    name.replace("_", " ").replace("R ", "right ").replace("L ", "left ") for name in conventions.KEYPOINTS[:14]
)
K = np.array([[187.0, 0.0, 80.5], [0.0, 186.0, 79.0], [0.0, 0.0, 1.0]])
# A camera's number is seen in where it stands: the body is 100 mm further off in each.
DISTANCES = [3.1 + 0.1 * camera for camera in range(CAMERAS)]
TURN = np.array([[0.0, 0.0, -1.0], [0.0, -1.0, 0.0], [-1.0, 0.0, 0.0]])
EXTRINSICS = [np.concatenate([TURN, [[10.0], [20.0], [1000.0 * distance]]], 1) for distance in DISTANCES]


def project(points):
    pixels = points @ K.T
    return pixels[..., :2] / pixels[..., 2:]


def dots(distance, joints, names):
    places = written.walk(LENGTH, distance)
    body = written.skeleton(places, joints, names)
    images = written.paint({place: project(points) for place, points in places.items()}, (SIZE, SIZE))
    return 1000.0 * body, project(body), images


def write_sequence(root, subject, sequence, fps, hdf5=False, videos=(0, 2)):
    folder = root / subject / sequence
    annotations = {"annot2": [], "annot3": [], "univ_annot3": []}
    cameras = range(CAMERAS)[::-1] if hdf5 else range(CAMERAS)
    for camera in cameras:
        body, pixels, images = dots(DISTANCES[camera], written.MPI_JOINTS, written.MPI_PLACES)
        for name, array in (("annot2", pixels), ("annot3", body), ("univ_annot3", 1.2 * body)):
            annotations[name].append(array)
        if camera in videos:
            written.write_video(folder / "imageSequence" / f"video_{camera}.avi", images, fps)
    written.write_annot(folder / "annot.mat", annotations, list(cameras), hdf5)
    written.write_calibration(folder / "camera.calibration", SIZE, [(K, extrinsics) for extrinsics in EXTRINSICS])


def write_test_sequence(root, name="TS1", count=LENGTH):
    body, pixels, images = dots(3.3, written.MPI_TEST_JOINTS, written.MPI_PLACES)
    valid, activity = np.ones((LENGTH, 1)), np.full((LENGTH, 1), 2)
    valid[9:12] = 0
    activity[18:] = 7
    arrays = {"annot2": pixels[:, None], "annot3": body[:, None], "univ_annot3": 1.2 * body[:, None]}
    written.write_test_annotations(
        root / name / "annot_data.mat", arrays | {"valid_frame": valid, "activity_annotation": activity}
    )
    (root / name / "imageSequence").mkdir()
    for number, image in enumerate(images[:count], start=1):
        cv2.imwrite(str(root / name / "imageSequence" / f"img_{number:06d}.jpg"), image)


@pytest.fixture(scope="module")
def official(tmp_path_factory):
    root = tmp_path_factory.mktemp("3dhp")
    write_sequence(root, "S1", "Seq1", 25.0)
    write_sequence(root, "S3", "Seq1", 50.0, hdf5=True)
    write_test_sequence(root)
    return root


@pytest.fixture
def tree(official, tmp_path):
    return shutil.copytree(official, tmp_path / "3dhp")


def read(root, settings=SETTINGS):
    found = list(MPIInf3DHP(root, settings).clips())
    return [c for c in found if isinstance(c, PersonClip)], [f for f in found if isinstance(f, Fault)]


def image_of(root, clip, frame):
    if "%" in clip.media:
        return cv2.imread(str(root / (clip.media % clip.frames[frame])))
    capture = cv2.VideoCapture(str(root / clip.media))
    for _ in range(clip.frames[frame] + 1):
        _, image = capture.read()
    capture.release()
    return image


def test_rates_are_the_containers_and_splits_the_folders(official):
    clips, faults = read(official)
    assert not faults and len({clip.clip_id for clip in clips}) == len(clips)
    frames = {}
    for clip in clips:
        frames.setdefault((clip.split, clip.media, clip.fps), []).append(clip.frames)
    ten, five = (
        [tuple(range(4 * i, 4 * i + 4)) for i in range(10)],
        [tuple(range(8 * i, 8 * i + 8, 2)) for i in range(5)],
    )
    videos = [f"imageSequence/video_{camera}.avi" for camera in (0, 2)]
    train = {("train", f"S1/Seq1/{video}", 25.0): ten for video in videos}
    train |= {("train", f"S3/Seq1/{video}", 25.0): five for video in videos}
    # Frames 10 to 12 of the images are not valid; another activity begins at 19.
    test = [(1, 2, 3, 4), (5, 6, 7, 8), (13, 14, 15, 16)] + [tuple(range(i, i + 4)) for i in range(19, 37, 4)]
    assert frames == train | {("eval", "TS1/imageSequence/img_%06d.jpg", 25.0): test}
    assert [clip.action for clip in clips if clip.split == "eval"] == ["Exercising"] * 3 + ["Miscellaneous"] * 5


def test_keypoints_lie_on_the_dots_of_their_names_and_3d_projects_onto_2d(official):
    clips, _ = read(official)
    for clip in clips[::3]:
        for frame in range(clip.length):
            image = image_of(official, clip, frame)
            assert tuple(written.place_at(image, *clip.keypoints2d[frame, k, :2]) for k in range(14)) == PLACES
        pixels = clip.keypoints3d[:, :14].astype(np.float64) @ clip.intrinsics.T
        assert np.abs(pixels[..., :2] / pixels[..., 2:] - clip.keypoints2d[:, :14, :2]).max() < 0.01
        np.testing.assert_allclose(clip.intrinsics, K, rtol=1e-3)
        assert (clip.keypoints2d[:, :14, 2] == 1).all() and (clip.keypoints3d_valid == [[1] * 14 + [0] * 5] * 4).all()


def test_3d_labels_are_metric_and_of_the_camera_that_a_video_is_of(official):
    clips, _ = read(official)
    for clip in clips:
        distance = 3.3 if clip.split == "eval" else DISTANCES[int(clip.camera)]
        numbers = np.array(clip.frames) - (clip.split == "eval")
        hip = written.walk(LENGTH, distance)["left hip"][numbers]
        np.testing.assert_allclose(clip.keypoints3d[:, conventions.keypoint("L_hip")], hip, atol=1e-4)
        if clip.split == "train":
            world = (1000.0 * hip - EXTRINSICS[int(clip.camera)][:, 3]) @ TURN / 1000.0
            np.testing.assert_allclose(world @ clip.extrinsics[:, :3].T + clip.extrinsics[:, 3], hip, atol=1e-4)


def test_damage_costs_what_it_touches(tree):
    write_sequence(tree, "S2", "Seq2", 25.0)
    write_test_sequence(tree, "TS2", count=30)
    write_sequence(tree, "S6", "Seq2", 25.0)
    (tree / "S1" / "Seq1" / "annot.mat").write_bytes(b"MATLAB 5.0 MAT-file" * 40)
    (tree / "S3" / "Seq1" / "imageSequence" / "video_0.avi").write_bytes(b"RIFF")
    (tree / "S2" / "Seq2" / "camera.calibration").unlink()
    short = dots(DISTANCES[2], written.MPI_JOINTS, written.MPI_PLACES)[2][:10]
    written.write_video(tree / "S6" / "Seq2" / "imageSequence" / "video_2.avi", short, 25.0)
    (tree / "TS2" / "imageSequence" / "img_000003.jpg").unlink()
    clips, faults = read(tree)
    assert {(fault.item, fault.reason.split(".")[0]) for fault in faults} == {
        ("S1/Seq1", "A "),
        ("S3/Seq1.0", "A video that can be opened is needed"),
        ("S2/Seq2", "A camera"),
        ("S6/Seq2.2", "video and labels differ in length: the shortest counts"),
        ("TS2", "video and labels differ in length: the shortest counts"),
    }
    assert {clip.media.split("/image")[0] for clip in clips} == {"S3/Seq1", "S6/Seq2", "TS1", "TS2"}
    assert [c.frames for c in clips if c.subject == "S6" and c.camera == "2"] == [(0, 1, 2, 3), (4, 5, 6, 7)]
    assert next(c for c in clips if c.subject == "TS2").frames == (4, 5, 6, 7)


def test_frames_with_swapped_sides_are_left_out(tree, monkeypatch):
    monkeypatch.setattr(mpi_inf_3dhp, "_SWAPPED_AT_SOURCE", {"S1/Seq1": slice(6, 30)})
    clips, faults = read(tree)
    assert {fault.item for fault in faults} == {"S1/Seq1.0", "S1/Seq1.2"}
    assert [c.frames[0] for c in clips if c.subject == "S1"] == [0, 30, 34] * 2


def test_check_names_the_annotation_and_odd_videos(tree):
    short = dots(3.1, written.MPI_JOINTS, written.MPI_PLACES)[2][:10]
    written.write_video(tree / "S3" / "Seq1" / "imageSequence" / "video_2.avi", short, 50.0)
    texts = {}
    for finding in MPIInf3DHP(tree, SETTINGS).check():
        texts.setdefault(finding.state, []).append(finding.text)
    assert any("annot3" in text and "univ_annot3 is not used" in text for text in texts["found"])
    assert "S3/Seq1 (train): 2 videos, 50 fps" in texts["found"]
    assert any("S3/Seq1/video_2.avi" in text for text in texts["odd"])
    assert any("TS4" in text and "mpi-inf.mpg.de" in text for text in texts["missing"])


def test_the_test_set_may_lie_in_its_own_folder_and_nothing_is_an_error(tree, tmp_path):
    (tree / "mpi_inf_3dhp_test_set").mkdir()
    (tree / "TS1").rename(tree / "mpi_inf_3dhp_test_set" / "TS1")
    media = {clip.media for clip in read(tree)[0] if clip.split == "eval"}
    assert media == {"mpi_inf_3dhp_test_set/TS1/imageSequence/img_%06d.jpg"}
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match=r"annot\.mat"):
        list(MPIInf3DHP(tmp_path / "empty", SETTINGS).clips())
