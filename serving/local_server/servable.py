"""One loaded version of a SavedModel: its signatures, checked and run on arrays."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import grpc
import numpy as np

from serving.local_server.proto_tensors import from_proto
from serving.status import ServingError, code_of_number

if TYPE_CHECKING:
    from tensorflow.core.protobuf.meta_graph_pb2 import SignatureDef, TensorInfo

DEFAULT_SIGNATURE = "serving_default"
_INVALID = grpc.StatusCode.INVALID_ARGUMENT
# TensorFlow Serving reads requests from this file of TFRecords, at most so many, before it calls a version available.
_WARM_UP_FILE = "assets.extra/tf_serving_warmup_requests"
_MAX_WARM_UP_REQUESTS = 1000


class Servable:
    """One version of a model, loaded; safe to run from several threads.

    Attributes:
        version: the number that names the folder.
        signature_defs: SignatureDef by name, as the SavedModel declares them.
    """

    def __init__(self, folder: pathlib.Path):
        """Loads `folder` (which holds saved_model.pb); whatever TensorFlow raises on a damaged one passes through."""
        import tensorflow as tf
        from tensorflow.core.protobuf import saved_model_pb2

        meta_graphs = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes()).meta_graphs
        graph = next((g for g in meta_graphs if tf.saved_model.SERVING in g.meta_info_def.tags), None)
        if graph is None:
            raise ValueError(f"A SavedModel to serve has a graph tagged {tf.saved_model.SERVING!r}. Received: {folder}")
        self.version = int(folder.name)
        self.signature_defs: dict[str, SignatureDef] = dict(graph.signature_def)
        # The functions reach their variables through the loaded object, which must therefore live as long as they do.
        self._loaded = tf.saved_model.load(str(folder), tags=[tf.saved_model.SERVING])
        self._functions = dict(self._loaded.signatures)

    def signature(self, name: str) -> SignatureDef:
        """The SignatureDef called `name`; an empty name means serving_default.

        Raises:
            ServingError: FAILED_PRECONDITION (as TensorFlow Serving has it) if there is none that can be run.
        """
        name = name or DEFAULT_SIGNATURE
        if name not in self._functions:
            raise ServingError(
                grpc.StatusCode.FAILED_PRECONDITION,
                f'Serving signature key "{name}" not found. It is one of {", ".join(sorted(self._functions))}.',
            )
        return self.signature_defs[name]

    def run(
        self, signature_name: str, inputs: Mapping[str, np.ndarray], outputs: Sequence[str]
    ) -> dict[str, np.ndarray]:
        """Runs one signature.

        Args:
            signature_name: empty for serving_default.
            inputs: one array for each input, of its type and of a shape that its own allows.
            outputs: names of the outputs to return; none means all of them.

        Returns:
            One array for each output wanted.

        Raises:
            ServingError: FAILED_PRECONDITION for an unknown signature, INVALID_ARGUMENT for inputs or output names that
                do not fit it, or the code of the error that TensorFlow ended with.
        """
        import tensorflow as tf

        signature = self.signature(signature_name)
        _check_names(signature, inputs, outputs)
        for name, array in inputs.items():
            _check_tensor(name, array, signature.inputs[name])
        try:
            tensors = {
                name: tf.constant(array, tf.as_dtype(signature.inputs[name].dtype)) for name, array in inputs.items()
            }
            results = self._functions[signature_name or DEFAULT_SIGNATURE](**tensors)
        except tf.errors.OpError as error:
            raise ServingError(code_of_number(error.error_code), _plain_message(error)) from error
        except (TypeError, ValueError) as error:
            raise ServingError(_INVALID, str(error)) from error
        return {name: results[name].numpy() for name in outputs or results}

    def warm_up(self, folder: pathlib.Path, max_bytes: int) -> int:
        """Runs the Predict requests that came with the model, so that the first user does not wait for tracing.

        Returns:
            How many were run.

        Raises:
            ServingError: a request does not fit the model, or failed: such a version would fail TensorFlow Serving too.
        """
        import tensorflow as tf
        from tensorflow_serving.apis import prediction_log_pb2

        path = folder / _WARM_UP_FILE
        if not path.is_file():
            return 0
        count = 0
        for record in tf.data.TFRecordDataset(str(path)).take(_MAX_WARM_UP_REQUESTS):
            log = prediction_log_pb2.PredictionLog.FromString(record.numpy())
            if log.HasField("predict_log"):
                request = log.predict_log.request
                inputs = {name: from_proto(name, proto, max_bytes) for name, proto in request.inputs.items()}
                self.run(request.model_spec.signature_name, inputs, list(request.output_filter))
                count += 1
        return count


def _check_names(signature: SignatureDef, inputs: Mapping[str, np.ndarray], outputs: Sequence[str]) -> None:
    wanted, sent = set(signature.inputs), set(inputs)
    if wanted != sent:
        raise ServingError(
            _INVALID,
            f"input size does not match signature: {len(sent)}!={len(wanted)} "
            f"len({{{','.join(sorted(sent))}}}) != len({{{','.join(sorted(wanted))}}}). "
            f"Sent extra: {{{','.join(sorted(sent - wanted))}}}. "
            f"Missing but required: {{{','.join(sorted(wanted - sent))}}}.",
        )
    for name in outputs:
        if name not in signature.outputs:
            raise ServingError(
                _INVALID,
                f"output tensor alias not found in signature: {name} "
                f"Outputs expected to be in the set {{{','.join(sorted(signature.outputs))}}}.",
            )


def _check_tensor(name: str, array: np.ndarray, info: TensorInfo) -> None:
    """TensorFlow Serving leaves shapes to the graph; here a wrong one is named before it fails somewhere inside."""
    import tensorflow as tf

    wanted, sent = tf.as_dtype(info.dtype), tf.as_dtype(array.dtype)
    if wanted != sent:
        raise ServingError(_INVALID, f"Input {name!r} must be of type {wanted.name}. Received: {sent.name}")
    shape = tf.TensorShape(info.tensor_shape)
    if not shape.is_compatible_with(array.shape):
        raise ServingError(_INVALID, f"Input {name!r} must be of shape {shape}. Received: {array.shape}")


def _plain_message(error: Exception) -> str:
    """TensorFlow's message on one line, without the heading that stands where a traced graph would show its stack."""
    text = getattr(error, "message", str(error)).rpartition("<stack traces unavailable>")[2]
    return " ".join(text.split())
