"""Contact and friction of cloth with the moving body, both ways, and the springs that hold waistbands.

Cloth vertices are pushed along the normal of the nearest point of the skin; body vertices push the nearest triangle of
the cloth along their own normal (a coarse triangle between three free vertices would let a sharp elbow show through).
Both are implicit penalties with their velocity term: k = 20 m/h^2, and the cloth's own stiffness on top of it, or tight
cloth (the knee of a squatting leg) would be pulled into the limb. The correction is at most 3 mm a sub-step, so that
cloth pinched between arm and chest moves out slowly instead of exploding.
"""

from __future__ import annotations

import numba
import numpy as np

from synthesis.cloth import hash_grid
from synthesis.cloth.pinching import PINCHED, shared_gap
from synthesis.cloth.proximity import closest_on_triangle

STIFFNESS = 20.0
# Contact stiffness over the cloth's own, both N/m.
TIGHTNESS = 1.0
DAMPING = 0.3
MAX_CORRECTION = 0.003
FRICTION_LIMIT = 20.0
# m/s^2, of what other forces will do to cloth within a sub-step: its own tension is far less than it seems now.
MAX_FALL = 20.0
# Once a frame, what is nearer to the skin than this share of the thickness is moved out by a few millimetres.
CLEARANCE_SHARE = 0.35
MAX_PROJECTION = 0.004
# Deeper than this inside the body cloth is hooked on the wrong side of it.
HOOKED = 0.008
# Deeper than this inside the body a point is nearer to some other side.
MAX_DEPTH = 0.08
# Cloth further off than this cannot reach the skin within a sub-step.
REACH = 0.05
# Cloth belongs to the skin that it was put on over, this near; a hand that reaches into it would drag it along.
OWN_SKIN = 0.3
# A body vertex looks for cloth this near and this far beside its normal; its own limb's cloth faces as it does.
BODY_REACH, _MAX_ASIDE, _SAME_SIDE = 0.012, 0.006, 0.3


@numba.njit(cache=True, fastmath=True, nogil=True)
def add_skin_contact(
    v, mass, thickness, friction, tension, body_velocity, body_faces, face, weights, distance, normal, room,
    h, blocks, force,
):  # fmt: skip
    """Adds contact forces of all cloth vertices that would end the sub-step nearer to the skin than their thickness.

    The skin is where the sub-step ends, the cloth where it starts.

    Args:
        v: [V, 3] metres a second.
        mass: [V] kg.
        thickness: [V] metres.
        friction: [V] Coulomb coefficients.
        tension: [V] N/m, stretch stiffness of the cloth.
        body_velocity: [B, 3] metres a second.
        body_faces: [G, 3].
        face: [V] body face nearest to each vertex.
        weights: [V, 3] barycentric weights there.
        distance: [V] metres, negative inside.
        normal: [V, 3] unit.
        room: [V] metres before the skin, see `pinching`.
        h: sub-step, seconds.
        blocks: [V, 3, 3] diagonal blocks of the matrix, added to.
        force: [V, 3] newtons, all other forces; added to.

    Returns:
        Number of vertices in contact.
    """
    contacts = 0
    for i in range(mass.shape[0]):
        gap, m = shared_gap(thickness[i], room[i]), mass[i]
        if distance[i] >= gap + REACH or distance[i] < -MAX_DEPTH:
            continue
        nx, ny, nz = normal[i, 0], normal[i, 1], normal[i, 2]
        speed = v[i, 0] * nx + v[i, 1] * ny + v[i, 2] * nz
        # With the other forces' part: resting cloth would come off and fall back in turns without it.
        pull = force[i, 0] * nx + force[i, 1] * ny + force[i, 2] * nz
        fall = h * min(0.0, max(pull / m, -MAX_FALL))
        if distance[i] + h * (speed + fall) >= gap:
            continue
        contacts += 1
        b0, b1, b2 = body_faces[face[i], 0], body_faces[face[i], 1], body_faces[face[i], 2]
        w0, w1, w2 = weights[i, 0], weights[i, 1], weights[i, 2]
        rx = v[i, 0] - (w0 * body_velocity[b0, 0] + w1 * body_velocity[b1, 0] + w2 * body_velocity[b2, 0])
        ry = v[i, 1] - (w0 * body_velocity[b0, 1] + w1 * body_velocity[b1, 1] + w2 * body_velocity[b2, 1])
        rz = v[i, 2] - (w0 * body_velocity[b0, 2] + w1 * body_velocity[b1, 2] + w2 * body_velocity[b2, 2])
        separation = rx * nx + ry * ny + rz * nz
        k, c = STIFFNESS * m / (h * h) + TIGHTNESS * tension[i], DAMPING * m / h
        # Seen from the skin, which has moved already in this step.
        depth = min(gap - distance[i] - h * (speed - separation), MAX_CORRECTION)
        push = k * depth - (c + h * k) * separation
        tx, ty, tz = rx - separation * nx, ry - separation * ny, rz - separation * nz
        sliding = np.sqrt(tx * tx + ty * ty + tz * tz) + 1e-9
        # The load that the solve will find: of this contact, gravity, and the cloth's own tension so far.
        stiff = h * h * k + h * c
        load = max(0.0, (m * push - stiff * pull) / (m + stiff))
        slip = min(friction[i] * load / sliding, FRICTION_LIMIT * m / h)
        force[i, 0] += push * nx - slip * tx
        force[i, 1] += push * ny - slip * ty
        force[i, 2] += push * nz - slip * tz
        _add_outer(blocks, i, stiff - h * slip, h * slip, nx, ny, nz)
    return contacts


