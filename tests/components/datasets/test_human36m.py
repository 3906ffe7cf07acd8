import shutil

import cv2
import h5py
import numpy as np
import pytest
import writers_videos as written
from scipy.spatial.transform import Rotation

from components.datasets.base import DatasetError, Fault, PersonClip, ReaderSettings
from components.datasets.human36m import Human36M
from components.datasets.human36m_cameras import CAMERAS, read_cameras
from model import conventions

SIZE, LENGTH = (160, 160), 40
LENS = written.small_lens(0.16)
SETTINGS = ReaderSettings(clip_length=4, fps=25.0)
# Our first 14 keypoints by anatomy.
PLACES = tuple(
    name.replace("_", " ").replace("R ", "right ").replace("L ", "left ") for name in conventions.KEYPOINTS[:14]
)


def rig():
    """Angles [4, 11, 3] and centres (mm) of cameras around the world's origin, and their rotations."""
    angles, centres, rotations = np.zeros((4, 11, 3)), np.zeros((4, 11, 3)), {}
    for camera in range(4):
        for subject in range(11):
            turn = 0.4 + camera * np.pi / 2 + 0.05 * subject
            forward = -np.array([np.cos(turn), np.sin(turn), 0.1])
            forward /= np.linalg.norm(forward)
            right = np.cross(forward, (0.0, 0.0, 1.0))
            right /= np.linalg.norm(right)
            upright = np.stack([right, np.cross(forward, right), forward])
            rotation = Rotation.from_euler("z", 0.1 * camera - 0.15).as_matrix() @ upright
            angles[camera, subject] = Rotation.from_matrix(rotation).as_euler("XYZ")
            centres[camera, subject] = -3100.0 * forward
            rotations[CAMERAS[camera], f"S{subject + 1}"] = rotation, centres[camera, subject]
    return angles, centres, rotations


ANGLES, CENTRES, RIG = rig()


def world_body(subject):
    """[F, 32, 3] mm: the body faces the frontal camera."""
    rotation, centre = RIG["60457274", subject]
    seen = written.skeleton(written.walk(LENGTH, 3.1), written.H36M_JOINTS, written.H36M_PLACES)
    return 1000.0 * seen @ rotation + centre


def seen_by(subject, camera):
    """[F, 32, 3] mm in a camera's frame."""
    rotation, centre = RIG[camera, subject]
    return (world_body(subject) - centre) @ rotation.T


def write_take(root, subject, name, camera, lens=LENS):
    """Labels and video of one take under the release's names."""
    joints = seen_by(subject, camera)
    pixels = written.bend(joints, lens)
    poses = root / subject / "MyPoseFeatures"
    written.write_cdf(poses / "D3_Positions_mono" / f"{name}.{camera}.cdf", joints)
    written.write_cdf(poses / "D2_Positions" / f"{name}.{camera}.cdf", pixels)
    index = {place: written.H36M_JOINTS.index(joint) for place, joint in written.H36M_PLACES.items()}
    dots = {place: pixels[:, joint] for place, joint in index.items()}
    written.write_video(root / subject / "Videos" / f"{name}.{camera}.mp4", written.paint(dots, SIZE), 50.0)


def write_metadata(root):
    written.write_metadata(root / "metadata.xml", ANGLES, CENTRES, np.stack([LENS] * 4))


@pytest.fixture(scope="module")
def official(tmp_path_factory):
    """Two subjects with a take of two cameras each, metadata.xml; not to be changed."""
    root = tmp_path_factory.mktemp("h36m")
    for subject, name in (("S1", "TakingPhoto 1"), ("S9", "WalkDog")):
        for camera in ("60457274", "54138969"):
            write_take(root, subject, name, camera)
        written.write_cdf(root / subject / "MyPoseFeatures" / "D3_Positions" / f"{name}.cdf", world_body(subject))
    write_metadata(root)
    return root


@pytest.fixture
def tree(official, tmp_path):
    """A copy to break."""
    return shutil.copytree(official, tmp_path / "h36m")


def read(root, settings=SETTINGS):
    found = list(Human36M(root, settings).clips())
    return [c for c in found if isinstance(c, PersonClip)], [f for f in found if isinstance(f, Fault)]


def frames_of(root, clip):
    capture = cv2.VideoCapture(str(root / clip.media))
    every = [capture.read()[1] for _ in range(LENGTH)]
    capture.release()
    return [every[number] for number in clip.frames]


def test_an_official_tree_gives_thinned_clips_of_each_video(official):
    clips, faults = read(official)
    assert not faults and len(clips) == 4 * 5 and len({clip.clip_id for clip in clips}) == len(clips)
    assert {(c.subject, c.split, c.action) for c in clips} == {("S1", "train", "Photo"), ("S9", "eval", "WalkDog")}
    first = [clip for clip in clips if clip.media == "S1/Videos/TakingPhoto 1.60457274.mp4"]
    assert [clip.frames for clip in first] == [tuple(range(8 * i, 8 * i + 8, 2)) for i in range(5)]
    assert all(clip.fps == 25.0 for clip in clips)
    assert {(c.camera, c.protocols) for c in clips} == {("60457274", ("1", "2")), ("54138969", ("1",))}


