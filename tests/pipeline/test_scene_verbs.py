import json
import os
import pathlib
import subprocess
import sys

import cv2

ROOT = pathlib.Path(__file__).parents[2]

# Flags of two verbs cannot live in one process; all lines of one verb run together, each with fresh flags.
RUNNER = """
import contextlib, io, json, sys
from absl import flags
from pipeline.cli import main
verb, results = sys.argv[1], []
for args in json.load(sys.stdin):
    for flag in flags.FLAGS.flags_by_module_dict().get(f"pipeline.cli.{verb}", ()):
        flag.unparse()
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main.main([verb, *args])
    results.append((status, out.getvalue(), err.getvalue()))
assert not {"tensorflow", "keras", "tfx", "apache_beam"} & set(sys.modules)
json.dump(results, sys.stdout)
"""


def run(verb, lines, cwd):
    """(status, stdout, stderr) of each command line."""
    done = subprocess.run(
        [sys.executable, "-c", RUNNER, verb], cwd=cwd, input=json.dumps(lines), capture_output=True, text=True,
        check=False, env={**os.environ, "PYTHONPATH": str(ROOT), "MVIPER_ASSETS": str(cwd / "cache")},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_assets_verb(tmp_path):
    listed, as_json, unreachable, unknown, nothing = run(
        "assets",
        [
            ["list"],
            ["list", "--json"],
            ["fetch", "hdris", "--registry=http://127.0.0.1:9"],
            ["fetch", "moon"],
            ["fetch"],
        ],
        tmp_path,
    )
    assert listed[0] == 0 and "CC0-1.0" in listed[1] and "not fetched" in listed[1]
    facts = json.loads(as_json[1])["assets"]["hdris"]
    assert facts["package"] == "@pmndrs/assets@1.7.0" and not facts["fetched"] and len(facts["files"]) == 18
    for status, _, err in (unreachable, unknown, nothing):
        # The progress bar may stand before the line.
        assert status == 2 and "Received:" in err.splitlines()[-1]


def test_scene_verb(tmp_path):
    photo = cv2.resize(cv2.merge([cv2.getGaussianKernel(90, 20)] * 3) * 4000, (120, 90))
    (tmp_path / "photos").mkdir()
    assert cv2.imwrite(str(tmp_path / "photos" / "a.png"), photo)
    listed, fabric, backdrop, untold, wrong = run(
        "scene",
        [
            ["list", "--json"],
            ["show", "denim", "--out=denim.png"],
            ["show", "photos", "--as=backdrop", "--out=photos.jpg"],
            ["show", "photos"],
            ["show", "denim", "--out=denim.gif"],
        ],
        tmp_path,
    )
    assert "denim" in json.loads(listed[1])["fabrics"]
    assert fabric[0] == backdrop[0] == 0
    assert cv2.imread(str(tmp_path / "denim.png")).std() > 5
    assert cv2.imread(str(tmp_path / "photos.jpg")).std() > 5
    assert untold[0] == wrong[0] == 2
    assert "--as=fabric" in untold[2] and "denim.gif" in wrong[2]
