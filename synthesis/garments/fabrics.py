"""Fabrics, from what textile laboratories measure.

The Kawabata evaluation system (Kawabata, "The standardization and analysis of hand evaluation", 1980) measures cloth at
the small loads of wear, in units of its own; `Fabric.from_kawabata` turns them into the engine's. Where the figures of
each preset come from, and which of them are measured, is a table in docs/garments.md.

Figures of Wang, O'Brien and Ramamoorthi 2011 ("Data-driven elastic models for cloth") were turned into the same units:
membrane stress is in N/m as it is; their bending coefficient k belongs to a hinge energy k l^2 theta^2 / (4 (A1 + A2)),
whose sheet of equilateral triangles has the rigidity k / 2 when it is rolled.
"""

from __future__ import annotations

import dataclasses
import math

from model.errors import ConfigError

# Stiffness beyond a fabric's limits over that before them.
LOCKING = 30.0

# The shear test ends at 8 degrees: beyond what was measured, threads are taken to lock.
SHEAR_LIMIT = math.sin(math.radians(8))

_GRAM_FORCE = 9.80665e-3  # newton
# The tensile test ends at 500 gf/cm.
_TENSILE_LOAD = 500 * _GRAM_FORCE / 1e-2


@dataclasses.dataclass(frozen=True)
class Fabric:
    """Material of a garment.

    Attributes:
        name: preset name.
        density: kg/m^2.
        stretch_weft: N/m, along the pattern's x, up to the stretch limit.
        stretch_warp: N/m, along the pattern's y, up to the stretch limit.
        shear: N/m, force a width and radian.
        bend: N m, bending rigidity, the mean of warp and weft.
        friction: Coulomb coefficient against skin and other cloth.
        damping: seconds; strain rate times this counts as strain.
        stretch_limit: strain beyond which the threads are straight and the cloth is LOCKING times stiffer.
        shear_limit: cosine of the angle between warp and weft at which the threads lock.
    """

    name: str
    density: float
    stretch_weft: float
    stretch_warp: float
    shear: float
    bend: float
    friction: float
    damping: float
    stretch_limit: float = 0.06
    shear_limit: float = SHEAR_LIMIT

    def __post_init__(self):
        for field in ("density", "stretch_weft", "stretch_warp", "shear"):
            if not getattr(self, field) > 0:
                raise ConfigError(f"{field} of a fabric is above zero. Received: {getattr(self, field)!r}")
        for field in ("bend", "friction", "damping", "stretch_limit", "shear_limit"):
            if not getattr(self, field) >= 0:
                raise ConfigError(f"{field} of a fabric is zero or more. Received: {getattr(self, field)!r}")

    @classmethod
    def from_kawabata(
        cls,
        name: str,
        weight: float,
        extension: tuple[float, float],
        linearity: float,
        shear: float,
        bend: tuple[float, float],
        friction: float,
        damping: float,
        shear_limit: float = SHEAR_LIMIT,
    ) -> Fabric:
        """A fabric from the figures of a Kawabata report, in its units.

        Args:
            name: of the fabric.
            weight: W, mg/cm^2.
            extension: EMT, per cent at 500 gf/cm, along weft and warp.
            linearity: LT, work of the tensile test over that of a straight line to the same end; 0.31 to 1.
            shear: G, gf/cm a degree.
            bend: B, gf cm^2/cm, about the weft's and the warp's direction.
            friction: Coulomb coefficient. The report's MIU is that of steel wire, which skin is not.
            damping: seconds; the report's hysteresis is friction between threads, which does not tell it.
            shear_limit: as in the class.

        Raises:
            ConfigError: a linearity that no curve with LOCKING has.
        """
        ends = [percent / 100 for percent in extension]
        limit = sum(ends) / 2 * _crimp_share(linearity)
        # Exact at the end of the test in both directions, though they share the limit.
        weft, warp = (_TENSILE_LOAD / (end + LOCKING * max(end - limit, 0.0)) for end in ends)
        return cls(
            name=name,
            density=weight * 1e-6 / 1e-4,
            stretch_weft=weft,
            stretch_warp=warp,
            shear=shear * _GRAM_FORCE / 1e-2 * 180 / math.pi,
            bend=sum(bend) / 2 * _GRAM_FORCE * 1e-2,
            friction=friction,
            damping=damping,
            stretch_limit=limit,
            shear_limit=shear_limit,
        )


def _crimp_share(linearity: float) -> float:
    """Share s of the extension at which crimp is pulled out, such that the tensile curve has this linearity.

    With force k (e + LOCKING (e - s)) beyond s, extension 1 at the end and r = 1 - s, the work over that of a straight
    line is (1 + LOCKING r^2) / (1 + LOCKING r). Of the two solutions the smaller share is like a fabric's curve, which
    rises all along.
    """
    root = (LOCKING * linearity) ** 2 - 4 * LOCKING * (1 - linearity)
    if not root >= 0 or not linearity <= 1:
        raise ConfigError(f"The linearity of a tensile curve lies between 0.31 and 1. Received: {linearity!r}")
    return 1 - (LOCKING * linearity + math.sqrt(root)) / (2 * LOCKING)


# fmt: off
FABRICS = {
    fabric.name: fabric
    for fabric in (
        #                             mg/cm^2 EMT weft, warp LT  gf/cm/deg  B weft, warp friction damping
        Fabric.from_kawabata("cotton", 12.0, (7.0, 4.0), 0.75, 1.00, (0.045, 0.075), 0.40, 5e-4),
        Fabric.from_kawabata("jersey", 18.7, (14.0, 9.0), 0.65, 0.66, (0.073, 0.118), 0.40, 8e-4),
        Fabric.from_kawabata("denim", 32.4, (7.0, 4.0), 0.71, 2.18, (0.327, 0.494), 0.45, 5e-4),
        Fabric.from_kawabata("wool", 26.4, (7.5, 4.5), 0.608, 0.968, (0.115, 0.157), 0.45, 6e-4),
        Fabric.from_kawabata("silk", 7.8, (5.0, 3.0), 0.75, 0.30, (0.017, 0.023), 0.30, 3e-4),
    )
}
# fmt: on
