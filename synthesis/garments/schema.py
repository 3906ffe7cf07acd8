"""Which JSON trees are sewing patterns: keys and kinds; what is wrong is named by its place in the tree."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from synthesis.garments.expressions import PatternError

LIMBS = ("torso", "left_arm", "right_arm", "left_leg", "right_leg")
SIDES = ("front", "back", "whole")
# What each limb's placement can wrap.
SIDES_OF = {"torso": ("front", "back"), "arm": ("whole",), "leg": ("front", "back")}
MAX_LAYER = 3
MAX_GATHER = 3.0

_Check = Callable[[Any, str], None]


class _Misshapen(Exception):
    """Its arguments are the place, what was wanted, and what was there."""


def check(name: str, tree: Any) -> None:
    """Checks the tree of one pattern file.

    Raises:
        PatternError: with the pattern's name and the place in the tree.
    """
    try:
        _pattern(tree, "")
    except _Misshapen as error:
        place, wanted, received = error.args
        raise PatternError(
            f"Pattern {name!r}: {place.lstrip('.') or 'the file'} must be {wanted}. Received: {_shown(received)}"
        ) from None


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _object(required: dict[str, _Check], optional: dict[str, _Check]) -> _Check:
    def run(value: Any, place: str) -> None:
        if not isinstance(value, dict):
            raise _Misshapen(place, f"an object with {', '.join(required)}", value)
        missing = [key for key in required if key not in value]
        if missing:
            raise _Misshapen(place, f"an object with {', '.join(required)}", f"no {', '.join(missing)}")
        known = {**required, **optional}
        for key, item in value.items():
            if key not in known:
                raise _Misshapen(place, f"an object of {', '.join(known)} only", key)
            known[key](item, f"{place}.{key}")

    return run


def _mapping(item: _Check, at_least: int = 0) -> _Check:
    def run(value: Any, place: str) -> None:
        if not isinstance(value, dict) or len(value) < at_least:
            raise _Misshapen(place, f"an object with at least {at_least} names", value)
        for key, inner in value.items():
            if not key.isidentifier():
                raise _Misshapen(place, "an object whose names are letters, digits and _", key)
            item(inner, f"{place}.{key}")

    return run


def _list(item: _Check, least: int = 0, most: int = 10_000) -> _Check:
    def run(value: Any, place: str) -> None:
        if not isinstance(value, list) or not least <= len(value) <= most:
            count = str(least) if least == most else f"{least} or more"
            raise _Misshapen(place, f"a list of {count}", value)
        for k, inner in enumerate(value):
            item(inner, f"{place}[{k}]")

    return run


def _number(low: float, high: float, whole: bool = False) -> _Check:
    def run(value: Any, place: str) -> None:
        kinds = (int,) if whole else (int, float)
        if not isinstance(value, kinds) or isinstance(value, bool) or not low <= value <= high:
            raise _Misshapen(place, f"a {'whole ' if whole else ''}number from {low:g} to {high:g}", value)

    return run


def _text(value: Any, place: str) -> None:
    if not isinstance(value, str) or not value:
        raise _Misshapen(place, "text", value)


def _expression(value: Any, place: str) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e6
    if not (number and math.isfinite(value)) and not (isinstance(value, str) and value.strip()):
        raise _Misshapen(place, "a number or an expression in quotes", value)


def _one_of(*words: str) -> _Check:
    def run(value: Any, place: str) -> None:
        if not isinstance(value, str) or value not in words:
            raise _Misshapen(place, f"one of {', '.join(words)}", value)

    return run


def _coordinate(value: Any, place: str) -> None:
    _list(_expression, 2, 2)(value, place)


def _point(value: Any, place: str) -> None:
    if isinstance(value, str):
        _text(value, place)
    else:
        _coordinate(value, place)


def _seam(value: Any, place: str) -> None:
    pair = _list(_text, 2, 2)
    if isinstance(value, dict):
        _object({"edges": pair}, {"gather": _number(1.0, MAX_GATHER)})(value, place)
    else:
        pair(value, place)


_dart = _object({"edge": _text, "at": _expression, "width": _expression, "depth": _expression}, {})
_mirror = _object({"mirror_of": _text}, {})
_drawn = _object(
    {"around": _one_of(*LIMBS), "side": _one_of(*SIDES), "edges": _mapping(_list(_point, 2, 200), at_least=2)},
    {"points": _mapping(_coordinate), "darts": _list(_dart, 0, 20), "apex": _coordinate},
)


def _panel(value: Any, place: str) -> None:
    if isinstance(value, dict) and "mirror_of" in value:
        _mirror(value, place)
        return
    _drawn(value, place)
    sides = SIDES_OF[value["around"].split("_")[-1]]
    if value["side"] not in sides:
        raise _Misshapen(f"{place}.side", f"one of {', '.join(sides)} around the {value['around']}", value["side"])


_fit = _object(
    {
        "variable": _text,
        "between": _list(_expression, 2, 2),
        "edges": _list(_text, 1),
        "match": _list(_text, 1),
    },
    {"ratio": _number(0.1, 10.0)},
)
_elastic = _object({"edges": _list(_text, 1), "length": _expression}, {})
_pattern = _object(
    {
        "layer": _number(0, MAX_LAYER, whole=True),
        "top": _expression,
        "panels": _mapping(_panel, at_least=1),
        "seams": _list(_seam),
    },
    {
        "title": _text,
        "about": _text,
        "variables": _mapping(_expression),
        "fits": _list(_fit),
        "attached": _list(_text),
        "elastics": _list(_elastic),
    },
)
