"""Fabric presets.

Area densities are typical weights of the trade (Kadolph, "Textiles", ch. on fabric weight: shirting 100-150 g/m^2,
jersey 140-200, denim 350-450, silk 60-90, suiting wool 200-300). Bending rigidities are of the order that Wang,
O'Brien and Ramamoorthi 2011 ("Data-driven elastic models for cloth") report, 1e-6 to 1e-4 N m. Stretch is softer than
real woven cloth (several kN/m along the threads): beyond about 1 kN/m the drape looks the same and the linear systems
cost more. Friction is that of dry cloth on skin (about 0.3).
"""

from __future__ import annotations

import dataclasses

from model.errors import ConfigError


@dataclasses.dataclass(frozen=True)
class Fabric:
    """Material of a garment.

    Attributes:
        name: preset name.
        density: kg/m^2.
        stretch_weft: N/m, along the pattern's x.
        stretch_warp: N/m, along the pattern's y.
        shear: N/m.
        bend: N m, bending rigidity.
        friction: Coulomb coefficient against skin and other cloth.
        damping: seconds; strain rate times this counts as strain.
        stretch_limit: strain beyond which the threads are straight and the cloth is far stiffer.
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
    shear_limit: float = 0.2

    def __post_init__(self):
        for field in ("density", "stretch_weft", "stretch_warp", "shear"):
            if not getattr(self, field) > 0:
                raise ConfigError(f"{field} of a fabric is above zero. Received: {getattr(self, field)!r}")
        for field in ("bend", "friction", "damping"):
            if not getattr(self, field) >= 0:
                raise ConfigError(f"{field} of a fabric is zero or more. Received: {getattr(self, field)!r}")


# fmt: off
FABRICS = {
    fabric.name: fabric
    for fabric in (
        #      name    kg/m^2   weft    warp  shear    bend  friction damping  limits
        Fabric("cotton", 0.15, 1000.0, 1300.0, 60.0, 6e-6, 0.30, 5e-4, 0.03, 0.20),
        Fabric("jersey", 0.17,  300.0,  350.0, 45.0, 3e-6, 0.30, 8e-4, 0.06, 0.20),
        Fabric("denim", 0.38, 1500.0, 2500.0, 150.0, 5e-5, 0.30, 5e-4, 0.02, 0.20),
        Fabric("wool", 0.25, 600.0, 800.0, 45.0, 1.1e-5, 0.30, 6e-4, 0.04, 0.20),
        Fabric("silk", 0.08, 600.0, 800.0, 22.0, 3e-6, 0.20, 3e-4, 0.02, 0.20),
    )
}
# fmt: on