@numba.njit(cache=True, nogil=True)
def nearest_cloth(
    x, faces, dressed, body, body_normals, first, used, room, cell_size, face, weights, distance
):  # fmt: skip
    """Finds the cloth triangle that lies on each body vertex.

    Args:
        x: [V, 3] metres.
        faces: [F, 3].
        dressed: [V, 3] metres, where the cloth was put on.
        body: [B, 3] metres.
        body_normals: [B, 3] unit.
        first: [B, 3] metres, the body that it was put on.
        used: [U] body vertices that cloth can touch.
        room: [B] metres, see `pinching`.
        cell_size: of the grid, metres.
        face: [U] out: the triangle, or -1.
        weights: [U, 3] out: barycentric weights on it.
        distance: [U] out: metres along the body's normal, negative where the triangle is inside.
    """
    count = used.shape[0]
    points = np.empty((count, 3))
    nearest = np.full(count, BODY_REACH * BODY_REACH)
    for u in range(count):
        face[u] = -1
        for d in range(3):
            points[u, d] = body[used[u], d]
    low, size, shape, start, items = hash_grid.build(points, cell_size)
    lower, upper = np.empty(3), np.empty(3)
    begin, end = np.empty(3, np.int64), np.empty(3, np.int64)
    for t in range(faces.shape[0]):
        a, b, c = faces[t, 0], faces[t, 1], faces[t, 2]
        for d in range(3):
            lower[d] = min(x[a, d], x[b, d], x[c, d]) - BODY_REACH
            upper[d] = max(x[a, d], x[b, d], x[c, d]) + BODY_REACH
            begin[d] = hash_grid.cell_of(lower[d], low[d], size, shape[d])
            end[d] = hash_grid.cell_of(upper[d], low[d], size, shape[d])
        ux, uy, uz = x[b, 0] - x[a, 0], x[b, 1] - x[a, 1], x[b, 2] - x[a, 2]
        vx, vy, vz = x[c, 0] - x[a, 0], x[c, 1] - x[a, 1], x[c, 2] - x[a, 2]
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        area = np.sqrt(nx * nx + ny * ny + nz * nz)
        for i in range(begin[0], end[0] + 1):
            for j in range(begin[1], end[1] + 1):
                row = (i * shape[1] + j) * shape[2]
                for n in range(start[row + begin[2]], start[row + end[2] + 1]):
                    u = items[n]
                    px, py, pz = points[u, 0], points[u, 1], points[u, 2]
                    if px < lower[0] or px > upper[0] or py < lower[1] or py > upper[1]:
                        continue
                    if pz < lower[2] or pz > upper[2]:
                        continue
                    b0, b1, b2 = closest_on_triangle(px, py, pz, x, a, b, c)
                    dx = b0 * x[a, 0] + b1 * x[b, 0] + b2 * x[c, 0] - px
                    dy = b0 * x[a, 1] + b1 * x[b, 1] + b2 * x[c, 1] - py
                    dz = b0 * x[a, 2] + b1 * x[b, 2] + b2 * x[c, 2] - pz
                    squared = dx * dx + dy * dy + dz * dz
                    if squared >= nearest[u]:
                        continue
                    mx, my, mz = body_normals[used[u], 0], body_normals[used[u], 1], body_normals[used[u], 2]
                    along = dx * mx + dy * my + dz * mz
                    if squared - along * along > _MAX_ASIDE * _MAX_ASIDE:
                        continue
                    apart = 0.0
                    for d in range(3):
                        apart += (dressed[a, d] - first[used[u], d]) ** 2
                    facing = nx * mx + ny * my + nz * mz
                    other_limbs = apart > OWN_SKIN * OWN_SKIN or facing < _SAME_SIDE * area
                    # Another limb's cloth is touched from outside, and left alone by a limb that is posed into it.
                    if other_limbs and (along < 0.0 or room[used[u]] < PINCHED or facing > 0.0):
                        continue
                    nearest[u] = squared
                    face[u], distance[u] = t, along
                    weights[u, 0], weights[u, 1], weights[u, 2] = b0, b1, b2


