"""TFRecord files as bytes, so that one can be written whole; tf.io and tf.data read them.

Each record is its length (uint64), a masked CRC-32C of these bytes, the data, and a masked CRC-32C of the data, all
little-endian (tensorflow/core/lib/io/record_writer.h). The same records give the same bytes.
"""

from __future__ import annotations

import gzip
import io
import struct
from collections.abc import Iterable

import google_crc32c

_MASK_DELTA = 0xA282EAD8


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
            length = struct.pack("<Q", len(record))
            file.write(length + _masked_crc(length) + record + _masked_crc(record))
    return buffer.getvalue()


def _masked_crc(data: bytes) -> bytes:
    crc = google_crc32c.value(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + _MASK_DELTA) & 0xFFFFFFFF)
