import dataclasses
import html.parser
import json
import pathlib
import subprocess
import sys

import cv2
import numpy as np
import pytest

from components import records
from components.dataset_report import planned, report
from components.dataset_report.clip_view import ClipView
from components.dataset_report.collect import Settings, collect, find_splits, viewpoint
from components.dataset_report.histogram import Histogram
from components.reservoir import Reservoir
from model import conventions, rotations
from model.body.files import load_body
from model.body.numpy_body import NumpyBody
from model.errors import BodyMismatchError, ConfigError, RecordError

ROOT = pathlib.Path(__file__).parents[2]
T, SIZE = 3, 64
K = np.array([[220.0, 0, 31.5], [0, 220.0, 31.5], [0, 0, 1]])


def make_clip(name: str, subject: str = "someone", turn: float = 0.0, **changes) -> records.Clip:
    """A person who stands before the camera, turned about the vertical; the left half of the picture is red."""
    pose = np.zeros((T, conventions.POSE_SIZE))
    # World up is the camera's -y: the camera looks along the world's -z when its axes are turned by pi about x.
    extrinsics = np.tile(np.column_stack([np.diag([1.0, -1.0, -1.0]), [0.0, 0.0, 8.0]]), (T, 1, 1))
    root = extrinsics[0, :, :3] @ rotations.rotation_about(1, turn)
    pose[:, :3] = rotations.matrix_to_axis_angle(root)
    pose[:, 3 * conventions.joint("L_knee")] = np.radians(40)
    body = NumpyBody(load_body("neutral"))
    betas, trans = np.zeros(conventions.NUM_BETAS), np.tile([0.0, 0.2, 8.0], (T, 1))
    keypoints = body.keypoints(body(pose, betas, trans)[0])
    flat = keypoints @ K.T
    visible = np.ones((T, conventions.NUM_KEYPOINTS))
    visible[:, conventions.keypoint("L_ear")] = 0
    picture = np.zeros((SIZE, SIZE, 3), np.uint8)
    picture[:, : SIZE // 2, 2] = 255
    values = {
        "clip_id": name, "source": "test", "subject": subject, "action": "stand", "camera": "front",
        "body_id": body.data.body_id, "fps": 15.0, "frames": [cv2.imencode(".jpg", picture)[1].tobytes()] * T,
        "masks": [], "frame_size": (SIZE, SIZE), "pose": pose, "betas": betas, "trans": trans,
        "keypoints3d": keypoints, "keypoints3d_valid": visible, "has_3d": True, "has_smpl": True,
        "keypoints2d": np.concatenate([flat[..., :2] / flat[..., 2:], visible[..., None]], -1),
        "intrinsics": K, "extrinsics": extrinsics,
    }  # fmt: skip
    return records.Clip(**{**values, **changes})


def write_shard(path, clips):
    tf = pytest.importorskip("tensorflow")
    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path), "GZIP") as writer:
        for clip in clips:
            writer.write(records.encode(clip))


@pytest.fixture
def dataset(tmp_path):
    folder = tmp_path / "things"
    write_shard(folder / "train" / f"a{records.SUFFIX}", [make_clip("a0", "one"), make_clip("a1", "two", np.pi / 2)])
    write_shard(folder / "eval" / f"b{records.SUFFIX}", [make_clip("b0", "three", action="<run>")])
    letters = [{"clip_id": f"c{i}", "error": "MotionError", "reason": f"{i}.5 % too much"} for i in range(3)]
    (folder / "failures").mkdir()
    (folder / "failures" / "a.jsonl").write_text("".join(json.dumps(letter) + "\n" for letter in letters))
    return folder


