import os
import sys
import time

import numpy as np
import pytest

from synthesis.blender.process import BlenderError, BlenderProcess, Request

# No worker here needs bpy: the running interpreter stands in for Blender's.
COUNTING = """
import os, pathlib
def start(folder):
    seen = []
    def answer(job, arrays):
        if job.get("crash") and not pathlib.Path(job["crash"]).exists():
            pathlib.Path(job["crash"]).touch()
            os._exit(3)
        seen.append(str(job.get("name")))
        return {"twice": 2 * arrays["value"], "seen": seen, "pid": os.getpid(), "folder": str(folder)}
    return answer
"""
VALUE = {"value": np.arange(3)}


@pytest.fixture
def make_process(tmp_path, monkeypatch):
    monkeypatch.setattr("synthesis.blender.process._has_bpy", lambda python: True)
    started = []

    def make(source: str, timeout: float = 60.0, retry_late: bool = False) -> BlenderProcess:
        worker = tmp_path / "worker.py"
        worker.write_text(source)
        started.append(BlenderProcess(worker, timeout, sys.executable, retry_late))
        return started[-1]

    yield make
    for process in started:
        process.close()


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_worker_lives_from_request_to_request_and_ends_when_closed(make_process):
    process = make_process(COUNTING)
    process.send(Request({"name": "a"}, VALUE))
    answer = process.send(Request({"name": "b"}, VALUE))
    np.testing.assert_array_equal(answer["twice"], [0, 2, 4])
    assert answer["seen"].tolist() == ["a", "b"]
    assert process.usage.cpu_seconds > 0
    assert process.usage.peak_memory_mb > 1
    process.close()
    assert not is_alive(int(answer["pid"]))
    assert not os.path.exists(str(answer["folder"]))


def test_a_crashed_worker_is_started_once_more_and_prepared_again(make_process, tmp_path):
    process = make_process(COUNTING)
    scene = Request({"name": "scene"}, VALUE)
    process.send(scene)
    frame = Request({"name": "frame", "crash": str(tmp_path / "mark")}, VALUE)
    assert process.send(frame, preparation=[scene])["seen"].tolist() == ["scene", "frame"]


def test_a_worker_that_keeps_crashing_is_reported_with_its_last_words(make_process):
    process = make_process("raise RuntimeError('no such vertex group')\n")
    with pytest.raises(BlenderError, match=r"twice status 1.*no such vertex group"):
        process.send(Request({}, VALUE))


def test_a_worker_that_hangs_is_killed_and_the_next_request_starts_another(make_process):
    process = make_process(COUNTING.replace("seen.append", "import time; time.sleep(job.get('wait', 0)); seen.append"))
    pid = int(process.send(Request({}, VALUE))["pid"])
    process._timeout = 0.3
    with pytest.raises(BlenderError, match=r"within 0\.3 s.*killed"):
        process.send(Request({"wait": 600}, VALUE))
    assert not is_alive(pid)
    process._timeout = 60.0
    assert process.send(Request({}, VALUE))["pid"] != pid


def test_a_worker_that_hangs_once_is_tried_again_where_wanted(make_process, tmp_path):
    source = COUNTING.replace("os._exit(3)", "import time; time.sleep(600)")
    process = make_process(source, timeout=3.0, retry_late=True)
    answer = process.send(Request({"name": "frame", "crash": str(tmp_path / "mark")}, VALUE))
    assert answer["seen"].tolist() == ["frame"]


def test_a_worker_ends_and_cleans_up_when_its_owner_is_gone(make_process):
    process = make_process(COUNTING)
    answer = process.send(Request({}, VALUE))
    process._running._channel.close()  # as the kernel does when the owner is killed
    process._running._process.wait(timeout=30)
    deadline = time.monotonic() + 10
    while os.path.exists(str(answer["folder"])) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not os.path.exists(str(answer["folder"]))


def test_without_bpy_the_error_says_what_to_install(tmp_path):
    with pytest.raises(BlenderError, match=r"mviper\[blender\].*MVIPER_BLENDER_PYTHON.*Received: /nowhere/python"):
        BlenderProcess(tmp_path / "worker.py", 1.0, "/nowhere/python")
