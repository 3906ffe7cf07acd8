import numpy as np
import pytest
import scipy.io
import writers_stills as writers
from checks_stills import assert_on_discs

from components.datasets.base import DatasetError, Fault, PersonClip, ReaderSettings
from components.datasets.lsp import LSP, LSPExtended


def clips_of(root, reader=LSP):
    return list(reader(root, ReaderSettings()).clips())


def findings(root, reader=LSP):
    return [(f.state, f.text) for f in reader(root, ReaderSettings()).check()]


@pytest.mark.parametrize("one_means_visible", [False, True])
def test_joints_of_lsp_lie_where_they_are_drawn_whichever_way_round_the_flags_are(tmp_path, one_means_visible):
    people = [writers.figures(1, seed, hidden=("left knee", "neck"))[0] for seed in range(3)]
    writers.write_lsp(tmp_path, people, one_means_visible=one_means_visible)
    clips = clips_of(tmp_path)
    assert [c.clip_id for c in clips] == ["lsp_0001", "lsp_0002", "lsp_0003"]
    for clip, person in zip(clips, people, strict=True):
        assert_on_discs(tmp_path, clip, person, writers.LSP)
    states = {text.split(":")[0]: state for state, text in findings(tmp_path)}
    assert states["86 % of the flags are 1" if one_means_visible else "14 % of the flags are 1"] == (
        "odd" if one_means_visible else "found"
    )


def test_joints_of_lsp_extended_without_a_place_are_unlabelled(tmp_path):
    people = [writers.figures(1, seed, unlabelled=("right wrist", "head top"))[0] for seed in range(3)]
    writers.write_lsp_extended(tmp_path, people)
    clips = clips_of(tmp_path, LSPExtended)
    assert [(c.clip_id, c.split) for c in clips] == [(f"lsp_extended_0000{i}", "train") for i in (1, 2, 3)]
    for clip, person in zip(clips, people, strict=True):
        assert_on_discs(tmp_path, clip, person, writers.LSP)


def test_the_first_thousand_of_lsp_are_the_train_split(tmp_path):
    scipy.io.savemat(tmp_path / "joints.mat", {"joints": np.full((3, 14, 2000), 0.0)})
    splits = [clip.split for clip in clips_of(tmp_path)]
    assert splits == ["train"] * 1000 + ["eval"] * 1000


@pytest.mark.parametrize("value, row", [(np.nan, 0), (np.inf, 1), (0.5, 2), (np.nan, 2)])
def test_a_damaged_person_costs_that_person_alone(tmp_path, value, row):
    joints = np.ones((3, 14, 4))
    joints[2] = 0
    joints[row, 5, 2] = value
    scipy.io.savemat(tmp_path / "joints.mat", {"joints": joints})
    results = clips_of(tmp_path)
    assert [type(r) for r in results] == [PersonClip, PersonClip, Fault, PersonClip]
    assert results[2].item == "lsp_0003"


@pytest.mark.parametrize("content", [None, b"MATLAB 5.0 MAT-file, cut", {"joints": np.zeros((3, 13, 5))}, {"other": 1}])
def test_nothing_that_can_be_read_is_an_error_and_check_says_so(tmp_path, content):
    if isinstance(content, dict):
        scipy.io.savemat(tmp_path / "joints.mat", content)
    elif content is not None:
        (tmp_path / "joints.mat").write_bytes(content)
    with pytest.raises(DatasetError, match=r"Received: "):
        clips_of(tmp_path)
    (state, text), (images_state, images_text) = findings(tmp_path)
    assert state == ("missing" if content is None else "odd") and "joints.mat" in text
    assert images_state == "missing" and "sam.johnson.io/research/lsp.html" in images_text
