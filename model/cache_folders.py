"""Where things are kept that can be fetched or made again."""

from __future__ import annotations

import os
import pathlib


def assets_folder() -> pathlib.Path:
    """What `mviper assets fetch` brings: $MVIPER_ASSETS, else ~/.cache/mviper/assets."""
    return _folder("MVIPER_ASSETS", "assets")


def models_folder() -> pathlib.Path:
    """SavedModels made from networks that come with the program: $MVIPER_MODELS, else ~/.cache/mviper/models."""
    return _folder("MVIPER_MODELS", "models")


def _folder(variable: str, name: str) -> pathlib.Path:
    return pathlib.Path(os.environ.get(variable) or pathlib.Path.home() / ".cache" / "mviper" / name)
