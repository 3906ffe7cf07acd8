import dataclasses
import http.server
import shutil
import socket
import threading
import time

import grpc
import numpy as np
import pytest
from tiny_model import MAX_BYTES, MODEL

from model.errors import ConfigError
from serving.client import ClientSettings, GrpcPredictClient, RestPredictClient
from serving.local_server import LocalServer
from serving.status import ServingError

LIMITS = ClientSettings(timeout=10.0, first_wait=0.05, max_message_bytes=MAX_BYTES)


def client_of(kind, grpc_port, rest_port, model=MODEL, version=None, settings=LIMITS):
    if kind == "grpc":
        return GrpcPredictClient(f"127.0.0.1:{grpc_port}", model, version, settings)
    return RestPredictClient(f"http://127.0.0.1:{rest_port}", model, version, settings)


@pytest.fixture(params=["grpc", "rest"])
def connect(request, server):
    def make(**options):
        return client_of(request.param, server.grpc_port, server.rest_port, **options)

    return make


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def test_strings_of_any_bytes(connect):
    text = np.array([b"abc", b"\xff\x00", "é".encode()], object)
    with connect(version=1) as client:
        result = client.predict({"text": text})
    assert sorted(result) == ["length", "text", "text_bytes"]
    assert result["length"].dtype == np.int32
    np.testing.assert_array_equal(result["length"], [3, 2, 2])
    np.testing.assert_array_equal(result["text_bytes"], text)
    np.testing.assert_array_equal(result["text"], text)


def test_numbers_keep_type_and_value(connect):
    a, b = np.array([0.1, 0.2], np.float32), np.array([2**62, -1], np.int64)
    with connect() as client:
        result = client.predict({"a": a, "b": b}, "pair")
    assert result["total"].dtype == np.float32
    assert result["total"].shape == ()
    assert result["total"] == a.sum()
    assert result["b"].dtype == np.int64
    np.testing.assert_array_equal(result["b"], b + 1)


def test_a_lone_output_has_its_name_and_infinities_pass(connect):
    x = np.array([[np.inf, -np.inf], [np.nan, 0.1]], np.float32)
    with connect() as client:
        result = client.predict({"x": x}, "double")
    assert list(result) == ["y"]
    np.testing.assert_array_equal(result["y"], 2 * x)


def test_outputs_can_be_chosen(connect):
    with connect() as client:
        assert list(client.predict({"text": np.array([b"a"], object)}, outputs=["length"])) == ["length"]
        with pytest.raises(ServingError, match="nothing") as error:
            client.predict({"text": np.array([b"a"], object)}, outputs=["nothing"])
    assert error.value.code is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize(
    ("model", "signature", "inputs", "codes", "text"),
    [
        ("other", "double", {"x": np.zeros((1, 2), np.float32)}, {"NOT_FOUND"}, "Servable not found"),
        (MODEL, "triple", {"x": np.zeros((1, 2))}, {"FAILED_PRECONDITION", "INVALID_ARGUMENT"}, '"triple" not found'),
        (MODEL, "double", {"x": np.zeros((1, 3), np.float32)}, {"INVALID_ARGUMENT"}, r"\(None, 2\)"),
        (MODEL, "serving_default", {"text": np.array([3.5], object)}, {"INVALID_ARGUMENT"}, "Received"),
        (MODEL, "double", {"x": np.zeros((MAX_BYTES, 2), np.float32)}, {"RESOURCE_EXHAUSTED"}, str(MAX_BYTES)),
    ],
)
def test_errors_carry_code_and_message(connect, model, signature, inputs, codes, text):
    with connect(model=model) as client, pytest.raises(ServingError, match=text) as error:
        client.predict(inputs, signature)
    assert error.value.code.name in codes


@pytest.mark.parametrize("kind", ["grpc", "rest"])
def test_waits_for_a_server_that_starts_after_the_first_attempt(kind, exported, settings, tmp_path, monkeypatch):
    shutil.copytree(exported / "times2", tmp_path / "1")
    ports = dataclasses.replace(settings, grpc_port=free_port(), rest_port=free_port())
    servers = []
    real_sleep = time.sleep

    def sleep(seconds):
        if not servers:
            servers.append(LocalServer(tmp_path, MODEL, ports))
        real_sleep(seconds)

    monkeypatch.setattr(time, "sleep", sleep)
    try:
        with client_of(kind, ports.grpc_port, ports.rest_port) as client:
            np.testing.assert_array_equal(client.predict({"text": np.array([b"a"], object)})["length"], [1])
    finally:
        for started in servers:
            started.stop()
    assert len(servers) == 1


@pytest.mark.parametrize("kind", ["grpc", "rest"])
def test_gives_up_after_the_last_attempt(kind, monkeypatch):
    waits = []
    monkeypatch.setattr(time, "sleep", waits.append)
    port = free_port()
    settings = ClientSettings(attempts=4, first_wait=0.25)
    with client_of(kind, port, port, settings=settings) as client, pytest.raises(ServingError) as error:
        client.predict({"x": np.zeros(1, np.float32)})
    assert error.value.code is grpc.StatusCode.UNAVAILABLE
    assert waits == [0.25, 0.5, 1.0]


@pytest.fixture
def scripted():
    """A server that answers each request with the next of `statuses`, and keeps count."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            status = self.server.statuses.pop(0)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(b'{"error": "scripted"}')

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as running:
        running.statuses = []
        thread = threading.Thread(target=running.serve_forever, args=(0.05,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("statuses", "code", "left"), [([503, 503, 404, 200], "NOT_FOUND", 1), ([500, 200], "INTERNAL", 1)]
)
def test_only_503_is_tried_again(scripted, statuses, code, left):
    scripted.statuses = list(statuses)
    client = RestPredictClient(f"http://127.0.0.1:{scripted.server_port}", MODEL, settings=LIMITS)
    with pytest.raises(ServingError, match="scripted") as error:
        client.predict({"x": np.zeros(1)})
    assert error.value.code.name == code
    assert len(scripted.statuses) == left


@pytest.mark.parametrize("kind", ["grpc", "rest"])
def test_a_silent_server_meets_the_deadline(kind):
    with socket.create_server(("127.0.0.1", 0)) as silent:  # the kernel accepts, nobody answers
        port = silent.getsockname()[1]
        client = client_of(kind, port, port, settings=ClientSettings(timeout=0.3))
        with client, pytest.raises(ServingError) as error:
            client.predict({"x": np.zeros(1, np.float32)})
    assert error.value.code is grpc.StatusCode.DEADLINE_EXCEEDED


@pytest.mark.parametrize("url", ["127.0.0.1:8501", "ftp://host", "http://"])
def test_a_rest_address_is_a_url(url):
    with pytest.raises(ConfigError, match="http://host:port"):
        RestPredictClient(url, MODEL)


@pytest.mark.parametrize("wrong", [{"timeout": 0.0}, {"attempts": 0}, {"max_message_bytes": -1}])
def test_settings_are_checked(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        ClientSettings(**wrong)