def test_keypoints_lie_on_the_dots_of_their_names(official):
    clips, _ = read(official)
    for clip in clips[::7]:
        if clip.camera == "60457274":  # from its side limbs hide each other
            for frame, image in enumerate(frames_of(official, clip)):
                places = [written.place_at(image, *clip.keypoints2d[frame, k, :2]) for k in range(14)]
                assert tuple(places) == PLACES
        assert (clip.keypoints2d[:, :14, 2] == 1).all() and (clip.keypoints2d[:, 14:] == 0).all()
        assert (clip.keypoints3d_valid == [[1] * 14 + [0] * 5] * 4).all()


def test_3d_keypoints_project_through_the_lens_onto_2d_keypoints_and_extrinsics_bring_the_world(official):
    clips, _ = read(official)
    for clip in clips:
        pixels = written.bend(clip.keypoints3d[:, :14].astype(np.float64), LENS)
        assert np.abs(pixels - clip.keypoints2d[:, :14, :2]).max() < 0.01
        world = world_body(clip.subject)[list(clip.frames)] / 1000.0
        hip = world[:, written.H36M_JOINTS.index("LeftUpLeg")]
        seen = hip @ clip.extrinsics[:, :3].T + clip.extrinsics[:, 3]
        np.testing.assert_allclose(clip.keypoints3d[:, conventions.keypoint("L_hip")], seen, atol=1e-4)


def test_the_products_own_projection_is_the_releases(official):
    camera = read_cameras(official / "metadata.xml")["S9", "55011271"]
    points = np.array([[0.4, -0.7, 3.0], [-1.0, 0.9, 4.0]])
    np.testing.assert_allclose(camera.project(points), written.bend(points, LENS), atol=1e-9)


def test_the_pinhole_of_a_record_is_off_by_what_the_documentation_says():
    lens, pinhole = np.array(written.H36M_LENS), np.array(written.H36M_LENS)
    pinhole[4:] = 0.0
    body = np.stack(list(written.walk(LENGTH, 4.0).values()), 1)
    off = np.linalg.norm(written.bend(body, lens) - written.bend(body, pinhole), axis=-1)
    assert 0.9 < off.mean() < 1.1 and 3.0 < off.max() < 4.0


def test_without_metadata_k_is_fitted_to_the_labels(tree):
    (tree / "metadata.xml").unlink()
    clips, faults = read(tree)
    assert not faults and all(clip.extrinsics is None for clip in clips)
    for clip in clips:
        pixels = clip.keypoints3d[:, :14] @ clip.intrinsics.T
        off = np.linalg.norm(pixels[..., :2] / pixels[..., 2:] - clip.keypoints2d[:, :14, :2], axis=-1)
        assert off.max() < 0.8  # what no pinhole can do about the lens, so near to the camera
        np.testing.assert_allclose(np.diagonal(clip.intrinsics)[:2], LENS[:2], rtol=0.03)


@pytest.mark.parametrize("hdf5", [False, True])
def test_mat_conversions_hold_the_same(official, tree, hdf5):
    for path in sorted((tree / "S1" / "MyPoseFeatures").glob("D*/*.cdf")):
        take = path.name.split(".")
        if len(take) == 3:
            joints = seen_by("S1", take[1])
            poses = joints if path.parent.name == "D3_Positions_mono" else written.bend(joints, LENS)
            written.write_cdf_mat(path.with_name(path.name + ".mat"), poses, hdf5)
            path.unlink()
    for clip, same in zip(read(tree)[0], read(official)[0], strict=True):
        assert clip.clip_id == same.clip_id
        np.testing.assert_allclose(clip.keypoints3d, same.keypoints3d, atol=1e-5)
        np.testing.assert_allclose(clip.keypoints2d, same.keypoints2d, atol=1e-3)


@pytest.mark.parametrize("h5", [False, True])
def test_the_world_and_metadata_stand_in_for_what_is_missing(official, tree, h5):
    for subject, name in (("S1", "TakingPhoto 1"), ("S9", "WalkDog")):
        poses = tree / subject / "MyPoseFeatures"
        shutil.rmtree(poses / "D3_Positions_mono")
        shutil.rmtree(poses / "D2_Positions")
        if h5:
            shutil.rmtree(poses)
            folder = tree / subject / "MyPoses" / "3D_positions"
            folder.mkdir(parents=True)
            with h5py.File(folder / f"{name}.h5", "w") as file:
                file["3D_positions"] = world_body(subject).reshape(LENGTH, 96).T
    clips, faults = read(tree)
    assert not faults
    for clip, same in zip(clips, read(official)[0], strict=True):
        np.testing.assert_allclose(clip.keypoints3d, same.keypoints3d, atol=1e-4)
        np.testing.assert_allclose(clip.keypoints2d, same.keypoints2d, atol=0.02)


