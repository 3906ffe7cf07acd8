"""The generation job on a tiny plan: real cloth, real pictures, one clip that cannot be made."""

import dataclasses

import cv2
import numpy as np
import pytest

from components import jobs, records
from model.camera import to_pixels
from synthesis.scene.plan import MotionPlan, PlanSettings, draw_plan

IN_PROCESS = ("--runner=DirectRunner", "--direct_running_mode=in_memory", "--direct_num_workers=1")


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
    summary = synthesis_job.run(plan, out, max_failure_rate=0.5, runner=IN_PROCESS)
    return out, plan, summary, synthesis_job


def test_one_bad_clip_is_counted_and_skipped(job):
    out, plan, summary, _ = job
    assert (summary.clips, summary.reused) == (3, 0)
    assert list(summary.failures) == [plan[2].clip_id]
    assert "MotionError" in summary.failures[plan[2].clip_id]
    assert not list((out / ".parts").glob("*")) and not list((out / ".simulations").glob("*.npz"))


def test_records_hold_what_was_planned(job):
    out, plan, _, _ = job
    clips = [clip for shard in records.find_shards(out / "train") for clip in records.read(shard)]
    assert [clip.clip_id for clip in clips] == [p.clip_id for p in plan[:2]]
    for clip in clips:
        assert clip.length == 4 and clip.frame_size == (250, 250) and clip.fps == 30.0
        image, mask = (
            cv2.imdecode(np.frombuffer(data[0], np.uint8), flag)
            for data, flag in ((clip.frames, cv2.IMREAD_COLOR), (clip.masks, cv2.IMREAD_GRAYSCALE))
        )
        assert image.shape == (250, 250, 3)
        assert set(np.unique(mask)) >= {0, 1, 2, 3}  # backdrop, skin, both garments


def test_visible_keypoints_lie_on_the_person(job):
    out, _, _, _ = job
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
    out, plan, _, synthesis_job = job
    assert synthesis_job.run(plan, out, 0.5, IN_PROCESS).reused == 3
    shard = records.find_shards(out / "train")[0]
    before = list(records.read(shard))
    shard.unlink()
    again = synthesis_job.run(plan, out, 0.5, IN_PROCESS)
    assert again.reused == 1 and shard.is_file()
    for first, second in zip(before, records.read(shard), strict=True):
        assert first.frames == second.frames
        assert np.array_equal(first.keypoints3d, second.keypoints3d)


def test_a_plan_for_another_body_is_refused_before_work_begins(tmp_path):
    from components import synthesis_job
    from model.errors import BodyMismatchError

    clip = draw_plan(PlanSettings(train_simulations=1, eval_simulations=1, windows=1, length=4, stride=1))[0]
    other = dataclasses.replace(clip, simulation=dataclasses.replace(clip.simulation, body_id="smpl-neutral-1"))
    with pytest.raises(BodyMismatchError, match="Received: smpl-neutral-1"):
        synthesis_job.run([other], tmp_path / "out", runner=IN_PROCESS)
    assert not (tmp_path / "out").exists()


def test_too_many_failures_are_an_error(job):
    out, plan, _, synthesis_job = job
    with pytest.raises(jobs.JobError, match="Received: 1 of 3 failed"):
        synthesis_job.run(plan, out, max_failure_rate=0.1, runner=IN_PROCESS)


def test_weak_projection_fits_the_truth(job):
    out, _, _, _ = job
    from model.baselines.mean_pose import fit_weak_camera
    from model.camera import project_weak, to_normalised

    clip = next(records.read(records.find_shards(out / "train")[0]))
    points = to_normalised(clip.keypoints2d[..., :2], 250)
    camera = fit_weak_camera(clip.keypoints3d, points)
    pixels = to_pixels(project_weak(clip.keypoints3d, camera), 250)
    # A 180 mm lens is nearly orthographic.
    assert np.abs(pixels - clip.keypoints2d[..., :2]).max() < 3.0
