"""Progress of a job whose workers are elsewhere, seen from its files; the early end of a hopeless one."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence

import tqdm
from absl import logging

from components import jobs, records
from components.job_store import JobStore, WorkerError

# Workers look for it before each clip.
STOP = f"{jobs.PARTS}/stop"


class Watch:
    """Counts what is finished and asks the workers to stop when too much failed.

    Args:
        store: of the job.
        shards: all of the plan.
        max_failure_rate: share of clips that may fail.
        groups: simulations of the plan; clips of one tend to fail together.
    """

    def __init__(self, store: JobStore, shards: Sequence[jobs.Shard], max_failure_rate: float, groups: int):
        self._store = store
        self._unfinished = {shard.file: shard for shard in shards}
        self._limit = max_failure_rate
        self._splits = sorted({shard.split for shard in shards})
        self.total = sum(len(shard.clip_ids) for shard in shards)
        self._per_group = self.total / max(groups, 1)
        self._done = self._failed = 0
        self.stopped = False

    def count(self) -> tuple[int, int]:
        """Clips that ended and, among them, clips that failed, in this run and those before."""
        for split in self._splits:
            for name in self._store.names(split):
                shard = self._unfinished.pop(f"{split}/{name}", None) if name.endswith(records.SUFFIX) else None
                if shard:
                    self._done += len(shard.clip_ids)
                    self._failed += sum(1 for _ in jobs.read_letters(self._store, shard))
        waiting = {shard.name for shard in self._unfinished.values()}
        parts = [name for name in self._store.names(jobs.PARTS) if name.partition("/")[0] in waiting]
        failed = sum(name.endswith(jobs.FAILED) for name in parts)
        made = sum(name.endswith(jobs.MADE) for name in parts)
        return self._done + made + failed, self._failed + failed

    @contextlib.contextmanager
    def running(self, seconds: float = 1.0) -> Iterator[None]:
        """Shows a progress bar and watches the failure rate while the body runs.

        Args:
            seconds: least time between two counts; large jobs are counted less often.
        """
        bar = tqdm.tqdm(total=self.total, desc="clips", unit="clip", dynamic_ncols=True, smoothing=0.05)
        over = threading.Event()

        def watch() -> None:
            pause = seconds
            while not over.wait(pause):
                began = time.monotonic()
                try:
                    self._look(bar)
                except Exception as error:  # the bar must not end the job, whatever the store says
                    logging.warning("progress cannot be read: %s", error)
                pause = max(seconds, 20 * (time.monotonic() - began))

        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            with contextlib.suppress(Exception):
                self._look(bar)
            bar.close()

    def _look(self, bar: tqdm.tqdm) -> None:
        done, failed = self.count()
        if done != bar.n or sys.stderr.isatty():
            bar.n = done
            bar.set_postfix_str(f"{failed} failed" if failed else "", refresh=False)
            bar.refresh()
        if not self.stopped and jobs.is_hopeless(failed, done, self.total, self._limit, self._per_group):
            self._store.write(STOP, f"{failed} of the first {done} clips failed".encode())
            self.stopped = True


class _WorkerDiedError(BaseException):
    """Wakes the main thread."""


@contextlib.contextmanager
def dead_workers_noticed() -> Iterator[None]:
    """Ends the body when a worker process of Beam's DirectRunner dies; the runner itself would wait for it for ever.

    Raises:
        WorkerError: a worker died.
    """
    died: list[str] = []
    before = threading.excepthook

    def notice(args: threading.ExceptHookArgs) -> None:
        # The runner has a thread for each worker process, which raises this and is heard by nobody.
        if "Worker subprocess exited" not in str(args.exc_value):
            before(args)
            return
        died.append(str(args.exc_value))
        if len(died) == 1:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)

    def wake(*_: object) -> None:
        raise _WorkerDiedError

    # Not SIGINT, which programs that a shell started in the background ignore.
    former = signal.signal(signal.SIGUSR1, wake)
    threading.excepthook = notice
    try:
        yield
    except _WorkerDiedError:
        raise WorkerError(
            "Worker processes that live to the end of the job are needed; where memory is short, take fewer of them "
            "(-- --direct_num_workers=N). Finished clips are kept and the same command goes on with the rest. "
            f"Received: {died[0]}"
        ) from None
    finally:
        threading.excepthook = before
        signal.signal(signal.SIGUSR1, former)
