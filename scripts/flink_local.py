#!/usr/bin/env python3
"""A Flink cluster with two task managers and Beam's job server on this machine, for docs/scaling.md.

    scripts/flink_local.py setup                     # downloads Flink (PyPI) and Beam's Flink runner (Maven), once
    scripts/flink_local.py start                     # job manager, task managers, Beam job server, pools of SDK workers
    mviper synthesize ... -- $(scripts/flink_local.py flags)
    scripts/flink_local.py kill taskmanager          # kill -9 of one; or: kill harness
    scripts/flink_local.py stop

Standard library only. Java 11 or 17 and Maven are needed (Debian: openjdk-17-jre-headless maven).
MVIPER_FLINK_HOME is where everything lies; MAVEN_URL and PYTHON_FILES_URL name mirrors.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tarfile
import time
import urllib.request

FLINK, BEAM = "1.19.3", "2.62.0"
HOME = pathlib.Path(os.environ.get("MVIPER_FLINK_HOME", pathlib.Path.home() / ".cache/mviper/flink"))
MAVEN_URL = os.environ.get("MAVEN_URL", "https://repo.maven.apache.org/maven2")
PYTHON_FILES_URL = os.environ.get("PYTHON_FILES_URL", "https://files.pythonhosted.org")
FLINK_FILE = (
    f"packages/4e/35/1c4e72f5930a92d0cb107c28fc25f757ce0d69f6c1b6a00c6daf27cc7bed/apache-flink-libraries-{FLINK}.tar.gz"
)
FLINK_SHA256 = "4a58e3a1fb7d83340bc96b6c080624c6d792d69fae5d294b96224775204a9c60"
ROOT = pathlib.Path(__file__).resolve().parents[1]
REST_PORT, JOB_PORT, POOL_PORT = 8081, 8099, 50000
TASK_MANAGERS = 2

# What Flink's own start scripts work out, small. Two slots each, so that the survivor of a kill can do all of the work.
CONFIGURATION = f"""\
jobmanager.rpc.address: localhost
jobmanager.memory.process.size: 1g
rest.address: localhost
rest.port: {REST_PORT}
rest.bind-address: localhost
taskmanager.host: localhost
taskmanager.numberOfTaskSlots: 2
taskmanager.load-balance.mode: SLOTS
taskmanager.cpu.cores: 1
taskmanager.memory.task.heap.size: 256m
taskmanager.memory.task.off-heap.size: 64m
taskmanager.memory.framework.heap.size: 128m
taskmanager.memory.framework.off-heap.size: 128m
taskmanager.memory.jvm-metaspace.size: 256m
taskmanager.memory.jvm-overhead.min: 192m
taskmanager.memory.jvm-overhead.max: 192m
taskmanager.memory.network.min: 64m
taskmanager.memory.network.max: 64m
taskmanager.memory.managed.size: 64m
heartbeat.interval: 2000
heartbeat.timeout: 10000
restart-strategy.type: fixed-delay
restart-strategy.fixed-delay.attempts: 10
restart-strategy.fixed-delay.delay: 2 s
"""
POM = """\
<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>mviper</groupId><artifactId>flink-job-server</artifactId><version>1</version>
<repositories><repository><id>central</id><url>{url}</url></repository></repositories>
<pluginRepositories><pluginRepository><id>central</id><url>{url}</url></pluginRepository></pluginRepositories>
<dependencies>
<dependency><groupId>org.apache.beam</groupId><artifactId>beam-runners-flink-{flink}</artifactId><version>{beam}</version>
</dependency>
<dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.30</version></dependency>
</dependencies></project>
"""
COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"
# Flink reflects into the JDK.
OPENS = [
    f"--add-opens=java.base/{package}=ALL-UNNAMED"
    for package in ("java.lang", "java.net", "java.io", "java.nio", "java.util", "java.util.concurrent", "java.time",
                    "java.lang.reflect", "java.text", "sun.nio.ch", "java.util.concurrent.atomic")
]  # fmt: skip


def setup() -> None:
    """Downloads what is not there yet; what a broken download left is taken away first."""
    for tool in ("java", "mvn"):
        if not shutil.which(tool):
            sys.exit(f"{tool} is needed (Debian: openjdk-17-jre-headless, maven). Received: it is not on the PATH")
    HOME.mkdir(parents=True, exist_ok=True)
    if not (HOME / "flink").is_dir():
        _fetch_flink(HOME / "flink")
    if not (HOME / "beam").is_dir():
        _fetch_beam(HOME / "beam")
    print(f"Flink {FLINK} and Beam's runner {BEAM} are in {HOME}")


def _fetch_flink(flink: pathlib.Path) -> None:
    url, archive, unpacked = f"{PYTHON_FILES_URL}/{FLINK_FILE}", HOME / "flink.tar.gz", HOME / "unpacked"
    print(f"Flink {FLINK}, 230 MB, from {url}", flush=True)
    try:
        urllib.request.urlretrieve(url, archive)
    except OSError as error:
        sys.exit(f"{url} must be reached (PYTHON_FILES_URL names a mirror). Received: {error}")
    with archive.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != FLINK_SHA256:
        sys.exit(f"{url} must have the SHA-256 {FLINK_SHA256}. Received: {digest}")
    shutil.rmtree(unpacked, ignore_errors=True)
    with tarfile.open(archive) as file:
        top = f"apache-flink-libraries-{FLINK}/deps/lib/"
        jars = [member for member in file.getmembers() if member.name.startswith(top) and member.isfile()]
        file.extractall(unpacked, members=jars, filter="data")
    (unpacked / top).rename(flink)
    shutil.rmtree(unpacked)
    archive.unlink()


def _fetch_beam(beam: pathlib.Path) -> None:
    folder, aside = HOME / "maven", HOME / "beam.aside"
    folder.mkdir(exist_ok=True)
    version = FLINK.rpartition(".")[0]
    (folder / "pom.xml").write_text(POM.format(url=MAVEN_URL, flink=version, beam=BEAM))
    print(f"Beam {BEAM} runner for Flink {version}, 150 MB, from {MAVEN_URL}", flush=True)
    shutil.rmtree(aside, ignore_errors=True)
    command = ["mvn", "-q", "-B", COPY, "-DincludeScope=runtime", f"-DoutputDirectory={aside}"]
    status = subprocess.run([*command, f"-Dmaven.repo.local={folder / 'repository'}"], cwd=folder).returncode
    if status:
        sys.exit(f"Maven must reach {MAVEN_URL} (MAVEN_URL names a mirror). Received: status {status}, see above")
    aside.rename(beam)
    shutil.rmtree(folder)


def start() -> None:
    """Starts everything and waits until it answers."""
    if not (HOME / "beam").is_dir() or not (HOME / "flink").is_dir():
        sys.exit(f"`{sys.argv[0]} setup` comes first. Received: {HOME} without flink/ and beam/")
    if _running():
        sys.exit(f"Nothing may be running before a start; `{sys.argv[0]} stop` ends it. Received: {_running()}")
    (HOME / "conf").mkdir(exist_ok=True)
    (HOME / "conf" / "flink-conf.yaml").write_text(CONFIGURATION)
    flink = f"{HOME}/flink/*"
    conf = ["--configDir", str(HOME / "conf")]
    entrypoint = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint"
    _spawn("jobmanager", [*_java("512m", flink), entrypoint, *conf])
    for number in range(TASK_MANAGERS):
        start_task_manager(number)
    server = "org.apache.beam.runners.flink.FlinkJobServerDriver"
    ports = [f"--job-port={JOB_PORT}", "--artifact-port=0", "--expansion-port=0"]
    _wait(lambda: _overview().get("taskmanagers") == TASK_MANAGERS, "task managers")
    _spawn("jobserver", [*_java("1g", f"{HOME}/beam/*"), server, f"--flink-master=localhost:{REST_PORT}", *ports])
    pool = [sys.executable, "-m", "apache_beam.runners.worker.worker_pool_main", f"--service_port={POOL_PORT}"]
    _spawn("pool", pool)
    for port in (JOB_PORT, POOL_PORT):
        _wait(lambda port=port: _listens(port), f"port {port}")
    print(f"Flink at http://localhost:{REST_PORT}, {TASK_MANAGERS} task managers; job server at localhost:{JOB_PORT}")


def start_task_manager(number: int) -> None:
    """Starts one task manager, as a cluster manager does in place of one that died."""
    main = ["org.apache.flink.runtime.taskexecutor.TaskManagerRunner", "--configDir", str(HOME / "conf")]
    _spawn(f"taskmanager{number}", [*_java("512m", f"{HOME}/flink/*"), *main])


def kill(what: str) -> None:
    """SIGKILL to the first task manager, or of the first SDK harness that works for one."""
    if what == "taskmanager":
        name = next(name for name in sorted(_running()) if name.startswith("taskmanager"))
        pid = _running()[name]
    else:
        pool = _running()["pool"]
        threads = pathlib.Path(f"/proc/{pool}/task").iterdir()
        children = sorted(int(pid) for thread in threads for pid in (thread / "children").read_text().split())
        if not children:
            sys.exit("A job with running SDK harnesses is needed. Received: none")
        name, pid = "SDK harness", children[0]
    os.kill(pid, signal.SIGKILL)
    print(f"killed {name}, process {pid}")


def stop() -> None:
    """Ends everything that `start` began, the last first."""
    for name, pid in reversed(list(_running().items())):
        os.killpg(pid, signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            _wait(lambda name=name: name not in _running(), f"end of {name}", seconds=15)
        if name in _running():
            os.killpg(pid, signal.SIGKILL)
    shutil.rmtree(HOME / "pids", ignore_errors=True)


def flags() -> str:
    """Beam's flags for this cluster."""
    return (
        f"--runner=PortableRunner --job_endpoint=localhost:{JOB_PORT} --environment_type=EXTERNAL "
        f"--environment_config=localhost:{POOL_PORT} --parallelism={TASK_MANAGERS}"
    )


