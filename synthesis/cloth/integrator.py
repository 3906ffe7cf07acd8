"""One backward Euler sub-step of cloth against a moving body (Baraff and Witkin 1998, section 3, equation 6)."""

from __future__ import annotations

import dataclasses

import numpy as np

from synthesis.cloth import body_contact, energies, proximity, solver
from synthesis.cloth.settings import ClothSettings
from synthesis.cloth.system import ClothSystem

# Sample points nearer than this keep the triangle that they slide on; others may find another limb.
_STICKY_GAP = 0.015
_PINNED = 1e9
_PROJECTIONS = 2


@dataclasses.dataclass(eq=False)
class Contacts:
    """Sample points [S] of the cloth and the nearest points of one surface that they may touch.

    Attributes:
        surface: what may be touched.
        samples: [S] i < V is vertex i, V + t the centre of face t.
        thickness: [V] metres.
        tension: [V] N/m, cloth stiffness that the contact withstands.
        max_depth: metres, see `body_contact.add_contact`.
        max_correction: metres.
        face: [S] nearest face, where the next search starts.
        weights: [S, 3] barycentric weights of the nearest point.
        distance: [S] metres, negative inside.
        normal: [S, 3] unit.
    """

    surface: proximity.Surface
    samples: np.ndarray
    thickness: np.ndarray
    tension: np.ndarray
    max_depth: float
    max_correction: float

    def __post_init__(self):
        count = len(self.samples)
        self.face = np.zeros(count, np.int64)
        self.weights, self.normal = np.zeros((count, 3)), np.zeros((count, 3))
        self.distance = np.full(count, np.inf)

    def seed(self, points: np.ndarray, vertices: np.ndarray) -> None:
        """Looks up the face nearest to each free point [S, 3] anew; points in contact keep theirs."""
        found = self.surface.seeds(points, vertices)
        self.face = np.where(np.abs(self.distance) < _STICKY_GAP, self.face, found)

    def track(self, points: np.ndarray, vertices: np.ndarray, normals: np.ndarray) -> None:
        """Updates the nearest points of the surface for points [S, 3] by walking from the last ones."""
        surface = self.surface
        proximity.track(
            points, vertices, normals, surface.faces, surface.start, surface.around,
            self.face, self.weights, self.distance, self.normal,
        )  # fmt: skip


class ClothState:
    """Positions and velocities [V, 3] of the cloth, and what it touches: the skin, then inner garments."""

    def __init__(self, x: np.ndarray, v: np.ndarray, faces: list[np.ndarray], distances: list[np.ndarray]):
        self.x, self.v, self.faces, self.distances = x, v, faces, distances


