"""Where the markers of a set sit on a body, said by anatomy, so that bodies of any topology can carry them.

A marker set is a JSON file:

    {"name": "mine", "source": "who wears it", "markers": {
      "LKNE": {"mirror": "RKNE", "origin": {"L_knee": 1}, "direction": [1, 0, 0], "distance_mm": 9.5,
               "distance_spread_mm": 3, "spread_mm": 20}}}

From `origin`, a weighted mean of joints and keypoints of the body in its T-pose, a ray along `direction` (x to the
body's left, y up, z forward) leaves the skin where the marker sits; the marker's centre is `distance_mm` above the
skin. `spread_mm` says how far markers of this name are put from there (standard deviation), `distance_spread_mm` the
same for the distance. `mirror` names the marker on the other side, which is not written. The numbers after `direction`
have defaults.
"""

from __future__ import annotations

import dataclasses
import json
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from model.conventions import JOINTS, KEYPOINTS
from model.errors import MotionError

FOLDER = pathlib.Path(__file__).parent / "marker_sets"
DEFAULT = "cmu41"
# What an origin is made of: joints, and those keypoints that are no joints.
ANCHORS = (*JOINTS, *(name for name in KEYPOINTS if name not in JOINTS))
_FIELDS = {"mirror", "origin", "direction", "distance_mm", "distance_spread_mm", "spread_mm"}


@dataclasses.dataclass(frozen=True)
class Placement:
    """Where one marker sits on a body in its T-pose.

    Attributes:
        label: the marker's name.
        origin: weights of ANCHORS, which sum to 1.
        direction: from the origin through the skin; x to the body's left, y up, z forward.
        distance: of the marker's centre from the skin, metres; 9.5 mm in Loper et al. 2014.
        distance_spread: standard deviation of the distance, metres.
        spread: standard deviation of the place, metres.
    """

    label: str
    origin: Mapping[str, float]
    direction: tuple[float, float, float]
    distance: float = 0.0095
    distance_spread: float = 0.003
    spread: float = 0.02

    def mirrored(self, label: str) -> Placement:
        """The marker on the body's other side."""
        swap = {"L": "R", "R": "L"}
        origin = {swap[a[0]] + a[1:] if a[1] == "_" else a: weight for a, weight in self.origin.items()}
        x, y, z = self.direction
        return dataclasses.replace(self, label=label, origin=origin, direction=(-x, y, z))


@dataclasses.dataclass(frozen=True)
class MarkerSet:
    """Labels and places of the markers that a person wears."""

    name: str
    placements: tuple[Placement, ...]

    def worn(self, labels: tuple[str, ...], source: str) -> MarkerSet:
        """Those markers of the set that a file has, in the set's order; letters' case does not matter.

        Args:
            labels: of the file, upper case.
            source: the file, for messages.

        Raises:
            MotionError: fewer than half of the set's markers are there.
        """
        known = tuple(p for p in self.placements if p.label in labels)
        if len(known) < max(len(self.placements) / 2, 1):
            missing = ", ".join(p.label for p in self.placements if p.label not in labels)
            raise MotionError(
                f"At least half of the markers of the set {self.name} are needed; missing are {missing}. "
                f"Received: {source} with the labels {', '.join(labels)}"
            )
        return MarkerSet(self.name, known)


def load_marker_set(name: str | pathlib.Path = DEFAULT) -> MarkerSet:
    """Loads a marker set.

    Args:
        name: "cmu41", or the path of a JSON file as the module's text describes it.

    Raises:
        MotionError: there is no such set, or the file does not follow the format.
    """
    path = FOLDER / f"{name}.json"
    if not path.is_file():
        path = pathlib.Path(name)
    try:
        stored = json.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        known = ", ".join(sorted(file.stem for file in FOLDER.glob("*.json")))
        raise MotionError(f"A marker set is one of {known} or a JSON file. Received: {name} ({error})") from error
    try:
        return _parse(stored, path)
    except (KeyError, TypeError, ValueError) as error:
        raise MotionError(
            f"A marker set has a name and markers with origin and direction. Received: {path}: {error}"
        ) from error


def _parse(stored: Any, path: pathlib.Path) -> MarkerSet:
    placements: dict[str, Placement] = {}
    for label, entry in stored["markers"].items():
        placement = _placement(label.upper(), entry)
        both = [placement]
        if "mirror" in entry:
            both.append(placement.mirrored(entry["mirror"].upper()))
        for one in both:
            if one.label in placements:
                raise ValueError(f"marker {one.label} twice")
            placements[one.label] = one
    if not placements:
        raise ValueError("no markers")
    return MarkerSet(str(stored.get("name", path.stem)), tuple(placements.values()))


def _placement(label: str, entry: Any) -> Placement:
    unknown = set(entry) - _FIELDS
    if unknown:
        raise ValueError(f"{label} with the fields {', '.join(sorted(unknown))}, which none of {sorted(_FIELDS)} is")
    origin = {str(anchor): float(weight) for anchor, weight in entry["origin"].items()}
    strangers = set(origin) - set(ANCHORS)
    if strangers or abs(sum(origin.values()) - 1) > 1e-6:
        raise ValueError(
            f"{label} with the origin {origin}; its names are of {', '.join(ANCHORS)}, its weights sum to 1"
        )
    direction = tuple(float(x) for x in entry["direction"])
    if len(direction) != 3 or not 0 < np.linalg.norm(direction) < np.inf:
        raise ValueError(f"{label} with the direction {direction}, which has no three numbers or no length")
    metres = {
        name.removesuffix("_mm"): float(entry[name]) / 1000
        for name in ("distance_mm", "distance_spread_mm", "spread_mm")
        if name in entry
    }
    if not all(0 < value < 1 for value in metres.values()):
        raise ValueError(f"{label} with {metres}, metres that are not between 0 and 1")
    return Placement(label, origin, direction, **metres)
