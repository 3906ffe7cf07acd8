"""Contact and friction of cloth with cloth: between layers, and of a garment with itself.

Every pair of `cloth_pairs` is pushed apart along the vector between its nearest points. Which way is apart is known
 - between layers: outward from the inner garment's surface;
 - between parts that face each other and are far from each other along the cloth, or lay at an angle or face to face
   when the garment was put on: outside to outside (a sleeve and the chest, two trouser legs), or inside to inside if
   they did so then (front and back);
 - otherwise from memory: a vector that has turned by more than a right angle within a sub-step has passed through.
The first two mend what has once gone through; the third keeps what was apart from going through.
"""

from __future__ import annotations

import numba
import numpy as np

from synthesis.cloth import cloth_pairs
from synthesis.cloth.proximity import vertex_normals
from synthesis.cloth.system import ClothSystem

# Contact stiffness over m / h^2, over the cloth's own stiffness, and damping over m / h.
STIFFNESS, TIGHTNESS, DAMPING = 20.0, 0.3, 0.3
# Metres that a pair is pushed apart in one sub-step: folds that a limb pinches move out slowly.
MAX_CORRECTION = 0.0015
FRICTION_LIMIT = 20.0
# How far beyond contact pairs are remembered, metres.
MEMORY = 0.005
# Of the distance when dressed: what lies close by construction (a seam's two sides) is not in contact.
_REST_SHARE = 0.6
# Cosines: sides of two layers that agree, and two parts that face each other.
_AGREE, _FACE = 0.2, -0.3
# Metres that parts lay behind or before each other when dressed, for their insides or outsides to meet.
_BEHIND, _BEFORE = 0.02, 0.005
_EMPTY = -1


@numba.njit(cache=True, nogil=True)
def _remember(keys, count, table):
    """Fills an open-addressing table [2^k] with the positions of keys[:count]."""
    mask = table.shape[0] - 1
    table[:] = _EMPTY
    for p in range(count):
        at = (keys[p] * 0x9E3779B1) & mask
        while table[at] != _EMPTY:
            at = (at + 1) & mask
        table[at] = p


@numba.njit(cache=True, nogil=True)
def _recall(key, keys, table):
    """Position of a key in the table's keys, or -1."""
    mask = table.shape[0] - 1
    at = (key * 0x9E3779B1) & mask
    while table[at] != _EMPTY:
        if keys[table[at]] == key:
            return table[at]
        at = (at + 1) & mask
    return -1


@numba.njit(cache=True, nogil=True)
def _contains(start, items, row, item):
    """Whether a sorted row has an item."""
    low, high = start[row], start[row + 1]
    while low < high:
        middle = (low + high) // 2
        if items[middle] < item:
            low = middle + 1
        else:
            high = middle
    return low < start[row + 1] and items[low] == item


