"""Where a job keeps its files: a folder that all workers share, or a prefix of an object store (gs://, s3://, hdfs://).

Everything that a job writes is at most a few tens of megabytes, so that whole files are read and written at once. A
file is whole or absent: content is written aside, in a folder of its own where no reader of the dataset looks, then
renamed. (A name beside the target would stay where training globs for shards after kill -9.)
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import tempfile
import time
import uuid
from collections.abc import Iterator

from model.errors import UserError
from model.storage import LEFTOVER_SECONDS, remove_leftovers

ASIDE = ".aside"


class WorkerError(UserError):
    """Something that ends a job, since no clip could be made or kept: storage that fails, a worker without OpenGL."""


class JobStore:
    """Files below a root, by name ("train/abc.tfrecord.gz").

    Plain paths use the operating system, since most jobs run on one machine or a shared mount; others go through Beam's
    filesystems, whose renames are atomic (HDFS) or whose objects appear when they are complete (GCS, S3).
    """

    def __init__(self, root: str | os.PathLike[str]):
        self.remote = "://" in os.fspath(root)
        # Workers need not run in the folder that the job was started in.
        self.root = os.fspath(root).rstrip("/") if self.remote else os.path.abspath(root)

    def path(self, name: str) -> str:
        """Full path or address of a file."""
        return f"{self.root}/{name}"

    def exists(self, name: str) -> bool:
        """Whether a file is there."""
        return _filesystems().exists(self.path(name)) if self.remote else os.path.isfile(self.path(name))

    def size(self, name: str) -> int:
        """Bytes of a file."""
        if self.remote:
            return _filesystems().match([self.path(name)])[0].metadata_list[0].size_in_bytes
        return os.path.getsize(self.path(name))

    def read(self, name: str, offset: int = 0, size: int = -1) -> bytes:
        """Content of a file, or `size` bytes of it from `offset` on.

        Raises:
            FileNotFoundError: there is no such file.
        """
        if self.remote and not self.exists(name):
            raise FileNotFoundError(self.path(name))
        with self._open(name) as file:
            file.seek(offset)
            return file.read(size)

    def lines(self, name: str) -> Iterator[bytes]:
        """Lines of a file, one after the other."""
        with self._open(name) as file:
            yield from file

    def write(self, name: str, content: bytes) -> None:
        """Writes a whole file or nothing.

        Raises:
            WorkerError: the store does not take it: full, read-only, not there.
        """
        try:
            with self.written_aside(name) as aside:
                pathlib.Path(aside).write_bytes(content)
        except OSError as error:
            raise storage_error(self.path(name), error) from error

    @contextlib.contextmanager
    def written_aside(self, name: str) -> Iterator[str]:
        """Yields the path of a local file to fill; it becomes `name` on success and vanishes on any failure."""
        folder = tempfile.gettempdir() if self.remote else self.path(ASIDE)
        os.makedirs(folder, exist_ok=True)
        # The suffix stays, since some writers choose their format by it.
        aside = os.path.join(folder, f"{uuid.uuid4().hex}-{os.path.basename(name)}")
        try:
            yield aside
            if self.remote:
                self._upload(aside, name)
            else:
                os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
                os.replace(aside, self.path(name))
        finally:
            pathlib.Path(aside).unlink(missing_ok=True)

    @contextlib.contextmanager
    def local(self, name: str) -> Iterator[pathlib.Path]:
        """Yields a path that any library can read a file from; a copy where the store is remote."""
        if not self.remote:
            yield pathlib.Path(self.path(name))
            return
        with tempfile.TemporaryDirectory() as folder:
            copy = pathlib.Path(folder, os.path.basename(name))
            copy.write_bytes(self.read(name))
            yield copy

    def remove_leftovers(self) -> None:
        """Removes what killed runs left half-written, once nobody can be writing it any more."""
        if not self.remote:
            remove_leftovers(self.path(ASIDE))
            return
        before = time.time() - LEFTOVER_SECONDS
        for found in _filesystems().match([self.path(f"{ASIDE}/**")])[0].metadata_list:
            if 0 < found.last_updated_in_seconds < before:
                _filesystems().delete([found.path])

    def remove(self, *names: str) -> None:
        """Removes files; those that are not there are no error."""
        for name in names:
            if not self.remote:
                pathlib.Path(self.path(name)).unlink(missing_ok=True)
            elif self.exists(name):
                _filesystems().delete([self.path(name)])

    def names(self, folder: str) -> list[str]:
        """Names of all files below a folder, relative to it, in no order; empty where there is no such folder."""
        if self.remote:
            start = len(self.path(folder)) + 1
            found = _filesystems().match([self.path(f"{folder}/**")])[0].metadata_list
            return [metadata.path[start:] for metadata in found]
        top = self.path(folder)
        return [os.path.relpath(os.path.join(parent, file), top) for parent, _, files in os.walk(top) for file in files]

    def remove_folder(self, folder: str) -> None:
        """Removes a folder with everything in it."""
        import shutil

        if self.remote:
            self.remove(*(f"{folder}/{name}" for name in self.names(folder)))
        else:
            shutil.rmtree(self.path(folder), ignore_errors=True)

    def _open(self, name: str):
        if not self.remote:
            return open(self.path(name), "rb")
        from apache_beam.io.filesystem import CompressionTypes

        return _filesystems().open(self.path(name), compression_type=CompressionTypes.UNCOMPRESSED)

    def _upload(self, aside: str, name: str) -> None:
        from apache_beam.io.filesystem import CompressionTypes

        temporary = self.path(f"{ASIDE}/{os.path.basename(aside)}")
        with _filesystems().create(temporary, compression_type=CompressionTypes.UNCOMPRESSED) as file:
            file.write(pathlib.Path(aside).read_bytes())
        self.remove(name)
        _filesystems().rename([temporary], [self.path(name)])


def storage_error(path: str, error: OSError) -> WorkerError:
    """The error of a job whose storage fails; what was finished stays."""
    return WorkerError(
        f"Room and permission to write {path} are needed; finished clips are kept and the same command goes on with "
        f"the rest. Received: {error.strerror or error}"
    )


def _filesystems():
    from apache_beam.io.filesystems import FileSystems

    return FileSystems
