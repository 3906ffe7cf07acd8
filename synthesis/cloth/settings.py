"""Settings of a cloth simulation, stored with each run."""

from __future__ import annotations

import dataclasses

from model.errors import ConfigError


@dataclasses.dataclass(frozen=True)
class ClothSettings:
    """How finely and how long to simulate.

    Attributes:
        substeps: sub-steps a frame in calm motion.
        max_motion: metres that clothed skin may move against its mean in one sub-step; faster motion gets more of them.
        max_substeps: bound when a frame is redone after trouble.
        settle_seconds: longest time that the first body frame is held while garments drape.
        settle_speed: m/s; the settling ends when 95 % of the vertices move slower.
        tolerance: of the linear solver.
        max_iterations: of the linear solver.
        gravity: m/s^2, along -y.
        air_drag: kg/(m^2 s), pressure on a cloth face per normal speed.
        max_speed: m/s, bound on cloth velocity relative to the air.
        max_strain: length over rest length that edges are brought back to at the end of a frame.
        trouble_stretch: a frame that leaves more than `trouble_share` of the faces beyond it is redone.
        trouble_share: see above.
        self_contact: whether cloth touches cloth.
        waistband_frequency: radians a second, stiffness of the springs that hold waistbands.
    """

    substeps: int = 5
    max_motion: float = 0.018
    max_substeps: int = 20
    settle_seconds: float = 1.0
    settle_speed: float = 0.08
    tolerance: float = 0.01
    max_iterations: int = 150
    gravity: float = 9.81
    air_drag: float = 0.5
    max_speed: float = 12.0
    max_strain: float = 1.12
    trouble_stretch: float = 1.4
    trouble_share: float = 0.0005
    self_contact: bool = True
    waistband_frequency: float = 600.0

    def __post_init__(self):
        if not 1 <= self.substeps <= self.max_substeps:
            raise ConfigError(
                f"substeps lie in 1..max_substeps. Received: {self.substeps} and max_substeps {self.max_substeps}"
            )
        for field in ("settle_seconds", "gravity", "air_drag"):
            if not getattr(self, field) >= 0:
                raise ConfigError(f"{field} is zero or more. Received: {getattr(self, field)!r}")
        for field in ("max_motion", "tolerance", "max_iterations", "max_speed", "max_strain", "trouble_stretch"):
            if not getattr(self, field) > 0:
                raise ConfigError(f"{field} is above zero. Received: {getattr(self, field)!r}")
