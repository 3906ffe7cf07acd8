"""What the cloth touches of the body: nearest points, kept between sub-steps, waistbands, clearance."""

from __future__ import annotations

import numpy as np

from synthesis.cloth import body_contact, proximity
from synthesis.cloth.pinching import PINCHED, Pinching
from synthesis.cloth.system import ClothSystem

# Vertices nearer than this keep the triangle that they slide on; others may find another limb.
_STICKY_GAP = 0.015
_PROJECTIONS, _UNHOOKINGS = 1, 4


class SkinTracker:
    """Where cloth lies on one body, frame after frame.

    Args:
        surface: the body's touchable mesh.
        dressed: [V, 3] metres, where the garments were put on.
        body: [B, 3] metres, the body on which they were, limbs apart.

    Attributes:
        surface: as given.
        face: [V] the skin's face nearest to each cloth vertex.
        weights: [V, 3] barycentric weights of the nearest point.
        distance: [V] metres to it, negative inside.
        normal: [V, 3] unit, of the skin there.
        pinching: the room before the body's skin.
        room: [V] metres before the skin that each vertex lies on, see `pinching`.
        pinched: [V] bool, cloth between limbs that leave no room for it.
    """

    def __init__(self, surface: proximity.Surface, dressed: np.ndarray, body: np.ndarray):
        self.surface = surface
        self.dressed, self.first = np.array(dressed, np.float64), np.array(body, np.float64)
        count = len(dressed)
        self.face = surface.seeds(self.dressed, self.first)
        self.weights, self.normal = np.zeros((count, 3)), np.zeros((count, 3))
        self.distance = np.full(count, np.inf)
        self.pinching = Pinching(surface.faces, surface.used, self.first, self.dressed)
        self.room, self.pinched = np.zeros(count), np.zeros(count, np.bool_)

    def seed(self, x: np.ndarray, body: np.ndarray) -> None:
        """Looks up nearest faces of the body [B, 3] anew, once a frame, for cloth x [V, 3]; both metres.

        Vertices in contact keep theirs, and none goes over to skin that it was not put on over.
        """
        found = self.surface.seeds(x, body)
        away = self.first[self.surface.faces[found, 0]] - self.dressed
        own = (away * away).sum(1) < body_contact.OWN_SKIN**2
        self.face = np.where(own & (np.abs(self.distance) > _STICKY_GAP), found, self.face)
        self.pinching.update(body)

    def track(self, x: np.ndarray, body: np.ndarray) -> np.ndarray:
        """Updates the nearest points by walking from the last ones; returns the body's normals [B, 3]."""
        surface = self.surface
        normals = proximity.vertex_normals(body, surface.faces)
        proximity.track(
            x, body, normals, surface.faces, surface.start, surface.around,
            self.face, self.weights, self.distance, self.normal,
        )  # fmt: skip
        self.room = self.pinching.over(self.face, self.weights, self.distance)
        self.pinched = self.room < PINCHED
        return normals


