import json

import numpy as np
import pytest
import writers_stills as writers
from checks_stills import assert_on_discs

from components.datasets.base import DatasetError, Fault, PersonClip, ReaderSettings
from components.datasets.mpii import MPII


def clips_of(root):
    return list(MPII(root, ReaderSettings()).clips())


def findings(root):
    return [(f.state, f.text) for f in MPII(root, ReaderSettings()).check()]


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """Two people, one person, nobody, one person without joints; a test image; and who is to be found."""
    root = tmp_path_factory.mktemp("mpii")
    both = writers.figures(2, 0, hidden=("left elbow",), unlabelled=("right ankle", "pelvis"))
    (single,) = writers.figures(1, 1, hidden=("right hip", "neck"))
    nobody = [writers.mpii_rect_without_joints(field) for field in (False, True)]
    images = [
        ("015601864.jpg", 1, [writers.mpii_rect(person) for person in both]),
        ("077096718.jpg", 1, [writers.mpii_rect(single, flags="text")]),
        ("000000001.jpg", 1, []),
        ("000000002.jpg", 1, nobody[:1]),
        ("000000003.jpg", 1, [nobody[1], writers.mpii_rect(both[0]), nobody[1]]),
        ("099990098.jpg", 0, [writers.mpii_rect(single)]),
    ]
    writers.write_mpii(root, images)
    writers.draw(root / "images/015601864.jpg", both)
    writers.draw(root / "images/077096718.jpg", [single])
    writers.draw(root / "images/000000003.jpg", both[:1])
    people = {
        "mpii_015601864_0": both[0], "mpii_015601864_1": both[1], "mpii_077096718_0": single,
        "mpii_000000003_1": both[0],
    }  # fmt: skip
    return root, people


def test_joints_lie_where_they_are_drawn_and_people_without_joints_give_nothing(tree):
    root, people = tree
    clips = clips_of(root)
    assert [(clip.clip_id, clip.split) for clip in clips] == [(name, "train") for name in people]
    for clip in clips:
        assert_on_discs(root, clip, people[clip.clip_id], writers.MPII)


@pytest.mark.parametrize("flags, visible", [("number", False), ("text", False), ("empty", True), ("missing", True)])
def test_visibility_is_a_number_or_a_text_and_without_it_joints_are_visible(tmp_path, flags, visible):
    (person,) = writers.figures(1, 2, hidden=writers.MPII)
    writers.write_mpii(tmp_path, [("a b.jpg", 1, [writers.mpii_rect(person, flags=flags)])], compress=False)
    (clip,) = clips_of(tmp_path)
    assert clip.clip_id == "mpii_a-b_0"
    np.testing.assert_array_equal(clip.keypoints2d[0, :14, 2], visible)
    np.testing.assert_array_equal(clip.keypoints2d[0, 0, :2], person.places["right ankle"])


def test_a_single_joint_is_a_struct_too(tmp_path):
    (person,) = writers.figures(1, 3, unlabelled=tuple(set(writers.MPII) - {"left wrist"}))
    writers.write_mpii(tmp_path, [("a.jpg", 1, [writers.mpii_rect(person)])])
    writers.draw(tmp_path / "images/a.jpg", [person])
    (clip,) = clips_of(tmp_path)
    assert_on_discs(tmp_path, clip, person, writers.MPII)