def _java(heap: str, class_path: str) -> list[str]:
    return ["java", f"-Xmx{heap}", *OPENS, "-cp", class_path]


def _spawn(name: str, command: list[str]) -> None:
    for folder in ("logs", "pids"):
        (HOME / folder).mkdir(exist_ok=True)
    # The pool starts its harnesses as "python": that must be this one, with the code beside this script.
    variables = {"PATH": str(pathlib.Path(sys.executable).parent), "PYTHONPATH": str(ROOT)}
    changed = {k: os.pathsep.join(filter(None, (v, os.environ.get(k)))) for k, v in variables.items()}
    with (HOME / "logs" / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True,
            env={**os.environ, **changed}, cwd=HOME,
        )  # fmt: skip
    (HOME / "pids" / name).write_text(str(process.pid))


def _running() -> dict[str, int]:
    """Name -> process of what was started and lives."""
    found = {}
    files = sorted((HOME / "pids").glob("*"), key=lambda path: path.stat().st_mtime)
    for path in files:
        pid = int(path.read_text())
        state = pathlib.Path(f"/proc/{pid}/stat")
        if state.exists() and state.read_text().rpartition(")")[2].split()[0] != "Z":
            found[path.name] = pid
    return found


def _overview() -> dict:
    try:
        with urllib.request.urlopen(f"http://localhost:{REST_PORT}/overview", timeout=5) as reply:
            return json.load(reply)
    except OSError:
        return {}


def _listens(port: int) -> bool:
    import socket

    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("localhost", port)) == 0


def _wait(ready, what: str, seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            raise TimeoutError(f"{what} within {seconds:.0f} s is needed; see {HOME / 'logs'}")
        time.sleep(0.5)


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=("setup", "start", "flags", "kill", "restart-taskmanager", "stop"))
    parser.add_argument("what", nargs="?", choices=("taskmanager", "harness"), default="taskmanager")
    arguments = parser.parse_args()
    if arguments.action == "flags":
        print(flags())
    elif arguments.action == "kill":
        kill(arguments.what)
    elif arguments.action == "restart-taskmanager":
        dead = [f"taskmanager{n}" for n in range(TASK_MANAGERS) if f"taskmanager{n}" not in _running()]
        for name in dead:
            start_task_manager(int(name.removeprefix("taskmanager")))
    else:
        {"setup": setup, "start": start, "stop": stop}[arguments.action]()


if __name__ == "__main__":
    main()
