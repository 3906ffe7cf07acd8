import json
import os
import pathlib
import subprocess
import sys

import cv2
import numpy as np
import pytest

from model import rotations
from model.body.files import load_body
from model.body.numpy_body import NumpyBody
from model.errors import MotionError
from pipeline.pose_files import read_poses
from synthesis.motion.builtin import stills

ROOT = pathlib.Path(__file__).parents[2]
WALK = stills.pose("walk")


# Runs many command lines in one process (flags of several verbs cannot live in the tests' own), each with fresh flags.
RUNNER = """
import contextlib, io, json, sys
from absl import flags
from pipeline.cli import main
results = []
for args in json.load(sys.stdin):
    for flag in flags.FLAGS.flags_by_module_dict().get("pipeline.cli.body", ()):
        flag.unparse()
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main.main(["body", *args])
    results.append((status, out.getvalue(), err.getvalue()))
heavy = sorted({"tensorflow", "keras", "tfx", "apache_beam"} & set(sys.modules))
json.dump({"results": results, "heavy": heavy}, sys.stdout)
"""


def mviper_body(lines, cwd):
    """(status, stdout, stderr) of each command line."""
    command = [sys.executable, "-c", RUNNER]
    done = subprocess.run(
        command, cwd=cwd, env={**os.environ, "PYTHONPATH": str(ROOT)}, input=json.dumps(lines), capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["heavy"] == []
    return answer["results"]


def obj_vertices(path):
    return np.array([line.split()[1:] for line in path.read_text().splitlines() if line[:2] == "v "], float)


@pytest.fixture(scope="module")
def prediction(tmp_path_factory):
    """A result of `mviper predict` of one who stands before the camera: turned by half a turn about its x."""
    pose = np.tile(WALK, (3, 1))
    turned = np.diag([1.0, -1, -1]) @ rotations.axis_angle_to_matrix(pose[:, :3])
    pose[:, :3] = rotations.matrix_to_axis_angle(turned)
    path = tmp_path_factory.mktemp("prediction") / "video.npz"
    body_id = load_body("neutral").body_id
    np.savez(path, pose=pose, betas=np.full((3, 10), 0.5), camera=np.zeros((3, 3)), body_id=body_id)
    return path


def test_body_is_described_exported_and_drawn(tmp_path, prediction):
    lines = [
        ["info", "--json", "--gender=male", "--betas=1,-1"],
        ["export", "--pose=walk", "--betas=2", "--gender=female", "--out=exact.obj", "--nofloor"],
        ["export", "--pose=walk", "--out=standing.obj"],
        ["export", f"--pose={prediction}", "--out=moving.glb", "--fps=10"],
        ["export", f"--pose={prediction}", "--out=still.glb", "--frame=2"],
        ["export", f"--pose={prediction}", "--out=other.glb", "--gender=male", "--betas=1"],
        ["render", "--pose=squat", "--size=96", "--out=squat.png"],
    ]
    results = mviper_body(lines, tmp_path)
    assert [status for status, _, _ in results[:-1]] == [0] * 6, results
    facts = json.loads(results[0][1])
    data = load_body("male")
    assert (facts["body_id"], facts["vertices"], facts["faces"]) == (data.body_id, data.num_vertices, len(data.faces))
    assert facts["bmi_kg_m2"] == pytest.approx(facts["mass_kg"] / facts["stature_m"] ** 2, rel=1e-3)
    _, joints = NumpyBody(data).shaped(np.array([1, -1] + 8 * [0]))
    np.testing.assert_allclose(list(facts["joints_m"].values()), joints, atol=1e-5)

    exact = NumpyBody(load_body("female"))(WALK[None], np.array([2.0] + 9 * [0]))[0][0]
    np.testing.assert_allclose(obj_vertices(tmp_path / "exact.obj"), exact, atol=2e-6)
    assert obj_vertices(tmp_path / "standing.obj")[:, 1].min() == pytest.approx(0, abs=2e-6)
    assert b'"betas":[0.5,' in (tmp_path / "moving.glb").read_bytes()
    assert b'"animations"' in (tmp_path / "moving.glb").read_bytes()
    assert b'"animations"' not in (tmp_path / "still.glb").read_bytes()
    status, _, said = results[-1]
    if status == 2 and "EGL" in said:
        pytest.skip(said)
    picture = cv2.imread(str(tmp_path / "squat.png"))
    assert picture.shape == (96, 96, 3) and picture.std() > 10


WRONG = [
    ([], "Received: none"),
    (["dance"], "Received: dance"),
    (["render", "--pose=moonwalk"], "Received: 'moonwalk'"),
    (["render", "--pose=nowhere.npz"], "Received: 'nowhere.npz'"),
    (["render", "--betas=nan"], "Received: 'nan'"),
    (["render", "--betas=1,,2"], "Received: '1,,2'"),
    (["info", "--betas=0,0,0,0,0,0,0,0,0,0,0"], "Received: '0,0"),
    (["info", "--betas=1e9"], "Received: '1e9'"),
    (["info", "--gender=robot"], "Received: 'robot'"),
    (["render", "--size=9"], "Received: 9"),
    (["render", "--size=999999"], "Received: 999999"),
    (["render", "--turn=nan"], "Received: nan"),
    (["render", "--out=body.gif"], "Received: body.gif"),
    (["export", "--out=body.fbx"], "Received: body.fbx"),
    (["export", "--frame=1"], "Received: 1"),
]


def test_wrong_flags_say_what_was_received(tmp_path, prediction):
    of_another = ["export", f"--pose={prediction}", "--gender=male"], f"of {load_body('neutral').body_id}"
    cases = [*WRONG, of_another]
    results = mviper_body([args for args, _ in cases], tmp_path)
    for (args, said), (status, _, err) in zip(cases, results, strict=True):
        assert status == 2 and said in err and err.count("\n") == 1, (args, err)
    assert list(tmp_path.iterdir()) == []


def test_a_prediction_is_turned_upright(prediction):
    upright = rotations.axis_angle_to_matrix(read_poses(str(prediction)).pose.reshape(3, 24, 3))
    np.testing.assert_allclose(
        upright, np.tile(rotations.axis_angle_to_matrix(WALK.reshape(24, 3)), (3, 1, 1, 1)), atol=1e-9
    )


@pytest.mark.parametrize("shape", [(72,), (24, 3), (5, 72), (5, 24, 3)])
@pytest.mark.parametrize("suffix", [".npy", ".npz", ".json"])
def test_poses_of_every_file(tmp_path, shape, suffix):
    path = tmp_path / f"pose{suffix}"
    array = np.random.default_rng(0).normal(size=shape)
    if suffix == ".json":
        path.write_text(json.dumps(array.tolist() if len(shape) == 1 else {"pose": array.tolist()}))
    elif suffix == ".npy":
        np.save(path, array)
    else:
        np.savez(path, pose=array)
    np.testing.assert_array_equal(read_poses(str(path)).pose, array.reshape(-1, 72))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("pose.npy", b"not an array", "cannot be read"),
        ("pose.npz", b"PK\x03\x04 cut", "cannot be read"),
        ("pose.json", b"[1, 2", "cannot be read"),
        ("pose.json", b"[1, 2, 3]", r"array \(3,\)"),
        ("pose.json", b'{"theta": []}', "theta"),
        ("pose.json", b"7", r"array \(\)"),
        ("pose.json", b"[[1, 2], [3]]", "cannot be read"),
        ("pose.json", b"[" + b"NaN," * 71 + b"0]", "71 numbers not finite"),
        ("pose.json", b'["a"]', "array"),
        ("pose.txt", b"0", "pose.txt"),
    ],
)
def test_wrong_pose_files_are_refused(tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(MotionError, match=f"Received: .*{said}"):
        read_poses(str(tmp_path / name))
