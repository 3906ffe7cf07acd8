"""COCO's person keypoints of 2017 (Lin et al. 2014): annotations/person_keypoints_*.json and the images."""

from __future__ import annotations

import io
import json
import pathlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from components.datasets import keypoint_maps, stills
from components.datasets.base import DatasetError, Fault, Finding, PersonClip, ReaderSettings

_JOINTS = 17
# Split, name of the part and its number of images.
_PARTS = (("train", "train2017", 118287), ("eval", "val2017", 5000))
# Bytes that `check` reads from either end of a file of annotations, which has up to 240 MB.
_HEAD, _TAIL = 1 << 20, 1 << 16


class COCO:
    """COCO keypoints: train2017 to train with, val2017 for evaluation; several people in an image, each a clip.

    Keypoints are 0-based indices of pixels, as ours (cocodataset.org/#format-data), with v = 0 not labelled, 1 labelled
    but hidden, 2 visible. Crowds and people without a labelled keypoint give nothing.
    """

    name = "coco"
    page = "https://cocodataset.org/#download"
    joint_map = "coco"

    def __init__(self, root: pathlib.Path, settings: ReaderSettings):
        self._root = pathlib.Path(root)

    def check(self) -> Iterator[Finding]:
        """Which parts are there, by both ends of their annotations and the listings of their images."""
        for split, part, images in _PARTS:
            path = self._annotations(part)
            if path.is_file():
                yield self._annotations_finding(path, split)
            else:
                yield stills.missing(f"{path.relative_to(self._root)}, the {split} split", self.page)
            yield stills.images_finding(self._root, self._folder(part), images, self.page)

    def clips(self) -> Iterator[PersonClip | Fault]:
        """People in the order of the annotations, train2017 first."""
        any_read = False
        for split, part, _ in _PARTS:
            if not self._annotations(part).is_file():
                continue
            for result in self._part(split, part):
                any_read |= isinstance(result, PersonClip)
                yield result
        if not any_read:
            raise DatasetError(
                f"{self._root} must hold annotations/person_keypoints_train2017.json or _val2017.json with people. "
                "Received: none that can be read"
            )

    def _annotations(self, part: str) -> pathlib.Path:
        return self._root / "annotations" / f"person_keypoints_{part}.json"

    def _folder(self, part: str) -> str:
        """Where a part's images are: as the archives unpack, or in a folder around."""
        around = f"images/{part}"
        return around if (self._root / around).is_dir() else part

    def _part(self, split: str, part: str) -> Iterator[PersonClip | Fault]:
        import ijson

        path, folder = self._annotations(part), self._folder(part)
        names: dict[int, str] = {}
        try:
            for image in _items(path, "images"):
                if isinstance(image, dict) and isinstance(image.get("id"), int):
                    names[image["id"]] = str(image.get("file_name"))
        except ijson.JSONError:
            # The second pass meets the same damage, after the people before it.
            pass
        try:
            for number, annotation in enumerate(_items(path, "annotations")):
                item = f"{path.name} annotations[{number}]"
                try:
                    joints = _joints(annotation)
                except (AttributeError, TypeError, ValueError):
                    yield Fault(item, "no 17 keypoints x, y, v")
                    continue
                if joints is None:
                    continue
                identity, image_id = annotation.get("id"), annotation.get("image_id")
                if not isinstance(identity, int) or image_id not in names:
                    yield Fault(item, "no id, or its image is not listed")
                    continue
                yield stills.person(
                    self.joint_map,
                    *joints,
                    clip_id=f"{self.name}_{part[:-4]}_{stills.file_id(names[image_id])}_{identity}",
                    split=split,
                    source=self.name,
                    media=f"{folder}/{names[image_id]}",
                )
        except ijson.JSONError:
            yield Fault(path.name, "the JSON is damaged: people behind the damage are lost")

    def _annotations_finding(self, path: pathlib.Path, split: str) -> Finding:
        name = path.relative_to(self._root)
        head, tail = _ends(path)
        if not _first_image(head):
            return Finding(
                "odd", f"{name} must begin with info, licenses and images. Received: no image in its first MB"
            )
        if not tail.rstrip().endswith(b"}"):
            return Finding("odd", f"{name} ends in the middle: people behind its end are lost")
        order = _joint_order(tail)
        if order is None:
            return Finding(
                "found", f"{name}: the {split} split; it does not end with its order of joints, COCO's is taken"
            )
        labels = {entry.joint: entry.label for entry in keypoint_maps.MAPS[self.joint_map]}
        if order != [labels[joint] for joint in range(_JOINTS)]:
            return Finding("odd", f"{name} must have COCO's order of joints. Received: {', '.join(order)}")
        return Finding("found", f"{name}: the {split} split, COCO's order of {_JOINTS} joints, pixels from 0")


def _items(path: pathlib.Path, array: str) -> Iterator[Any]:
    """Elements of one of a file's arrays, one at a time."""
    import ijson

    with open(path, "rb") as file:
        yield from ijson.items(file, f"{array}.item", use_float=True)


def _joints(annotation: dict[str, Any]) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Places [17, 2], labelled [17] and visible [17] of an annotation; None if it is no person with labels.

    Raises:
        AttributeError, TypeError, ValueError: the annotation or its keypoints are damaged.
    """
    if annotation.get("iscrowd"):
        return None
    keypoints = np.array(annotation.get("keypoints"), np.float64).reshape(_JOINTS, 3)
    states = keypoints[:, 2]
    if not np.all(np.isin(states, (0, 1, 2))):
        raise ValueError("v is none of 0, 1 and 2")
    if not states.any():
        return None
    return keypoints[:, :2], states > 0, states == 2


def _ends(path: pathlib.Path) -> tuple[bytes, bytes]:
    with open(path, "rb") as file:
        head = file.read(_HEAD)
        size = file.seek(0, io.SEEK_END)
        file.seek(max(0, size - _TAIL))
        return head, file.read()


def _first_image(head: bytes) -> bool:
    """Whether a file's beginning holds an image with an id and a name."""
    import ijson

    try:
        image = next(ijson.items(io.BytesIO(head), "images.item"), None)
    except ijson.JSONError:
        return False
    return isinstance(image, dict) and {"id", "file_name"} <= set(image)


def _joint_order(tail: bytes) -> list[str] | None:
    """Names of the joints in the categories that a file ends with."""
    _, found, categories = tail.rpartition(b'"categories"')
    try:
        return json.loads(b'{"categories"' + categories)["categories"][0]["keypoints"] if found else None
    except (ValueError, LookupError, TypeError):
        return None
