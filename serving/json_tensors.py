"""Tensors as JSON, in the encoding of TensorFlow Serving's REST API.

Numbers and booleans are JSON's own, NaN and Infinity as the bare tokens that Python's json writes. A byte string is
{"b64": "<base64>"}; text may also be a plain JSON string, taken as UTF-8. String tensors are object arrays of bytes.
"""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

# The tensor types that the REST API carries, by the names that a model's metadata gives them.
DTYPES = {
    "DT_BOOL": np.dtype(np.bool_),
    "DT_STRING": np.dtype(object),
    "DT_INT8": np.dtype(np.int8),
    "DT_UINT8": np.dtype(np.uint8),
    "DT_INT16": np.dtype(np.int16),
    "DT_INT32": np.dtype(np.int32),
    "DT_UINT32": np.dtype(np.uint32),
    "DT_INT64": np.dtype(np.int64),
    "DT_UINT64": np.dtype(np.uint64),
    "DT_HALF": np.dtype(np.float16),
    "DT_FLOAT": np.dtype(np.float32),
    "DT_DOUBLE": np.dtype(np.float64),
}


def is_base64(value: Any) -> bool:
    """Whether a JSON value is one byte string: {"b64": "..."} and nothing beside it."""
    return isinstance(value, dict) and list(value) == ["b64"] and isinstance(value["b64"], str)


def to_json(array: np.ndarray, binary: bool) -> Any:
    """Nested lists (or one value, for rank 0) of an array of any shape.

    Args:
        array: numbers, booleans, or strings (object, `S` or `U` arrays of bytes or str).
        binary: write every string as {"b64": ...}; otherwise only those that are not UTF-8, which JSON cannot hold.

    Raises:
        ValueError: the array's type has no JSON form, or an object array holds other things than strings.
    """
    if array.dtype.kind in "OSU":
        encoded = np.empty(array.size, object)
        encoded[:] = [_string_to_json(item, binary) for item in array.ravel().tolist()]
        return encoded.reshape(array.shape).tolist()
    if array.dtype not in DTYPES.values():
        raise ValueError(f"A tensor for JSON holds numbers, booleans or strings. Received: type {array.dtype}")
    return array.tolist()


def from_json(value: Any, dtype: np.dtype) -> np.ndarray:
    """Array of nested lists (or one value): the shape is the nesting's, the type is `dtype`.

    Args:
        value: what json.loads gave.
        dtype: one of DTYPES' types; object stands for byte strings.

    Raises:
        ValueError: ragged lists, a value of another type, one that does not fit the type, or base64 that is none.
    """
    items, shape = _flatten(value)
    if dtype.kind == "O":
        flat = np.empty(len(items), object)
        flat[:] = [_string_from_json(item) for item in items]
    else:
        flat = _numbers(items, dtype)
    return flat.reshape(shape)


def _string_to_json(item: bytes | str, binary: bool) -> Any:
    data = item.encode() if isinstance(item, str) else item
    if not isinstance(data, bytes):
        raise ValueError(f"A string tensor holds bytes or str. Received: {_brief(item)}")
    if not binary:
        try:
            return data.decode()
        except UnicodeDecodeError:
            pass
    return {"b64": base64.b64encode(data).decode("ascii")}


def _string_from_json(item: Any) -> bytes:
    if isinstance(item, str):
        return item.encode()
    if is_base64(item):
        return base64.b64decode(item["b64"], validate=True)
    raise ValueError(f'A string tensor holds strings or {{"b64": "<base64>"}} objects. Received: {_brief(item)}')


def _flatten(value: Any) -> tuple[list, tuple[int, ...]]:
    """Leaves in row-major order, and the shape; what nests deeper than the first leaf is left in as a wrong leaf."""
    items, shape = [value], []
    while items and isinstance(items[0], list):
        size = len(items[0])
        odd = next((item for item in items if not isinstance(item, list) or len(item) != size), None)
        if odd is not None:
            raise ValueError(f"A tensor's lists have one length at each level ({size} here). Received: {_brief(odd)}")
        shape.append(size)
        items = [inner for item in items for inner in item]
    return items, tuple(shape)


_JSON_TYPES: dict[str, set[type]] = {"b": {bool}, "i": {int}, "u": {int}, "f": {int, float}}


def _numbers(items: list, dtype: np.dtype) -> np.ndarray:
    accepted = _JSON_TYPES[dtype.kind]
    if not set(map(type, items)) <= accepted:
        odd = next(item for item in items if type(item) not in accepted)
        raise ValueError(f"A value of type {dtype} is wanted. Received: {_brief(odd)}")
    if items and dtype.kind in "iu":
        bounds = np.iinfo(dtype)
        for value in (min(items), max(items)):
            if not bounds.min <= value <= bounds.max:
                raise ValueError(f"A value within the range of {dtype} is wanted. Received: {_brief(value)}")
    if dtype.kind != "f":
        return np.array(items, dtype)
    try:
        wide = np.array(items, np.float64)
    except OverflowError as error:  # an integer of more than 308 digits
        raise ValueError(f"A value within the range of {dtype} is wanted. Received: {error}") from error
    with np.errstate(over="ignore"):
        narrow = wide.astype(dtype)
    lost = np.isinf(narrow) & np.isfinite(wide)
    if lost.any():
        raise ValueError(f"A value within the range of {dtype} is wanted. Received: {wide[lost][0]}")
    return narrow


def _brief(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
