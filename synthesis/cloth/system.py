"""All garments of an outfit as one particle system: rest state, masses, sparse matrix pattern."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence

import numpy as np
import scipy.sparse

from synthesis.garments.fabrics import Fabric
from synthesis.garments.mesh import GarmentMesh

# Skin to cloth for layer 0, from one layer to the next, and between cloths in contact.
SKIN_GAP = 0.004
LAYER_GAP = 0.003
CLOTH_GAP = 0.003
# Along the cloth, metres: what is further apart meets as two different pieces of cloth would.
NEAR = 0.2
# Coarse triangles cut corners on round limbs: this share of their edge length is added to the gaps.
_SAG = 0.08


@dataclasses.dataclass(frozen=True, eq=False)
class ClothSystem:
    """Constant arrays of a cloth simulation, V vertices, F faces, N blocks of the sparse matrix.

    Attributes:
        vertex_slices: the vertices of each garment.
        face_slices: the faces of each garment.
        faces: [F, 3].
        inverse_rest: [F, 2, 2] 1/metre.
        area: [F] rest area, square metres.
        stiffness: [F, 3] k_u, k_v, k_s in N/m.
        limits: [F, 2] strain and shear where the fabric locks.
        damping: [V] seconds, strain rate times this counts as strain.
        mass: [V] kg.
        vertex_layer: [V] layer of the garment.
        thickness: [V] metres between skin and cloth at rest in contact.
        collision_gap: [V] metres between cloth and cloth in contact.
        tension: [V] N/m, the larger stretch stiffness.
        friction: [V] Coulomb coefficients.
        attached: [K] vertices that the body holds.
        bands: [S, 2] vertices with a rubber band between them.
        band_rest: [S] metres, its relaxed length.
        band_slots: [S, 4] blocks (i, i), (i, j), (j, i), (j, j) of each band.
        edges: [E, 2] each edge once, lower vertex first.
        edge_rest: [E] metres, their length in the pattern.
        apexes: [E, 2] third corners of the faces at each edge, -1 beyond a border.
        border: [V] bool, vertices on a garment's open border.
        near_start: [V + 1] rows of `near`.
        near: [M] for each vertex, sorted, those within NEAR along the cloth.
        edge_length: mean over all triangles, metres.
        bend: [N] N/m, scalar entries of the bending matrix Q.
        indptr: [V + 1].
        indices: [N].
        slots: [F, 9] block of each pair of corners.
        diagonal: [V] block of each vertex with itself.
    """

    vertex_slices: tuple[slice, ...]
    face_slices: tuple[slice, ...]
    faces: np.ndarray
    inverse_rest: np.ndarray
    area: np.ndarray
    stiffness: np.ndarray
    limits: np.ndarray
    damping: np.ndarray
    mass: np.ndarray
    vertex_layer: np.ndarray
    thickness: np.ndarray
    collision_gap: np.ndarray
    tension: np.ndarray
    friction: np.ndarray
    attached: np.ndarray
    bands: np.ndarray
    band_rest: np.ndarray
    band_slots: np.ndarray
    edges: np.ndarray
    edge_rest: np.ndarray
    apexes: np.ndarray
    border: np.ndarray
    near_start: np.ndarray
    near: np.ndarray
    edge_length: float
    bend: np.ndarray
    indptr: np.ndarray
    indices: np.ndarray
    slots: np.ndarray
    diagonal: np.ndarray

    @classmethod
    def build(cls, garments: Sequence[GarmentMesh], fabrics: Sequence[Fabric]) -> ClothSystem:
        """Joins garments, each made of one fabric, into one system."""
        counts = [len(g.vertices) for g in garments]
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        face_offsets = np.concatenate([[0], np.cumsum([len(g.faces) for g in garments])]).astype(np.int64)
        per_face = np.repeat(np.arange(len(garments)), np.diff(face_offsets))
        per_vertex = np.repeat(np.arange(len(garments)), counts)
        faces = np.concatenate([g.faces + o for g, o in zip(garments, offsets, strict=False)]).astype(np.int64)
        rest = np.concatenate([g.rest_uv for g in garments]).astype(np.float64)
        inverse_rest, area = rest_shape(rest)
        density = np.array([f.density for f in fabrics])
        mass = np.bincount(faces.ravel(), np.repeat(area * density[per_face] / 3.0, 3), offsets[-1])
        bend_matrix = bending_matrix(faces, rest, area, np.array([f.bend for f in fabrics])[per_face], int(offsets[-1]))
        indptr, indices, slots, diagonal = _block_pattern(faces, bend_matrix)
        bend = np.zeros(len(indices))
        entries = bend_matrix.tocoo()
        bend[_find(indptr, indices, entries.row, entries.col)] = entries.data
        stiffness = np.array([[f.stretch_weft, f.stretch_warp, f.shear] for f in fabrics])
        layer = np.array([g.layer for g in garments], np.int64)
        sag = _SAG * np.array([mean_edge(area[per_face == k]) for k in range(len(garments))])
        edges, border = edges_and_border(faces, len(mass))
        sides = _edge_of_sides(faces, edges)
        bands = np.concatenate([g.elastic_edges + o for g, o in zip(garments, offsets, strict=False)]).astype(np.int64)
        band_slots = _find(indptr, indices, bands[:, [0, 0, 1, 1]].ravel(), bands[:, [0, 1, 0, 1]].ravel())
        near_start, near = _neighbourhoods(edges, len(mass), round(NEAR / mean_edge(area)))
        return cls(
            vertex_slices=tuple(slice(a, b) for a, b in itertools.pairwise(offsets)),
            face_slices=tuple(slice(a, b) for a, b in itertools.pairwise(face_offsets)),
            faces=faces,
            inverse_rest=inverse_rest,
            area=area,
            stiffness=stiffness[per_face],
            limits=np.array([[f.stretch_limit, f.shear_limit] for f in fabrics])[per_face],
            damping=np.array([f.damping for f in fabrics])[per_vertex],
            mass=mass,
            vertex_layer=layer[per_vertex],
            thickness=(SKIN_GAP + LAYER_GAP * layer + sag)[per_vertex],
            collision_gap=np.full(len(mass), CLOTH_GAP),
            tension=stiffness[:, :2].max(1)[per_vertex],
            friction=np.array([f.friction for f in fabrics])[per_vertex],
            attached=np.concatenate([g.attached + o for g, o in zip(garments, offsets, strict=False)]).astype(np.int64),
            bands=bands,
            band_rest=np.concatenate([g.elastic_length for g in garments]),
            band_slots=band_slots.reshape(-1, 4),
            edges=edges,
            edge_rest=_edge_rest(rest, sides, len(edges)),
            apexes=_apexes(faces, sides, len(edges)),
            border=border,
            near_start=near_start,
            near=near,
            edge_length=mean_edge(area),
            bend=bend,
            indptr=indptr,
            indices=indices,
            slots=slots,
            diagonal=diagonal,
        )


def rest_shape(rest_uv: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Inverse rest edge matrices [F, 2, 2] and areas [F] of pattern corners [F, 3, 2] metres."""
    edges = np.stack([rest_uv[:, 1] - rest_uv[:, 0], rest_uv[:, 2] - rest_uv[:, 0]], 2)
    return np.linalg.inv(edges), 0.5 * np.abs(np.linalg.det(edges))


