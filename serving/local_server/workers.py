"""The threads that run the model, shared by both protocols, so that a deadline can pass while TensorFlow computes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent import futures
from typing import TypeVar

import grpc

from serving.status import ServingError

_Result = TypeVar("_Result")


class Workers:
    """A fixed number of threads; what does not find a free one waits, but not past its deadline."""

    def __init__(self, count: int):
        self._pool = futures.ThreadPoolExecutor(count, thread_name_prefix="predict")

    def run(self, function: Callable[[], _Result], timeout: float | None) -> _Result:
        """Result of `function()`, which runs in one of the threads.

        TensorFlow cannot be stopped half-way: a function that has begun when its time is up goes on and its result is
        dropped; one that has not begun never does.

        Args:
            function: what to run; its exceptions pass through.
            timeout: seconds, waiting included; None for no limit.

        Raises:
            ServingError: DEADLINE_EXCEEDED, or UNAVAILABLE after close().
        """
        try:
            future = self._pool.submit(function)
        except RuntimeError as error:
            raise ServingError(grpc.StatusCode.UNAVAILABLE, "The server is shutting down.") from error
        try:
            return future.result(None if timeout is None else min(timeout, threading.TIMEOUT_MAX))
        except futures.TimeoutError as error:
            future.cancel()
            raise ServingError(grpc.StatusCode.DEADLINE_EXCEEDED, f"No result within {timeout:.3g} s.") from error
        except futures.CancelledError as error:
            raise ServingError(grpc.StatusCode.UNAVAILABLE, "The server is shutting down.") from error

    def close(self) -> None:
        """Turns away what waits and returns when what runs has ended."""
        self._pool.shutdown(wait=True, cancel_futures=True)
