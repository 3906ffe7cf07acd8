"""Clients of a model server, TensorFlow Serving's or the local one: the same call over gRPC and over REST.

    with GrpcPredictClient("127.0.0.1:8500", "mviper") as client:
        result = client.predict({"examples": np.array([serialized], object)})
        result["pose"]  # [1, T, 72]

gRPC is the one to prefer: images and meshes travel as bytes, not as text.
"""

from __future__ import annotations

import dataclasses
import http.client
import json
import time
import urllib.parse
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import grpc
import numpy as np
from absl import logging

from model.errors import ConfigError
from serving import json_tensors
from serving.status import ServingError, code_of_http

_Result = TypeVar("_Result")
_SIGNATURE = "serving_default"


@dataclasses.dataclass(frozen=True)
class ClientSettings:
    """Limits of a client.

    Attributes:
        timeout: seconds for one call, its retries included.
        attempts: how often a call is tried, in all, while the server is unavailable (gRPC UNAVAILABLE, connection
            refused, HTTP 503). Nothing else is tried again.
        first_wait: seconds before the second attempt; each wait is twice the one before.
        max_message_bytes: bound on a request and on a reply.
    """

    timeout: float = 60.0
    attempts: int = 8
    first_wait: float = 0.1
    max_message_bytes: int = 64 * 2**20

    def __post_init__(self):
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if not value > 0:
                raise ConfigError(f"{field.name} is above 0. Received: {value}")


class PredictClient(Protocol):
    """What both clients are."""

    def predict(
        self, inputs: Mapping[str, np.ndarray], signature_name: str = _SIGNATURE, outputs: Sequence[str] = ()
    ) -> dict[str, np.ndarray]:
        """Runs one signature of the model.

        Args:
            inputs: array by input name. Byte strings go in object arrays: NumPy's `S` arrays drop trailing zero bytes.
            signature_name: which signature.
            outputs: names of the outputs to return; none means all of them.

        Returns:
            Array by output name, in the type that the signature declares; strings as object arrays of bytes.

        Raises:
            ServingError: with the server's message and code; UNAVAILABLE when all attempts are spent,
                DEADLINE_EXCEEDED when the time is.
        """

    def close(self) -> None:
        """Closes connections."""


