"""Folders of videos without labels, UCF101 (Soomro et al. 2012) among them, for qualitative runs."""

from __future__ import annotations

import hashlib
import pathlib
from collections import Counter
from collections.abc import Iterator

import numpy as np

from components.datasets.base import DatasetError, Fault, Finding, PersonClip, ReaderSettings, new_keypoints2d
from components.datasets.labelled_videos import clip_id, cut, stride
from components.datasets.video_headers import SUFFIXES, read_header


class VideoFolder:
    """Reader of all videos below a folder; the name of a video's own folder is its action."""

    name = "videos"
    page = ""
    # Nothing is labelled, so nothing is mapped.
    joint_map = ""

    def __init__(self, root: pathlib.Path, settings: ReaderSettings):
        self._root = pathlib.Path(root)
        self._settings = settings

    def check(self) -> Iterator[Finding]:
        """Videos by folder, and the header of the first of each."""
        videos = self._videos()
        counts = Counter(path.parent for path in videos)
        if not videos:
            where = f"; they come from {self.page}" if self.page else ""
            yield Finding("missing", f"videos ({', '.join(SUFFIXES)}) below {self._root}{where}")
            return
        yield Finding("found", f"{len(videos)} videos in {len(counts)} folders; no labels")
        seen: set[pathlib.Path] = set()
        for path in videos:
            if path.parent not in seen:
                seen.add(path.parent)
                text = f"{self._action(path) or '.'}: {counts[path.parent]} videos"
                try:
                    header = read_header(path)
                    yield Finding("found", f"{text}, {header.width} x {header.height} at {header.fps:g} fps")
                except DatasetError as error:
                    yield Finding("odd", f"{text}; {path.name}: {error}")

    def clips(self) -> Iterator[PersonClip | Fault]:
        """Clips of all videos, sorted by path; see Reader. All are of the split "eval"."""
        videos = self._videos()
        if not videos:
            raise DatasetError(f"A folder with videos ({', '.join(SUFFIXES)}) is needed. Received: {self._root}")
        for path in videos:
            yield from self._video(path)

    def _video(self, path: pathlib.Path) -> Iterator[PersonClip | Fault]:
        media = path.relative_to(self._root).as_posix()
        try:
            header = read_header(path)
        except DatasetError as error:
            yield Fault(media, str(error))
            return
        step = stride(header.fps, self._settings.fps)
        # Names that differ only in what a clip's name may not hold must not meet.
        video = f"{path.stem}-{hashlib.sha256(media.encode()).hexdigest()[:8]}"
        empty = True
        for frames in cut(np.ones(header.frames, bool), step, self._settings.clip_length):
            empty = False
            yield PersonClip(
                clip_id=clip_id(self.name, video, f"{frames[0]:06d}"),
                split="eval",
                source=self.name,
                media=media,
                action=self._action(path),
                frames=tuple(int(number) for number in frames),
                fps=header.fps / step,
                keypoints2d=new_keypoints2d(len(frames)),
            )
        if empty:
            yield Fault(media, "fewer frames in a row than a clip has")

    def _action(self, path: pathlib.Path) -> str:
        return "" if path.parent == self._root else path.parent.name

    def _videos(self) -> list[pathlib.Path]:
        return sorted(
            path
            for path in self._root.rglob("*")
            if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()
        )


class UCF101(VideoFolder):
    """Reader of UCF101: UCF-101/<class>/v_<class>_g01_c01.avi."""

    name = "ucf101"
    page = "https://www.crcv.ucf.edu/data/UCF101.php"
