"""Nested structs in MATLAB 5 files, one element of a struct array at a time.

SciPy builds a whole variable, which for MPII's annotations is 400 MB of small objects and the wait for them before
anything else; this reads the same bytes as a stream. Layout: "MAT-File Format", The MathWorks. Little-endian files
only, as MATLAB writes them on all machines of today.
"""

from __future__ import annotations

import contextlib
import math
import pathlib
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from components.datasets.base import DatasetError

_HEADER = 128
_CHUNK = 1 << 16
# Types of data elements and classes of matrices, by their numbers in the format.
_MATRIX, _COMPRESSED = 14, 15
_CELL, _STRUCT, _CHAR = 1, 2, 4
_NUMBERS = {1: "<b", 2: "<B", 3: "<h", 4: "<H", 5: "<i", 6: "<I", 7: "<f", 9: "<d", 12: "<q", 13: "<Q"}
_TEXTS = {1: "latin-1", 2: "latin-1", 4: "utf-16-le", 16: "utf-8", 17: "utf-16-le", 18: "utf-32-le"}
_NUMERIC_CLASSES = range(6, 16)


class _Stream:
    """Bytes of one variable, inflated as they are asked for."""

    def __init__(self, file, size: int, compressed: bool):
        self._file, self._left = file, size
        self._inflate = zlib.decompressobj() if compressed else None
        self._ready = bytearray()

    def _fill(self) -> None:
        data = self._file.read(min(_CHUNK, self._left))
        if not data:
            raise EOFError
        self._left -= len(data)
        self._ready += self._inflate.decompress(data) if self._inflate else data

    def read(self, size: int) -> bytes:
        while len(self._ready) < size:
            self._fill()
        data = bytes(self._ready[:size])
        del self._ready[:size]
        return data

    def skip(self, size: int) -> None:
        while size > len(self._ready):
            size -= len(self._ready)
            self._ready.clear()
            self._fill()
        del self._ready[:size]

    def element(self) -> tuple[int, bytes]:
        """Type and data of the next element, which is not a matrix."""
        head = self.read(8)
        kind, size = struct.unpack("<II", head)
        if kind >> 16:
            return kind & 0xFFFF, head[4 : 4 + (kind >> 16)]
        return kind, self.read(-(-size // 8) * 8)[:size]

    def matrix(self) -> int:
        """Size in bytes of the next element, which is a matrix; its content follows."""
        kind, size = struct.unpack("<II", self.read(8))
        if kind != _MATRIX:
            raise ValueError(f"a matrix was wanted, not an element of type {kind}")
        return size

    def struct_array(self) -> tuple[bytes, int, list[str]]:
        """Name, number of elements and fields of the next matrix, which is a struct array; their values follow."""
        self.matrix()
        _, flags = self.element()
        _, shape = self.element()
        _, name = self.element()
        if flags[0] != _STRUCT:
            raise ValueError("a struct was wanted")
        _, length = self.element()
        _, fields = self.element()
        return name, _count(shape), _fields(fields, length)


def _count(shape: bytes) -> int:
    return math.prod(struct.unpack(f"<{len(shape) // 4}i", shape))


def _fields(names: bytes, length: bytes) -> list[str]:
    step = int.from_bytes(length, "little")
    return [names[i : i + step].split(b"\0")[0].decode("ascii") for i in range(0, len(names), step)]


def _element(data: bytes, at: int) -> tuple[int, int, int, int]:
    """Type, first byte, end and place of the next one of the element at a byte."""
    kind, size = struct.unpack_from("<II", data, at)
    if kind >> 16:
        return kind & 0xFFFF, at + 4, at + 4 + (kind >> 16), at + 8
    end = at + 8 + size
    if end > len(data):
        raise ValueError("an element reaches beyond its parent")
    return kind, at + 8, end, at + 8 + -(-size // 8) * 8


def _value(data: bytes, at: int, end: int) -> Any:
    """The matrix in data[at:end]: see `value`."""
    if at == end:
        return np.zeros(0)
    _, start, _, at = _element(data, at)
    kind = data[start]
    _, start, stop, at = _element(data, at)
    count = _count(data[start:stop])
    _, _, _, at = _element(data, at)
    if kind == _STRUCT:
        _, start, stop, at = _element(data, at)
        length = data[start:stop]
        _, start, stop, at = _element(data, at)
        fields = _fields(data[start:stop], length)
        values, _ = _values(data, at, count * len(fields))
        step = len(fields)
        return [dict(zip(fields, values[i * step : (i + 1) * step], strict=True)) for i in range(count)]
    if kind == _CELL:
        return _values(data, at, count)[0]
    if kind != _CHAR and kind not in _NUMERIC_CLASSES:
        raise ValueError(f"a matrix of class {kind} is not known")
    if count == 0:
        return "" if kind == _CHAR else np.zeros(0)
    stored, start, stop, _ = _element(data, at)
    if kind == _CHAR:
        return data[start:stop].decode(_TEXTS[stored])
    if count == 1:
        return struct.unpack_from(_NUMBERS[stored], data, start)[0]
    return np.frombuffer(data[start:stop], _NUMBERS[stored])


def _values(data: bytes, at: int, count: int) -> tuple[list[Any], int]:
    values = []
    for _ in range(count):
        _, start, stop, at = _element(data, at)
        values.append(_value(data, start, stop))
    return values, at


@contextlib.contextmanager
def _field(path: pathlib.Path, variable: str, field: str) -> Iterator[_Stream]:
    """The bytes from a field's matrix on, in the struct of one element that is a file's first variable."""
    # What a damaged file raises depends on the byte that is wrong: all of it means the same to the one who asks.
    damage = (EOFError, ValueError, LookupError, struct.error, zlib.error, OSError)
    try:
        with open(path, "rb") as file:
            if file.read(_HEADER)[126:128] != b"IM":
                raise ValueError("no MATLAB 5 file")
            kind, size = struct.unpack("<II", file.read(8))
            if kind == _MATRIX:
                file.seek(_HEADER)
                size += 8
            stream = _Stream(file, size, kind == _COMPRESSED)
            name, _, fields = stream.struct_array()
            if name.decode("ascii") != variable:
                raise ValueError(f"its first variable is {name!r}")
            for _ in range(fields.index(field)):
                stream.skip(stream.matrix())
            yield stream
    except damage as error:
        raise DatasetError(
            f"{path} must be a MATLAB 5 file with {variable}.{field}. Received: one that cannot be read as such "
            f"({type(error).__name__}: {error})"
        ) from error


def value(path: pathlib.Path, variable: str, field: str) -> Any:
    """One field of the struct that a file holds.

    Args:
        path: the file.
        variable: name of the struct, the file's first variable.
        field: name of the field.

    Returns:
        Structs are lists of dicts, cells lists, text str, single numbers numbers and all others flat arrays.

    Raises:
        DatasetError: the file is damaged or has no such field.
    """
    with _field(path, variable, field) as stream:
        size = stream.matrix()
        return _value(stream.read(size), 0, size)


def elements(path: pathlib.Path, variable: str, field: str) -> Iterator[dict[str, Any]]:
    """Elements of a struct array that is a field of the struct that a file holds, one at a time.

    Args:
        path: the file.
        variable: name of the struct, the file's first variable.
        field: name of the field.

    Yields:
        One element each, as `value` has them.

    Raises:
        DatasetError: the file is damaged, after the elements before the damage, or has no such field.
    """
    with _field(path, variable, field) as stream:
        _, count, members = stream.struct_array()
        for _ in range(count):
            element = {}
            for member in members:
                size = stream.matrix()
                element[member] = _value(stream.read(size), 0, size)
            yield element
