"""Cycles behind the renderer's interface: slower than OpenGL, with all the light that bounces."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence

import numpy as np

from synthesis.blender.process import BlenderError, BlenderProcess, Request, Usage, find_python
from synthesis.render import checks
from synthesis.render.blender import passes, scene
from synthesis.render.gl.projection import fit_view
from synthesis.render.interface import AreaLight, Backdrop, Camera, Frame, RenderError, Surface

_WORKER = pathlib.Path(__file__).with_name("worker.py")
# What Frame.mask can hold.
_MOST_SURFACES = 255

# Metres that light travels below the surface for a subsurface of 1. The settings of skin then give what was measured on
# it: mean free paths of 3.7, 1.4 and 0.7 mm for red, green and blue (Jensen et al. 2001).
_FREE_PATH = 0.015


def available(python: str | None = None) -> bool:
    """Whether an interpreter with `bpy` is found (`find_python`); nothing of Blender is loaded."""
    return find_python(python) is not None


class BlenderRenderer:
    """Renderer of synthesis/render/interface.py on Cycles, in a process of its own that lives until closed.

    A process that crashes or hangs is started once more and goes on with the same frame; equal arguments give equal
    pixels all the same. Only the figure's pixel box is traced.

    Example:
        renderer = BlenderRenderer(250, 250)
        renderer.load([body_surface, shirt_surface])
        frame = renderer.render([body_vertices, shirt_vertices], camera, lights, backdrop)
        renderer.close()
    """

    def __init__(
        self,
        width: int,
        height: int,
        samples: int = 16,
        threads: int = 1,
        timeout: float = 120.0,
        python: str | None = None,
    ):
        """Finds Blender; its process starts with the first scene.

        Args:
            width: pixels.
            height: pixels.
            samples: paths per pixel, before denoising.
            threads: of Cycles; clips run in parallel, one process a core.
            timeout: seconds of wall clock for one frame, after which the process is taken to hang.
            python: interpreter that has `bpy`; None: see `synthesis.blender.process.find_python`.

        Raises:
            RenderError: no interpreter with `bpy` on this machine.
        """
        self._size = (width, height)
        self._settings = {"width": width, "height": height, "samples": samples, "threads": threads}
        self._surfaces: tuple[Surface, ...] = ()
        self._scene = Request({})
        try:
            self._process = BlenderProcess(_WORKER, timeout, python, retry_late=True)
        except BlenderError as error:
            raise RenderError(f"The blender renderer cannot start. {error}") from error

    @property
    def usage(self) -> Usage:
        """What Blender's process has taken since it started."""
        return self._process.usage

    def load(self, surfaces: Sequence[Surface]) -> None:
        """Takes the surfaces of a clip in place of those before.

        Raises:
            RenderError: surfaces that cannot be shown, or Blender's process failed.
        """
        checks.check_surfaces(surfaces, _MOST_SURFACES)
        arrays, looks = {}, []
        for k, surface in enumerate(surfaces):
            material = surface.material
            arrays[f"faces_{k}"] = np.asarray(surface.faces, np.int32)
            arrays[f"uv_{k}"] = np.asarray(surface.uv * material.uv_scale, np.float32)
            arrays[f"albedo_{k}"] = material.albedo
            if material.normals is not None:
                arrays[f"normals_{k}"] = material.normals
            looks.append(
                {
                    "roughness": float(material.roughness),
                    "free_paths": [_FREE_PATH * float(s) for s in material.subsurface],
                    "two_sided": bool(material.two_sided),
                }
            )
        self._surfaces = tuple(surfaces)
        self._scene = Request({"do": "load", "settings": self._settings, "surfaces": looks}, arrays)
        self._send(self._scene)

    def render(
        self, vertices: Sequence[np.ndarray], camera: Camera, lights: Sequence[AreaLight], backdrop: Backdrop
    ) -> Frame:
        """Draws one frame.

        Args:
            vertices: for each loaded surface its [V, 3] world positions, metres.
            camera: of the renderer's image size, without skew.
            lights: any number.
            backdrop: of the renderer's image size.

        Raises:
            RenderError: an argument does not match what the renderer was built or loaded for, or Blender's process
                failed; the next frame starts a fresh one.
        """
        checks.check_frame(self._surfaces, vertices, camera, lights, backdrop, self._size)
        posed = [
            np.asarray(v[: checks.num_vertices(surface)], np.float32)
            for v, surface in zip(vertices, self._surfaces, strict=True)
        ]
        frame = Frame(
            rgb=np.array(backdrop.image),
            mask=np.zeros(self._size[::-1], np.uint8),
            depth=np.full(self._size[::-1], np.inf, np.float32),
        )
        points = np.concatenate(posed)
        job = {
            "do": "render",
            "pixel": scene.pixel_size(camera, points),
            "camera": scene.camera_properties(camera),
            "lights": [scene.light_properties(light) for light in lights if light.radiance > 0],
        }
        left, top, width, height = box = fit_view(camera, points).box
        if not width or not height:
            return frame
        arrays = {f"vertices_{k}": v for k, v in enumerate(posed)}
        seen = self._send(Request({**job, "box": box}, {**arrays, "sky": scene.sky(backdrop.ambient)}))
        inside = np.s_[top : top + height, left : left + width]
        frame.rgb[inside] = passes.develop(seen["light"], frame.rgb[inside])
        mask_ids = np.array([surface.mask_id for surface in self._surfaces])
        frame.mask[inside], frame.depth[inside] = passes.identify(seen["shares"], seen["depths"], mask_ids)
        return frame

    def close(self) -> None:
        """Ends Blender's process."""
        self._process.close()

    def _send(self, request: Request) -> dict[str, np.ndarray]:
        preparation = () if request is self._scene else (self._scene,)
        try:
            return self._process.send(request, preparation)
        except BlenderError as error:
            raise RenderError(f"The blender renderer failed. {error}") from error
