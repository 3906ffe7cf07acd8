"""The server's protocols, spoken by stubs and sockets that share no code with our own client."""

import base64
import http.client
import json
import os
import shutil
import signal
import socket
import threading

import grpc
import numpy as np
import pytest
from tiny_model import MAX_BYTES, MODEL

from model.errors import ConfigError, UserError
from serving.local_server import LocalServer, ModelFolderError, ServerSettings, serve
from serving.local_server.model_folder import ModelFolder
from serving.local_server.proto_tensors import from_proto
from serving.local_server.workers import Workers
from serving.status import ServingError


def rest(server, method, path, body=None, headers=None):
    """(status, JSON reply) of one HTTP request; a dict body is sent as JSON."""
    connection = http.client.HTTPConnection("127.0.0.1", server.rest_port, timeout=10)
    try:
        data = json.dumps(body).encode() if isinstance(body, dict) else body
        connection.request(method, path, data, headers or {})
        response = connection.getresponse()
        assert response.headers["Content-Type"] == "application/json"
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def post(server, body, model=MODEL):
    return rest(server, "POST", f"/v1/models/{model}:predict", body)


@pytest.fixture(scope="module")
def channel(server):
    options = [("grpc.max_send_message_length", -1)]
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}", options) as opened:
        yield opened


@pytest.fixture(scope="module")
def stub(channel):
    from tensorflow_serving.apis import prediction_service_pb2_grpc

    return prediction_service_pb2_grpc.PredictionServiceStub(channel)


def predict_request(signature, inputs, model=MODEL, outputs=()):
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2

    request = predict_pb2.PredictRequest(output_filter=outputs)
    request.model_spec.name = model
    request.model_spec.signature_name = signature
    for name, array in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(array))
    return request


X = np.array([[1.0, 2.0]], np.float32)


class TestGrpc:
    def test_predict_fills_outputs_and_model_spec(self, stub):
        import tensorflow as tf

        response = stub.Predict(predict_request("double", {"x": X}), timeout=10)
        np.testing.assert_array_equal(tf.make_ndarray(response.outputs["y"]), 2 * X)
        spec = response.model_spec
        assert (spec.name, spec.version.value, spec.signature_name) == (MODEL, 1, "double")

    def test_no_signature_name_means_serving_default_and_the_filter_selects(self, stub):
        import tensorflow as tf

        request = predict_request("", {"text": np.array([b"abc", b"\xff\x00"], object)}, outputs=["length"])
        response = stub.Predict(request, timeout=10)
        assert list(response.outputs) == ["length"]
        np.testing.assert_array_equal(tf.make_ndarray(response.outputs["length"]), [3, 2])

    @pytest.mark.parametrize(
        ("request_of", "code", "text"),
        [
            (lambda: predict_request("double", {"x": X}, model="other"), "NOT_FOUND", "Latest(other)"),
            (lambda: predict_request("triple", {"x": X}), "FAILED_PRECONDITION", '"triple" not found'),
            (lambda: predict_request("double", {"z": X}), "INVALID_ARGUMENT", "Missing but required: {x}"),
            (lambda: predict_request("double", {"x": X[0]}), "INVALID_ARGUMENT", "(None, 2)"),
            (lambda: predict_request("double", {"x": X.astype(int)}), "INVALID_ARGUMENT", "float32"),
            (lambda: predict_request("double", {"x": X}, outputs=["z"]), "INVALID_ARGUMENT", "set {y}"),
            (lambda: predict_request("decode", {"jpeg": b"no image"}), "INVALID_ARGUMENT", "Unknown image file format"),
            (
                lambda: predict_request("double", {"x": np.zeros((MAX_BYTES, 2), np.float32) + X}),
                "RESOURCE_EXHAUSTED",
                "larger than max",
            ),
        ],
    )
    def test_bad_requests_have_a_code_and_a_reason(self, stub, request_of, code, text):
        with pytest.raises(grpc.RpcError) as error:
            stub.Predict(request_of(), timeout=10)
        assert error.value.code().name == code
        assert text in error.value.details()

    def test_a_version_that_is_not_loaded_is_not_found(self, stub):
        request = predict_request("double", {"x": X})
        request.model_spec.version.value = 7
        with pytest.raises(grpc.RpcError) as error:
            stub.Predict(request, timeout=10)
        assert error.value.code() is grpc.StatusCode.NOT_FOUND

    def test_a_small_request_cannot_ask_for_a_huge_tensor(self, stub):
        request = predict_request("double", {"x": X})
        dims = request.inputs["x"].tensor_shape.dim
        dims[0].size = dims[1].size = 10**6
        with pytest.raises(grpc.RpcError) as error:
            stub.Predict(request, timeout=10)
        assert error.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED

    def test_metadata_holds_the_signatures(self, stub):
        from tensorflow_serving.apis import get_model_metadata_pb2

        request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
        request.model_spec.name = MODEL
        response = stub.GetModelMetadata(request, timeout=10)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        assert response.metadata["signature_def"].Unpack(signatures)
        assert [d.size for d in signatures.signature_def["double"].inputs["x"].tensor_shape.dim] == [-1, 2]

    def test_model_status(self, channel):
        from tensorflow_serving.apis import get_model_status_pb2, model_service_pb2_grpc

        request = get_model_status_pb2.GetModelStatusRequest()
        request.model_spec.name = MODEL
        (entry,) = (
            model_service_pb2_grpc.ModelServiceStub(channel).GetModelStatus(request, timeout=10).model_version_status
        )
        assert (entry.version, entry.state, entry.status.error_code) == (1, entry.AVAILABLE, 0)


