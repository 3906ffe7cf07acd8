"""An OpenGL context without a display, and the programs in shaders/."""

from __future__ import annotations

import os
import pathlib
from typing import cast

import moderngl
import numpy as np

from synthesis.render.interface import RenderError

_SHADERS = pathlib.Path(__file__).parent / "shaders"


def create_context() -> moderngl.Context:
    """Starts OpenGL 3.3 on EGL: the GPU's driver, or Mesa's llvmpipe where there is none.

    llvmpipe is held to one thread unless LP_NUM_THREADS says otherwise: clips run in parallel, one process a core.

    Raises:
        RenderError: no EGL or no driver on this machine.
    """
    os.environ.setdefault("LP_NUM_THREADS", "1")
    try:
        return moderngl.create_context(require=330, standalone=True, backend="egl")  # type: ignore[arg-type]
    except Exception as error:  # moderngl raises bare Exception for a missing library or driver
        raise RenderError(
            "The gl renderer needs EGL and an OpenGL 3.3 driver: on Debian and Ubuntu, `apt-get install libegl1 "
            "libgl1-mesa-dri` brings one for the CPU; with an NVIDIA GPU its driver brings one, in containers where "
            "NVIDIA_DRIVER_CAPABILITIES has `graphics` in it. "
            f"Received: {type(error).__name__}: {error}"
        ) from error


def load_program(context: moderngl.Context, vertex: str, fragment: str) -> moderngl.Program:
    """Compiles shaders/<vertex>.vert.glsl with shaders/<fragment>.frag.glsl."""
    return context.program(
        vertex_shader=(_SHADERS / f"{vertex}.vert.glsl").read_text(),
        fragment_shader=(_SHADERS / f"{fragment}.frag.glsl").read_text(),
    )


def set_uniform(program: moderngl.Program, name: str, value: object, dtype: type = np.float32) -> None:
    """Sets a uniform, or an array of them, from numbers; matrices go in transposed: OpenGL keeps columns together."""
    cast(moderngl.Uniform, program[name]).write(np.ascontiguousarray(value, dtype).tobytes())


def create_texture(context: moderngl.Context, size: tuple[int, int], components: int, dtype: str) -> moderngl.Texture:
    """A texture for render passes: unfiltered, rows packed without padding."""
    texture = context.texture(size, components, dtype=dtype, alignment=1)
    texture.filter = (moderngl.NEAREST, moderngl.NEAREST)
    return texture
