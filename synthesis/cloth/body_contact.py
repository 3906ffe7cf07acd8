"""Contact and friction of cloth with the moving body, and the springs that hold waistbands.

Sample points are the cloth's vertices and the centres of its triangles (a coarse triangle between three free
vertices would let a round limb show through). Each is pushed along the normal of the nearest body point by an implicit
penalty with its velocity term: k = 20 m/h^2, and the cloth's own stiffness on top of it, or tight cloth (the knee of a
squatting leg) would be pulled into the limb. The correction is at most 3 mm a sub-step, so that cloth pinched between
arm and chest moves out slowly instead of exploding.
An outer garment meets an inner one in the same way, as if that were skin: it gives way and does not push back.
"""

from __future__ import annotations

import numba
import numpy as np

STIFFNESS = 20.0
# Contact stiffness over the cloth's own, both N/m.
TIGHTNESS = 1.0
DAMPING = 0.3
MAX_SKIN_CORRECTION = 0.003
FRICTION_LIMIT = 20.0
# Once a frame, what is nearer to the skin than this share of the thickness is moved out by a few millimetres.
CLEARANCE_SHARE = 0.35
MAX_PROJECTION = 0.004
# Deeper than this inside the body, or beneath an inner garment, a point is nearer to some other side.
MAX_SKIN_DEPTH = 0.08
MAX_LAYER_DEPTH = 0.015
MAX_LAYER_CORRECTION = 0.0015
# Cloth further off than this cannot reach the skin within a sub-step.
REACH = 0.05


@numba.njit(cache=True, fastmath=True)
def sample_points(x, faces, points):
    """Fills points [V + F, 3] with vertices x [V, 3], then centres of faces [F, 3]."""
    count = x.shape[0]
    points[:count] = x
    for t in range(faces.shape[0]):
        for d in range(3):
            points[count + t, d] = (x[faces[t, 0], d] + x[faces[t, 1], d] + x[faces[t, 2], d]) / 3.0


@numba.njit(cache=True, fastmath=True)
def add_contact(
    samples, v, mass, thickness, friction, tension, faces, slots, diagonal,
    body_velocity, body_faces, border, body_face, weights, distance, normal, max_depth, max_correction,
    h, values, force,
):  # fmt: skip
    """Adds contact forces of all sample points that would end the sub-step nearer to a surface than their thickness.

    The surface (skin, or an inner garment) is where the sub-step ends, the cloth where it starts.

    Args:
        samples: [S] sample points that can touch: i < V is vertex i, V + t the centre of face t.
        v: [V, 3] metres a second.
        mass: [V] kg.
        thickness: [V] metres.
        friction: [V] Coulomb coefficients.
        tension: [V] N/m, stretch stiffness of the cloth.
        faces: [F, 3].
        slots: [F, 9] matrix blocks of each face.
        diagonal: [V] matrix blocks.
        body_velocity: [B, 3] metres a second.
        body_faces: [G, 3].
        border: [B] bool, vertices on the surface's open border, beyond which nothing is touched.
        body_face: [S] surface face nearest to each sample point.
        weights: [S, 3] barycentric weights there.
        distance: [S] metres, negative inside.
        normal: [S, 3] unit.
        max_depth: metres; what is deeper lies beyond another part of the surface and is left alone.
        max_correction: metres that a point is moved out by in one sub-step.
        h: sub-step, seconds.
        values: [N, 3, 3] matrix blocks, added to.
        force: [V, 3] newtons, added to.

    Returns:
        Number of sample points in contact.
    """
    count = mass.shape[0]
    contacts = 0
    for s in range(samples.shape[0]):
        vertex = samples[s]
        centre = vertex >= count
        t = vertex - count
        if centre:
            i0, i1, i2 = faces[t, 0], faces[t, 1], faces[t, 2]
            gap = (thickness[i0] + thickness[i1] + thickness[i2]) / 3.0
            m = (mass[i0] + mass[i1] + mass[i2]) / 3.0
        else:
            i0 = i1 = i2 = vertex
            gap, m = thickness[vertex], mass[vertex]
        if distance[s] >= gap + REACH or distance[s] < -max_depth:
            continue
        b0, b1, b2 = body_faces[body_face[s], 0], body_faces[body_face[s], 1], body_faces[body_face[s], 2]
        nx, ny, nz = normal[s, 0], normal[s, 1], normal[s, 2]
        rx = (v[i0, 0] + v[i1, 0] + v[i2, 0]) / 3.0
        ry = (v[i0, 1] + v[i1, 1] + v[i2, 1]) / 3.0
        rz = (v[i0, 2] + v[i1, 2] + v[i2, 2]) / 3.0
        speed = rx * nx + ry * ny + rz * nz
        if distance[s] + h * speed >= gap:
            continue
        contacts += 1
        w0, w1, w2 = weights[s, 0], weights[s, 1], weights[s, 2]
        if (border[b0] or w0 < 1e-6) and (border[b1] or w1 < 1e-6) and (border[b2] or w2 < 1e-6):
            continue
        rx -= w0 * body_velocity[b0, 0] + w1 * body_velocity[b1, 0] + w2 * body_velocity[b2, 0]
        ry -= w0 * body_velocity[b0, 1] + w1 * body_velocity[b1, 1] + w2 * body_velocity[b2, 1]
        rz -= w0 * body_velocity[b0, 2] + w1 * body_velocity[b1, 2] + w2 * body_velocity[b2, 2]
        contacts += 1
        separation = rx * nx + ry * ny + rz * nz
        k, c = STIFFNESS * m / (h * h) + TIGHTNESS * tension[i0], DAMPING * m / h
        # Seen from the skin, which has moved already in this step.
        depth = min(gap - distance[s] - h * (speed - separation), max_correction)
        push = k * depth - (c + h * k) * separation
        tx, ty, tz = rx - separation * nx, ry - separation * ny, rz - separation * nz
        slip = 0.0
        if not centre:
            sliding = np.sqrt(tx * tx + ty * ty + tz * tz) + 1e-9
            # The stiffer part of k answers to tension within a sub-step and would overrate the load.
            load = STIFFNESS * m / (h * h) * max(0.0, depth - h * separation)
            slip = min(friction[vertex] * load / sliding, FRICTION_LIMIT * m / h)
        fx, fy, fz = push * nx - slip * tx, push * ny - slip * ty, push * nz - slip * tz
        stiff = h * h * k + h * c
        if centre:
            for p in range(3):
                i = faces[t, p]
                force[i, 0] += fx / 3.0
                force[i, 1] += fy / 3.0
                force[i, 2] += fz / 3.0
            for block in range(9):
                _add_outer(values, slots[t, block], stiff / 9.0, 0.0, nx, ny, nz)
        else:
            force[vertex, 0] += fx
            force[vertex, 1] += fy
            force[vertex, 2] += fz
            _add_outer(values, diagonal[vertex], stiff - h * slip, h * slip, nx, ny, nz)
    return contacts