@numba.njit(cache=True, fastmath=True, nogil=True)
def add_body_vertex_contact(
    v, mass, thickness, tension, faces, slots, used, body_velocity, body_normals, face, weights, distance, room,
    h, values, force,
):  # fmt: skip
    """Adds forces of body vertices on the triangles over them; friction is the cloth vertices' matter.

    Args:
        v: [V], as in `add_skin_contact`.
        mass: likewise.
        thickness: likewise.
        tension: likewise.
        faces: [F, 3] of the cloth.
        slots: [F, 9] matrix blocks of each face.
        used: [U] body vertices.
        body_velocity: [B, 3] metres a second.
        body_normals: [B, 3] unit.
        face: see `nearest_cloth`, for the body where the sub-step ends.
        weights: likewise.
        distance: likewise.
        room: [B] metres, see `pinching`.
        h: sub-step, seconds.
        values: [N, 3, 3] matrix blocks, added to.
        force: [V, 3] newtons, added to.
    """
    for u in range(used.shape[0]):
        t = face[u]
        if t < 0:
            continue
        b = used[u]
        nx, ny, nz = body_normals[b, 0], body_normals[b, 1], body_normals[b, 2]
        speed = gap = inverse_mass = stiffness = 0.0
        for p in range(3):
            i, w = faces[t, p], weights[u, p]
            speed += w * (v[i, 0] * nx + v[i, 1] * ny + v[i, 2] * nz)
            gap += w * thickness[i]
            inverse_mass += w * w / mass[i]
            stiffness += w * tension[i]
        gap = shared_gap(gap, room[b])
        if distance[u] + h * speed >= gap:
            continue
        m = 1.0 / inverse_mass
        separation = speed - body_velocity[b, 0] * nx - body_velocity[b, 1] * ny - body_velocity[b, 2] * nz
        k, c = STIFFNESS * m / (h * h) + TIGHTNESS * stiffness, DAMPING * m / h
        depth = min(gap - distance[u] - h * (speed - separation), MAX_CORRECTION)
        push = k * depth - (c + h * k) * separation
        stiff = h * h * k + h * c
        for p in range(3):
            i, w = faces[t, p], weights[u, p]
            force[i, 0] += w * push * nx
            force[i, 1] += w * push * ny
            force[i, 2] += w * push * nz
            for q in range(3):
                _add_outer(values, slots[t, 3 * p + q], stiff * w * weights[u, q], 0.0, nx, ny, nz)


