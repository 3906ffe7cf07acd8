"""Small operations on triangle meshes."""

from __future__ import annotations

import numpy as np
import scipy.sparse
import scipy.sparse.linalg


def triangulate(quads: np.ndarray) -> np.ndarray:
    """Quads [Q, 4, ...] -> triangles [2 Q, 3, ...], split from the first to the third corner."""
    return np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])


def triangulate_symmetric(
    vertices: np.ndarray, quads: np.ndarray, quad_uv: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Splits each quad along its shorter diagonal, so that mirror-image quads are split alike.

    Args:
        vertices: [V, 3] metres, mirror symmetric.
        quads: [Q, 4] vertex indices.
        quad_uv: [Q, 4] texture indices.

    Returns:
        Triangles [2 Q, 3] and their texture indices [2 Q, 3].
    """
    corners = vertices[quads]
    first = np.linalg.norm(corners[:, 0] - corners[:, 2], axis=1)
    second = np.linalg.norm(corners[:, 1] - corners[:, 3], axis=1)
    along_first = (first <= second + 1e-5)[:, None, None]

    def split(table: np.ndarray) -> np.ndarray:
        return np.where(along_first, table[:, [[0, 1, 2], [0, 2, 3]]], table[:, [[0, 1, 3], [1, 2, 3]]]).reshape(-1, 3)

    return split(quads), split(quad_uv)


def volume(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Signed volume [...] m^3 of closed meshes: vertices [..., V, 3], faces [F, 3] (divergence theorem)."""
    a, b, c = (vertices[..., faces[:, k], :].astype(np.float64) for k in range(3))
    return np.einsum("...i,...i->...", a, np.cross(b, c)).sum(-1) / 6


def edges(faces: np.ndarray) -> np.ndarray:
    """Undirected edges [E, 2] of triangles, each once, sorted."""
    pairs = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    return np.unique(np.sort(pairs, axis=1), axis=0)


def adjacency(edge: np.ndarray, count: int) -> scipy.sparse.csr_matrix:
    """Symmetric 0/1 matrix [count, count] of edges [E, 2]."""
    half = scipy.sparse.coo_matrix((np.ones(len(edge)), (edge[:, 0], edge[:, 1])), shape=(count, count))
    return ((half + half.T) > 0).astype(np.float64).tocsr()


def dilate(mask: np.ndarray, neighbours: scipy.sparse.csr_matrix, steps: int) -> np.ndarray:
    """Grows a vertex mask [V] or [V, n] by `steps` rings of neighbours."""
    grown = mask.astype(np.float64)
    for _ in range(steps):
        grown = ((grown + neighbours @ grown) > 0).astype(np.float64)
    return grown > 0


def vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Area-weighted unit normals [V, 3]; zero at vertices without faces."""
    corner = vertices[faces]
    face_normal = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    normal = np.zeros_like(vertices)
    for k in range(3):
        np.add.at(normal, faces[:, k], face_normal)
    return normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-20)


def hit_distance(origins: np.ndarray, directions: np.ndarray, vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Distance [n] along rays to the first triangle, inf where none is hit (Moeller and Trumbore 1997).

    Args:
        origins: [n, 3] metres.
        directions: [n, 3] unit vectors.
        vertices: [V, 3] metres.
        faces: [F, 3].
    """
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    first, second = b - a, c - a
    distance = np.full(len(origins), np.inf)
    for i, (origin, direction) in enumerate(zip(origins, directions, strict=True)):
        p = np.cross(direction, second)
        determinant = (first * p).sum(1)
        with np.errstate(divide="ignore", invalid="ignore"):
            t = origin - a
            u = (t * p).sum(1) / determinant
            q = np.cross(t, first)
            v = q @ direction / determinant
            along = (second * q).sum(1) / determinant
            hit = (u >= 0) & (v >= 0) & (u + v <= 1) & (along > 0)
        distance[i] = along[hit].min(initial=np.inf)
    return distance


def smooth_fill(area: np.ndarray, vertices: np.ndarray, faces: np.ndarray) -> scipy.sparse.csr_matrix:
    """Linear operator [V, V] that replaces an area of a mesh by the smooth continuation of what surrounds it.

    The area's vertices minimise the thin-plate energy, with cotangent weights so that the density of the mesh does not
    matter (Botsch and Kobbelt 2004); all others stay.

    Args:
        area: bool [V], vertices to replace.
        vertices: [V, 3] metres, geometry that the weights are taken from.
        faces: [F, 3].
    """
    stiffness, mass = cotangent_laplacian(vertices, faces)
    plate = (stiffness @ scipy.sparse.diags(1 / np.maximum(mass, 1e-12)) @ stiffness).tocsr()
    inside, outside = np.flatnonzero(area), np.flatnonzero(~area)
    solve = scipy.sparse.linalg.splu(plate[inside][:, inside].tocsc()).solve
    boundary = plate[inside][:, outside]
    used = np.unique(boundary.nonzero()[1])
    fill = -solve(boundary[:, used].toarray())
    rows = np.concatenate([outside, np.repeat(inside, len(used))])
    columns = np.concatenate([outside, np.tile(outside[used], len(inside))])
    values = np.concatenate([np.ones(len(outside)), fill.ravel()])
    return scipy.sparse.csr_matrix((values, (rows, columns)), shape=(len(area), len(area)))


def cotangent_laplacian(vertices: np.ndarray, faces: np.ndarray) -> tuple[scipy.sparse.csr_matrix, np.ndarray]:
    """Cotangent stiffness matrix [V, V] and lumped vertex areas [V] (Meyer et al. 2003)."""
    count = len(vertices)
    stiffness = scipy.sparse.csr_matrix((count, count))
    mass = np.zeros(count)
    for k in range(3):
        apex, i, j = faces[:, k], faces[:, (k + 1) % 3], faces[:, (k + 2) % 3]
        to_i, to_j = vertices[i] - vertices[apex], vertices[j] - vertices[apex]
        doubled_area = np.linalg.norm(np.cross(to_i, to_j), axis=1)
        half_cotangent = 0.5 * (to_i * to_j).sum(1) / np.maximum(doubled_area, 1e-12)
        values = np.concatenate([-half_cotangent, -half_cotangent, half_cotangent, half_cotangent])
        index = (np.concatenate([i, j, i, j]), np.concatenate([j, i, i, j]))
        stiffness = stiffness + scipy.sparse.csr_matrix((values, index), shape=(count, count))
        np.add.at(mass, apex, doubled_area / 6)
    return stiffness, mass
