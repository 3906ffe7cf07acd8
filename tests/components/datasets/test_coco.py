import json

import pytest
import writers_stills as writers
from checks_stills import assert_on_discs

from components.datasets.base import DatasetError, Fault, PersonClip, ReaderSettings
from components.datasets.coco import COCO


def clips_of(root):
    return list(COCO(root, ReaderSettings()).clips())


def findings(root):
    return [(f.state, f.text) for f in COCO(root, ReaderSettings()).check()]


def annotations(root, part="val"):
    return root / f"annotations/person_keypoints_{part}2017.json"


@pytest.mark.parametrize("folder", ["", "images/"])
@pytest.mark.parametrize("backwards", [False, True])
def test_joints_lie_where_they_are_drawn_and_crowds_give_nothing(tmp_path, folder, backwards):
    both = writers.figures(2, 0, hidden=("nose", "left hip"), unlabelled=("right ear", "left ankle"))
    (single,) = writers.figures(1, 1)
    (nobody,) = writers.figures(1, 2, unlabelled=writers.COCO)
    crowd = writers.coco_annotation(900100000139, 139, single) | {"iscrowd": 1}
    crowd["segmentation"] = {"counts": [272, 2, 4], "size": [writers.HEIGHT, writers.WIDTH]}
    content = writers.coco_content(
        [writers.coco_image(139), writers.coco_image(785)],
        [
            writers.coco_annotation(11, 139, both[0]),
            crowd,
            writers.coco_annotation(12, 139, nobody),
            writers.coco_annotation(7, 785, single),
            writers.coco_annotation(5, 139, both[1]),
        ],
    )
    if backwards:
        content = dict(reversed(content.items()))
    writers.write_json(annotations(tmp_path), content)
    writers.draw(tmp_path / folder / "val2017/000000000139.jpg", both)
    writers.draw(tmp_path / folder / "val2017/000000000785.jpg", [single])
    clips = clips_of(tmp_path)
    assert [(clip.clip_id, clip.split) for clip in clips] == [
        ("coco_val_000000000139_11", "eval"), ("coco_val_000000000785_7", "eval"), ("coco_val_000000000139_5", "eval"),
    ]  # fmt: skip
    for clip, person in zip(clips, (both[0], single, both[1]), strict=True):
        assert_on_discs(tmp_path, clip, person, writers.COCO)


def write(root, part="val", change=lambda annotations: None):
    people = [writers.coco_annotation(i, 139, person) for i, person in enumerate(writers.figures(3, 3))]
    change(people)
    writers.write_json(annotations(root, part), writers.coco_content([writers.coco_image(139)], people))


def test_what_is_not_labelled_has_no_place_whatever_stands_there(tmp_path):
    write(tmp_path, change=lambda people: people[0].update(keypoints=[5, 6, 2] + [7, 8, 0] * 16))
    assert clips_of(tmp_path)[0].labelled.sum() == 1


@pytest.mark.parametrize(
    "damage",
    [
        {"keypoints": [1.0] * 50},
        {"keypoints": None},
        {"keypoints": [None, 5, 2] * 17},
        {"keypoints": [1e300, 5, 2] * 17},
        {"keypoints": [4, 5, 3] * 17},
        {"image_id": 140},
        {"id": "a/b"},
    ],
)
def test_a_damaged_annotation_costs_that_person_alone(tmp_path, damage):
    write(tmp_path, change=lambda people: people[1].update(damage))
    assert [type(r) for r in clips_of(tmp_path)] == [PersonClip, Fault, PersonClip]


def test_people_before_a_cut_are_kept_and_the_other_split_goes_on(tmp_path):
    write(tmp_path, "train")
    write(tmp_path, "val")
    path = annotations(tmp_path, "train")
    text = path.read_text()
    path.write_text(text[: text.rindex('"iscrowd"')])
    results = clips_of(tmp_path)
    assert [type(r) for r in results] == [PersonClip] * 2 + [Fault] + [PersonClip] * 3
    assert [r.split for r in results if isinstance(r, PersonClip)] == ["train"] * 2 + ["eval"] * 3
    assert results[2].item == path.name


def test_nothing_that_can_be_read_is_an_error(tmp_path):
    with pytest.raises(DatasetError, match=r"Received: none"):
        clips_of(tmp_path)
    assert {state for state, _ in findings(tmp_path)} == {"missing"}
    writers.write_json(annotations(tmp_path), [1, 2])
    annotations(tmp_path, "train").write_bytes(b"\x89PNG")
    with pytest.raises(DatasetError, match=r"Received: none"):
        clips_of(tmp_path)


def test_check_reads_the_ends_of_a_file_alone_and_knows_the_order_of_joints(tmp_path):
    write(tmp_path)
    text = annotations(tmp_path).read_text()
    head, tail = text.split('"annotations": [', 1)
    middle = "\x00" * (3 << 20)
    annotations(tmp_path).write_text(f'{head}"annotations": [{middle}{tail}')
    _, _, val, images = findings(tmp_path)
    assert val[0] == "found" and "COCO's order of 17 joints" in val[1]
    assert images[0] == "missing" and "cocodataset.org" in images[1]

    other = json.loads(text)
    other["categories"][0]["keypoints"].reverse()
    writers.write_json(annotations(tmp_path), other)
    assert findings(tmp_path)[2][0] == "odd"
    annotations(tmp_path).write_text(text[:-40])
    state, message = findings(tmp_path)[2]
    assert state == "odd" and "ends in the middle" in message
