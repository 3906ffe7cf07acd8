"""What a renderer is given and gives back: plain data that simulator, renderers and labeller share.

World frame, camera frame and pixel grid are those of model/conventions.py: y up, OpenCV cameras, pixel centres at whole
numbers.
Colours of images and textures are sRGB; radiance and irradiance are linear, with 1 = display white.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from model.errors import UserError

# What Frame.mask holds. Garments follow from FIRST_GARMENT_ID on, inner ones first.
BACKGROUND_ID = 0
BODY_ID = 1
HAIR_ID = 2
SHOES_ID = 3
FIRST_GARMENT_ID = 4


class RenderError(UserError):
    """A renderer cannot start here, or was given a scene that it cannot show."""


@dataclasses.dataclass(frozen=True, eq=False)
class Material:
    """Look of a surface.

    Attributes:
        albedo: uint8 [h, w, 3] sRGB, repeated in both directions; row 0 lies at v = 1, as in picture files.
        roughness: 0..1 of the GGX lobe (perceptual: alpha = roughness squared).
        subsurface: per channel, how far diffuse light wraps past the terminator; 0 is Lambert.
        two_sided: both sides are seen, each with its own normal, as thin cloth wants; otherwise only faces that are
            counter-clockwise towards the viewer are.
        uv_scale: texture repeats per unit of uv (1 / metres per repeat where uv is in metres).
        normals: uint8 [h, w, 3] normal map in tangent space, laid out and repeated as albedo is: x along u, y along v,
            z out of the surface, 1..255 for -1..1 (128 is 0); None: smooth.
    """

    albedo: np.ndarray
    roughness: float = 0.8
    subsurface: tuple[float, float, float] = (0.0, 0.0, 0.0)
    two_sided: bool = False
    uv_scale: float = 1.0
    normals: np.ndarray | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class Surface:
    """A mesh of fixed topology that moves.

    Attributes:
        name: for messages.
        mask_id: what Frame.mask holds where it is seen; see the ids above.
        faces: [F, 3] vertex indices.
        uv: [F, 3, 2] texture coordinates of each face's corners.
        material: its look.
    """

    name: str
    mask_id: int
    faces: np.ndarray
    uv: np.ndarray
    material: Material


@dataclasses.dataclass(frozen=True)
class AreaLight:
    """Square emitter that faces its target.

    Attributes:
        position: world, metres.
        target: world point that it faces, metres.
        radiance: linear, the same over the square and in all directions in front of it.
        size: side, metres.
    """

    position: tuple[float, float, float]
    target: tuple[float, float, float]
    radiance: float
    size: float


@dataclasses.dataclass(frozen=True, eq=False)
class Camera:
    """Pinhole camera.

    Attributes:
        intrinsics: K [3, 3] pixels.
        extrinsics: [R | t] [3, 4], world to camera, metres.
        width: pixels.
        height: pixels.
    """

    intrinsics: np.ndarray
    extrinsics: np.ndarray
    width: int
    height: int


@dataclasses.dataclass(frozen=True, eq=False)
class Backdrop:
    """What lies behind the figure and lights it from all around.

    Attributes:
        image: uint8 [h, w, 3] sRGB, already as the camera sees it, of the camera's size.
        ambient: [9, 3] irradiance E(n) = sum_k ambient[k] Y_k(n) in real spherical harmonics of the world frame,
            ordered 1, y, z, x, xy, yz, 3z^2 - 1, xz, x^2 - y^2 (Ramamoorthi and Hanrahan 2001).
    """

    image: np.ndarray
    ambient: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class Frame:
    """One picture and its passes.

    Attributes:
        rgb: uint8 [H, W, 3] sRGB.
        mask: uint8 [H, W], mask_id of the surface that covers most of the pixel, 0 for the backdrop.
        depth: float32 [H, W] metres along the camera's z axis; inf where mask is 0.
    """

    rgb: np.ndarray
    mask: np.ndarray
    depth: np.ndarray


class Renderer(Protocol):
    """Draws loaded surfaces in any pose; the same arguments give the same pixels."""

    def load(self, surfaces: Sequence[Surface]) -> None:
        """Takes the surfaces of a clip in place of those before."""

    def render(
        self, vertices: Sequence[np.ndarray], camera: Camera, lights: Sequence[AreaLight], backdrop: Backdrop
    ) -> Frame:
        """Draws one frame; `vertices` holds [V, 3] world positions in metres for each loaded surface, in order."""

    def close(self) -> None:
        """Frees what the renderer holds."""
