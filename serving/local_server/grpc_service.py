"""PredictionService (Predict, GetModelMetadata) and ModelService (GetModelStatus) of TensorFlow Serving, over gRPC.

Their other methods are not registered, which gRPC itself answers with UNIMPLEMENTED.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import grpc
from absl import logging

from serving.local_server.model_folder import ModelFolder
from serving.local_server.proto_tensors import from_proto
from serving.local_server.servable import DEFAULT_SIGNATURE
from serving.local_server.workers import Workers
from serving.status import ServingError

# A status message travels in the trailing metadata, which gRPC clients cut off the call for at 8 KiB.
_MAX_MESSAGE = 2000


class GrpcService:
    """The methods, one Python method for each; requests and replies are TensorFlow Serving's messages."""

    def __init__(self, folder: ModelFolder, workers: Workers, max_message_bytes: int):
        self._folder = folder
        self._workers = workers
        self._max_message_bytes = max_message_bytes

    def predict(self, request: Any, context: grpc.ServicerContext) -> Any:
        """PredictRequest -> PredictResponse, within the deadline that the client set."""
        import tensorflow as tf
        from tensorflow_serving.apis import predict_pb2

        name, version = _model_of(request)
        servable = self._folder.servable(name, version)
        signature_name = request.model_spec.signature_name or DEFAULT_SIGNATURE

        def run() -> dict:
            inputs = {key: from_proto(key, proto, self._max_message_bytes) for key, proto in request.inputs.items()}
            return servable.run(signature_name, inputs, list(request.output_filter))

        results = self._workers.run(run, context.time_remaining())
        response = predict_pb2.PredictResponse()
        response.model_spec.name = name
        response.model_spec.version.value = servable.version
        response.model_spec.signature_name = signature_name
        for key, array in results.items():
            response.outputs[key].CopyFrom(tf.make_tensor_proto(array))
        return response

    def get_model_metadata(self, request: Any, context: grpc.ServicerContext) -> Any:
        """GetModelMetadataRequest -> GetModelMetadataResponse with the one field there is, signature_def."""
        del context
        from tensorflow_serving.apis import get_model_metadata_pb2

        if not request.metadata_field:
            raise _invalid("GetModelMetadataRequest must specify at least one metadata_field")
        for field in request.metadata_field:
            if field != "signature_def":
                raise _invalid(f"Metadata field {field} is not supported")
        name, version = _model_of(request)
        servable = self._folder.servable(name, version)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        for key, signature in servable.signature_defs.items():
            signatures.signature_def[key].CopyFrom(signature)
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        response.model_spec.name = name
        response.model_spec.version.value = servable.version
        response.metadata["signature_def"].Pack(signatures)
        return response

    def get_model_status(self, request: Any, context: grpc.ServicerContext) -> Any:
        """GetModelStatusRequest -> GetModelStatusResponse, newest version first."""
        del context
        from tensorflow_serving.apis import get_model_status_pb2

        response = get_model_status_pb2.GetModelStatusResponse()
        for version, status in self._folder.statuses(*_model_of(request)).items():
            entry = response.model_version_status.add()
            entry.version = version
            entry.state = get_model_status_pb2.ModelVersionStatus.State.Value(status.state)
            entry.status.error_code = status.code.value[0]
            entry.status.error_message = status.message
        return response

    def register(self, server: grpc.Server) -> None:
        """Makes `server` answer for both services."""
        from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2, predict_pb2

        services = {
            "PredictionService": {
                "Predict": (self.predict, predict_pb2.PredictRequest, predict_pb2.PredictResponse),
                "GetModelMetadata": (
                    self.get_model_metadata,
                    get_model_metadata_pb2.GetModelMetadataRequest,
                    get_model_metadata_pb2.GetModelMetadataResponse,
                ),
            },
            "ModelService": {
                "GetModelStatus": (
                    self.get_model_status,
                    get_model_status_pb2.GetModelStatusRequest,
                    get_model_status_pb2.GetModelStatusResponse,
                ),
            },
        }
        for service, methods in services.items():
            handlers = {
                method: grpc.unary_unary_rpc_method_handler(
                    _with_status(function), request.FromString, response.SerializeToString
                )
                for method, (function, request, response) in methods.items()
            }
            handler = grpc.method_handlers_generic_handler(f"tensorflow.serving.{service}", handlers)
            server.add_generic_rpc_handlers((handler,))


def _model_of(request: Any) -> tuple[str, int | None]:
    if not request.HasField("model_spec"):
        raise _invalid("Missing ModelSpec")
    spec = request.model_spec
    choice = spec.WhichOneof("version_choice")
    if choice == "version_label":
        raise _invalid(f"Unrecognized servable version label: {spec.version_label}")
    return spec.name, spec.version.value if choice == "version" else None


def _invalid(message: str) -> ServingError:
    return ServingError(grpc.StatusCode.INVALID_ARGUMENT, message)


def _with_status(function: Callable[[Any, grpc.ServicerContext], Any]) -> Callable[[Any, grpc.ServicerContext], Any]:
    """The same method with its errors turned into the status of the call."""

    @functools.wraps(function)
    def answer(request: Any, context: grpc.ServicerContext) -> Any:
        try:
            return function(request, context)
        except ServingError as error:
            context.abort(error.code, str(error)[:_MAX_MESSAGE])
        except Exception:
            logging.exception("A gRPC request failed")
            context.abort(grpc.StatusCode.INTERNAL, "Internal error; the server's log has the details.")

    return answer
