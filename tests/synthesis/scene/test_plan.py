import dataclasses
import json
import pathlib

import numpy as np
import pytest

from model.errors import ConfigError
from model.typed_json import FieldError
from synthesis.scene import plan
from synthesis.scene.plan import PlanSettings, draw_plan, read_plan, write_plan
from synthesis.scene.plan_summary import PlanSummary

SETTINGS = PlanSettings(seed=0, train_simulations=12, eval_simulations=4, windows=1)
FILES = [(pathlib.Path(f"m{i}.bvh"), frames) for i, frames in enumerate((60, 400, 31, 900, 80))]


@pytest.fixture(scope="module")
def clips():
    return draw_plan(SETTINGS)


def test_a_dataset_has_what_it_should(clips):
    assert len(clips) == 16 * 4
    assert {clip.viewpoint.name for clip in clips} == {"front", "back", "left", "right"}
    assert {clip.simulation.sex for clip in clips} == {"male", "female"}
    assert len({clip.simulation.motion.kind for clip in clips if clip.split == "train"}) == 12


def test_train_and_eval_share_nobody_and_nothing(clips):
    def seen(split, what):
        return {what(clip) for clip in clips if clip.split == split}

    for what in (
        lambda c: c.simulation.betas,
        lambda c: (c.simulation.motion.source, c.simulation.motion.kind, c.simulation.motion.seed),
        lambda c: (c.simulation.outfit, c.simulation.ease, c.simulation.fabrics, c.textures),
    ):
        assert not seen("train", what) & seen("eval", what)


def test_the_seed_decides_and_more_clips_change_no_earlier_one(clips):
    assert draw_plan(SETTINGS) == clips
    assert draw_plan(dataclasses.replace(SETTINGS, seed=1)) != clips
    larger = {c.clip_id: c for c in draw_plan(dataclasses.replace(SETTINGS, windows=2))}
    shared = [c for c in clips if c.viewpoint == larger[c.clip_id].viewpoint]
    assert len(shared) == len(clips)


def test_files_round_trip(tmp_path, clips):
    path = tmp_path / "plan.jsonl"
    write_plan(path, clips)
    assert read_plan(path) == clips


def changed(clip, path, value):
    """The clip's line with one field of its JSON replaced."""
    values = json.loads(clip.to_json())
    *parents, last = path.split(".")
    inner = values
    for name in parents:
        inner = inner[name]
    inner[last] = value
    return json.dumps(values)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("simulation.motion.start", -3, "simulation.motion.start: a whole number >= 0. Received: -3"),
        ("simulation.motion.kind", "wlak", "simulation.motion.kind: one of .*nearest: walk.*Received: 'wlak'"),
        ("simulation.outfit", "tshirt_trouser", "simulation.outfit: .*nearest: tshirt_trousers"),
        ("simulation.fabrics", ["coton"], r"simulation.fabrics\[0\]: .*nearest: cotton.*Received: 'coton'"),
        ("simulation.betas", [0.0], "simulation.betas: 10 numbers. Received: 1"),
        ("simulation.ease", float("nan"), "simulation.ease: a finite number. Received: nan"),
        ("lens.focal_length", float("inf"), "lens.focal_length: a finite number. Received: inf"),
        ("viewpoint", {"name": "front"}, "viewpoint.azimuth: a value is needed"),
        ("colour", 1, "colour: a field is one of .*Received: 'colour'"),
        ("clip_id", "../../escape", "clip_id: letters, digits"),
        ("backdrop", "hal", "backdrop: one of .*nearest: hall"),
        ("length", 1000, "length: start .*below simulation.motion.frames"),
        ("textures", [], "textures: one for each of the outfit's"),
    ],
)
def test_a_bad_field_is_named(clips, path, value, said):
    with pytest.raises(FieldError, match=said):
        plan.parse_clip(changed(clips[0], path, value))


def test_bad_lines_are_named_up_to_ten(tmp_path, clips):
    path = tmp_path / "plan.jsonl"
    bad = [changed(clip, "start", -1) for clip in clips[1:20]]
    path.write_text("\n".join([clips[0].to_json(), *bad, "{"]))
    with pytest.raises(ConfigError) as caught:
        read_plan(path)
    lines = str(caught.value).splitlines()
    assert lines[1] == f"{path}, line 2: start: a whole number >= 0. Received: -1"
    assert len([line for line in lines if "plan.jsonl, line" in line]) == 10
    assert lines[-1] == "(reading stopped here)"


def test_broken_files_are_refused(tmp_path, clips):
    path = tmp_path / "plan.jsonl"
    line = clips[0].to_json()
    for text, said in (
        ("", "Received: .* which is empty"),
        ("{", "line 1: one JSON object. Received: '{'"),
        (f"{line}\n{line}", f"line 2: clip_id: an id of its own. Received: '{clips[0].clip_id}', which line 1 has"),
    ):
        path.write_text(text)
        with pytest.raises(ConfigError, match=said):
            read_plan(path)
    with pytest.raises(ConfigError, match=r"Received: .*nothing\.jsonl"):
        read_plan(tmp_path / "nothing.jsonl")


def test_a_summary_counts_clips_and_simulations(clips):
    summary = PlanSummary()
    assert list(summary.counted(clips)) == clips
    lines = summary.lines()
    assert lines[0] == f"64 clips, {64 * SETTINGS.length} frames, 16 simulations"
    assert "clips by split: train 48, eval 16" in lines
    assert "simulations by sex: male 8, female 8" in lines


def test_motion_files_go_to_one_split_each():
    clips = draw_plan(dataclasses.replace(SETTINGS, train_simulations=6, eval_simulations=2), FILES)
    files = {s: {c.simulation.motion.source for c in clips if c.split == s} for s in plan.SPLITS}
    assert not files["train"] & files["eval"]
    assert "m2.bvh" not in files["train"] | files["eval"]  # one frame short of a clip
    for clip in clips:
        frames = dict((str(path), n) for path, n in FILES)[clip.simulation.motion.source]
        assert clip.simulation.motion.start + clip.simulation.motion.frames <= frames


def test_one_file_cannot_be_split():
    with pytest.raises(ConfigError, match=r"at least 2 motion files.*Received: 1 of 2"):
        draw_plan(SETTINGS, FILES[1:3])


def test_sexes_look_different():
    from synthesis import avatar

    rest = {
        sex: np.mean(
            [avatar.avatar_body().shaped(avatar.random_betas(sex, np.random.default_rng(i)))[0] for i in range(20)], 0
        )
        for sex in avatar.SEXES
    }
    statures = {sex: np.ptp(vertices[:, 1]) for sex, vertices in rest.items()}
    assert 0.08 < statures["male"] - statures["female"] < 0.18


def test_bad_settings_are_refused():
    for values in ({"windows": 0}, {"length": 1}, {"seed": -1}):
        with pytest.raises(ConfigError, match="Received"):
            PlanSettings(**values)
