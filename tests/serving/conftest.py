"""Exports of the tiny model, and a server over a copy of one."""

import pathlib
import shutil

import pytest
from tiny_model import MAX_BYTES, MODEL, export

from serving.local_server import LocalServer, ServerSettings


@pytest.fixture(scope="session")
def exported(tmp_path_factory) -> pathlib.Path:
    """Folders "times2" and "times3", and "bad_warm_up", whose warm-up request has the wrong shape."""
    folder = tmp_path_factory.mktemp("exported")
    export(folder / "times2", 2.0, (1, 2))
    export(folder / "times3", 3.0, (1, 2))
    shutil.copytree(folder / "times2", folder / "bad_warm_up")
    export(folder / "scratch", 1.0, (1, 5))
    shutil.copytree(folder / "scratch" / "assets.extra", folder / "bad_warm_up" / "assets.extra", dirs_exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def settings() -> ServerSettings:
    """Free ports, small messages, and no polling while a test runs."""
    return ServerSettings(grpc_port=0, rest_port=0, workers=2, max_message_bytes=MAX_BYTES, poll_seconds=1e4, grace=1.0)


@pytest.fixture(scope="module")
def server(exported, settings, tmp_path_factory):
    """Version 1 of the model."""
    base = tmp_path_factory.mktemp("base")
    shutil.copytree(exported / "times2", base / "1")
    with LocalServer(base, MODEL, settings) as running:
        yield running
