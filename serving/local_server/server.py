"""The local server: one model folder behind a gRPC and a REST port."""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
import signal
import threading
from collections.abc import Callable
from concurrent import futures
from types import TracebackType

import grpc
from absl import logging

from model.errors import ConfigError
from serving.local_server.grpc_service import GrpcService
from serving.local_server.model_folder import ModelFolder
from serving.local_server.rest_api import RestApi
from serving.local_server.rest_server import RestServer
from serving.local_server.workers import Workers

# gRPC calls wait for a worker in threads of their own; these are kept free for status and metadata.
_SPARE_GRPC_THREADS = 4


@dataclasses.dataclass(frozen=True)
class ServerSettings:
    """How a model is served.

    Attributes:
        host: address or name to bind; the default is reachable from this machine only, as there is no authentication.
        grpc_port: TCP port, 0 for a free one; the default is TensorFlow Serving's.
        rest_port: the same for REST.
        workers: predictions computed at a time; others wait.
        max_message_bytes: bound on a request and on a reply, in both protocols, and on one unpacked input tensor.
        rest_timeout: seconds that a REST prediction may take; gRPC clients send their own deadline.
        poll_seconds: time between looks for a newer version.
        grace: seconds that requests under way have when the server stops.
    """

    host: str = "127.0.0.1"
    grpc_port: int = 8500
    rest_port: int = 8501
    workers: int = 4
    max_message_bytes: int = 64 * 2**20
    rest_timeout: float = 30.0
    poll_seconds: float = 1.0
    grace: float = 5.0

    def __post_init__(self):
        for name in ("grpc_port", "rest_port"):
            if not 0 <= getattr(self, name) <= 65535:
                raise ConfigError(f"{name} is from 0 to 65535. Received: {getattr(self, name)}")
        for name in ("workers", "max_message_bytes", "rest_timeout", "poll_seconds"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"{name} is above 0. Received: {getattr(self, name)}")


class LocalServer:
    """Serves the newest version in a model folder, from construction until stop(); also a context manager.

    Attributes:
        folder: the versions and their states; `folder.poll()` looks for a newer one at once.
        grpc_port: the port in use.
        rest_port: the port in use.
    """

    def __init__(self, base: str | pathlib.Path, name: str = "mviper", settings: ServerSettings | None = None):
        """Loads the model, then opens the ports: who can connect gets answers.

        Args:
            base: folder of BASE/<number>/saved_model.pb.
            name: what requests call the model.
            settings: see ServerSettings.

        Raises:
            ModelFolderError: the folder is missing, or has no version that loads.
            ConfigError: a port cannot be bound.
        """
        settings = settings or ServerSettings()
        self._settings = settings
        self.folder = ModelFolder(base, name, settings.max_message_bytes)
        with contextlib.ExitStack() as undo:
            self._workers = Workers(settings.workers)
            undo.callback(self._workers.close)
            self._rest = self._open_rest()
            undo.callback(self._rest.server_close)
            self._grpc, self.grpc_port = self._open_grpc()
            undo.pop_all()
        self.rest_port = self._rest.server_port
        self._grpc.start()
        self._rest.start()
        self.folder.start_polling(settings.poll_seconds)

    def stop(self) -> None:
        """Frees the ports, lets requests under way finish within the grace time, and unloads the model."""
        stopped = self._grpc.stop(self._settings.grace)
        self._rest.stop(self._settings.grace)
        stopped.wait()
        self._workers.close()
        self.folder.close()

    def __enter__(self) -> LocalServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _open_rest(self) -> RestServer:
        settings = self._settings
        api = RestApi(self.folder, self._workers, settings.rest_timeout)
        try:
            return RestServer((settings.host, settings.rest_port), api, settings.max_message_bytes)
        except OSError as error:
            raise _port_error("REST", settings.host, settings.rest_port, error) from error

    def _open_grpc(self) -> tuple[grpc.Server, int]:
        settings = self._settings
        server = grpc.server(
            futures.ThreadPoolExecutor(2 * settings.workers + _SPARE_GRPC_THREADS, thread_name_prefix="grpc"),
            options=[
                ("grpc.max_receive_message_length", settings.max_message_bytes),
                ("grpc.max_send_message_length", settings.max_message_bytes),
                ("grpc.so_reuseport", 0),  # else a second server on the same port would take half of the requests
            ],
        )
        GrpcService(self.folder, self._workers, settings.max_message_bytes).register(server)
        try:
            port = server.add_insecure_port(f"{settings.host}:{settings.grpc_port}")
        except RuntimeError as error:
            raise _port_error("gRPC", settings.host, settings.grpc_port, error) from error
        return server, port


def serve(
    base: str | pathlib.Path,
    name: str = "mviper",
    settings: ServerSettings | None = None,
    on_ready: Callable[[LocalServer], None] | None = None,
) -> None:
    """Serves until Ctrl-C or SIGTERM, then stops cleanly; a second signal ends the process at once.

    To be called from the main thread, which alone receives signals.

    Args:
        base: as LocalServer's.
        name: as LocalServer's.
        settings: as LocalServer's.
        on_ready: called with the server when it accepts requests, for example to tell the user its ports.

    Raises:
        ModelFolderError: the folder is missing, or has no version that loads.
        ConfigError: a port cannot be bound.
    """
    asked_to_stop = threading.Event()
    with LocalServer(base, name, settings) as server:
        signals = (signal.SIGINT, signal.SIGTERM)
        previous = {number: signal.signal(number, lambda *_: asked_to_stop.set()) for number in signals}
        try:
            if on_ready is not None:
                on_ready(server)
            asked_to_stop.wait()
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)
        logging.info("Stopping: requests under way have a moment to finish")


def _port_error(protocol: str, host: str, port: int, error: Exception) -> ConfigError:
    return ConfigError(f"The {protocol} server needs a free port that it may bind. Received: {host}:{port} ({error})")