def test_images_of_the_val_conversion_are_the_eval_split_of_the_official_file(tree, tmp_path):
    root, people = tree
    for file in root.glob("*.mat"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (single,) = writers.figures(1, 1)
    writers.write_json(tmp_path / "annot/valid.json", [writers.mpii_entry("077096718.jpg", single)])
    assert {clip.clip_id: clip.split for clip in clips_of(tmp_path)} == {
        name: "eval" if "077096718" in name else "train" for name in people
    }
    (tmp_path / "annot/valid.json").write_text('[{"image": "07')
    with pytest.raises(DatasetError, match=r"valid\.json"):
        clips_of(tmp_path)


@pytest.mark.parametrize(
    "places",
    [("annot/train.json", "annot/valid.json"), ("annotations/mpii_train.json", "annotations/mpii_val.json")],
)
def test_joints_of_the_conversion_lie_where_they_are_drawn(tmp_path, places):
    # Labelled at (-1, -1) of the file, where those without a label are too.
    both = writers.figures(2, 4, unlabelled=("left knee", "thorax"))
    both[0].places["head top"] = (-2, -2)
    (other,) = writers.figures(1, 5)
    nobody = writers.figures(1, 6, unlabelled=writers.MPII)[0]
    writers.write_json(tmp_path / places[0], [writers.mpii_entry("a.jpg", p) for p in [*both, nobody]])
    writers.write_json(tmp_path / places[1], [writers.mpii_entry("b.jpg", other)])
    writers.draw(tmp_path / "images/a.jpg", both)
    writers.draw(tmp_path / "images/b.jpg", [other])
    first, second, third = clips_of(tmp_path)
    assert [(c.clip_id, c.split) for c in (first, second, third)] == [
        ("mpii_a_0", "train"), ("mpii_a_1", "train"), ("mpii_b_0", "eval"),
    ]  # fmt: skip
    np.testing.assert_array_equal(first.keypoints2d[0, 13], [-2, -2, 1])
    assert_on_discs(tmp_path, second, both[1], writers.MPII)
    assert_on_discs(tmp_path, third, other, writers.MPII)


def damaged(rect, **values):
    rect["annopoints"]["point"][0, 3][next(iter(values))] = next(iter(values.values()))
    return rect


@pytest.mark.parametrize(
    "values", [{"x": np.nan}, {"y": np.zeros((0, 0))}, {"id": 16}, {"id": -1}, {"x": "left"}, {"y": 1e30}]
)
def test_a_damaged_person_costs_that_person_alone(tmp_path, values):
    people = writers.figures(3, 7)
    rects = [writers.mpii_rect(person) for person in people]
    damaged(rects[1], **values)
    writers.write_mpii(tmp_path, [("a.jpg", 1, rects), ("b.jpg", 1, rects[:1])])
    results = clips_of(tmp_path)
    assert [type(r) for r in results] == [PersonClip, Fault, PersonClip, PersonClip]
    assert results[1].item == "mpii_a_1"


def test_damaged_entries_of_the_conversion_and_its_cut_end_are_faults(tmp_path):
    people = writers.figures(3, 8)
    entries = [writers.mpii_entry("a.jpg", person) for person in people]
    entries[1]["joints"].pop()
    text = json.dumps(entries)
    path = tmp_path / "annotations/mpii_train.json"
    writers.write_json(path, [])
    path.write_text(text)
    assert [type(r) for r in clips_of(tmp_path)] == [PersonClip, Fault, PersonClip]
    path.write_text(text[:-5])
    results = clips_of(tmp_path)
    assert [type(r) for r in results] == [PersonClip, Fault, Fault] and results[2].item == "mpii_train.json"


def test_check_says_what_is_there_and_what_the_test_part_is(tree, tmp_path):
    root, _ = tree
    official, eval_split, images = findings(root)
    assert official[0] == "found" and "5 images of the train part, 1 of the test part" in official[1]
    assert eval_split[0] == "odd" and "annot/valid.json" in eval_split[1]
    assert images == ("odd", "images/: 3 images of 24987")
    assert {state for state, _ in findings(tmp_path)} == {"missing"}
    with pytest.raises(DatasetError, match=r"Received: neither"):
        clips_of(tmp_path)
    mat = next(root.glob("*.mat"))
    (tmp_path / mat.name).write_bytes(mat.read_bytes()[:-100])
    assert findings(tmp_path)[0][0] == "odd"
    with pytest.raises(DatasetError, match=r"RELEASE\.img_train"):
        clips_of(tmp_path)