@numba.njit(cache=True, nogil=True)
def resolve(
    vertices, weights, inner, keys, count, num_vertex_pairs, x, v, dressed, dressed_normals, normals, mass, thickness,
    friction, tension, layer, border, near_start, near_vertices, pinched, old_keys, old_directions, table, h,
    directions, along, slip, unit, active, diagonal, force,
):  # fmt: skip
    """Turns pairs into contacts and adds their forces.

    Args:
        vertices: see `cloth_pairs`.
        weights: likewise.
        inner: likewise.
        keys: likewise.
        count: number of pairs.
        num_vertex_pairs: of them vertex-triangle pairs, the first ones.
        x: [V, 3] metres.
        v: [V, 3] metres a second.
        dressed: [V, 3] metres and unit, where the garment was put on.
        dressed_normals: likewise.
        normals: [V, 3] unit, outward.
        mass: [V].
        thickness: likewise.
        friction: likewise.
        tension: likewise.
        layer: [V].
        border: [V] bool, vertices on a garment's open border.
        near_start: see `near` of `ClothSystem`.
        near_vertices: likewise.
        pinched: [V] bool, vertices between limbs that leave no room for cloth; two such sides do not meet.
        old_keys: memory of the last sub-step.
        old_directions: likewise.
        table: likewise.
        h: seconds.
        directions: [C, 3] out: the way apart, for the next sub-step's memory.
        along: [C] out: a contact's share of the matrix along its normal and across it.
        slip: likewise.
        unit: [C, 3] out: contact normals.
        active: [C] out: the pairs in contact, first the number returned.
        diagonal: [V, 3, 3] preconditioner's blocks, added to.
        force: [V, 3] newtons, added to.

    Returns:
        Number of contacts.
    """
    contacts = 0
    for p in range(count):
        i0, i1, i2, i3 = vertices[p, 0], vertices[p, 1], vertices[p, 2], vertices[p, 3]
        w0, w1, w2, w3 = weights[p, 0], weights[p, 1], weights[p, 2], weights[p, 3]
        single = p < num_vertex_pairs
        dx = w0 * x[i0, 0] + w1 * x[i1, 0] + w2 * x[i2, 0] + w3 * x[i3, 0]
        dy = w0 * x[i0, 1] + w1 * x[i1, 1] + w2 * x[i2, 1] + w3 * x[i3, 1]
        dz = w0 * x[i0, 2] + w1 * x[i1, 2] + w2 * x[i2, 2] + w3 * x[i3, 2]
        distance = np.sqrt(dx * dx + dy * dy + dz * dz)
        if pinched[i0] and pinched[i3]:
            directions[p, 0] = directions[p, 1] = directions[p, 2] = 0.0
            continue
        # Outward normals of the two sides: (0) and (1, 2, 3), or (0, 1) and (2, 3).
        ax, ay, az, bx, by, bz = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        for q in range(4):
            i, w = vertices[p, q], weights[p, q]
            if q == 0 or (q == 1 and not single):
                ax, ay, az = ax + w * normals[i, 0], ay + w * normals[i, 1], az + w * normals[i, 2]
            else:
                bx, by, bz = bx - w * normals[i, 0], by - w * normals[i, 1], bz - w * normals[i, 2]
        facing = ax * bx + ay * by + az * bz
        if distance < 1e-7:
            distance = 1e-7
            dx, dy, dz = distance * bx, distance * by, distance * bz
        nx, ny, nz = dx / distance, dy / distance, dz / distance
        through = known = False
        gap = 0.5 * (thickness[i0] + thickness[i3])
        if layer[i0] != layer[i3]:
            if facing > _AGREE:
                if layer[i0] > layer[i3]:
                    at_border = border[i3] and border[i2] and (border[i1] or not single)
                    side = nx * bx + ny * by + nz * bz
                else:
                    at_border = border[i0] and (single or border[i1])
                    side = -(nx * ax + ny * ay + nz * az)
                known = not at_border
                through = known and side < 0.0
        else:
            near = _contains(near_start, near_vertices, i0, i3)
            if near:
                rest = 0.0
                for d in range(3):
                    rest += (w0 * dressed[i0, d] + w1 * dressed[i1, d] + w2 * dressed[i2, d] + w3 * dressed[i3, d]) ** 2
                gap = min(gap, _REST_SHARE * np.sqrt(rest))
            if facing < _FACE:
                seen_from_a = seen_from_b = once_facing = 0.0
                for d in range(3):
                    across = dressed[i3, d] - dressed[i0, d]
                    seen_from_a += across * dressed_normals[i0, d]
                    seen_from_b -= across * dressed_normals[i3, d]
                    once_facing += dressed_normals[i0, d] * dressed_normals[i3, d]
                lower = min(seen_from_a, seen_from_b)
                insides = max(seen_from_a, seen_from_b) < -_BEHIND
                outsides = not near or lower > _BEFORE or (once_facing < _FACE and lower > -_BEFORE)
                if insides or outsides:
                    known = True
                    through = (nx * (bx - ax) + ny * (by - ay) + nz * (bz - az) < 0.0) != insides
        if not known:
            old = _recall(keys[p], old_keys, table)
            if old >= 0 and inner[p]:
                turned = nx * old_directions[old, 0] + ny * old_directions[old, 1] + nz * old_directions[old, 2]
                through = turned < 0.0
        if through:
            nx, ny, nz, distance = -nx, -ny, -nz, -distance
        directions[p, 0], directions[p, 1], directions[p, 2] = nx, ny, nz
        rx = w0 * v[i0, 0] + w1 * v[i1, 0] + w2 * v[i2, 0] + w3 * v[i3, 0]
        ry = w0 * v[i0, 1] + w1 * v[i1, 1] + w2 * v[i2, 1] + w3 * v[i3, 1]
        rz = w0 * v[i0, 2] + w1 * v[i1, 2] + w2 * v[i2, 2] + w3 * v[i3, 2]
        separation = rx * nx + ry * ny + rz * nz
        if distance + h * separation >= gap:
            continue
        m = 1.0 / (w0 * w0 / mass[i0] + w1 * w1 / mass[i1] + w2 * w2 / mass[i2] + w3 * w3 / mass[i3])
        k = STIFFNESS * m / (h * h) + TIGHTNESS * min(tension[i0], tension[i3])
        c = DAMPING * m / h
        depth = min(gap - distance, MAX_CORRECTION)
        push = k * depth - (c + h * k) * separation
        # The load that the solve will find, of this contact alone.
        stiff = h * h * k + h * c
        load = max(0.0, m * push / (m + stiff))
        tx, ty, tz = rx - separation * nx, ry - separation * ny, rz - separation * nz
        sliding = np.sqrt(tx * tx + ty * ty + tz * tz) + 1e-9
        drag = min(0.5 * (friction[i0] + friction[i3]) * load / sliding, FRICTION_LIMIT * m / h)
        fx, fy, fz = push * nx - drag * tx, push * ny - drag * ty, push * nz - drag * tz
        n = contacts
        contacts += 1
        active[n] = p
        along[n], slip[n] = stiff - h * drag, h * drag
        unit[n, 0], unit[n, 1], unit[n, 2] = nx, ny, nz
        for q in range(4):
            i, w = vertices[p, q], weights[p, q]
            force[i, 0] += w * fx
            force[i, 1] += w * fy
            force[i, 2] += w * fz
            normal_part, across = w * w * along[n], w * w * slip[n]
            for d in range(3):
                for e in range(3):
                    diagonal[i, d, e] += normal_part * unit[n, d] * unit[n, e]
                diagonal[i, d, d] += across
    return contacts


