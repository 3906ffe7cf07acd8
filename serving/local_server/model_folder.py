"""A model's base folder, BASE/<number>/saved_model.pb: the newest version that loads is the one served."""

from __future__ import annotations

import dataclasses
import pathlib
import re
import threading

import grpc
from absl import logging

from model.errors import UserError
from serving.local_server.servable import Servable
from serving.status import ServingError


class ModelFolderError(UserError):
    """A model's base folder is missing or holds no version that can be served."""


@dataclasses.dataclass(frozen=True)
class VersionStatus:
    """What GetModelStatus tells of one version.

    Attributes:
        state: "LOADING", "AVAILABLE" or "END" (unloaded, or never loaded because of the error).
        code: OK, or the code of the error.
        message: the error in words, else empty.
    """

    state: str
    code: grpc.StatusCode = grpc.StatusCode.OK
    message: str = ""


class ModelFolder:
    """Follows one base folder and holds the servable of its newest version.

    A newer version is loaded beside the one in use and then takes its place in one step; requests under way finish on
    the version they began with. A version that does not load is passed over and tried again when its files change, so
    one that is still being copied does no harm. If the version in use is deleted, the newest of the others takes over.
    """

    def __init__(self, base: str | pathlib.Path, name: str, max_tensor_bytes: int):
        """Loads the newest version.

        Args:
            base: the folder of the numbered version folders.
            name: what requests call the model.
            max_tensor_bytes: bound on one tensor of a warm-up request.

        Raises:
            ModelFolderError: the folder is missing, has no version in it, or none of them loads.
        """
        self.name = name
        self._base = pathlib.Path(base)
        self._max_tensor_bytes = max_tensor_bytes
        self._current: Servable | None = None
        self._statuses: dict[int, VersionStatus] = {}
        self._failed: dict[int, frozenset] = {}
        self._polling = threading.Lock()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        self._check_base()
        self.poll()
        if self._current is None:
            reasons = "; ".join(f"version {v}: {s.message}" for v, s in sorted(self._statuses.items()))
            raise ModelFolderError(f"A model folder needs a version that loads. Received: {self._base} ({reasons})")

    def servable(self, name: str, version: int | None = None) -> Servable:
        """The servable that answers for (name, version); None means the newest.

        Raises:
            ServingError: NOT_FOUND for another name, or for a version that is not the one loaded.
        """
        current = self._current
        if current is None or name != self.name or version not in (None, current.version):
            wanted = f"Latest({name})" if version is None else f"Specific({name}, {version})"
            raise ServingError(grpc.StatusCode.NOT_FOUND, f"Servable not found for request: {wanted}")
        return current

    def statuses(self, name: str, version: int | None = None) -> dict[int, VersionStatus]:
        """Status of one version, or of all that were seen, newest first.

        Raises:
            ServingError: NOT_FOUND for another name or a version never seen.
        """
        statuses = dict(self._statuses) if name == self.name else {}
        if version is None and statuses:
            return dict(sorted(statuses.items(), reverse=True))
        if version in statuses:
            return {version: statuses[version]}
        what = "any versions" if version is None else f"version {version}"
        raise ServingError(grpc.StatusCode.NOT_FOUND, f"Could not find {what} of model {name}")

    def poll(self) -> None:
        """Looks at the folder now and loads what should be served, unless it is loaded already."""
        with self._polling:
            for version, folder in sorted(self._versions().items(), reverse=True):
                if self._current is not None and self._current.version == version:
                    return
                if self._load(version, folder):
                    return

    def start_polling(self, seconds: float) -> None:
        """Polls in a thread of its own until close()."""

        def follow() -> None:
            while not self._closed.wait(seconds):
                try:
                    self.poll()
                except OSError as error:  # a network file system that is away for a while
                    logging.warning("Cannot look for new versions in %s: %s", self._base, error)

        self._thread = threading.Thread(target=follow, name=f"poll-{self.name}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stops polling, after a load under way, and lets go of the model."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join()
        self._current = None

    def _check_base(self) -> None:
        wanted = "A model folder holds numbered versions, BASE/<number>/saved_model.pb."
        if not self._base.is_dir():
            raise ModelFolderError(f"{wanted} Received: {self._base}, which is not a folder")
        if not self._versions():
            hint = (
                "; it is a version itself: give the folder above it" if (self._base / "saved_model.pb").exists() else ""
            )
            raise ModelFolderError(f"{wanted} Received: {self._base}, which has none{hint}")

    def _versions(self) -> dict[int, pathlib.Path]:
        return {
            int(folder.name): folder
            for folder in self._base.iterdir()
            if re.fullmatch("[0-9]{1,18}", folder.name) and (folder / "saved_model.pb").is_file()
        }

    def _load(self, version: int, folder: pathlib.Path) -> bool:
        """Loads one version and puts it in use; False, with the reason in its status, if that cannot be done."""
        files = _fingerprint(folder)
        if self._failed.get(version) == files:
            return False
        logging.info("Loading version %d of model %s from %s", version, self.name, folder)
        self._set_status(version, VersionStatus("LOADING"))
        try:
            servable = Servable(folder)
            warm = servable.warm_up(folder, self._max_tensor_bytes)
        except Exception as error:  # TensorFlow has no common type for what a damaged SavedModel can cause
            logging.warning("Version %d of model %s does not load: %s", version, self.name, error)
            code = error.code if isinstance(error, ServingError) else grpc.StatusCode.UNKNOWN
            self._set_status(version, VersionStatus("END", code, str(error)))
            self._failed[version] = files
            return False
        previous, self._current = self._current, servable
        self._failed.pop(version, None)
        self._set_status(version, VersionStatus("AVAILABLE"))
        if previous is not None:
            self._set_status(previous.version, VersionStatus("END"))
        logging.info("Version %d of model %s is available (%d warm-up requests)", version, self.name, warm)
        return True

    def _set_status(self, version: int, status: VersionStatus) -> None:
        # A new dictionary each time: readers iterate over the one they took.
        self._statuses = {**self._statuses, version: status}


def _fingerprint(folder: pathlib.Path) -> frozenset:
    """Name, size and time of every file, to see whether a version that failed has changed since."""
    return frozenset((str(p), p.stat().st_size, p.stat().st_mtime_ns) for p in folder.rglob("*") if p.is_file())