def edges_and_border(faces: np.ndarray, num_vertices: int) -> tuple[np.ndarray, np.ndarray]:
    """Each edge of faces [F, 3] once, [E, 2], and which vertices [V] lie on an edge of one face only."""
    sides = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), 1)
    edges, count = np.unique(sides, axis=0, return_counts=True)
    border = np.zeros(num_vertices, bool)
    border[edges[count == 1]] = True
    return edges, border


def _edge_of_sides(faces: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Edge [3 F] that each side of the faces is: all first sides, then all second and third ones."""
    count = int(faces.max()) + 1
    sides = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    return np.searchsorted(edges[:, 0] * count + edges[:, 1], sides.min(1) * count + sides.max(1))


def _apexes(faces: np.ndarray, edge_of_sides: np.ndarray, num_edges: int) -> np.ndarray:
    """Third corners [E, 2] of the faces at each edge, -1 beyond a border; of more than two faces any two."""
    order = np.argsort(edge_of_sides, kind="stable")
    edge, third = edge_of_sides[order], faces[:, [2, 0, 1]].T.ravel()[order]
    first = np.concatenate([[True], edge[1:] != edge[:-1]])
    apexes = np.full((num_edges, 2), -1, np.int64)
    apexes[edge[first], 0], apexes[edge[~first], 1] = third[first], third[~first]
    return apexes


def _edge_rest(rest_uv: np.ndarray, edge_of_sides: np.ndarray, num_edges: int) -> np.ndarray:
    """Pattern length [E] of each edge; of a seam's two sides the longer."""
    uv = np.concatenate([rest_uv[:, [0, 1]], rest_uv[:, [1, 2]], rest_uv[:, [2, 0]]])
    longest = np.zeros(num_edges)
    np.maximum.at(longest, edge_of_sides, np.linalg.norm(uv[:, 0] - uv[:, 1], axis=1))
    return longest


def _neighbourhoods(edges: np.ndarray, num_vertices: int, rings: int) -> tuple[np.ndarray, np.ndarray]:
    """Vertices within so many edges of each, itself included, as sorted rows: start [V + 1], vertices [M]."""
    ones = np.ones(len(edges), bool)
    step = scipy.sparse.csr_matrix((ones, (edges[:, 0], edges[:, 1])), (num_vertices, num_vertices))
    step = (step + step.T + scipy.sparse.identity(num_vertices, bool)).tocsr()
    reached = step
    for _ in range(max(rings, 1) - 1):
        reached = (reached @ step).tocsr()
    reached.sort_indices()
    return reached.indptr.astype(np.int64), reached.indices.astype(np.int64)


def mean_edge(area: np.ndarray) -> float:
    """Edge length in metres of the equilateral triangle with the mean of areas [F]."""
    return float(np.sqrt(4.0 / np.sqrt(3.0) * area.mean()))


def bending_matrix(
    faces: np.ndarray, rest_uv: np.ndarray, area: np.ndarray, bend: np.ndarray, num_vertices: int
) -> scipy.sparse.csr_matrix:
    """Q of the quadratic bending energy 1/2 x^T Q x (Bergou et al. 2006, section 3), for cloth that is rolled.

    Args:
        faces: [F, 3].
        rest_uv: [F, 3, 2] metres.
        area: [F] square metres.
        bend: [F] bending rigidity, N m.
        num_vertices: V.

    Returns:
        [V, V] N/m. Hinges across a seam use the rest shapes of both panels.
    """
    corner = np.arange(3)
    tail, head, apex = faces[:, corner], faces[:, (corner + 1) % 3], faces[:, (corner + 2) % 3]
    cot = _cotangents(rest_uv)
    owner = np.repeat(np.arange(len(faces)), 3)
    sides = np.stack([tail.ravel(), head.ravel(), apex.ravel()], 1)
    cot_tail, cot_head = cot[:, corner].ravel(), cot[:, (corner + 1) % 3].ravel()
    low, high = sides[:, :2].min(1), sides[:, :2].max(1)
    order = np.lexsort((high, low))
    same = (low[order][1:] == low[order][:-1]) & (high[order][1:] == high[order][:-1])
    first, second = order[:-1][same], order[1:][same]
    # On a manifold the second face runs along the shared edge the other way: its head is the first one's tail.
    flipped = sides[first, 0] == sides[second, 1]
    tail2 = np.where(flipped, cot_head[second], cot_tail[second])
    head2 = np.where(flipped, cot_tail[second], cot_head[second])
    stencil = np.stack([sides[first, 0], sides[first, 1], sides[first, 2], sides[second, 2]], 1)
    tail1, head1 = cot_tail[first], cot_head[first]
    weight = np.stack([head1 + head2, tail1 + tail2, -(tail1 + head1), -(tail2 + head2)], 1)
    # Bergou et al. have 3 times this: about right for a sphere, thrice too stiff for cloth that is rolled or folded.
    scale = 0.5 * (bend[owner[first]] + bend[owner[second]]) / (area[owner[first]] + area[owner[second]])
    blocks = scale[:, None, None] * weight[:, :, None] * weight[:, None, :]
    rows, columns = np.repeat(stencil, 4, 1).ravel(), np.tile(stencil, (1, 4)).ravel()
    return scipy.sparse.csr_matrix((blocks.ravel(), (rows, columns)), (num_vertices, num_vertices))


def _cotangents(rest_uv: np.ndarray) -> np.ndarray:
    """[F, 3] cotangent of each corner's angle."""
    out = np.empty(rest_uv.shape[:2])
    for k in range(3):
        a, b = rest_uv[:, (k + 1) % 3] - rest_uv[:, k], rest_uv[:, (k + 2) % 3] - rest_uv[:, k]
        out[:, k] = (a * b).sum(1) / (np.abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]) + 1e-12)
    return out


def _block_pattern(
    faces: np.ndarray, bend_matrix: scipy.sparse.csr_matrix
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    count = bend_matrix.shape[0]
    rows, columns = np.repeat(faces, 3, 1).ravel(), np.tile(faces, (1, 3)).ravel()
    pattern = scipy.sparse.csr_matrix((np.ones(len(rows)), (rows, columns)), (count, count))
    pattern = (pattern + abs(bend_matrix) + scipy.sparse.identity(count)).tocsr()
    pattern.sort_indices()
    indptr, indices = pattern.indptr.astype(np.int64), pattern.indices.astype(np.int64)
    slots = _find(indptr, indices, rows, columns).reshape(-1, 9)
    vertices = np.arange(count)
    return indptr, indices, slots, _find(indptr, indices, vertices, vertices)


def _find(indptr: np.ndarray, indices: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Position of the blocks (row, column) in a sorted CSR pattern."""
    count = len(indptr) - 1
    keys = np.repeat(np.arange(count), np.diff(indptr)) * count + indices
    return np.searchsorted(keys, rows.astype(np.int64) * count + columns)
