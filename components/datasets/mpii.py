"""MPII Human Pose (Andriluka et al. 2014): the official annotations, or the conversion to JSON that many models use."""

from __future__ import annotations

import collections
import pathlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from components.datasets import matlab_structs, stills
from components.datasets.base import DatasetError, Fault, Finding, PersonClip, ReaderSettings

_JOINTS = 16
# Entries of annolist; a few have no image in the archive.
_IMAGES = 24987
_MAT = "mpii_human_pose_v1_u12_1.mat"
# As the archive unpacks, and where the public models want it.
_MATS = (_MAT, f"mpii_human_pose_v1_u12_2/{_MAT}", f"annot/{_MAT}", f"annotations/{_MAT}")
# The split of the official train part that is in common use (Tompson et al. 2015), as HRNet and mmpose name its files.
_CONVERSIONS = {
    "train": ("annot/train.json", "annotations/mpii_train.json"),
    "eval": ("annot/valid.json", "annotations/mpii_val.json"),
}


class MPII:
    """MPII: about 25,000 images with 40,000 people, several of them in one image; each is a clip.

    The official file wins where both layouts are there: it alone says which joints are hidden. The images of the
    conversion's val file are then its eval split; without that file all of it is the train split. The official test
    part has no public joints and gives nothing, and nor do people of whom nobody labelled a joint. Pixels are MATLAB's,
    from 1, in both layouts.
    """

    name = "mpii"
    page = "http://human-pose.mpi-inf.mpg.de/#download"
    joint_map = "mpii"

    def __init__(self, root: pathlib.Path, settings: ReaderSettings):
        self._root = pathlib.Path(root)

    def check(self) -> Iterator[Finding]:
        """Which layout is there, how large its parts are, and how many images there are."""
        mat = self._first(_MATS)
        if mat is not None:
            yield self._mat_finding(mat)
        for split, names in _CONVERSIONS.items():
            path = self._first(names)
            if path is not None:
                yield self._conversion_finding(split, path, mat is not None)
            elif mat is None:
                yield stills.missing(f"neither {_MAT} nor a conversion ({' or '.join(names)})", self.page)
            elif split == "eval":
                yield Finding("odd", f"no eval split: {names[0]} would say which images are its own; all are train")
        yield stills.images_finding(self._root, "images", _IMAGES, self.page)

    def clips(self) -> Iterator[PersonClip | Fault]:
        """People in the order of the annotations."""
        mat = self._first(_MATS)
        if mat is not None:
            yield from self._official(mat)
            return
        paths = {split: path for split, names in _CONVERSIONS.items() if (path := self._first(names)) is not None}
        if not paths:
            raise DatasetError(f"{self._root} must hold {_MAT} or annot/train.json. Received: neither")
        any_read = False
        for split, path in paths.items():
            for result in self._converted(path, split):
                any_read |= isinstance(result, PersonClip)
                yield result
        if not any_read:
            raise DatasetError(f"{self._root} must hold people in MPII's layout. Received: none that can be read")

    def _first(self, names: tuple[str, ...]) -> pathlib.Path | None:
        return next((path for name in names if (path := self._root / name).is_file()), None)

    def _official(self, mat: pathlib.Path) -> Iterator[PersonClip | Fault]:
        in_train = np.atleast_1d(matlab_structs.value(mat, "RELEASE", "img_train")) == 1
        eval_images = self._eval_images()
        images = matlab_structs.elements(mat, "RELEASE", "annolist")
        try:
            # An image that img_train does not reach to is of no known part.
            for number, (image, known) in enumerate(zip(images, in_train, strict=False)):
                if known:
                    yield from self._official_image(image, f"{mat.name} annolist({number + 1})", eval_images)
        except DatasetError:
            yield Fault(mat.name, "the file is damaged: people behind the damage are lost")

    def _official_image(self, image: dict[str, Any], item: str, eval_images: set[str]) -> Iterator[PersonClip | Fault]:
        try:
            name = image["image"][0]["name"]
            image_id = stills.file_id(name)
            people = _structs(image["annorect"])
        except (LookupError, TypeError):
            yield Fault(item, "the image has no name or no people")
            return
        split = "eval" if name in eval_images else "train"
        for index, rect in enumerate(people):
            clip_id = f"{self.name}_{image_id}_{index}"
            try:
                joints = _official_joints(rect)
            except (LookupError, TypeError, ValueError):
                yield Fault(clip_id, "a joint has no id from 0 to 15 or no place")
                continue
            if joints is not None:
                yield self._person(*joints, clip_id=clip_id, split=split, name=name)

    def _eval_images(self) -> set[str]:
        """Names of the images of the conversion's val file; none without such a file.

        Raises:
            DatasetError: the file is damaged: images of the eval split would end in the train split.
        """
        import ijson

        path = self._first(_CONVERSIONS["eval"])
        if path is None:
            return set()
        try:
            return {entry["image"] for entry in _entries(path)}
        except (ijson.JSONError, LookupError, TypeError) as error:
            raise DatasetError(
                f"{path} must name the images of the eval split, or not be there. Received: {error}"
            ) from error

    def _converted(self, path: pathlib.Path, split: str) -> Iterator[PersonClip | Fault]:
        import ijson

        people: collections.Counter[str] = collections.Counter()
        try:
            for number, entry in enumerate(_entries(path)):
                try:
                    name = entry["image"]
                    clip_id = f"{self.name}_{stills.file_id(name)}_{people[name]}"
                    people[name] += 1
                    places = np.array(entry["joints"], np.float64).reshape(_JOINTS, 2)
                    # 1: labelled, be it hidden or not. Places of others are (-1, -1), which labelled ones may be too.
                    labelled = np.array(entry["joints_vis"], np.float64).reshape(_JOINTS) > 0
                except (LookupError, TypeError, ValueError):
                    yield Fault(f"{path.name} [{number}]", "no person with an image, 16 joints and joints_vis")
                    continue
                if labelled.any():
                    yield self._person(places, labelled, labelled, clip_id=clip_id, split=split, name=name)
        except ijson.JSONError:
            yield Fault(path.name, "the JSON is damaged: people behind the damage are lost")

    def _person(self, places, labelled, visible, *, clip_id: str, split: str, name: str) -> PersonClip | Fault:
        return stills.person(
            self.joint_map,
            places - 1.0,
            labelled,
            visible,
            clip_id=clip_id,
            split=split,
            source=self.name,
            media=f"images/{name}",
        )

    def _mat_finding(self, mat: pathlib.Path) -> Finding:
        try:
            in_train = np.atleast_1d(matlab_structs.value(mat, "RELEASE", "img_train")) == 1
        except DatasetError as error:
            return Finding("odd", str(error))
        count = int(np.sum(in_train))
        return Finding(
            "found",
            f"{mat.relative_to(self._root)}: the official layout, pixels from 1; {count} images of the train part, "
            f"{len(in_train) - count} of the test part, whose joints are not public: they give nothing",
        )

    def _conversion_finding(self, split: str, path: pathlib.Path, has_mat: bool) -> Finding:
        import ijson

        name = path.relative_to(self._root)
        try:
            entry = next(_entries(path))
            shape = np.shape(entry["joints"])
        except (StopIteration, ijson.JSONError, LookupError, TypeError, ValueError) as error:
            return Finding("odd", f"{name} must be a list of people. Received: {type(error).__name__}: {error}")
        if shape != (_JOINTS, 2):
            return Finding("odd", f"{name} must have {_JOINTS} joints of x, y. Received: {list(shape)}")
        if has_mat:
            use = "its images are the eval split" if split == "eval" else f"not used, since {_MAT} is there"
        else:
            use = f"the {split} split, pixels from 1; it does not say which joints are hidden"
        return Finding("found", f"{name}: {use}")