class Integrator:
    """A cloth system in motion; owns positions, velocities and work arrays.

    Args:
        system: rest state.
        positions: [V, 3] metres at the start.
        skin: the body's touchable mesh, or None to simulate in free space.
        settings: solver and force settings.
        pinned: [K] vertices that keep their place.
    """

    def __init__(
        self,
        system: ClothSystem,
        positions: np.ndarray,
        skin: proximity.Surface | None,
        settings: ClothSettings,
        pinned: np.ndarray | None = None,
    ):
        self.system, self.settings = system, settings
        self.x = np.array(positions, np.float64)
        self.v = np.zeros_like(self.x)
        self.pinned = np.zeros(0, np.int64) if pinned is None else np.asarray(pinned, np.int64)
        self.iterations = self.steps = 0
        vertices, samples = len(system.mass), len(system.mass) + len(system.faces)
        self._values = np.zeros((len(system.indices), 3, 3))
        self._force, self._product = np.zeros((vertices, 3)), np.zeros((vertices, 3))
        self._points = np.zeros((samples, 3))
        self._identity = np.eye(3)
        self._size = np.zeros(vertices)
        self._held: tuple[np.ndarray, np.ndarray] | None = None
        self._skin: Contacts | None = None
        if skin is not None:
            self._skin = Contacts(
                skin, np.arange(samples), system.thickness, system.tension,
                body_contact.MAX_SKIN_DEPTH, body_contact.MAX_SKIN_CORRECTION,
            )  # fmt: skip
        self._layers = _layer_contacts(system)

    @property
    def _contacts(self) -> list[Contacts]:
        return ([self._skin] if self._skin else []) + [contacts for _, contacts in self._layers]

    def snapshot(self) -> ClothState:
        """A copy of what changes in a step."""
        contacts = self._contacts
        return ClothState(
            self.x.copy(), self.v.copy(), [c.face.copy() for c in contacts], [c.distance.copy() for c in contacts]
        )

    def restore(self, state: ClothState) -> None:
        """Goes back to a snapshot."""
        self.x, self.v = state.x.copy(), state.v.copy()
        for contacts, face, distance in zip(self._contacts, state.faces, state.distances, strict=True):
            contacts.face, contacts.distance = face.copy(), distance.copy()

    def seed(self, body: np.ndarray) -> None:
        """Looks up nearest faces anew, once a frame, against the body [B, 3] metres."""
        body_contact.sample_points(self.x, self.system.faces, self._points)
        if self._skin:
            self._skin.seed(self._points, body)
        for part, contacts in self._layers:
            contacts.seed(self._points[contacts.samples], self.x[part])

    def attach(self, body: np.ndarray) -> None:
        """Holds the system's attached vertices to the points of the body [B, 3] that they are nearest to now."""
        attached = self.system.attached
        self.seed(body)
        self.measure_gaps(body)
        skin = self._need_skin()
        self._held = skin.face[attached].copy(), skin.weights[attached].copy()

    def measure_gaps(self, body: np.ndarray) -> np.ndarray:
        """[V] metres between each cloth vertex and the skin that it lies on, negative inside, for a body [B, 3]."""
        skin = self._need_skin()
        body_contact.sample_points(self.x, self.system.faces, self._points)
        skin.track(self._points, body, proximity.vertex_normals(body, skin.surface.faces))
        return skin.distance[: len(self.x)]

    def clear_skin(self, body: np.ndarray) -> None:
        """Moves vertices that contact left in or at the skin of the body [B, 3] a few millimetres out of it."""
        skin = self._need_skin()
        for _ in range(_PROJECTIONS):
            self.measure_gaps(body)
            body_contact.project_out(
                self.x, self.system.faces, skin.distance, skin.normal,
                body_contact.CLEARANCE_SHARE * self.system.thickness, body_contact.MAX_PROJECTION,
                self._force, self._size,
            )  # fmt: skip

    def _need_skin(self) -> Contacts:
        if self._skin is None:
            raise ValueError("An integrator with a skin is needed. Received: one in free space")
        return self._skin

    def stretch_trouble(self) -> float:
        """Share of the faces that are stretched beyond the settings' `trouble_stretch`."""
        stretch = energies.principal_stretch(self.x, self.system.faces, self.system.inverse_rest)
        return float((stretch > self.settings.trouble_stretch).mean())

    def step(
        self,
        h: float,
        body: np.ndarray | None = None,
        body_velocity: np.ndarray | None = None,
        keep: float = 1.0,
        max_speed: float = np.inf,
    ) -> None:
        """Advances by h seconds.

        Args:
            h: seconds.
            body: [B, 3] metres at the end of the step; needed with a skin.
            body_velocity: [B, 3] metres a second.
            keep: share of the velocity that is kept; below 1 while settling.
            max_speed: m/s, bound on the cloth's velocity.
        """
        s, settings = self.system, self.settings
        self._force[:] = 0.0
        energies.assemble(
            self.x, self.v, s.faces, s.inverse_rest, s.area, s.stiffness, s.damping, s.bend,
            s.indptr, s.indices, s.slots, h, self._values, self._force,
        )  # fmt: skip
        # The matrix so far is (h^2 + h damping) K; the right-hand side wants h^2 K v.
        solver.multiply(s.indptr, s.indices, self._values, self.v, self._product)
        self._product *= (h / (h + s.damping))[:, None]
        self._values[s.diagonal] += s.mass[:, None, None] * self._identity
        self._force[:, 1] -= settings.gravity * s.mass
        energies.add_air_drag(self.x, self.v, s.faces, s.area, settings.air_drag, self._force)
        if self._skin or self._layers:
            body_contact.sample_points(self.x, s.faces, self._points)
        if self._skin and body is not None and body_velocity is not None:
            self._add_skin(self._skin, body, body_velocity, h)
        for part, contacts in self._layers:
            inner = self.x[part] + h * self.v[part]
            contacts.track(
                self._points[contacts.samples], inner, proximity.vertex_normals(inner, contacts.surface.faces)
            )
            self._add_contacts(contacts, self.v[part], h)
        right = h * self._force - self._product
        if len(self.pinned):
            self._values[s.diagonal[self.pinned]] += _PINNED * self._identity
            right[self.pinned] = 0.0
        change = np.zeros_like(right)
        self.iterations += solver.conjugate_gradients(
            s.indptr, s.indices, self._values, s.diagonal, right, change, settings.tolerance, settings.max_iterations
        )
        self.steps += 1
        self.v = (self.v + change) * keep
        speed = np.sqrt((self.v**2).sum(1, keepdims=True))
        self.v *= np.minimum(1.0, max_speed / np.maximum(speed, 1e-9))
        self.x = self.x + h * self.v

    def _add_skin(self, skin: Contacts, body: np.ndarray, body_velocity: np.ndarray, h: float) -> None:
        s = self.system
        normals = proximity.vertex_normals(body, skin.surface.faces)
        skin.track(self._points, body, normals)
        self._add_contacts(skin, body_velocity, h)
        if self._held is not None:
            face, weights = self._held
            body_contact.add_attachment(
                self.x, self.v, s.mass, s.attached, s.thickness[s.attached], body, body_velocity, normals,
                skin.surface.faces, face, weights, self.settings.waistband_frequency, h, s.diagonal,
                self._values, self._force,
            )  # fmt: skip

    def _add_contacts(self, contacts: Contacts, velocity: np.ndarray, h: float) -> None:
        s = self.system
        body_contact.add_contact(
            contacts.samples, self.v, s.mass, contacts.thickness, s.friction, contacts.tension,
            s.faces, s.slots, s.diagonal, velocity, contacts.surface.faces, contacts.surface.border,
            contacts.face, contacts.weights, contacts.distance, contacts.normal,
            contacts.max_depth, contacts.max_correction, h, self._values, self._force,
        )  # fmt: skip


def _layer_contacts(system: ClothSystem) -> list[tuple[slice, Contacts]]:
    """For each pair of an outer and an inner garment: the inner one's vertices, and the outer one's contacts on it."""
    pairs = []
    count = len(system.mass)
    for outer, outer_layer in enumerate(system.layer):
        for inner, inner_layer in enumerate(system.layer):
            if outer_layer <= inner_layer:
                continue
            part, faces = system.vertex_slices[inner], system.faces[system.face_slices[inner]]
            surface = proximity.Surface(faces - part.start, part.stop - part.start)
            samples = np.concatenate(
                [
                    np.arange(count)[system.vertex_slices[outer]],
                    count + np.arange(len(system.faces))[system.face_slices[outer]],
                ]
            )
            contacts = Contacts(
                surface, samples, system.layer_thickness, np.zeros(count),
                body_contact.MAX_LAYER_DEPTH, body_contact.MAX_LAYER_CORRECTION,
            )  # fmt: skip
            pairs.append((part, contacts))
    return pairs
