"""`mviper convert` as a user calls it, on a small LSP with one damaged picture, with worker processes."""

import pathlib
import re
import subprocess
import sys

import cv2
import numpy as np
import writers_stills as writers

from components import records

ROOT = pathlib.Path(__file__).parents[3]


def mviper(*arguments, cwd):
    program = "import sys; from pipeline.cli.main import run; run()"
    command = [sys.executable, "-W", "ignore", "-c", program, "convert", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300)


def test_lsp_is_checked_converted_and_left_alone_the_second_time(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    people = [writers.figures(1, seed)[0] for seed in range(40)]
    writers.write_lsp(tmp_path / "lsp", people)
    (tmp_path / "lsp" / "images" / "im0020.jpg").write_bytes(b"damaged")
    said = mviper("lsp", "--root=lsp", "--check", cwd=tmp_path)
    assert said.returncode == 0, said.stderr
    assert "missing" not in said.stdout and "odd     joints.mat: 40 people of 2000" in said.stdout
    assert cv2.imread(str(tmp_path / "check.png")).shape[1] == 1200
    assert not (tmp_path / "data").exists()

    said = mviper("lsp", "--root=lsp", "--out=data", "--", "--direct_num_workers=2", cwd=tmp_path)
    assert said.returncode == 0, said.stderr
    assert re.search(r"40 clips in data: 40 made now, 0 reused, 1 failed", said.stdout)
    assert "ImageError" in said.stdout and "--retry_failures" in said.stdout
    clips = [clip for path in records.find_shards(tmp_path / "data" / "train") for clip in records.read(path)]
    assert len(clips) == 39 and {clip.source for clip in clips} == {"lsp"}
    # The picture at a record's keypoints has the joints' colours.
    off = []
    for clip in clips:
        path = tmp_path / "frame.png"
        cv2.imwrite(str(path), cv2.imdecode(np.frombuffer(clip.frames[0], np.uint8), cv2.IMREAD_COLOR))
        off += [
            writers.distance_to_disc(path, joint, place)
            for joint, place in zip(writers.LSP, clip.keypoints2d[0, :14, :2], strict=True)
        ]
    assert np.median(off) < 0.6

    said = mviper("lsp", "--root=lsp", "--out=data", cwd=tmp_path)
    assert said.returncode == 0 and "0 made now, 40 reused, 1 failed" in said.stdout
    said = mviper("lsp", "--root=lsp", "--out=data", "--least_side=5000", cwd=tmp_path)
    assert said.returncode == 2 and "Received: none; 40 x smaller than 5000 pixels" in said.stderr