def _entries(path: pathlib.Path) -> Iterator[Any]:
    """Entries of a conversion, one at a time."""
    import ijson

    with open(path, "rb") as file:
        yield from ijson.items(file, "item", use_float=True)


def _structs(value: Any) -> list[dict[str, Any]]:
    """A struct array, which MATLAB writes as an empty matrix where there is nothing."""
    return value if isinstance(value, list) else []


def _official_joints(rect: dict[str, Any]) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Places [16, 2], labelled [16] and visible [16] of one of annorect's; None if no joint is labelled.

    `is_visible` is a number or a digit as text. Where it is empty or not there at all, which is usual for head top and
    upper neck, the joint counts as visible, as most are.

    Raises:
        LookupError, TypeError, ValueError: a joint is damaged.
    """
    points = [point for annopoints in _structs(rect.get("annopoints")) for point in _structs(annopoints.get("point"))]
    if not points:
        return None
    places = np.zeros((_JOINTS, 2))
    labelled, visible = np.zeros(_JOINTS, bool), np.zeros(_JOINTS, bool)
    for point in points:
        joint = int(point["id"])
        if joint < 0:
            raise ValueError(joint)
        places[joint] = float(point["x"]), float(point["y"])
        labelled[joint] = True
        flag = point.get("is_visible", "")
        visible[joint] = np.size(flag) == 0 or flag == "" or int(flag) == 1
    return places, labelled, visible
