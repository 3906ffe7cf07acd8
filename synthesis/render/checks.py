"""Scenes that no renderer can show, refused alike by all of them before anything is drawn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from synthesis.render.interface import AreaLight, Backdrop, Camera, RenderError, Surface


def check_surfaces(surfaces: Sequence[Surface], most: int) -> None:
    """Whether surfaces can be loaded together.

    Args:
        surfaces: what a renderer is to load.
        most: how many surfaces, and how large mask ids, the renderer can tell apart.

    Raises:
        RenderError: none or too many surfaces, wrong shapes or types, corners without a place, empty pictures.
    """
    if not 0 < len(surfaces) <= most or any(not 0 < s.mask_id <= most for s in surfaces):
        raise RenderError(
            f"A scene has 1 to {most} surfaces with mask ids 1 to {most}. "
            f"Received: {[(s.name, s.mask_id) for s in surfaces]}"
        )
    for surface in surfaces:
        _check_topology(surface)
        material = surface.material
        _check_picture(surface.name, "albedo", material.albedo)
        if material.normals is not None:
            _check_picture(surface.name, "normals", material.normals)
        look = np.array([material.roughness, *material.subsurface, material.uv_scale], np.float64)
        if look.shape != (5,) or not np.isfinite(look).all() or (look[:4] < 0).any() or (look[:4] > 1).any():
            raise RenderError(
                f"Roughness and subsurface within 0..1 and a finite uv_scale are needed for {surface.name}. "
                f"Received: {material.roughness}, {material.subsurface}, {material.uv_scale}"
            )


def check_frame(
    surfaces: Sequence[Surface],
    vertices: Sequence[np.ndarray],
    camera: Camera,
    lights: Sequence[AreaLight],
    backdrop: Backdrop,
    size: tuple[int, int],
    most_lights: int | None = None,
) -> None:
    """Whether a frame's arguments fit the loaded surfaces and the renderer's picture.

    Args:
        surfaces: those loaded.
        vertices: as given to `Renderer.render`.
        camera: as given to `Renderer.render`.
        lights: as given to `Renderer.render`.
        backdrop: as given to `Renderer.render`.
        size: width and height of the renderer's pictures, pixels.
        most_lights: how many the renderer can show; None: any number.

    Raises:
        RenderError: an argument does not fit, or holds numbers that are not finite.
    """
    _check_vertices(surfaces, vertices)
    if most_lights is not None and len(lights) > most_lights:
        raise RenderError(f"At most {most_lights} lights. Received: {len(lights)}")
    for light in lights:
        numbers = np.array([*light.position, *light.target, light.radiance, light.size], np.float64)
        if not np.isfinite(numbers).all() or light.radiance < 0 or light.size <= 0 or light.position == light.target:
            raise RenderError(f"A light with a size, a direction and no negative radiance is needed. Received: {light}")
    if (camera.width, camera.height) != size or np.shape(backdrop.image) != (*size[::-1], 3):
        raise RenderError(
            f"Camera and backdrop must be {size[0]} x {size[1]} pixels. Received: "
            f"camera {camera.width} x {camera.height}, backdrop {np.shape(backdrop.image)}"
        )
    for name, array, shape in (
        ("intrinsics", camera.intrinsics, (3, 3)),
        ("extrinsics", camera.extrinsics, (3, 4)),
        ("ambient light", backdrop.ambient, (9, 3)),
    ):
        if np.shape(array) != shape or not np.isfinite(array).all():
            raise RenderError(f"Finite {name} {list(shape)} are needed. Received: {np.asarray(array).tolist()}")


def num_vertices(surface: Surface) -> int:
    """The least number of vertices that a surface's faces refer to."""
    return int(np.max(surface.faces)) + 1


def _check_topology(surface: Surface) -> None:
    faces, uv = np.asarray(surface.faces), np.asarray(surface.uv)
    if faces.ndim != 2 or faces.shape[1] != 3 or not faces.size or faces.dtype.kind not in "iu" or faces.min() < 0:
        raise RenderError(
            f"Faces [F, 3] of vertex indices are needed for {surface.name}. Received: {faces.dtype} {faces.shape}"
        )
    if uv.shape != (len(faces), 3, 2) or not np.isfinite(uv).all():
        raise RenderError(
            f"Finite texture coordinates [{len(faces)}, 3, 2] are needed for {surface.name}. Received: {uv.shape}"
            + ("" if uv.shape != (len(faces), 3, 2) else f" with {(~np.isfinite(uv)).sum()} that are not")
        )


def _check_picture(surface: str, what: str, picture: np.ndarray) -> None:
    picture = np.asarray(picture)
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or not picture.size:
        raise RenderError(
            f"A picture uint8 [h, w, 3] is needed as {what} of {surface}. Received: {picture.dtype} {picture.shape}"
        )


def _check_vertices(surfaces: Sequence[Surface], vertices: Sequence[np.ndarray]) -> None:
    wanted = [(surface.name, num_vertices(surface)) for surface in surfaces]
    if (
        not surfaces
        or len(vertices) != len(surfaces)
        or any(
            np.ndim(v) != 2 or np.shape(v)[1] != 3 or len(v) < count
            for v, (_, count) in zip(vertices, wanted, strict=True)
        )
    ):
        raise RenderError(
            f"Vertices [V, 3] of the loaded surfaces {wanted} are needed. Received: {[np.shape(v) for v in vertices]}"
        )
    broken = sum(int((~np.isfinite(v)).sum()) for v in vertices)
    if broken:
        raise RenderError(f"Finite vertices are needed. Received: {broken} numbers that are not")
