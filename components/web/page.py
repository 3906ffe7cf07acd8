"""Rendering of self-contained pages: a template, one style for all, pictures inside the file."""

from __future__ import annotations

import base64
import pathlib
from typing import Any

import cv2
import jinja2
import markupsafe
import numpy as np

from model.storage import write_bytes

_HERE = pathlib.Path(__file__).parent
JPEG_QUALITY = 80


def write(path: str | pathlib.Path, template: pathlib.Path, **values: Any) -> None:
    """Fills a template and writes the page, whole or not at all.

    Args:
        path: of the page.
        template: a Jinja template; strings are escaped unless they are Markup, and `style` holds style.css.
        values: what the template shows.
    """
    loader = jinja2.FileSystemLoader(template.parent)
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    style = markupsafe.Markup((_HERE / "style.css").read_text())
    write_bytes(path, environment.get_template(template.name).render(style=style, **values).encode())


def jpeg(rgb: np.ndarray, quality: int = JPEG_QUALITY) -> bytes:
    """A picture uint8 [H, W, 3] as a JPEG file."""
    return cv2.imencode(".jpg", rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


def data_uri(file: bytes, kind: str = "image/jpeg") -> str:
    """A file as an address that holds it."""
    return f"data:{kind};base64,{base64.b64encode(file).decode()}"