class TestRest:
    def test_row_format(self, server):
        body = {"signature_name": "double", "instances": [[1, 2], [3.5, 4]]}
        assert post(server, body) == (200, {"predictions": [[2.0, 4.0], [7.0, 8.0]]})

    def test_row_format_with_named_inputs_outputs_and_base64(self, server):
        encoded = {"b64": base64.b64encode(b"\xff\x00").decode()}
        expected = [
            {"length": 2, "text_bytes": {"b64": "YWI="}, "text": "ab"},
            {"length": 2, "text_bytes": encoded, "text": encoded},
        ]
        assert post(server, {"instances": [{"text": "ab"}, {"text": encoded}]}) == (200, {"predictions": expected})
        assert post(server, {"instances": ["ab", encoded]}) == (200, {"predictions": expected})

    def test_columnar_format(self, server):
        body = {"signature_name": "pair", "inputs": {"a": [1, 2, 3], "b": [2**62]}}
        assert post(server, body) == (200, {"outputs": {"total": 6.0, "b": [2**62 + 1]}})

    def test_columnar_format_without_names(self, server):
        body = {"signature_name": "double", "inputs": [[1, 2]]}
        path = f"/v1/models/{MODEL}/versions/1:predict"
        assert rest(server, "POST", path, body) == (200, {"outputs": [[2.0, 4.0]]})

    def test_connection_is_kept_alive_after_an_error(self, server):
        connection = http.client.HTTPConnection("127.0.0.1", server.rest_port, timeout=10)
        for body, status in ((b"{", 400), (b'{"signature_name": "double", "instances": [[1, 2]]}', 200)):
            connection.request("POST", f"/v1/models/{MODEL}:predict", body)
            response = connection.getresponse()
            response.read()
            assert response.status == status
            assert not response.will_close
        connection.close()

    @pytest.mark.parametrize(
        ("body", "text"),
        [
            (b"", "JSON Parse error"),
            (b"{", "JSON Parse error"),
            (b"[" * 99_000, "JSON Parse error"),
            (b"[]", "JSON object"),
            ({}, "neither"),
            ({"instances": [], "inputs": []}, "both"),
            ({"instances": []}, "at least one"),
            ({"signature_name": 3, "instances": ["a"]}, "must be a string"),
            ({"signature_name": "triple", "instances": ["a"]}, '"triple" not found'),
            ({"signature_name": "double", "instances": [1, 2]}, "(None, 2)"),
            ({"signature_name": "double", "instances": [[1, "2"]]}, "'2'"),
            ({"signature_name": "double", "instances": [[1, 2], [3]]}, "[3]"),
            ({"signature_name": "double", "inputs": {"z": 1}}, "Missing named input: x"),
            ({"signature_name": "pair", "instances": [1]}, "several: a, b"),
            ({"signature_name": "pair", "instances": [{"a": 1, "b": 2}, {"a": 1}]}, "element: 1"),
            ({"signature_name": "pair", "instances": [{"a": 1, "b": 2}]}, "one batch size"),
            ({"instances": [{"text": {"b46": "AA=="}}]}, "b46"),
            ({"inputs": {"text": [{"b64": "AA=="}, {"b64": "?"}]}}, "'text'"),
        ],
    )
    def test_bad_requests_are_400_with_a_reason(self, server, body, text):
        status, reply = post(server, body)
        assert status == 400
        assert list(reply) == ["error"]
        assert text in reply["error"]

    def test_other_models_and_versions_are_404(self, server):
        body = {"instances": ["a"]}
        assert post(server, body, model="other") == (404, {"error": "Servable not found for request: Latest(other)"})
        for path in ("/v1/models/other", "/v1/models/other/metadata", f"/v1/models/{MODEL}/versions/7"):
            assert rest(server, "GET", path)[0] == 404

    def test_other_paths_and_methods(self, server):
        path = f"/v1/models/{MODEL}:explain"
        assert rest(server, "POST", path, {}) == (400, {"error": f"Malformed request: POST {path}"})
        assert rest(server, "POST", f"/v1/models/{MODEL}:classify", {})[0] == 501
        assert "error" in rest(server, "PUT", path)[1]

    def test_oversized_request_is_413(self, server):
        status, reply = post(server, b" " * (5 * MAX_BYTES))
        assert status == 413
        assert str(MAX_BYTES) in reply["error"]

    def test_oversized_reply_is_413(self, server):
        status, reply = post(server, {"instances": ["a"] * 10_000})  # each instance comes back three times
        assert status == 413
        assert "reply" in reply["error"]

    def test_expect_continue_is_refused_before_the_body(self, server):
        with socket.create_connection(("127.0.0.1", server.rest_port), timeout=10) as raw:
            request_line = f"POST /v1/models/{MODEL}:predict HTTP/1.1"
            head = (request_line, f"Content-Length: {10 * MAX_BYTES}", "Expect: 100-continue")
            raw.sendall("\r\n".join((*head, "", "")).encode())
            assert raw.recv(1000).startswith(b"HTTP/1.1 413 ")

    @pytest.mark.parametrize(
        ("body", "headers"),
        [(iter([b"{}"]), {}), (b"", {"Content-Length": "-1"}), (b"", {"Content-Length": "9" * 5000})],
    )
    def test_a_body_needs_its_length(self, server, body, headers):
        status, reply = rest(server, "POST", f"/v1/models/{MODEL}:predict", body, headers)
        assert status == 400
        assert "Content-Length" in reply["error"]

    def test_metadata(self, server):
        status, reply = rest(server, "GET", f"/v1/models/{MODEL}/metadata")
        assert status == 200
        assert reply["model_spec"] == {"name": MODEL, "signature_name": "", "version": "1"}
        info = reply["metadata"]["signature_def"]["signature_def"]["double"]["inputs"]["x"]
        assert info["dtype"] == "DT_FLOAT"
        assert [dim["size"] for dim in info["tensor_shape"]["dim"]] == ["-1", "2"]

    def test_model_status(self, server):
        entry = {"version": "1", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
        assert rest(server, "GET", f"/v1/models/{MODEL}") == (200, {"model_version_status": [entry]})


class TestModelFolder:
    @pytest.mark.parametrize(("make", "text"), [(None, "not a folder"), ("", "none"), ("v1", "none"), ("1", "none")])
    def test_folders_without_a_version_are_refused(self, tmp_path, make, text):
        base = tmp_path / "base"
        if make is not None:
            (base / make).mkdir(parents=True)
        with pytest.raises(UserError, match=text):
            LocalServer(base, MODEL)

    def test_a_version_folder_given_as_the_base_gets_a_hint(self, exported):
        with pytest.raises(ModelFolderError, match="folder above"):
            ModelFolder(exported / "times2", MODEL, MAX_BYTES)

    def test_the_newest_version_that_loads_is_served(self, exported, tmp_path):
        factor_of = lambda folder: folder.servable(MODEL).run("double", {"x": X}, ())["y"][0, 0]  # noqa: E731
        shutil.copytree(exported / "times2", tmp_path / "9")
        folder = ModelFolder(tmp_path, MODEL, MAX_BYTES)
        assert factor_of(folder) == 2

        newer = tmp_path / "10"  # above 9 as a number, not as text
        newer.mkdir()
        (newer / "saved_model.pb").write_bytes(b"half a file")
        folder.poll()
        assert folder.statuses(MODEL)[10].state == "END"
        assert folder.statuses(MODEL)[10].code is not grpc.StatusCode.OK
        assert factor_of(folder) == 2

        shutil.copytree(exported / "times3", newer, dirs_exist_ok=True)
        folder.poll()
        assert {v: s.state for v, s in folder.statuses(MODEL).items()} == {10: "AVAILABLE", 9: "END"}
        assert factor_of(folder) == 3

        shutil.rmtree(newer)
        folder.poll()
        assert folder.servable(MODEL).version == 9
        folder.close()

    def test_a_version_whose_warm_up_fails_is_not_served(self, exported, tmp_path):
        shutil.copytree(exported / "bad_warm_up", tmp_path / "1")
        with pytest.raises(ModelFolderError, match=r"\(1, 5\)"):
            ModelFolder(tmp_path, MODEL, MAX_BYTES)


class TestProtoTensors:
    def test_content_that_does_not_fill_the_shape_is_refused(self):
        import tensorflow as tf

        proto = tf.make_tensor_proto(X)
        proto.tensor_content = proto.tensor_content[:-1]
        with pytest.raises(ServingError, match="'x'") as error:
            from_proto("x", proto, MAX_BYTES)
        assert error.value.code is grpc.StatusCode.INVALID_ARGUMENT

    def test_negative_dimensions_and_unknown_types_are_refused(self):
        from tensorflow.core.framework import tensor_pb2

        proto = tensor_pb2.TensorProto(dtype=1)
        proto.tensor_shape.dim.add().size = -1
        for wrong in (proto, tensor_pb2.TensorProto(dtype=0)):
            with pytest.raises(ServingError) as error:
                from_proto("x", wrong, MAX_BYTES)
            assert error.value.code is grpc.StatusCode.INVALID_ARGUMENT


class TestWorkers:
    def test_what_finds_no_thread_in_time_never_runs(self):
        workers, release, begun, late = Workers(1), threading.Event(), threading.Event(), []

        def block():
            begun.set()
            release.wait()
            return "done"

        results: list[str] = []
        first = threading.Thread(target=lambda: results.append(workers.run(block, None)))
        first.start()
        begun.wait()
        with pytest.raises(ServingError) as error:
            workers.run(lambda: late.append(1), 0.01)
        release.set()
        first.join()
        workers.close()
        assert error.value.code is grpc.StatusCode.DEADLINE_EXCEEDED
        assert results == ["done"]
        assert late == []

    def test_a_closed_pool_is_unavailable(self):
        workers = Workers(1)
        workers.close()
        with pytest.raises(ServingError) as error:
            workers.run(lambda: None, None)
        assert error.value.code is grpc.StatusCode.UNAVAILABLE


class TestLifetime:
    def test_a_taken_port_is_reported_and_a_stopped_server_frees_its_ports(self, server, settings, exported, tmp_path):
        shutil.copytree(exported / "times2", tmp_path / "1")
        for taken in (
            ServerSettings(grpc_port=server.grpc_port, rest_port=0),
            ServerSettings(grpc_port=0, rest_port=server.rest_port),
        ):
            with pytest.raises(ConfigError, match="free port"):
                LocalServer(tmp_path, MODEL, taken)
        stopped = LocalServer(tmp_path, MODEL, settings)
        idle = socket.create_connection(("127.0.0.1", stopped.rest_port))
        stopped.stop()
        assert idle.recv(1) == b""  # closed, not left waiting
        idle.close()
        for port in (stopped.grpc_port, stopped.rest_port):
            with socket.create_server(("127.0.0.1", port)):
                pass

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_signals_end_serve(self, settings, exported, tmp_path, number):
        shutil.copytree(exported / "times2", tmp_path / "1")
        before = signal.getsignal(number)
        ports = []

        def when_ready(running):
            ports.append(running.rest_port)
            assert rest(running, "GET", f"/v1/models/{MODEL}")[0] == 200
            os.kill(os.getpid(), number)

        serve(tmp_path, MODEL, settings, when_ready)
        assert signal.getsignal(number) is before
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", ports[0]))


@pytest.mark.parametrize("wrong", [{"grpc_port": -1}, {"workers": 0}, {"max_message_bytes": 0}, {"rest_timeout": -1.0}])
def test_settings_are_checked(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        ServerSettings(**wrong)
