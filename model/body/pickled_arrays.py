"""Arrays out of the inert records of `model.body.unpickle`: dense, sparse and chumpy's.

Every size is compared with what is there before anything is made, and sparse matrices are made dense here, so that no
compiled code sees an index or a shape that has not been checked.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from model.body.unpickle import Kind, Record, shown
from model.errors import BodyFileError

MAX_CELLS = 2**26  # of a sparse matrix made dense: 0.5 GB, some hundred times a joint regressor
_MAX_DIMENSIONS = 8
_MAX_NESTING = 8
_NUMBERS = {f"{kind}{size}" for kind in "iu" for size in (1, 2, 4, 8)} | {"f2", "f4", "f8"}


def to_array(value: Any) -> np.ndarray:
    """The numbers that a pickled value stands for.

    Args:
        value: a `Record` of a NumPy array, of a SciPy CSC, CSR or COO matrix, or of chumpy's `Ch` (its `x`) or `Select`
            (`a.ravel()[idxs]` in `preferred_shape`).

    Raises:
        BodyFileError: it is something else, holds other than real numbers, or does not fit together.
    """
    try:
        return _array(value, 0)
    except BodyFileError:
        raise
    except Exception as error:  # the file says what is read and in what order: any step can meet anything
        raise BodyFileError(
            f"A whole pickled array is needed. Received: {shown(value)} ({type(error).__name__}: {str(error)[:80]})"
        ) from error


def _array(value: Any, depth: int) -> np.ndarray:
    if type(value) is not Record or depth > _MAX_NESTING:
        raise BodyFileError(f"A pickled array is needed. Received: {shown(value)}")
    match value.made_by.kind:
        case Kind.ARRAY:
            # (version, shape, dtype, in Fortran order, bytes), without the version in the oldest files
            shape, dtype, fortran, data = value.state[-4:]
            return _from_bytes(data, _dtype(dtype), _shape(shape), "F" if fortran is True or fortran == 1 else "C")
        case Kind.BUFFER:
            data, dtype, shape, order = value.args
            return _from_bytes(data, _dtype(dtype), _shape(shape), "F" if order == "F" else "C")
        case Kind.CSC | Kind.CSR | Kind.COO:
            return _dense(value.made_by.kind, value.state, depth)
        case Kind.CHUMPY:
            return _chumpy_value(value, depth)
        case _:
            raise BodyFileError(f"A pickled array is needed. Received: {shown(value)}")


def _from_bytes(data: Any, dtype: np.dtype, shape: tuple[int, ...], order: Any) -> np.ndarray:
    content = data.encode("latin-1") if isinstance(data, str) else data
    if not isinstance(content, bytes | bytearray) or len(content) != math.prod(shape) * dtype.itemsize:
        raise BodyFileError(f"An array of shape {shape} and dtype {dtype} needs its bytes. Received: {shown(data)}")
    return np.frombuffer(content, dtype).reshape(shape, order=order)


def _dtype(value: Any) -> np.dtype:
    """(version, byte order, None, None, None, ...): the three are what structured dtypes would have."""
    if type(value) is not Record or value.made_by.kind is not Kind.DTYPE or not isinstance(value.args[0], str):
        raise BodyFileError(f"An array names its dtype. Received: {shown(value)}")
    if value.args[0] not in _NUMBERS:
        raise BodyFileError(f"Arrays hold integers or floats. Received: dtype {value.args[0][:80]!a}")
    if value.state[1] not in ("<", ">", "|", "=") or value.state[2:5] != (None, None, None):
        raise BodyFileError("Arrays hold plain numbers. Received: a structured dtype")
    return np.dtype(value.state[1] + value.args[0])


def _whole(value: Any) -> int:
    """A size: Python's int, or NumPy's."""
    if type(value) is Record and value.made_by.kind is Kind.SCALAR:
        dtype, data = value.args
        value = _from_bytes(data, _dtype(dtype), (), "C").item()
    if type(value) is not int or not 0 <= value < 2**40:
        raise BodyFileError(f"Sizes are whole numbers. Received: {shown(value)}")
    return value


def _shape(value: Any) -> tuple[int, ...]:
    if not isinstance(value, tuple | list) or len(value) > _MAX_DIMENSIONS:
        raise BodyFileError(f"The shape of an array is a tuple. Received: {shown(value)}")
    return tuple(_whole(size) for size in value)


def _chumpy_value(value: Record, depth: int) -> np.ndarray:
    """What chumpy's `.r` gives for the two classes that SMPL's releases hold (chumpy's ch.py and reordering.py)."""
    state = value.state
    match value.made_by.name.rpartition(".")[2]:
        case "Ch":
            return _array(state["x"], depth + 1)
        case "Select":
            flat, index = _array(state["a"], depth + 1).ravel(), _array(state["idxs"], depth + 1)
            _check_indices(index, flat.size)
            picked = flat[index.astype(np.int64)]
            return picked.reshape(_shape(state["preferred_shape"])) if "preferred_shape" in state else picked
        case _:
            raise BodyFileError(f"Chumpy's Ch and Select are known to hold arrays. Received: {shown(value)}")


def _dense(kind: Kind, state: dict[str, Any], depth: int) -> np.ndarray:
    shape = _shape(state["_shape"])
    if len(shape) != 2 or math.prod(shape) > MAX_CELLS:
        raise BodyFileError(f"A sparse matrix has two dimensions and at most {MAX_CELLS} cells. Received: {shape}")
    data = _array(state["data"], depth + 1)
    if kind is Kind.COO:
        stored = state["coords"] if "coords" in state else (state["row"], state["col"])
        row, column = (_array(axis, depth + 1) for axis in stored)
    else:
        minor, starts = _array(state["indices"], depth + 1), _array(state["indptr"], depth + 1)
        lines = shape[1] if kind is Kind.CSC else shape[0]
        _check_indices(starts, minor.size + 1)
        counts = np.diff(starts.astype(np.int64))
        if len(counts) != lines or (counts < 0).any():
            raise BodyFileError(
                f"A compressed matrix has a run of values for each of its {lines} lines. Received: others"
            )
        major = np.repeat(np.arange(lines), counts)
        row, column = (minor, major) if kind is Kind.CSC else (major, minor)
    if not row.shape == column.shape == data.shape or data.ndim != 1:
        raise BodyFileError(f"A sparse matrix has as many indices as values. Received: {row.shape} for {data.shape}")
    _check_indices(row, shape[0])
    _check_indices(column, shape[1])
    dense = np.zeros(shape, data.dtype.newbyteorder("="))
    np.add.at(dense, (row.astype(np.int64), column.astype(np.int64)), data)
    return dense


def _check_indices(index: np.ndarray, size: int) -> None:
    if index.dtype.kind not in "iu" or index.ndim != 1 or (index.size and not 0 <= index.min() <= index.max() < size):
        raise BodyFileError(f"Indices are whole numbers below {size}. Received: others")