class GrpcPredictClient:
    """PredictClient over gRPC, without TLS and without a proxy."""

    def __init__(self, address: str, model: str, version: int | None = None, settings: ClientSettings | None = None):
        """`address`: "host:port"; `version`: None for whichever the server takes for the latest."""
        from tensorflow_serving.apis import prediction_service_pb2_grpc

        self._settings = settings or ClientSettings()
        self._target = f"model {model!r} at {address}"
        self._model, self._version = model, version
        self._channel = grpc.insecure_channel(
            address,
            options=[
                ("grpc.max_send_message_length", self._settings.max_message_bytes),
                ("grpc.max_receive_message_length", self._settings.max_message_bytes),
                ("grpc.enable_http_proxy", 0),
                # The channel waits between connections by itself; at its default of a second and more, retries
                # would fail without having tried.
                ("grpc.initial_reconnect_backoff_ms", 100),
                ("grpc.max_reconnect_backoff_ms", 1000),
            ],
        )
        self._stub = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)

    def predict(
        self, inputs: Mapping[str, np.ndarray], signature_name: str = _SIGNATURE, outputs: Sequence[str] = ()
    ) -> dict[str, np.ndarray]:
        """See PredictClient.predict."""
        import tensorflow as tf
        from tensorflow_serving.apis import predict_pb2

        request = predict_pb2.PredictRequest(output_filter=outputs)
        request.model_spec.name = self._model
        request.model_spec.signature_name = signature_name
        if self._version is not None:
            request.model_spec.version.value = self._version
        for name, array in inputs.items():
            try:
                request.inputs[name].CopyFrom(tf.make_tensor_proto(array))
            except (TypeError, ValueError) as error:
                message = f"input {name!r}: {error}"
                raise _error(grpc.StatusCode.INVALID_ARGUMENT, self._target, signature_name, message) from error

        def call(seconds: float) -> Any:
            try:
                return self._stub.Predict(request, timeout=seconds)
            except grpc.RpcError as error:
                raise _error(error.code(), self._target, signature_name, error.details()) from error

        response = _with_retries(call, self._settings)
        return {name: tf.make_ndarray(proto) for name, proto in response.outputs.items()}

    def close(self) -> None:
        """Closes the channel."""
        self._channel.close()

    def __enter__(self) -> GrpcPredictClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class RestPredictClient:
    """PredictClient over REST, in the columnar format; does not need TensorFlow.

    Strings are sent as base64. JSON carries no types: those of the outputs are read from the model's metadata, once for
    each signature.
    """

    def __init__(self, url: str, model: str, version: int | None = None, settings: ClientSettings | None = None):
        """`url`: "http://host:port" or "https://...", of the server; `version`: None for the latest."""
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigError(f"A REST server's address is http://host:port. Received: {url}")
        self._settings = settings or ClientSettings()
        self._target = f"model {model!r} at {url}"
        self._connect = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._host = parts.netloc
        at_version = "" if version is None else f"/versions/{version}"
        self._path = f"{parts.path.rstrip('/')}/v1/models/{urllib.parse.quote(model, safe='')}{at_version}"
        self._output_types: dict[str, dict[str, np.dtype]] = {}

    def predict(
        self, inputs: Mapping[str, np.ndarray], signature_name: str = _SIGNATURE, outputs: Sequence[str] = ()
    ) -> dict[str, np.ndarray]:
        """See PredictClient.predict; the outputs not wanted are dropped here, as REST has no filter."""
        try:
            values = {name: json_tensors.to_json(np.asarray(array), binary=True) for name, array in inputs.items()}
        except ValueError as error:
            raise _error(grpc.StatusCode.INVALID_ARGUMENT, self._target, signature_name, error) from error
        body = json.dumps({"signature_name": signature_name, "inputs": values}).encode()
        limit = self._settings.max_message_bytes
        if len(body) > limit:
            message = f"a request of {len(body)} bytes; {limit} may be sent"
            raise _error(grpc.StatusCode.RESOURCE_EXHAUSTED, self._target, signature_name, message)

        def call(seconds: float) -> Any:
            return self._exchange("POST", ":predict", body, signature_name, seconds)["outputs"]

        reply = _with_retries(call, self._settings)
        types = self._types_of(signature_name)
        if len(types) == 1:
            reply = {next(iter(types)): reply}
        for name in outputs or types:
            if name not in types or name not in reply:
                message = f"no output {name!r} among {', '.join(sorted(types))}"
                raise _error(grpc.StatusCode.INVALID_ARGUMENT, self._target, signature_name, message)
        return {name: json_tensors.from_json(reply[name], types[name]) for name in outputs or types}

    def close(self) -> None:
        """Nothing to close: a connection is made for each call."""

    def __enter__(self) -> RestPredictClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _types_of(self, signature_name: str) -> dict[str, np.dtype]:
        if signature_name not in self._output_types:

            def call(seconds: float) -> Any:
                return self._exchange("GET", "/metadata", None, signature_name, seconds)

            metadata = _with_retries(call, self._settings)["metadata"]["signature_def"]["signature_def"]
            infos = metadata[signature_name]["outputs"]
            self._output_types[signature_name] = {name: json_tensors.DTYPES[i["dtype"]] for name, i in infos.items()}
        return self._output_types[signature_name]

    def _exchange(self, method: str, suffix: str, body: bytes | None, signature_name: str, seconds: float) -> Any:
        """One request and its JSON reply; `seconds` bounds each wait for the network."""

        def failed(code: grpc.StatusCode, message: object) -> ServingError:
            return _error(code, self._target, signature_name, message)

        connection = self._connect(self._host, timeout=seconds)
        try:
            connection.request(method, self._path + suffix, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            data = response.read(self._settings.max_message_bytes + 1)
        except ConnectionRefusedError as error:
            raise failed(grpc.StatusCode.UNAVAILABLE, error) from error
        except TimeoutError as error:
            raise failed(grpc.StatusCode.DEADLINE_EXCEEDED, f"no answer within {seconds:.3g} s") from error
        except (OSError, http.client.HTTPException) as error:
            raise failed(grpc.StatusCode.UNKNOWN, f"{type(error).__name__} {error}") from error
        finally:
            connection.close()
        if len(data) > self._settings.max_message_bytes:
            message = f"a reply of more than {self._settings.max_message_bytes} bytes"
            raise failed(grpc.StatusCode.RESOURCE_EXHAUSTED, message)
        try:
            reply = json.loads(data)
        except ValueError:
            reply = {"error": data[:200].decode(errors="replace")}
        if response.status != http.client.OK or not isinstance(reply, dict):
            message = reply.get("error", reply) if isinstance(reply, dict) else reply
            raise failed(code_of_http(response.status), f"HTTP {response.status}: {message}")
        return reply


def _with_retries(call: Callable[[float], _Result], settings: ClientSettings) -> _Result:
    """Result of `call(seconds left)`, tried again with growing waits while the server is unavailable."""
    end = time.monotonic() + settings.timeout
    wait = settings.first_wait
    attempt = 1
    while True:
        try:
            return call(max(end - time.monotonic(), 0.001))
        except ServingError as error:
            spent = attempt >= settings.attempts or time.monotonic() + wait >= end
            if spent or error.code is not grpc.StatusCode.UNAVAILABLE:
                raise
            logging.info("Attempt %d of %d, next in %.1f s: %s", attempt, settings.attempts, wait, error)
        time.sleep(wait)
        wait *= 2
        attempt += 1


def _error(code: grpc.StatusCode, target: str, signature_name: str, message: object) -> ServingError:
    return ServingError(
        code, f"An answer from signature {signature_name!r} of {target} is needed. Received: {code.name}: {message}"
    )
