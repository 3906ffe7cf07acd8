"""TensorFlow Serving's REST API as a function of method, path and body; rest_server.py puts it on a socket."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import grpc
import numpy as np

from serving import json_tensors
from serving.local_server.model_folder import ModelFolder
from serving.local_server.workers import Workers
from serving.status import ServingError

if TYPE_CHECKING:
    from tensorflow.core.protobuf.meta_graph_pb2 import SignatureDef, TensorInfo

_MODEL = r"/v1/models/(?P<name>[^/:]+)(?:/versions/(?P<version>[0-9]{1,18}))?"
_STATUS_PATH = re.compile(_MODEL)
_METADATA_PATH = re.compile(_MODEL + "/metadata")
_PREDICT_PATH = re.compile(_MODEL + ":predict")
_OTHER_METHOD_PATH = re.compile(_MODEL + ":(?P<method>classify|regress)")
# A string output of such a name is binary: TensorFlow Serving's convention.
_BYTES_SUFFIX = "_bytes"


class RestApi:
    """Answers requests about one model folder; every reply is a JSON object."""

    def __init__(self, folder: ModelFolder, workers: Workers, timeout: float):
        """`timeout`: seconds that one prediction may take, waiting included (HTTP has no deadline of its own)."""
        self._folder = folder
        self._workers = workers
        self._timeout = timeout

    def answer(self, method: str, path: str, body: bytes) -> dict[str, Any]:
        """The reply to one request.

        Raises:
            ServingError: with the code that serving.status.HTTP_STATUS turns into the HTTP status.
        """
        routes: tuple[tuple[str, re.Pattern, Callable[[str, int | None, bytes], dict]], ...] = (
            ("GET", _STATUS_PATH, self._status),
            ("GET", _METADATA_PATH, self._metadata),
            ("POST", _PREDICT_PATH, self._predict),
        )
        for wanted, pattern, handler in routes:
            match = pattern.fullmatch(path)
            if method == wanted and match:
                version = match["version"]
                return handler(match["name"], None if version is None else int(version), body)
        other = _OTHER_METHOD_PATH.fullmatch(path)
        if method == "POST" and other:
            raise ServingError(
                grpc.StatusCode.UNIMPLEMENTED, f"This server answers :predict. Received: :{other['method']}"
            )
        raise _invalid(f"Malformed request: {method} {path}")

    def _status(self, name: str, version: int | None, body: bytes) -> dict[str, Any]:
        del body
        entries = [
            {
                "version": str(number),
                "state": status.state,
                "status": {"error_code": status.code.name, "error_message": status.message},
            }
            for number, status in self._folder.statuses(name, version).items()
        ]
        return {"model_version_status": entries}

    def _metadata(self, name: str, version: int | None, body: bytes) -> dict[str, Any]:
        del body
        servable = self._folder.servable(name, version)
        signatures = {key: _signature_json(value) for key, value in servable.signature_defs.items()}
        return {
            "model_spec": {"name": name, "signature_name": "", "version": str(servable.version)},
            "metadata": {"signature_def": {"signature_def": signatures}},
        }

    def _predict(self, name: str, version: int | None, body: bytes) -> dict[str, Any]:
        servable = self._folder.servable(name, version)
        request = _parse(body)
        signature_name = request.get("signature_name", "")
        if not isinstance(signature_name, str):
            raise _invalid("'signature_name' key must be a string value.")
        by_row = "instances" in request
        if by_row == ("inputs" in request):
            raise _invalid(
                "Exactly one of 'instances' and 'inputs' is wanted. Received: " + ("both" if by_row else "neither")
            )
        signature = servable.signature(signature_name)
        columns = (
            _columns_of_rows(request["instances"], signature) if by_row else _columns(request["inputs"], signature)
        )

        def run() -> dict[str, np.ndarray]:
            inputs = {key: _tensor(key, value, signature.inputs[key]) for key, value in columns.items()}
            return servable.run(signature_name, inputs, ())

        results = self._workers.run(run, self._timeout)
        if by_row:
            return {"predictions": _rows(results)}
        outputs = {key: _to_json(key, array) for key, array in results.items()}
        return {"outputs": outputs if len(outputs) > 1 else next(iter(outputs.values()))}


def _parse(body: bytes) -> dict[str, Any]:
    try:
        request = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _invalid(f"JSON Parse error: {error}") from error
    if not isinstance(request, dict):
        raise _invalid(f"The body must be a JSON object. Received: {type(request).__name__}")
    return request


def _columns(value: Any, signature: SignatureDef) -> dict[str, Any]:
    """Value of each input in the columnar format, where a lone input may go without its name."""
    if isinstance(value, dict) and not json_tensors.is_base64(value):
        missing = sorted(set(signature.inputs) - set(value))
        if missing:
            raise _invalid(f"Missing named input: {', '.join(missing)} in 'inputs' object.")
        return {name: value[name] for name in signature.inputs}
    return {_lone_input(signature, "inputs"): value}


def _columns_of_rows(rows: Any, signature: SignatureDef) -> dict[str, list]:
    """Value of each input in the row format: a list with one item, or one object of named items, for each example."""
    if not isinstance(rows, list) or not rows:
        raise _invalid("'instances' must be a list of at least one item.")
    named = [isinstance(row, dict) and not json_tensors.is_base64(row) for row in rows]
    if not any(named):
        return {_lone_input(signature, "instances"): rows}
    names = set(signature.inputs)
    for index, row in enumerate(rows):
        if not named[index] or set(row) != names:
            received = sorted(row) if isinstance(row, dict) else type(row).__name__
            raise _invalid(
                f"Failed to process element: {index} of 'instances' list. "
                f"It must be an object with the keys {', '.join(sorted(names))}. Received: {received}"
            )
    return {name: [row[name] for row in rows] for name in names}


def _lone_input(signature: SignatureDef, key: str) -> str:
    if len(signature.inputs) != 1:
        raise _invalid(f"'{key}' must name each input, as there are several: {', '.join(sorted(signature.inputs))}.")
    return next(iter(signature.inputs))


def _tensor(name: str, value: Any, info: TensorInfo) -> np.ndarray:
    dtype = _dtype_name(info)
    if dtype not in json_tensors.DTYPES:
        raise ServingError(grpc.StatusCode.UNIMPLEMENTED, f"Input {name!r} of type {dtype} cannot be sent as JSON.")
    try:
        return json_tensors.from_json(value, json_tensors.DTYPES[dtype])
    except ValueError as error:
        raise _invalid(f"Input {name!r}: {error}") from error


def _rows(results: dict[str, np.ndarray]) -> list:
    sizes = {name: array.shape[0] if array.ndim else None for name, array in results.items()}
    if None in sizes.values() or len(set(sizes.values())) > 1:
        raise _invalid(f"The row format needs outputs with one batch size; use 'inputs'. Received: {sizes}")
    columns = {name: _to_json(name, array) for name, array in results.items()}
    if len(columns) == 1:
        return next(iter(columns.values()))
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _to_json(name: str, array: np.ndarray) -> Any:
    try:
        return json_tensors.to_json(array, binary=name.endswith(_BYTES_SUFFIX))
    except ValueError as error:
        raise ServingError(grpc.StatusCode.UNIMPLEMENTED, f"Output {name!r}: {error}") from error


def _signature_json(signature: SignatureDef) -> dict[str, Any]:
    """A SignatureDef with defaults spelled out: written here as protobuf's own option for that changed its name."""
    return {
        "inputs": {name: _info_json(info) for name, info in signature.inputs.items()},
        "outputs": {name: _info_json(info) for name, info in signature.outputs.items()},
        "method_name": signature.method_name,
        "defaults": {},
    }


def _info_json(info: TensorInfo) -> dict[str, Any]:
    shape = info.tensor_shape
    return {
        "dtype": _dtype_name(info),
        "tensor_shape": {
            "dim": [{"size": str(dim.size), "name": dim.name} for dim in shape.dim],
            "unknown_rank": shape.unknown_rank,
        },
        "name": info.name,
    }


def _dtype_name(info: TensorInfo) -> str:
    from tensorflow.core.framework import types_pb2

    return types_pb2.DataType.Name(info.dtype)


def _invalid(message: str) -> ServingError:
    return ServingError(grpc.StatusCode.INVALID_ARGUMENT, message)
