"""Wavefront OBJ: one mesh as it is, exact vertices with pose blend shapes and all."""

from __future__ import annotations

import io
import pathlib

import numpy as np

from model import storage
from model.body.data import BodyData
from model.errors import ConfigError
from serving.export.mesh import PARTS, vertex_normals


def write_obj(path: str | pathlib.Path, data: BodyData, vertices: np.ndarray) -> None:
    """Writes a posed body with texture coordinates, normals and a group for each part (skin, eyeballs).

    Vertices keep the body's own order and number, so the file can be compared with other results vertex by vertex.

    Args:
        path: file to write, whole or not at all.
        data: the body that was posed.
        vertices: [V, 3] metres, y up.

    Raises:
        ConfigError: the vertices are not the body's, or not finite.
    """
    vertices = np.asarray(vertices)
    if vertices.shape != data.v_template.shape or not np.isfinite(vertices).all():
        raise ConfigError(
            f"Finite vertices {data.v_template.shape} of {data.body_id} are needed. "
            f"Received: {vertices.shape}, {int((~np.isfinite(vertices)).sum())} numbers not finite"
        )
    text = io.StringIO()
    text.write(f"# {data.body_id}, metres, y up\n")
    np.savetxt(text, vertices, "v %.6f %.6f %.6f")
    np.savetxt(text, data.uv, "vt %.6f %.6f")
    np.savetxt(text, vertex_normals(vertices, data.faces), "vn %.5f %.5f %.5f")
    # Indices count from one; normals go with vertices.
    corners = np.stack([data.faces, data.uv_faces, data.faces], -1) + 1
    for part, name in enumerate(PARTS):
        chosen = corners[data.face_parts == part]
        if len(chosen):
            text.write(f"g {name}\n")
            np.savetxt(text, chosen.reshape(len(chosen), -1), "f" + 3 * " %d/%d/%d")
    storage.write_bytes(path, text.getvalue().encode())
