"""The generation job on a tiny plan: real cloth, real pictures, one clip that cannot be made."""

import contextlib
import dataclasses
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest

from components import jobs, records
from components.job_store import JobStore, WorkerError
from model.camera import to_pixels
from synthesis.scene.plan import MotionPlan, PlanSettings, draw_plan, read_plan, write_plan

ROOT = pathlib.Path(__file__).parents[2]
IN_PROCESS = (
    "--runner=DirectRunner", "--direct_running_mode=in_memory", "--direct_num_workers=1", "--allow_unsafe_triggers",
)  # fmt: skip


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    """Runs the job: one good simulation from two viewpoints, and one whose motion file is not there."""
    from synthesis.render.gl.context import create_context
    from synthesis.render.interface import RenderError

    try:
        create_context().release()
    except RenderError as error:
        pytest.skip(f"no OpenGL here: {error}")
    from components import synthesis_job

    out = tmp_path_factory.mktemp("job")
    settings = PlanSettings(train_simulations=1, eval_simulations=1, windows=1, length=4, stride=1, edge_length=0.05)
    clips = draw_plan(settings)
    train = [clip for clip in clips if clip.split == "train"][:2]
    nowhere = MotionPlan("/nowhere/walk.bvh", "walk", 0, 0, 4)
    broken = next(clip for clip in clips if clip.split == "eval")
    broken = dataclasses.replace(broken, simulation=dataclasses.replace(broken.simulation, motion=nowhere))
    plan = [*train, broken]
    simulations = tmp_path_factory.mktemp("simulations")
    summary = synthesis_job.run(plan, out, 0.5, IN_PROCESS, str(simulations))
    return out, plan, summary, synthesis_job, str(simulations)


def test_one_bad_clip_is_counted_and_skipped(job):
    out, plan, summary, *_ = job
    assert (summary.clips, summary.reused) == (3, 0)
    assert list(summary.failures) == [plan[2].clip_id]
    assert "MotionError" in summary.failures[plan[2].clip_id]
    assert not list(out.glob(".*"))
    report = json.loads((out / "job.json").read_text())
    assert (report["clips"], report["frames"], report["failed"]) == (2, 8, 1)
    assert report["simulations"] == {"made": 1, "failed": 1}
    assert set(report["cpu_seconds"]) == {"simulate", "render", "encode", "write"}
    assert report["runs"][0]["state"] == "finished" and report["runs"][0]["made"] == 3
    assert read_plan(out / "plan.jsonl") == plan


def test_records_hold_what_was_planned(job):
    out, plan, *_ = job
    clips = [clip for shard in records.find_shards(out / "train") for clip in records.read(shard)]
    assert [clip.clip_id for clip in clips] == [p.clip_id for p in plan[:2]]
    for clip in clips:
        assert clip.length == 4 and clip.frame_size == (250, 250) and clip.fps == 30.0
        image, mask = (
            cv2.imdecode(np.frombuffer(data[0], np.uint8), flag)
            for data, flag in ((clip.frames, cv2.IMREAD_COLOR), (clip.masks, cv2.IMREAD_GRAYSCALE))
        )
        assert image.shape == (250, 250, 3)
        assert len(set(np.unique(mask)) - {0}) >= 3  # skin and both garments


def test_visible_keypoints_lie_on_the_person(job):
    out, *_ = job
    inside = []
    for shard in records.find_shards(out / "train"):
        for clip in records.read(shard):
            for t, png in enumerate(clip.masks):
                mask = cv2.dilate(cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_GRAYSCALE), np.ones((3, 3)))
                for x, y, visible in clip.keypoints2d[t]:
                    if visible:
                        inside.append(mask[round(float(y)), round(float(x))] > 0)
    assert len(inside) > 40 and np.mean(inside) >= 0.98


def test_a_second_run_reuses_and_a_lost_shard_comes_back_the_same(job):
    out, plan, _, synthesis_job, simulations = job
    assert synthesis_job.run(plan, out, 0.5, IN_PROCESS, simulations).reused == 3
    shard = records.find_shards(out / "train")[0]
    before = shard.read_bytes()
    shard.unlink()
    again = synthesis_job.run(plan, out, 0.5, IN_PROCESS, simulations)
    assert again.reused == 1 and shard.read_bytes() == before
    assert "simulate" not in again.cpu_seconds or again.cpu_seconds["simulate"] == 0
    assert len(json.loads((out / "job.json").read_text())["runs"]) == 3


def test_one_clip_alone_is_the_clip_of_the_whole(job, tmp_path):
    """Simulated and rendered anew, without the clips beside it."""
    out, plan, _, synthesis_job, _ = job
    synthesis_job.run(plan[1:2], tmp_path, runner=IN_PROCESS)
    alone = next(records.read(records.find_shards(tmp_path / "train")[0]))
    whole = list(records.read(records.find_shards(out / "train")[0]))[1]
    assert records.encode(alone) == records.encode(whole)