class SkinContacts:
    """Contacts between cloth and one body.

    Args:
        system: rest state of the cloth.
        tracker: where the cloth lies.
        waistband_frequency: radians a second, stiffness of the springs that hold waistbands.

    Attributes:
        tracker: as given.
    """

    def __init__(self, system: ClothSystem, tracker: SkinTracker, waistband_frequency: float):
        self.tracker = tracker
        self._system, self._frequency = system, waistband_frequency
        self._held: tuple[np.ndarray, np.ndarray] | None = None
        # Held to the skin, a waistband that has slipped must not rub against its way back.
        self._friction = system.friction.copy()
        self._friction[system.attached] = 0.0
        used, count = len(tracker.surface.used), len(system.mass)
        self._over, self._over_weights = np.zeros(used, np.int64), np.zeros((used, 3))
        self._over_distance = np.zeros(used)
        self._total = np.zeros((count, 6))
        self._move, self._size = np.zeros((count, 3)), np.zeros(count)

    def memory(self) -> tuple[np.ndarray, np.ndarray]:
        """A copy of what `recall` takes."""
        return self.tracker.face.copy(), self.tracker.distance.copy()

    def recall(self, memory: tuple[np.ndarray, np.ndarray]) -> None:
        """Goes back to what `memory` returned."""
        self.tracker.face, self.tracker.distance = memory[0].copy(), memory[1].copy()

    def attach(self, x: np.ndarray, body: np.ndarray) -> None:
        """Holds the system's attached vertices to the points of the body [B, 3] that they are nearest to now."""
        attached = self._system.attached
        self.tracker.seed(x, body)
        self.tracker.track(x, body)
        self._held = self.tracker.face[attached].copy(), self.tracker.weights[attached].copy()

    def _find_over(self, x: np.ndarray, body: np.ndarray, normals: np.ndarray) -> None:
        s, t = self._system, self.tracker
        body_contact.nearest_cloth(
            x, s.faces, t.dressed, body, normals, t.first, t.surface.used, t.pinching.room,
            s.edge_length, self._over, self._over_weights, self._over_distance,
        )  # fmt: skip

    def update(
        self,
        x: np.ndarray,
        v: np.ndarray,
        body: np.ndarray,
        body_velocity: np.ndarray,
        h: float,
        blocks: np.ndarray,
        values: np.ndarray,
        force: np.ndarray,
    ) -> None:
        """Adds contact, friction and waistbands to a sub-step.

        Args:
            x: [V, 3] metres, where the sub-step starts.
            v: [V, 3] metres a second.
            body: [B, 3] metres, where the sub-step ends.
            body_velocity: [B, 3] metres a second.
            h: seconds.
            blocks: [V, 3, 3] diagonal blocks of the matrix, added to.
            values: [N, 3, 3] blocks of the matrix, added to.
            force: [V, 3] newtons, added to.
        """
        s, t, faces = self._system, self.tracker, self.tracker.surface.faces
        normals = self.tracker.track(x, body)
        body_contact.add_skin_contact(
            v, s.mass, s.thickness, self._friction, s.tension, body_velocity, faces, t.face, t.weights,
            t.distance, t.normal, t.room, h, blocks, force,
        )  # fmt: skip
        self._find_over(x, body, normals)
        body_contact.add_body_vertex_contact(
            v, s.mass, s.thickness, s.tension, s.faces, s.slots, t.surface.used, body_velocity, normals,
            self._over, self._over_weights, self._over_distance, t.pinching.clothed_room, h, values, force,
        )  # fmt: skip
        if self._held is not None:
            face, weights = self._held
            body_contact.add_attachment(
                x, v, s.mass, s.attached, s.thickness[s.attached], body, body_velocity, normals, faces, face, weights,
                self._frequency, h, blocks, force,
            )  # fmt: skip

    def release(self, x: np.ndarray, v: np.ndarray, body: np.ndarray) -> None:
        """Brings vertices x [V, 3] with velocities v, in place, that hook the body [B, 3] back to their neighbours."""
        s, t = self._system, self.tracker
        t.track(x, body)
        hooked = (t.distance < -body_contact.HOOKED) & ~t.pinched
        if not hooked.any():
            return
        for _ in range(_UNHOOKINGS):
            body_contact.unhook(x, v, s.edges, hooked, self._total, self._size)
        t.distance[hooked] = np.inf
        t.seed(x, body)

    def clear(self, x: np.ndarray, body: np.ndarray) -> None:
        """Moves vertices x [V, 3], in place, that are left in or at the skin of the body [B, 3] out of it."""
        s, t = self._system, self.tracker
        for _ in range(_PROJECTIONS):
            normals = self.tracker.track(x, body)
            self._find_over(x, body, normals)
            body_contact.project_out(
                x, s.faces, t.distance, t.normal, t.room, t.surface.used, normals, t.pinching.clothed_room, self._over,
                self._over_distance,
                body_contact.CLEARANCE_SHARE * s.thickness, self._move, self._size,
            )  # fmt: skip