def test_damage_costs_what_it_touches(tree):
    poses, videos = tree / "S9" / "MyPoseFeatures", tree / "S9" / "Videos"
    for name in ("Eating", "Eating 1", "Posing", "Posing 1", "Sitting", "Smoking", "Juggling", "_ALL"):
        for path in [*poses.glob("D[23]*/WalkDog.60457274.cdf"), videos / "WalkDog.60457274.mp4"]:
            shutil.copy(path, path.with_name(path.name.replace("WalkDog", name)))
    shutil.copytree(tree / "S9", tree / "S11")
    for path in sorted((tree / "S11").rglob("*.*.*")):
        path.rename(
            path.with_name("Directions" + path.name[path.name.index(".") :])
        ) if "WalkDog" in path.name else path.unlink()
    (poses / "D3_Positions_mono" / "_.60457274.cdf").write_bytes(b"")
    (poses / "D3_Positions_mono" / "Eating.60457274.cdf").write_bytes(b"no cdf" * 99)
    (videos / "Eating 1.60457274.mp4").write_bytes(b"no video" * 99)
    (videos / "Posing.60457274.mp4").unlink()
    (poses / "D3_Positions_mono" / "Posing 1.60457274.cdf").unlink()
    joints = seen_by("S9", "60457274")
    joints[10] = np.nan
    written.write_cdf(poses / "D3_Positions_mono" / "Sitting.60457274.cdf", joints)
    written.write_cdf(poses / "D3_Positions_mono" / "Smoking.60457274.cdf", joints[:9])

    clips, faults = read(tree)
    assert {(fault.item, fault.reason.split(".")[0]) for fault in faults} == {
        ("S9/Eating.60457274", "A file of positions that can be read is needed"),
        ("S9/.60457274", "a name that is none of the 15 actions"),
        ("S9/Eating 1.60457274", "A video that can be opened is needed"),
        ("S9/Posing.60457274", "labels without a video"),
        ("S9/Posing 1.60457274", "a video without labels"),
        ("S9/Sitting.60457274", "frames with labels that are not finite: left out"),
        ("S9/Smoking.60457274", "video and labels differ in length: the shortest counts"),
        ("S9/Juggling.60457274", "a name that is none of the 15 actions"),
        ("S11/Directions.54138969", "damaged at the source"),
    }
    by_take = {}
    for clip in clips:
        by_take.setdefault((clip.subject, clip.action), []).append(clip.frames)
    # Frame 10 is not finite: (0, 2, 4, 6), then whole clips of 11..39; of 9 frames one clip.
    assert by_take["S9", "Sitting"] == [(0, 2, 4, 6)] + [tuple(range(11 + 8 * i, 19 + 8 * i, 2)) for i in range(3)]
    assert by_take["S9", "Smoking"] == [(0, 2, 4, 6)]
    assert len(by_take["S9", "WalkDog"]) == 10 and len(by_take["S11", "Directions"]) == 5


@pytest.mark.parametrize("shift", [-80.0, 80.0])
def test_points_beside_the_image_have_a_place_and_are_not_visible(tree, shift):
    path = tree / "S1" / "MyPoseFeatures" / "D2_Positions" / "TakingPhoto 1.60457274.cdf"
    pixels = written.bend(seen_by("S1", "60457274"), LENS)
    pixels[..., 0] += shift
    written.write_cdf(path, pixels)
    clip = next(clip for clip in read(tree)[0] if clip.camera == "60457274")
    placed, visible = clip.labelled[:, :14], clip.keypoints2d[:, :14, 2] == 1
    assert placed.all() and visible.any() and not visible.all()
    assert (visible == (np.abs(clip.keypoints2d[:, :14, 0] - 79.5) < 80.0)).all()


def test_check_says_what_is_there_and_what_is_missing(tree):
    (tree / "S9" / "Videos" / "WalkDog.60457274.mp4").rename(tree / "S9" / "Videos" / "_ALL.60457274.mp4")
    texts = {}
    for finding in Human36M(tree, SETTINGS).check():
        texts.setdefault(finding.state, []).append(finding.text)
    assert "cameras of metadata.xml" in texts["found"]
    assert any(text.startswith("S9 (eval): 1 of 2 labelled takes") for text in texts["found"])
    assert any("of S5, S6" in text and "imar.ro" in text for text in texts["missing"])
    assert any("_ALL" in text for text in texts["odd"])


def test_nothing_there_is_an_error(tmp_path):
    with pytest.raises(DatasetError, match="D3_Positions_mono"):
        list(Human36M(tmp_path, SETTINGS).clips())
