import dataclasses
import json
import pathlib
import subprocess
import sys
import types

import numpy as np
import pytest

from components import records, tfrecord
from components.evaluation import evaluate, methods, training_set
from model.baselines.smplify import Fits
from model.body.files import load_body
from model.body.layer import BodyLayer
from model.errors import BodyMismatchError, RecordError

ROOT = pathlib.Path(__file__).parents[3]
BODY = load_body("neutral")
T = 3
POSE = np.tile(np.linspace(-0.4, 0.4, 72), (T, 1))


def make_clip(name, action="walk", frames=T, **changes):
    values = {
        "clip_id": name,
        "source": "made",
        "subject": "someone",
        "action": action,
        "camera": "front",
        "body_id": BODY.body_id,
        "fps": 15.0,
        "frames": [b"\xff\xd8"] * frames,
        "masks": [],
        "frame_size": (100, 100),
        "pose": POSE[:frames],
        "betas": np.linspace(-1, 1, 10),
        "trans": np.tile([0.0, 0.0, 5.0], (frames, 1)),
        "keypoints3d": np.zeros((frames, 19, 3)),
        "keypoints3d_valid": np.zeros((frames, 19)),
        "keypoints2d": np.tile([49.5, 24.5, 1.0], (frames, 19, 1)),
        "has_3d": False,
        "has_smpl": True,
        "intrinsics": np.eye(3),
        "extrinsics": np.zeros((frames, 3, 4)),
    }
    return records.Clip(**{**values, **changes})


def write(folder, *clips):
    folder.mkdir(exist_ok=True)
    path = folder / f"shard{records.SUFFIX}"
    path.write_bytes(tfrecord.pack([records.encode(clip) for clip in clips]))
    return [path]


def test_means_count_frames_and_slices_part_them(tmp_path):
    clips = [make_clip(f"clip-{i}", "run" if i < 3 else "walk") for i in range(10)]
    clips[0], clips[4] = (dataclasses.replace(clips[i], protocols=names) for i, names in ((0, ("1", "2")), (4, ("1",))))
    shards = write(tmp_path, *clips)

    def method(_serialised, labels):
        number = np.array([float(name.decode().split("-")[1]) for name in labels["clip_id"]])
        values = np.tile(number[:, None], (1, T))
        values[:, 0] = np.where(number == 9, np.nan, number)
        return {"a_mm": values}

    found = evaluate.evaluate(method, shards, T)
    assert found.clips == 10
    assert found.overall["a_mm"] == pytest.approx((3 * 45 - 9) / 29)
    assert found.slices["action"]["run"]["a_mm"] == pytest.approx(1.0)
    assert found.slices["action"]["walk"]["a_mm"] == pytest.approx((3 * 42 - 9) / 20)
    assert set(found.slices) == {"source", "action", "camera", "subject", "protocols"}
    # A clip counts for each of its protocols.
    assert {name: values["a_mm"] for name, values in found.slices["protocols"].items()} == {"1": 2.0, "2": 0.0}


def test_the_mean_of_one_pose_has_no_error(tmp_path):
    shards = write(tmp_path, make_clip("a"), make_clip("b"))
    train = training_set.read(shards, BODY.body_id)
    assert train.pose.shape == (2 * T, 72)
    found = evaluate.evaluate(methods.mean_pose(train.mean_theta(), BodyLayer(BODY)), shards, T)
    assert found.overall["mpjpe_mm"] < 0.01 and found.overall["mpvpe_mm"] < 0.01
    assert found.overall["missing_share"] == 0.0


def test_smplify_gets_visible_keypoints_and_missing_frames_count(tmp_path):
    shards = write(tmp_path, make_clip("a"))
    mean_theta = training_set.read(shards, BODY.body_id).mean_theta()
    given = []

    def fitter(keypoints2d):
        given.append(keypoints2d)
        missing = np.arange(len(keypoints2d)) == 1
        return Fits(np.tile(mean_theta, (len(keypoints2d), 1)), np.zeros(len(keypoints2d)), missing)

    for noise in (0.0, 5.0, 5.0):
        found = evaluate.evaluate(methods.smplify(fitter, mean_theta, BodyLayer(BODY), noise, seed=1), shards, T)
    assert found.overall["missing_share"] == pytest.approx(1 / 3)
    assert found.overall["mpjpe_mm"] < 0.01  # the missing frame is in the mean
    np.testing.assert_allclose(given[0], np.tile([0.0, -0.5, 1.0], (T, 19, 1)), atol=1e-6)
    np.testing.assert_array_equal(given[1], given[2])
    assert 0.06 < (given[1] - given[0])[..., :2].std() < 0.14  # 5 of 100 pixels across -1..1


def test_stills_may_stand_before_clips(tmp_path):
    (still,) = write(tmp_path / "stills", make_clip("a", frames=1))
    (clips,) = write(tmp_path / "clips", make_clip("b"))
    assert evaluate.clip_length([still, clips]) == T


def test_unusable_training_sets_are_refused(tmp_path):
    with pytest.raises(BodyMismatchError, match="free-other"):
        training_set.read(write(tmp_path, make_clip("a", body_id="free-other-0")), BODY.body_id)
    with pytest.raises(RecordError, match="none in 1 training shards"):
        training_set.read(write(tmp_path, make_clip("a", has_smpl=False)), BODY.body_id)


def test_the_verb_writes_what_it_prints(tmp_path):
    write(tmp_path / "train", make_clip("a"))
    shards = write(tmp_path / "eval", make_clip("b", betas=np.zeros(10)))
    flags = [f"--train_data={tmp_path}/train", f"--data={tmp_path}/eval", f"--out={tmp_path}/out.json", "--json"]
    command = [sys.executable, "-m", "pipeline.cli.main", "evaluate", "--method=mean_pose", *flags]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    report = types.SimpleNamespace(**json.loads((tmp_path / "out.json").read_text()))
    assert report.metrics == json.loads(done.stdout) and report.method == "mean_pose"
    assert report.data["sha256"] == evaluate.digest(shards) and report.data["clips"] == 1
    assert report.body_id == BODY.body_id and report.slices["action"]["walk"]["mpjpe_mm"] > 0