class ClothContacts:
    """Finds the cloth's contacts with itself, and remembers which way apart is.

    Args:
        system: rest state.
        dressed: [V, 3] metres, where the garments were put on.

    Attributes:
        count: contacts of the last `update`.
        vertices: [count, 4] of each contact.
        weights: [count, 4].
        normal: [count, 3] unit.
        along: [count] share of the matrix along the normal: (w n) along (w n)^T.
        slip: [count] share of the matrix in all directions.
    """

    def __init__(self, system: ClothSystem, dressed: np.ndarray):
        self._system, self._dressed = system, np.array(dressed, np.float64)
        self._dressed_normals = vertex_normals(self._dressed, system.faces)
        self._reach = float(system.collision_gap.max()) + MEMORY
        self._room = 4 * len(system.mass)
        self._allocate()
        self.forget()
        self.count = 0
        self.vertices, self.weights = self._vertices[:0], self._weights[:0]
        self.normal, self.along, self.slip = self._unit[:0], self._along[:0], self._slip[:0]

    def _allocate(self) -> None:
        room = self._room
        self._vertices, self._weights = np.zeros((room, 4), np.int64), np.zeros((room, 4))
        self._inner, self._keys = np.zeros(room, np.bool_), np.zeros(room, np.int64)
        self._directions, self._unit = np.zeros((room, 3)), np.zeros((room, 3))
        self._along, self._slip, self._active = np.zeros(room), np.zeros(room), np.zeros(room, np.int64)

    def forget(self) -> None:
        """Starts without memory."""
        self.recall((np.zeros(0, np.int64), np.zeros((0, 3))))

    def memory(self) -> tuple[np.ndarray, np.ndarray]:
        """A copy of what `recall` takes."""
        return self._old_keys.copy(), self._old_directions.copy()

    def recall(self, memory: tuple[np.ndarray, np.ndarray]) -> None:
        """Goes back to what `memory` returned."""
        self._old_keys, self._old_directions = memory
        size = 1 << max(4, int(2 * len(self._old_keys)).bit_length())
        self._table = np.empty(size, np.int64)
        _remember(self._old_keys, len(self._old_keys), self._table)

    def update(
        self,
        x: np.ndarray,
        v: np.ndarray,
        pinched: np.ndarray,
        h: float,
        diagonal: np.ndarray,
        force: np.ndarray,
    ) -> None:
        """Finds the contacts of positions x [V, 3] and velocities v [V, 3], and adds them to a sub-step of h seconds.

        Args:
            x: metres.
            v: metres a second.
            pinched: [V] bool, see `pinching`.
            h: seconds.
            diagonal: [V, 3, 3] preconditioner's blocks, added to.
            force: [V, 3] newtons, added to.
        """
        s = self._system
        triangles, total = self._find(x)
        self.count = resolve(
            self._vertices, self._weights, self._inner, self._keys, total, triangles, x, v, self._dressed,
            self._dressed_normals, vertex_normals(x, s.faces), s.mass, s.collision_gap, s.friction, s.tension,
            s.vertex_layer, s.border,
            s.near_start, s.near, pinched,
            self._old_keys, self._old_directions, self._table, h, self._directions, self._along, self._slip, self._unit,
            self._active, diagonal, force,
        )  # fmt: skip
        active = self._active[: self.count]
        self.vertices, self.weights = self._vertices[active], self._weights[active]
        self.normal, self.along = self._unit[: self.count], self._along[: self.count]
        self.slip = self._slip[: self.count]
        self.recall((self._keys[:total].copy(), self._directions[:total].copy()))

    def _find(self, x: np.ndarray) -> tuple[int, int]:
        """Fills the work arrays; returns the number of vertex-triangle pairs, and of all."""
        s = self._system
        while True:
            triangles = cloth_pairs.vertex_triangle_pairs(
                x, s.faces, self._reach, s.edge_length,
                self._vertices, self._weights, self._inner, self._keys,
            )  # fmt: skip
            found = triangles
            if found <= self._room:
                rest = (a[found:] for a in (self._vertices, self._weights, self._inner, self._keys))
                found += cloth_pairs.edge_edge_pairs(x, s.edges, self._reach, s.edge_length, *rest)
            if found <= self._room:
                # Edge pairs are numbered after all that vertex pairs can have.
                self._keys[triangles:found] += len(s.faces) * len(s.mass)
                return triangles, found
            self._room = 2 * found
            self._allocate()
