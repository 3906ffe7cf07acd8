"""What one worker process holds while it makes clips: a thread, a renderer, the simulation at hand.

Beam runs a stage on any of several threads of a process, and some runners run several at a time. An OpenGL context
belongs to one thread, and two clips at a time would take twice the memory and gain nothing, since cloth and rendering
are bound by the processor. So each process has one thread of its own for this work; processes are what scales.
"""

from __future__ import annotations

import concurrent.futures
import functools
from collections.abc import Callable
from typing import Any, TypeVar

from components.job_store import WorkerError
from components.worker_facts import worker_name
from synthesis.render import backends
from synthesis.render.interface import Renderer, RenderError
from synthesis.scene.plan import ClipPlan

T = TypeVar("T")


class Workbench:
    """Use `workbench()`: there is one in a process."""

    def __init__(self) -> None:
        self._thread = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="workbench")
        self._renderer: Renderer | None = None
        self._kind: tuple[str, int, int] | None = None
        self._simulation: tuple[str, Any] = ("", None)

    def call(self, function: Callable[..., T], *args: Any) -> T:
        """Runs a function on the bench's thread, after what runs there already, and returns its result."""
        return self._thread.submit(function, *args).result()

    def renderer(self, plan: ClipPlan, fallback: str = "") -> Renderer:
        """The renderer of a clip, or its fallback where it cannot start; call it on the bench's thread.

        Raises:
            WorkerError: this machine cannot render at all.
        """
        kind = plan.renderer, plan.lens.width, plan.lens.height
        if self._renderer is None or self._kind != kind:
            self._close_renderer()
            try:
                self._renderer, self._kind = backends.make_renderer(*kind, fallback or None), kind
            except RenderError as error:
                raise WorkerError(f"{error} (worker {worker_name()})") from error
        return self._renderer

    def simulation(self, key: str, make: Callable[[], T]) -> T:
        """The simulation of a key: the one at hand, or what `make` returns, in its place."""
        if self._simulation[0] != key:
            self._simulation = ("", None)
            self._simulation = (key, make())
        return self._simulation[1]

    def close(self) -> None:
        """Frees everything; the next clip makes it anew."""
        self._simulation = ("", None)
        self.call(self._close_renderer)

    def _close_renderer(self) -> None:
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = self._kind = None


@functools.cache
def workbench() -> Workbench:
    """The bench of this process."""
    return Workbench()