@numba.njit(cache=True, fastmath=True, nogil=True)
def project_out(
    x, faces, distance, normal, room, used, body_normals, body_room, face, body_distance, clearance, move, size
):  # fmt: skip
    """Moves vertices out of the skin, each by the largest correction that it or a body vertex under it asks for.

    Contact springs yield by some millimetres under tight or fast cloth, which would show as bare skin.

    Args:
        x: [V, 3] metres, changed.
        faces: [F, 3].
        distance: [V] metres from the skin, negative inside.
        normal: [V, 3] unit.
        room: [V] metres before the skin, see `pinching`.
        used: [U] body vertices.
        body_normals: [B, 3] unit.
        body_room: [B] metres before the body's vertices.
        face: see `nearest_cloth`.
        body_distance: likewise.
        clearance: [V] metres wanted.
        move: [V, 3] work array.
        size: [V] work array.
    """
    count = x.shape[0]
    for i in range(count):
        size[i] = 0.0
        if distance[i] > -MAX_DEPTH:
            wanted = shared_gap(clearance[i], room[i]) - distance[i]
            size[i] = max(0.0, min(wanted, MAX_PROJECTION))
            for d in range(3):
                move[i, d] = size[i] * normal[i, d]
    for u in range(used.shape[0]):
        if face[u] < 0:
            continue
        for p in range(3):
            i = faces[face[u], p]
            wanted = min(shared_gap(clearance[i], body_room[used[u]]) - body_distance[u], MAX_PROJECTION)
            if wanted > size[i]:
                size[i] = wanted
                for d in range(3):
                    move[i, d] = wanted * body_normals[used[u], d]
    for i in range(count):
        if size[i] > 0.0:
            for d in range(3):
                x[i, d] += move[i, d]


@numba.njit(cache=True, nogil=True)
def unhook(x, v, edges, hooked, total, count):
    """Moves hooked vertices to the middle of their neighbours, which pull it back to the side that they are on.

    Deep in a foot or hand the nearest way out may be the wrong one: there, the skin would hold a hem that it hooks.

    Args:
        x: [V, 3] metres, changed.
        v: [V, 3] metres a second, changed.
        edges: [E, 2].
        hooked: [V] bool.
        total: [V, 6] work array.
        count: [V] work array.
    """
    total[:] = 0.0
    count[:] = 0.0
    for e in range(edges.shape[0]):
        for a, b in ((edges[e, 0], edges[e, 1]), (edges[e, 1], edges[e, 0])):
            if hooked[a]:
                # Neighbours that are hooked, too, follow in later sweeps.
                weight = 0.1 if hooked[b] else 1.0
                count[a] += weight
                for d in range(3):
                    total[a, d] += weight * x[b, d]
                    total[a, 3 + d] += weight * v[b, d]
    for i in range(x.shape[0]):
        if hooked[i] and count[i] > 0.0:
            for d in range(3):
                x[i, d], v[i, d] = total[i, d] / count[i], total[i, 3 + d] / count[i]


@numba.njit(cache=True, fastmath=True, nogil=True, inline="always")
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


@numba.njit(cache=True, fastmath=True, nogil=True)
def add_attachment(
    x, v, mass, attached, gap, body, body_velocity, normals, body_faces, face, weights, frequency,
    h, blocks, force,
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
        blocks: [V, 3, 3] diagonal blocks of the matrix, added to.
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
            blocks[i, d, d] += h * h * k + h * c