def test_counts(dataset):
    found = collect(find_splits(dataset), Settings())
    assert dict(found.clips) == {"train": 2, "eval": 1} and dict(found.frames) == {"train": 2 * T, "eval": T}
    assert found.people == {"train": 2, "eval": 1} and found.shared_people == 0
    assert found.tables["action"] == {"stand": 2 * T, "<run>": T}
    assert found.visible[conventions.keypoint("L_ear")] == 0 and found.visible[0] == 3 * T == found.labelled
    knee = conventions.joint("L_knee") - 1
    assert found.joint_angles.quantiles((0.5,))[knee, 0] == pytest.approx(40, abs=2)
    assert found.joint_angles.counts.sum() == 23 * 3 * T
    assert (len(found.loops.items), len(found.sheet.items), len(found.shapes.items)) == (3, 3 * T, 3)


def test_a_subject_in_both_splits_is_noticed(tmp_path):
    write_shard(tmp_path / "train" / f"a{records.SUFFIX}", [make_clip("a", "same")])
    write_shard(tmp_path / "eval" / f"b{records.SUFFIX}", [make_clip("b", "same")])
    assert collect(find_splits(tmp_path), Settings()).shared_people == 1


def test_viewpoint_of_a_camera_to_the_left_and_above():
    """A camera 30 degrees above the horizon, at azimuth 90 degrees of a body that faces anywhere."""
    heading, rise = 0.7, np.radians(30)
    azimuth = heading + np.pi / 2
    outward = np.array([np.cos(rise) * np.sin(azimuth), np.sin(rise), np.cos(rise) * np.cos(azimuth)])
    forward = -outward
    right = np.cross(forward, [0, 1.0, 0]) / np.cos(rise)
    rotation = np.stack([right, np.cross(forward, right), forward])
    root = rotation @ rotations.rotation_about(1, heading)
    extrinsics = np.column_stack([rotation, [0, 0, 9.0]])
    found = viewpoint(root[None], np.array([[0, 0, 9.0]]), extrinsics[None])
    assert np.degrees(found).ravel() == pytest.approx([90, 30])


def test_histograms_accumulate_and_clip():
    found = Histogram(0, 10, 10, series=2)
    found.add([[0.5, 5.5], [1.5, np.nan]])
    found.add([[99.0, -99.0]])
    assert found.counts[0].tolist() == [1, 1, 0, 0, 0, 0, 0, 0, 0, 1]
    assert found.counts[1].tolist() == [1, 0, 0, 0, 0, 1, 0, 0, 0, 0]
    many = Histogram(0, 1, 100)
    many.add(np.random.default_rng(0).uniform(size=20000))
    assert many.quantiles((0.1, 0.5, 0.9))[0] == pytest.approx([0.1, 0.5, 0.9], abs=0.02)
    assert np.isnan(Histogram(0, 1, 4).quantiles((0.5,))).all()


def test_reservoirs_are_uniform_repeatable_and_lazy():
    made = []

    def sample(seed):
        kept = Reservoir(10, np.random.default_rng(seed))
        for i in range(1000):
            kept.offer(lambda i=i: made.append(i) or i)
        return kept.items

    assert sample(0) == sample(0) != sample(1)
    assert len(made) < 3 * 100  # 10 (1 + ln 100) = 56 are expected of each
    assert np.mean([np.mean(sample(seed)) for seed in range(40)]) == pytest.approx(499.5, abs=60)


def test_the_page_is_whole_and_needs_nothing_else(dataset, tmp_path):
    (dataset / planned.JOB).write_text(json.dumps({"cpu_seconds": {"simulate": 12.0, "render": 3.0}, "seeds": [7]}))
    out = tmp_path / "page.html"
    report.make(dataset, out)
    text = out.read_text()
    # The icon and the pictures are in the file; nothing is fetched.
    for attribute in ("src=", "href=", "srcset="):
        assert text.count(attribute) == text.count(attribute + '"data:') > 0
    assert "http" not in text and "&lt;run&gt;" in text and "<run>" not in text
    assert "MotionError: 0.5 % too much" in text and text.count("too much") == 1
    assert "12.0" in text and f"{15 / (3 * T):.3f}" in text

    class Checker(html.parser.HTMLParser):
        def __init__(self):
            super().__init__()
            self.open_tags, self.pictures = [], 0

        def handle_starttag(self, tag, attrs):
            if tag == "img":
                self.pictures += 1
                assert dict(attrs)["alt"]
            if tag not in ("meta", "link", "img", "br", "source"):
                self.open_tags.append(tag)

        def handle_endtag(self, tag):
            assert self.open_tags.pop() == tag

    checker = Checker()
    checker.feed(text)
    assert not checker.open_tags and checker.pictures == 3 + 3 * T