def test_a_plan_for_another_body_is_refused_before_work_begins(tmp_path):
    from components import synthesis_job
    from model.errors import BodyMismatchError

    clip = draw_plan(PlanSettings(train_simulations=1, eval_simulations=1, windows=1, length=4, stride=1))[0]
    other = dataclasses.replace(clip, simulation=dataclasses.replace(clip.simulation, body_id="smpl-neutral-1"))
    with pytest.raises(BodyMismatchError, match="Received: smpl-neutral-1"):
        synthesis_job.run([other], tmp_path / "out", runner=IN_PROCESS)
    assert not (tmp_path / "out").exists()


def test_too_many_failures_are_an_error(job):
    out, plan, _, synthesis_job, simulations = job
    with pytest.raises(jobs.JobError, match="Received: 1 of 3 failed"):
        synthesis_job.run(plan, out, 0.1, IN_PROCESS, simulations)


def test_a_full_disk_ends_the_job_and_the_next_run_goes_on(job, tmp_path, monkeypatch):
    _, plan, _, synthesis_job, simulations = job
    write = JobStore.write

    def full_after_the_first_part(store, name, content):
        if name.endswith(".example") and list(tmp_path.rglob("*.example")):
            raise WorkerError("Room is needed. Received: No space left on device")
        write(store, name, content)

    with monkeypatch.context() as patch:
        patch.setattr(JobStore, "write", full_after_the_first_part)
        with pytest.raises(WorkerError, match=r"^Room is needed\. Received: No space left on device$"):
            synthesis_job.run(plan[:2], tmp_path, 0.0, IN_PROCESS, simulations)
    assert not (tmp_path / "train").exists()
    assert synthesis_job.run(plan[:2], tmp_path, 0.0, IN_PROCESS, simulations).reused == 1


def test_failures_that_may_pass_are_tried_again_when_asked(job, tmp_path, monkeypatch):
    from synthesis import clip

    out, plan, _, synthesis_job, simulations = job
    render = clip.render

    def short_of_memory(planned, *args):
        if planned.clip_id == plan[0].clip_id:
            raise MemoryError
        return render(planned, *args)

    with monkeypatch.context() as patch:
        patch.setattr(clip, "render", short_of_memory)
        failed = synthesis_job.run(plan[:2], tmp_path, 0.5, IN_PROCESS, simulations).failures
    assert failed == {plan[0].clip_id: "MemoryError: no further explanation"}
    assert synthesis_job.run(plan[:2], tmp_path, 0.5, IN_PROCESS, simulations).failures == failed
    again = synthesis_job.run(plan[:2], tmp_path, 0.0, IN_PROCESS, simulations, retry_failures=True)
    assert not again.failures and again.reused == 1
    first, second = (records.find_shards(folder / "train")[0].read_bytes() for folder in (out, tmp_path))
    assert first == second and not list((tmp_path / "failures").iterdir())


def test_a_killed_job_loses_nothing_and_doubles_nothing(job, tmp_path):
    """kill -9 of the program and its workers once the first clip is finished."""
    out, plan, _, synthesis_job, simulations = job
    write_plan(tmp_path / "plan.jsonl", plan[:2])
    command = [sys.executable, "-m", "pipeline.cli.main", "synthesize", f"--plan={tmp_path / 'plan.jsonl'}"]
    command += [f"--out={tmp_path / 'out'}", f"--simulations={simulations}", "--", *IN_PROCESS]
    said = (tmp_path / "said").open("wb")
    process = subprocess.Popen(command, cwd=ROOT, start_new_session=True, stdout=said, stderr=said)
    parts = tmp_path / "out" / ".parts"
    try:
        while process.poll() is None and not list(parts.rglob(f"*{jobs.MADE}")):
            time.sleep(0.02)
        assert process.returncode is None, (tmp_path / "said").read_text()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        said.close()
    assert synthesis_job.run(plan[:2], tmp_path / "out", 0.0, IN_PROCESS, simulations).reused >= 1
    first, second = (records.find_shards(folder / "train")[0].read_bytes() for folder in (out, tmp_path / "out"))
    assert [clip.clip_id for clip in records.read(records.find_shards(tmp_path / "out" / "train")[0])] == [
        clip.clip_id for clip in plan[:2]
    ]
    assert first == second


def test_weak_projection_fits_the_truth(job):
    out, *_ = job
    from model.baselines.mean_pose import fit_weak_camera
    from model.camera import project_weak, to_normalised

    clip = next(records.read(records.find_shards(out / "train")[0]))
    points = to_normalised(clip.keypoints2d[..., :2], 250)
    camera = fit_weak_camera(clip.keypoints3d, points)
    pixels = to_pixels(project_weak(clip.keypoints3d, camera), 250)
    # A 180 mm lens is nearly orthographic.
    assert np.abs(pixels - clip.keypoints2d[..., :2]).max() < 3.0
