"""Where things are kept that can be fetched or made again."""

from __future__ import annotations

import os
import pathlib


def assets_folder() -> pathlib.Path:
    """What `mviper assets fetch` brings: $MVIPER_ASSETS, else ~/.cache/mviper/assets."""
    return pathlib.Path(os.environ.get("MVIPER_ASSETS") or pathlib.Path.home() / ".cache" / "mviper" / "assets")


def models_folder() -> pathlib.Path:
    """SavedModels made from networks that come with the program: $MVIPER_MODELS, else ~/.cache/mviper/models."""
    return pathlib.Path(os.environ.get("MVIPER_MODELS") or pathlib.Path.home() / ".cache" / "mviper" / "models")
