"""What this machine has and lacks for mviper, and what to do about it."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import pathlib
import shutil
import sys
from collections.abc import Callable

APT_GL = "apt-get install -y libegl1 libegl-mesa0 libgl1 libgl1-mesa-dri"
MIN_MEMORY_GB = 6
MIN_DISK_GB = 6
PACKAGES = ("tensorflow", "keras", "tfx", "apache-beam", "tensorflow-graphics", "numba", "moderngl")


@dataclasses.dataclass(frozen=True)
class Check:
    """One finding.

    Attributes:
        name: what was looked at.
        ok: whether it will do.
        found: what is there.
        advice: what to do when it will not.
        required: whether mviper's demo needs it.
    """

    name: str
    ok: bool
    found: str
    advice: str = ""
    required: bool = True


def examine() -> list[Check]:
    """Looks at everything; a check that breaks is a finding too."""
    checks: list[Callable[[], Check]] = [_python, _packages, _gl, _memory, _disk, _gpu, _bodies, _checksums]
    findings = []
    for check in checks:
        try:
            findings.append(check())
        except Exception as error:  # a doctor must not fall ill
            findings.append(Check(check.__name__.strip("_"), False, f"{type(error).__name__}: {error}", "make setup"))
    return findings


def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    return Check("Python", sys.version_info[:2] == (3, 11), version, "Python 3.11 is what the lock file is for")


def _packages() -> Check:
    missing, found = [], []
    for name in PACKAGES:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    return Check("packages", not missing, ", ".join(found), f"make setup installs {', '.join(missing)}")


def _gl() -> Check:
    from synthesis.render.gl.context import create_context
    from synthesis.render.interface import RenderError

    try:
        context = create_context()
    except RenderError as error:
        return Check("OpenGL (EGL)", False, str(error), APT_GL)
    name = context.info["GL_RENDERER"]
    context.release()
    return Check("OpenGL (EGL)", True, name)


def _memory() -> Check:
    lines = pathlib.Path("/proc/meminfo").read_text().splitlines()
    available = next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable")) / 2**20
    enough = available >= MIN_MEMORY_GB
    return Check("memory", enough, f"{available:.1f} GB available", f"the demo needs {MIN_MEMORY_GB} GB")


def _disk() -> Check:
    free = shutil.disk_usage(".").free / 2**30
    return Check("disk", free >= MIN_DISK_GB, f"{free:.0f} GB free", f"environment and demo need {MIN_DISK_GB} GB")


def _gpu() -> Check:
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    found = ", ".join(gpu.name for gpu in gpus) or "none"
    return Check("GPU", bool(gpus), found, "the small configuration trains on a CPU; the paper's wants a GPU", False)


def _bodies() -> Check:
    from model.body.files import body_source, genders, load_body
    from model.errors import BodyFileError

    advice = "restore model/body/assets, or see what --body and MVIPER_BODY name"
    try:
        bodies = [load_body(gender) for gender in genders()]
    except BodyFileError as error:
        return Check("body files", False, str(error), advice)
    found = ", ".join(f"{body.body_id} ({body.num_vertices} vertices)" for body in bodies)
    return Check("body files", bool(bodies), found or f"none in {body_source()}", advice)


def _checksums() -> Check:
    import google_crc32c

    fast = google_crc32c.implementation == "c"
    advice = "pip install google-crc32c: Beam falls back to pure Python, 3 MB/s"
    return Check("TFRecord checksums", fast, f"google-crc32c, {google_crc32c.implementation}", advice, False)