@numba.njit(cache=True, fastmath=True)
def project_out(x, faces, distance, normal, clearance, limit, move, size):
    """Moves vertices out of the skin, by the largest correction that one of their own sample points asks for.

    Contact springs yield by some millimetres under tight or fast cloth, which would show as bare skin.

    Args:
        x: [V, 3] metres, changed.
        faces: [F, 3].
        distance: [V + F] metres of the sample points from the skin, negative inside.
        normal: [V + F, 3] unit.
        clearance: [V] metres wanted.
        limit: metres, the largest correction.
        move: [V, 3] work array.
        size: [V] work array.
    """
    count = x.shape[0]
    size[:] = 0.0
    for s in range(distance.shape[0]):
        if distance[s] < -MAX_SKIN_DEPTH:
            continue
        for p in range(3 if s >= count else 1):
            i = faces[s - count, p] if s >= count else s
            wanted = min(clearance[i] - distance[s], limit)
            if wanted > size[i]:
                size[i] = wanted
                for d in range(3):
                    move[i, d] = wanted * normal[s, d]
    for i in range(count):
        if size[i] > 0.0:
            for d in range(3):
                x[i, d] += move[i, d]


@numba.njit(cache=True, fastmath=True, inline="always")
def _add_outer(values, block, along, isotropic, nx, ny, nz):
    """values[block] += along n n^T + isotropic I."""
    values[block, 0, 0] += along * nx * nx + isotropic
    values[block, 0, 1] += along * nx * ny
    values[block, 0, 2] += along * nx * nz
    values[block, 1, 0] += along * ny * nx
    values[block, 1, 1] += along * ny * ny + isotropic
    values[block, 1, 2] += along * ny * nz
    values[block, 2, 0] += along * nz * nx
    values[block, 2, 1] += along * nz * ny
    values[block, 2, 2] += along * nz * nz + isotropic


@numba.njit(cache=True, fastmath=True)
def add_attachment(
    x, v, mass, attached, gap, body, body_velocity, normals, body_faces, face, weights, frequency,
    h, diagonal, values, force,
):  # fmt: skip
    """Adds critically damped springs from attached vertices [K] to points that ride on the body's skin.

    Args:
        x: [V, 3] metres.
        v: [V, 3] metres a second.
        mass: [V] kg.
        attached: [K] vertices.
        gap: [K] metres above the skin.
        body: [B, 3] metres.
        body_velocity: [B, 3] metres a second.
        normals: [B, 3] unit.
        body_faces: [G, 3].
        face: [K] body face that each vertex is held to.
        weights: [K, 3] barycentric weights on it.
        frequency: radians a second, of one vertex on its spring.
        h: sub-step, seconds.
        diagonal: [V] matrix blocks.
        values: [N, 3, 3], added to.
        force: [V, 3] newtons, added to.
    """
    for a in range(attached.shape[0]):
        i = attached[a]
        k = mass[i] * frequency * frequency
        c = 2.0 * mass[i] * frequency
        for d in range(3):
            target = speed = up = 0.0
            for p in range(3):
                b = body_faces[face[a], p]
                target += weights[a, p] * body[b, d]
                speed += weights[a, p] * body_velocity[b, d]
                up += weights[a, p] * normals[b, d]
            force[i, d] += k * (target + gap[a] * up - x[i, d] - h * v[i, d]) - c * (v[i, d] - speed)
            values[diagonal[i], d, d] += h * h * k + h * c
