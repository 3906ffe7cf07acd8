"""TensorProtos of a request as arrays, refusing what would cost more memory than the message that carries it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import grpc
import numpy as np

from serving.status import ServingError

if TYPE_CHECKING:
    from tensorflow.core.framework.tensor_pb2 import TensorProto


def from_proto(name: str, proto: TensorProto, max_bytes: int) -> np.ndarray:
    """Array of one input, of the proto's shape and type; strings become an object array of bytes.

    A TensorProto may give a shape of any size and one value to fill it with, so a request of a few bytes could ask for
    all memory there is: the unpacked size is checked first.

    Raises:
        ServingError: INVALID_ARGUMENT if type, shape and content do not fit one another, RESOURCE_EXHAUSTED if the
            array would be larger than `max_bytes`.
    """
    import tensorflow as tf

    try:
        shape = tf.TensorShape(proto.tensor_shape).as_list()
        size = math.prod(shape) * np.dtype(tf.as_dtype(proto.dtype).as_numpy_dtype).itemsize
        if size <= max_bytes:
            return tf.make_ndarray(proto)
    except (TypeError, ValueError) as error:
        raise ServingError(
            grpc.StatusCode.INVALID_ARGUMENT,
            f"Input {name!r} must be a TensorProto whose type, shape and content agree. Received: {error}",
        ) from error
    raise ServingError(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        f"Input {name!r} may take {max_bytes} bytes. Received: shape {shape}, {size} bytes",
    )
