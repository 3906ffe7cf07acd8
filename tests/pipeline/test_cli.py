import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]


def mviper(*args: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "pipeline.cli.main", *args]
    # JAX, which Keras imports where it is installed, has set this here.
    variables = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    return subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=120, check=False)


def test_help_lists_the_verbs_and_imports_nothing_heavy():
    code = (
        "import sys; from pipeline.cli import main; status = main.main(['--help']); "
        "heavy = {'tensorflow', 'keras', 'tfx', 'apache_beam', 'numba', 'moderngl', 'cv2'} & set(sys.modules); "
        "sys.exit(status or (9 if heavy else 0))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for verb in ("demo", "doctor", "synthesize", "train", "evaluate", "predict", "serve", "pipeline"):
        assert f"  {verb}" in done.stdout


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["fly"], "Received: fly"),
        (["predict", "--nonsense"], "Unknown command line flag 'nonsense'"),
        (["predict", "nothing.mp4"], "Received: nothing.mp4"),
        (["predict"], r"Received: []"),
        (["plan", "--motion={tmp}"], "Received: {tmp}"),
        (["plan", "--seed=-1"], "seed"),
        (["synthesize", "--plan={tmp}/none.jsonl"], "none.jsonl"),
        (["pipeline", "fly"], "Received: fly"),
        (["bench", "fly"], "Received: fly"),
        (["bench", "job_outcomes"], "Received: job_outcomes"),
        (["plan", "--body={tmp}/none"], "Received: '{tmp}/none'"),
    ],
)
def test_wrong_input_is_one_line_and_status_2(tmp_path, args, said):
    done = mviper(*(arg.format(tmp=tmp_path) for arg in args))
    assert done.returncode == 2, done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("mviper: "), done.stderr
    assert said.format(tmp=tmp_path) in lines[0]
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_broken_motions_is_refused(tmp_path):
    (tmp_path / "broken.bvh").write_text("HIERARCHY\nROOT hips\n{")
    done = mviper("plan", f"--motion={tmp_path}", f"--out={tmp_path / 'plan.jsonl'}")
    assert done.returncode == 2
    assert "broken" in done.stderr and not (tmp_path / "plan.jsonl").exists()


def test_plans_are_written_and_repeat(tmp_path):
    for name in ("a", "b"):
        flags = ["--train_simulations=2", "--eval_simulations=1", "--seed=0"]
        done = mviper("plan", f"--out={tmp_path / name}", *flags)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