def test_one_damaged_shard_is_named_and_the_rest_counts(dataset, tmp_path):
    shard = dataset / "train" / f"a{records.SUFFIX}"
    shard.write_bytes(shard.read_bytes()[:-60])
    found = report.make(dataset, tmp_path / "page.html")
    assert [name for name, _ in found.damaged] == [f"train/a{records.SUFFIX}"]
    assert found.clips["eval"] == 1 and "could not be read to the end" in (tmp_path / "page.html").read_text()


def test_a_folder_without_readable_clips_is_refused(tmp_path):
    with pytest.raises(RecordError, match="Received"):
        report.make(tmp_path, tmp_path / "page.html")
    (tmp_path / f"a{records.SUFFIX}").write_bytes(b"nothing")
    with pytest.raises(RecordError, match="1 shards without any"):
        report.make(tmp_path, tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()


def test_a_bad_plan_costs_the_page_only_where_it_was_asked_for(dataset, tmp_path):
    plan = dataset / planned.PLAN
    plan.write_text("{}\n")
    report.make(dataset, tmp_path / "page.html")
    assert "The plan is left out" in (tmp_path / "page.html").read_text()
    with pytest.raises(ConfigError, match="line 1"):
        report.make(dataset, tmp_path / "page.html", plan)


def test_plan_counts_and_rejects(tmp_path):
    from synthesis.scene.plan import PlanSettings, draw_plan, write_plan

    clips = draw_plan(PlanSettings(train_simulations=2, eval_simulations=1, windows=1, length=4, stride=1))
    write_plan(tmp_path / "plan.jsonl", clips)
    rejects = planned.Rejects()
    rejects.add(clips[0].clip_id, "Cloth tore by 12.5 %")
    rejects.add(clips[1].clip_id, "Cloth tore by 9 %")
    assert rejects.rows == [("Cloth tore by 12.5 %", 2)]
    found = planned.read_plan(tmp_path / "plan.jsonl", rejects)
    assert (found.clips, found.rejected) == (12, 2)
    assert found.tables["outfit"][clips[0].simulation.outfit][1] == 2
    assert sum(count for count, _ in found.tables["sex"].values()) == 12
    assert found.radiance.total == sum(len(clip.lights) for clip in clips)


def enlarged(picture: np.ndarray | None = None, **changes) -> records.Clip:
    """The clip of `make_clip` at four times its size; `picture` [256, 256] is what its first frame shows."""
    labels = make_clip("a").keypoints2d
    labels[..., :2] = (labels[..., :2] + 0.5) * 4 - 0.5
    scaled = np.array([[880.0, 0, 127.5], [0, 880.0, 127.5], [0, 0, 1]])
    shown = np.zeros((256, 256)) if picture is None else picture
    frame = cv2.imencode(".png", np.rint(shown).astype(np.uint8))[1].tobytes()
    return make_clip(
        "a", frames=[frame] * T, frame_size=(256, 256), intrinsics=scaled, keypoints2d=labels, **changes
    )  # fmt: skip


def centroid(weights: np.ndarray) -> np.ndarray:
    """Of a picture, pixels x, y."""
    y, x = np.mgrid[: weights.shape[0], : weights.shape[1]]
    return np.array([(x * weights).sum(), (y * weights).sum()]) / weights.sum()


@pytest.mark.parametrize("name", ["L_wrist", "R_elbow", "R_ankle", "L_knee", "L_hip", "R_shoulder", "neck"])
def test_dots_lie_on_what_the_picture_shows_there(name):
    """The frame shows one spot where the label is; the dot's middle must be the spot's, in pixels of the drawing."""
    x, y = enlarged().keypoints2d[0, conventions.keypoint(name), :2]
    down, across = np.mgrid[:256, :256]
    spot = 255 * np.exp(-((across - x) ** 2 + (down - y) ** 2) / (2 * 1.5**2))
    plain, joints = np.split(ClipView(enlarged(spot, has_smpl=False), height=960).frame(0).astype(int), 2, axis=1)
    there = centroid(plain.sum(-1))
    column, row = np.rint(there).astype(int)
    same = np.abs(joints - joints[row, column]).max(-1) < 16
    # Bones of the dot's colour end at its dark rim.
    parts = cv2.connectedComponents(cv2.erode(same.astype(np.uint8), np.ones((3, 3))), connectivity=4)[1]
    dot = parts == parts[row, column]
    assert parts[row, column] and 100 < dot.sum() < 300
    assert np.abs(centroid(dot) - there).max() < 0.5
    red, _, blue = joints[row, column]
    assert {"L": blue > red + 50, "R": red > blue + 50}.get(name[0], abs(red - blue) < 20)


def test_the_mesh_covers_the_person_of_the_picture():
    """The frame shows the silhouette that the labels' mesh has, filled triangle by triangle."""
    clip, body = enlarged(), NumpyBody(load_body("neutral"))
    flat = body(clip.pose[:1], clip.betas, clip.trans[:1])[0][0] @ clip.intrinsics.T
    fine = np.zeros((4 * 256, 4 * 256), np.uint8)
    corners = np.rint(256 * (4 * (flat[:, :2] / flat[:, 2:] + 0.5) - 0.5)).astype(np.int32)[body.data.faces]
    for triangle in corners:
        cv2.fillConvexPoly(fine, triangle, 255, shift=8)
    person = cv2.resize(fine, (256, 256), interpolation=cv2.INTER_AREA)
    plain, _, mesh = np.split(ClipView(enlarged(person), height=480).frame(0).astype(int), 3, axis=1)
    seen, covered = plain[..., 0] > 127, np.abs(mesh - plain).max(-1) > 30
    assert 0.05 < seen.mean() < 0.5
    assert (seen & covered).sum() / (seen | covered).sum() > 0.96
    assert np.abs(centroid(covered) - centroid(seen)).max() < 0.3


def test_hidden_keypoints_are_rings_and_the_margin_stays_free():
    view = ClipView(make_clip("a"), height=200)
    plain, joints, mesh = np.split(view.frame(0).astype(int), 3, axis=1)
    x, y = np.rint(view._pixels(0, view._scale)[conventions.keypoint("L_ear")]).astype(int)
    assert np.abs(joints[y, x] - joints[y, x + 3]).max() > 60
    untouched = np.abs(mesh - plain).max(-1) < 30
    assert len(plain) == 200 and untouched[:, :4].all() and untouched[:4].all()
    sheet = view.sheet()
    assert sheet.dtype == np.uint8 and sheet.shape[2] == 3
    assert len(list(view.film())) == T


def test_a_mesh_of_another_body_is_not_drawn():
    other = make_clip("a", body_id="smpl-neutral-1")
    with pytest.raises(BodyMismatchError, match="Received: smpl-neutral-1"):
        ClipView(other)
    shown, bare = (
        ClipView(clip, 200).frame(0) for clip in (make_clip("a"), dataclasses.replace(other, has_smpl=False))
    )
    assert shown.shape[1] * 2 == bare.shape[1] * 3


def test_the_view_verb_names_the_clips_that_there_are(dataset, tmp_path):
    out = tmp_path / "clip.png"
    command = [sys.executable, "-m", "pipeline.cli.main", "view", str(dataset / "train"), f"--out={out}", "--clip=zzz"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 2 and not out.exists()
    assert done.stderr == "mviper: --clip is one of a0, a1 (--list prints all). Received: zzz\n"
