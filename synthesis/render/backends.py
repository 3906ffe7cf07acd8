"""Renderers by name: OpenGL for data by the million, Cycles to compare with."""

from __future__ import annotations

from absl import logging

from model.errors import ConfigError
from synthesis.render.interface import Renderer, RenderError

GL = "gl"
BLENDER = "blender"
NAMES = (GL, BLENDER)


def make_renderer(name: str, width: int, height: int, fallback: str | None = None) -> Renderer:
    """Starts a renderer.

    Args:
        name: one of NAMES.
        width: of its pictures, pixels.
        height: of its pictures, pixels.
        fallback: the renderer to start where this one cannot, one of NAMES; None: none. Pixels of two renderers differ,
            so that data made with a fallback are not the same data.

    Raises:
        ConfigError: an unknown name.
        RenderError: the renderer, and its fallback, cannot start here; the message says what is missing.
    """
    for wanted in (name, fallback):
        if wanted not in (*NAMES, None):
            raise ConfigError(f"A renderer is one of {', '.join(NAMES)}. Received: {wanted!r}")
    try:
        return _start(name, width, height)
    except RenderError as error:
        if fallback in (None, name):
            raise
        logging.warning("Rendering with %s instead of %s. %s", fallback, name, error)
        try:
            return _start(str(fallback), width, height)
        except RenderError as second:
            raise RenderError(f"{error}. Nor can its fallback start. {second}") from second


def is_available(name: str) -> bool:
    """Whether a renderer can start here.

    Raises:
        ConfigError: an unknown name.
    """
    try:
        make_renderer(name, 8, 8).close()
    except RenderError:
        return False
    return True


def _start(name: str, width: int, height: int) -> Renderer:
    if name == GL:
        from synthesis.render.gl.renderer import GlRenderer

        return GlRenderer(width, height)
    from synthesis.render.blender.client import BlenderRenderer

    return BlenderRenderer(width, height)
