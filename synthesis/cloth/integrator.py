"""One backward Euler sub-step of cloth against a moving body (Baraff and Witkin 1998, section 3, equation 6)."""

from __future__ import annotations

import dataclasses

import numpy as np

from synthesis.cloth import bands, energies, proximity, solver
from synthesis.cloth.cloth_contact import ClothContacts
from synthesis.cloth.settings import ClothSettings
from synthesis.cloth.skin_contact import SkinContacts, SkinTracker
from synthesis.cloth.system import ClothSystem
from synthesis.cloth.untangling import SWEEPS, Untangling

_PINNED = 1e9
_STRAIN_SWEEPS, _MENDINGS = 12, 2
# Length over rest length that no edge keeps, even where clearing the skin has pulled single ones.
_LONGEST = 1.22
_STILL_AIR = np.zeros(3)


@dataclasses.dataclass(frozen=True, eq=False)
class ClothState:
    """A copy of what changes in a step: positions and velocities [V, 3], and what contacts remember."""

    x: np.ndarray
    v: np.ndarray
    skin: tuple[np.ndarray, np.ndarray] | None
    cloth: tuple[np.ndarray, np.ndarray]


class Integrator:
    """A cloth system in motion; owns positions, velocities and work arrays.

    Args:
        system: rest state.
        positions: [V, 3] metres at the start.
        skin: the body's touchable mesh, or None to simulate in free space.
        settings: solver and force settings.
        body: [B, 3] metres, that the cloth was put on; needed with a skin.
        pinned: [K] vertices that keep their place.

    Attributes:
        x: [V, 3] metres.
        v: [V, 3] metres a second.
        skin: contacts with the body, or None.
        cloth: contacts of the cloth with itself.
        untangling: where the cloth has passed through itself.
        steps: sub-steps done.
        iterations: of the linear solver, all sub-steps.
    """

    def __init__(
        self,
        system: ClothSystem,
        positions: np.ndarray,
        skin: proximity.Surface | None,
        settings: ClothSettings,
        body: np.ndarray | None = None,
        pinned: np.ndarray | None = None,
    ):
        self.system, self.settings = system, settings
        self.x = np.array(positions, np.float64)
        self.v = np.zeros_like(self.x)
        self.pinned = np.zeros(0, np.int64) if pinned is None else np.asarray(pinned, np.int64)
        self.skin = None
        if skin is not None and body is not None:
            tracker = SkinTracker(skin, self.x, body)
            self.skin = SkinContacts(system, tracker, settings.waistband_frequency)
        self.cloth = ClothContacts(system, self.x)
        self.untangling = Untangling(system)
        self.iterations = self.steps = 0
        self._values = np.zeros((len(system.indices), 3, 3))
        self._blocks = np.zeros((len(system.mass), 3, 3))
        self._force, self._product = np.zeros_like(self.x), np.zeros_like(self.x)
        self._free = np.zeros(len(system.mass), np.bool_)
        self._inertia = system.mass[:, None, None] * np.eye(3)

    def snapshot(self) -> ClothState:
        """A copy of what changes in a step."""
        return ClothState(self.x.copy(), self.v.copy(), self.skin.memory() if self.skin else None, self.cloth.memory())

    def restore(self, state: ClothState) -> None:
        """Goes back to a snapshot."""
        self.x, self.v = state.x.copy(), state.v.copy()
        self.cloth.recall(state.cloth)
        if self.skin and state.skin:
            self.skin.recall(state.skin)

    def is_finite(self) -> bool:
        """Whether no position has run away to infinity."""
        return bool(np.isfinite(self.x).all())

    def stretch_trouble(self) -> float:
        """Share of the faces that are stretched beyond the settings' `trouble_stretch`."""
        stretch = energies.principal_stretch(self.x, self.system.faces, self.system.inverse_rest)
        return float((stretch > self.settings.trouble_stretch).mean())

    def end_frame(self, body: np.ndarray | None = None) -> None:
        """Mends what forces left: tangles, strain beyond the limit, and cloth in the skin of the body [B, 3]."""
        s = self.system
        if self.skin and body is not None:
            self.skin.release(self.x, self.v, body)
        for _ in range(_MENDINGS):
            if self.settings.self_contact:
                for _ in range(SWEEPS):
                    self.untangling.sweep(self.x)
            energies.limit_strain(self.x, s.edges, s.edge_rest, s.mass, self.settings.max_strain, _STRAIN_SWEEPS)
            if self.skin and body is not None:
                self.skin.clear(self.x, body)
        energies.limit_strain(self.x, s.edges, s.edge_rest, s.mass, _LONGEST, _STRAIN_SWEEPS)

    def step(
        self,
        h: float,
        body: np.ndarray | None = None,
        body_velocity: np.ndarray | None = None,
        wind: np.ndarray = _STILL_AIR,
        keep: float = 1.0,
        max_speed: float = np.inf,
    ) -> None:
        """Advances by h seconds.

        Args:
            h: seconds.
            body: [B, 3] metres at the end of the step; needed with a skin.
            body_velocity: [B, 3] metres a second.
            wind: [3] metres a second.
            keep: share of the velocity that is kept; below 1 while settling.
            max_speed: m/s, bound on the cloth's velocity.
        """
        s, settings = self.system, self.settings
        self._force[:] = 0.0
        energies.assemble(
            self.x, self.v, s.faces, s.inverse_rest, s.area, s.stiffness, s.limits, s.damping, s.bend,
            s.indptr, s.indices, s.slots, h, self._values, self._force,
        )  # fmt: skip
        bands.add_bands(self.x, self.v, s.bands, s.band_rest, s.band_slots, s.damping, h, self._values, self._force)
        # The matrix so far is (h^2 + h damping) K; the right-hand side wants h^2 K v.
        solver.multiply(s.indptr, s.indices, self._values, self.v, self._product)
        self._product *= (h / (h + s.damping))[:, None]
        self._force[:, 1] -= settings.gravity * s.mass
        energies.add_air_drag(self.x, self.v, wind, s.faces, s.area, settings.air_drag, self._force)
        self._blocks[:] = self._inertia
        if self.skin and body is not None and body_velocity is not None:
            self.skin.update(self.x, self.v, body, body_velocity, h, self._blocks, self._values, self._force)
        if len(self.pinned):
            self._blocks[self.pinned] += _PINNED * np.eye(3)
        self._values[s.diagonal] += self._blocks
        preconditioner = self._values[s.diagonal]
        if settings.self_contact:
            pinched = self.skin.tracker.pinched if self.skin else self._free
            self.cloth.update(self.x, self.v, pinched, h, preconditioner, self._force)
        right = h * self._force - self._product
        right[self.pinned] = 0.0
        change = np.zeros_like(right)
        contacts = self.cloth
        self.iterations += solver.conjugate_gradients(
            s.indptr, s.indices, self._values, preconditioner,
            contacts.vertices, contacts.weights, contacts.normal, contacts.along, contacts.slip,
            right, change, settings.tolerance, settings.max_iterations,
        )  # fmt: skip
        self.steps += 1
        self.v = (self.v + change) * keep
        speed = np.sqrt((self.v**2).sum(1, keepdims=True))
        self.v *= np.minimum(1.0, max_speed / np.maximum(speed, 1e-9))
        self.x = self.x + h * self.v
