"""The REST API on a socket: HTTP/1.1 with keep-alive, bounded bodies, and a shutdown that lets requests finish."""

from __future__ import annotations

import contextlib
import http.server
import json
import re
import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from typing import Any

import grpc
from absl import logging

from serving.local_server.rest_api import RestApi
from serving.status import HTTP_STATUS, ServingError

_SOCKET_TIMEOUT = 60.0  # seconds without a byte before a connection is given up
_DISCARD_SECONDS = 5.0


class RestServer(http.server.ThreadingHTTPServer):
    """Serves a RestApi, a thread for each connection.

    Attributes:
        api: what answers.
        max_message_bytes: bound on the body of a request and of a reply.
    """

    daemon_threads = True
    block_on_close = False  # connections that only stay open for a next request must not hold up the shutdown
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], api: RestApi, max_message_bytes: int):
        """Binds `address` (host, port; port 0 for a free one); OSError if that cannot be done."""
        super().__init__(address, _Handler)
        self.api = api
        self.max_message_bytes = max_message_bytes
        self._connections: set[socket.socket] = set()
        self._busy = 0
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.1,), name="rest", daemon=True)

    def server_bind(self) -> None:
        """Binds without http.server's look-up of the host's full name, which can take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]

    def start(self) -> None:
        """Begins to accept connections, in a thread of its own."""
        self._thread.start()

    def stop(self, grace: float) -> None:
        """Frees the port, waits up to `grace` seconds for requests under way, then closes every connection."""
        if self._thread.is_alive():
            self.shutdown()
        self.server_close()
        with self._changed:
            self._changed.wait_for(lambda: self._busy == 0, grace)
            connections = list(self._connections)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    @contextlib.contextmanager
    def busy(self) -> Iterator[None]:
        """Marks a request as under way."""
        with self._changed:
            self._busy += 1
        try:
            yield
        finally:
            with self._changed:
                self._busy -= 1
                self._changed.notify_all()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Keeps the connection in mind while it is open."""
        with self._changed:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forgets the connection and closes it."""
        with self._changed:
            self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Logs what a handler did not catch (socketserver would print it)."""
        logging.exception("A REST connection from %s failed", client_address)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "mviper"
    timeout = _SOCKET_TIMEOUT
    disable_nagle_algorithm = True  # head and body go out in two writes
    server: RestServer

    def do_GET(self) -> None:
        # No body is expected; one that was sent anyway would be taken for the next request.
        if self.headers.get("Content-Length", "0") != "0" or "Transfer-Encoding" in self.headers:
            self.close_connection = True
        self._answer(has_body=False)

    def do_POST(self) -> None:
        self._answer(has_body=True)

    def handle_expect_100(self) -> bool:
        """Turns an oversized body away before it is sent, for clients that ask (curl does)."""
        try:
            self._body_length()
        except ServingError as error:
            self.close_connection = True
            self._send_error(error)
            return False
        return super().handle_expect_100()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """The base class's own errors (bad HTTP, other methods) in the same JSON shape as all others."""
        del explain
        self.close_connection = True
        self._send(code, {"error": message or self.responses.get(code, ("",))[0]})

    def log_message(self, format: str, *args: Any) -> None:
        logging.vlog(1, "REST %s: " + format, self.client_address[0], *args)

    def _answer(self, has_body: bool) -> None:
        with self.server.busy():
            try:
                body = self._read_body() if has_body else b""
                self._send(200, self.server.api.answer(self.command, self.path.partition("?")[0], body))
            except ServingError as error:
                with contextlib.suppress(OSError):
                    self._send_error(error)
            except OSError:  # the client is gone, or silent for too long
                self.close_connection = True
            except Exception:
                logging.exception("A REST request failed")
                self._send(500, {"error": "Internal error; the server's log has the details."})

    def _send_error(self, error: ServingError) -> None:
        self._send(HTTP_STATUS[error.code], {"error": str(error)})

    def _send(self, status: int, reply: dict[str, Any]) -> None:
        data = json.dumps(reply).encode()
        if len(data) > self.server.max_message_bytes:
            status = HTTP_STATUS[grpc.StatusCode.RESOURCE_EXHAUSTED]
            text = f"The reply may have {self.server.max_message_bytes} bytes. Received: {len(data)} from the model"
            data = json.dumps({"error": text}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def _body_length(self) -> int:
        """Content-Length, checked."""
        text = self.headers.get("Content-Length", "")
        if "Transfer-Encoding" in self.headers or not re.fullmatch("[0-9]{1,18}", text):
            raise ServingError(
                grpc.StatusCode.INVALID_ARGUMENT, f"A request needs a body and its Content-Length. Received: {text!r}"
            )
        length = int(text)
        if length > self.server.max_message_bytes:
            raise ServingError(
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                f"A request may have {self.server.max_message_bytes} bytes. Received: {length}",
            )
        return length

    def _read_body(self) -> bytes:
        try:
            length = self._body_length()
        except ServingError:
            self.close_connection = True
            self._discard()
            raise
        body = self.rfile.read(length)
        if len(body) < length:
            self.close_connection = True
            raise ServingError(grpc.StatusCode.INVALID_ARGUMENT, f"The body ends after {len(body)} of {length} bytes.")
        return body

    def _discard(self) -> None:
        """Reads what a client sends of a refused body, for a while.

        To close a socket with unread data resets it, and the client would see that instead of the reply.
        """
        self.connection.settimeout(0.2)
        end = time.monotonic() + _DISCARD_SECONDS
        with contextlib.suppress(OSError):
            while time.monotonic() < end and self.rfile.read1(1 << 20):  # type: ignore[attr-defined]
                pass
