"""TFRecord files as bytes, so that one can be written whole, and read without TensorFlow; tf.data reads them too.

Each record is its length (uint64), a masked CRC-32C of these bytes, the data, and a masked CRC-32C of the data, all
little-endian (tensorflow/core/lib/io/record_writer.h). The same records give the same bytes.
"""

from __future__ import annotations

import gzip
import io
import os
import pathlib
import struct
import zlib
from collections.abc import Iterable, Iterator

import google_crc32c

from model.errors import RecordError

_MASK_DELTA = 0xA282EAD8
_LENGTH = struct.Struct("<Q")


def pack(records: Iterable[bytes], level: int = 6) -> bytes:
    """A gzip-compressed TFRecord file.

    Args:
        records: serialised examples.
        level: of the compression; JPEGs do not get smaller, labels and masks do.
    """
    buffer = io.BytesIO()
    # A time stamp in the header would make every run's bytes differ.
    with gzip.GzipFile(fileobj=buffer, mode="wb", compresslevel=level, mtime=0) as file:
        for record in records:
            length = _LENGTH.pack(len(record))
            file.write(length + _masked_crc(length) + record + _masked_crc(record))
    return buffer.getvalue()


def read(path: str | pathlib.Path) -> Iterator[bytes]:
    """Records of a gzip-compressed TFRecord file, in order; of a damaged one those before the damage.

    Raises:
        RecordError: the file is missing, truncated, damaged or something else.
    """
    number = 0
    try:
        if not os.path.getsize(path):
            raise EOFError
        with gzip.open(path, "rb") as file:
            while length := file.read(_LENGTH.size):
                _check(length, file.read(4))
                data = file.read(_LENGTH.unpack(length)[0])
                _check(data, file.read(4))
                yield data
                number += 1
    except (OSError, EOFError, zlib.error) as error:
        cause = getattr(error, "strerror", None) or "not gzip, damaged or cut short"
        raise RecordError(
            f"A whole gzip-compressed TFRecord file is needed. Received: {path} ({cause}, after {number} records)"
        ) from error


def count(paths: Iterable[str | pathlib.Path]) -> int:
    """Number of records in files.

    Raises:
        RecordError: as `read` does.
    """
    return sum(1 for path in paths for _ in read(path))


def _check(data: bytes, crc: bytes) -> None:
    if _masked_crc(data) != crc:
        raise EOFError


def _masked_crc(data: bytes) -> bytes:
    crc = google_crc32c.value(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + _MASK_DELTA) & 0xFFFFFFFF)
