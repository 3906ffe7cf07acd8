"""What the readers of datasets of stills share."""

from __future__ import annotations

import os
import pathlib
import re

import numpy as np

from components.datasets import keypoint_maps
from components.datasets.base import Fault, Finding, PersonClip

# Pixels from the image's corner beyond which a coordinate is damage, not a joint outside of the image.
_FARTHEST = 1e5
# Share of its images from which on a folder counts as whole: datasets name a few that they do not have.
_WHOLE = 0.99


def person(
    joint_map: str,
    places: np.ndarray,
    labelled: np.ndarray,
    visible: np.ndarray,
    *,
    clip_id: str,
    split: str,
    source: str,
    media: str,
) -> PersonClip | Fault:
    """A clip of one frame from one person's joints.

    Args:
        joint_map: key of keypoint_maps.MAPS.
        places: [J, 2] pixels x, y in the dataset's order, pixel centres at whole numbers from 0. Those of joints that
            are not labelled may be anything.
        labelled: bool [J], whether a joint has a place.
        visible: bool [J], whether it can be seen there; labelled ones alone can.
        clip_id: as in PersonClip; so are split, source and media.
        split: "train" or "eval".
        source: name of the dataset.
        media: image, relative to the dataset's root.

    Returns:
        A Fault if a labelled place is none.
    """
    if not np.all(np.abs(places[labelled]) < _FARTHEST):
        return Fault(clip_id, "the coordinates of a labelled joint are no place in an image")
    joints = np.zeros((1, len(places), 3), np.float32)
    joints[0, labelled, :2] = places[labelled]
    joints[0, :, 2] = visible
    keypoints2d, _ = keypoint_maps.map_joints(joint_map, joints)
    return PersonClip(clip_id=clip_id, split=split, source=source, media=media, keypoints2d=keypoints2d)


def file_id(name: str) -> str:
    """The part of a clip id that stands for an image: its name without ending, odd characters replaced."""
    return re.sub(r"[^A-Za-z0-9_-]", "-", pathlib.PurePosixPath(name).stem)


def images_finding(root: pathlib.Path, folder: str, expected: int, page: str) -> Finding:
    """How many images a folder holds, from its listing alone.

    Args:
        root: the dataset's.
        folder: relative to it.
        expected: images that the annotations name.
        page: where the dataset is.
    """
    try:
        with os.scandir(root / folder) as entries:
            count = sum(entry.name.lower().endswith((".jpg", ".jpeg", ".png")) for entry in entries)
    except OSError:
        return missing(f"{folder}/ with {expected} images", page)
    if count == 0:
        return missing(f"{folder}/ holds no images; {expected} are wanted", page)
    state = "found" if count >= _WHOLE * expected else "odd"
    return Finding(state, f"{folder}/: {count} images of {expected}")


def missing(what: str, page: str) -> Finding:
    """Something that is not there, and where its owners give it out."""
    return Finding(
        "missing", f"{what}. It comes from {page}, where its licence is to be accepted; nothing is downloaded"
    )
