"""The datasets that `mviper convert` knows, by name."""

from __future__ import annotations

import importlib
import pathlib

from components.datasets import base

# Name -> module and class, imported when asked for.
READERS = {
    "lsp": ("lsp", "LSP"),
    "lsp_extended": ("lsp", "LSPExtended"),
    "mpii": ("mpii", "MPII"),
    "coco": ("coco", "COCO"),
    "human36m": ("human36m", "Human36M"),
    "mpi_inf_3dhp": ("mpi_inf_3dhp", "MPIInf3DHP"),
    "ucf101": ("video_folder", "UCF101"),
    "videos": ("video_folder", "VideoFolder"),
}


def make_reader(name: str, root: pathlib.Path, settings: base.ReaderSettings) -> base.Reader:
    """A dataset's reader.

    Raises:
        DatasetError: there is none of that name, or no folder.
    """
    if name not in READERS:
        raise base.DatasetError(f"Datasets are {', '.join(READERS)}. Received: {name}")
    if not root.is_dir():
        raise base.DatasetError(f"A dataset's folder is needed (--root). Received: {root}")
    module, reader = READERS[name]
    return getattr(importlib.import_module(f"components.datasets.{module}"), reader)(root, settings)
