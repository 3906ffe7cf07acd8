import numpy as np
import pytest

from model.errors import ConfigError
from synthesis.cloth import energies
from synthesis.cloth.system import ClothSystem
from synthesis.garments.fabrics import FABRICS, Fabric
from synthesis.garments.mesh import GarmentMesh

TENSILE_LOAD = 490.3325  # N/m: 500 gf/cm


def square() -> GarmentMesh:
    """One square metre, the weft along x."""
    uv = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    return GarmentMesh("square", 0, np.pad(uv, ((0, 0), (0, 1))), faces, uv[faces])


def joules(fabric: Fabric, stretch: tuple[float, float] = (1.0, 1.0), slope: float = 0.0) -> float:
    """Energy that the engine gives a square metre of a fabric, stretched along weft and warp and then sheared."""
    s = ClothSystem.build([square()], [fabric])
    x = square().vertices * [*stretch, 1.0]
    x[:, 0] += slope * x[:, 1]
    return energies.elastic_energy(
        x, s.faces, s.inverse_rest, s.area, s.stiffness, s.limits, s.bend, s.indptr, s.indices
    )


def kawabata(extension=(6.0, 6.0), linearity=0.608, shear=0.968) -> Fabric:
    return Fabric.from_kawabata("wool", 26.35, extension, linearity, shear, (0.12, 0.16), 0.4, 0.0)


def test_units():
    wool = kawabata()
    assert wool.density == pytest.approx(0.2635)  # 1 mg/cm^2 is 10 g/m^2
    assert wool.bend == pytest.approx(0.14 * 9.80665e-3 * 0.01)  # 1 gf cm^2/cm is 1 gf cm
    # At a shear of one degree the force on a width of 1 cm is G gf.
    assert wool.shear * np.radians(1.0) * 0.01 == pytest.approx(0.968 * 9.80665e-3)


@pytest.mark.parametrize("linearity", [0.45, 0.608, 0.8, 1.0])
def test_the_engine_pulls_as_the_tensile_test_says(linearity):
    fabric, end, step = kawabata(linearity=linearity), 1.06, 1e-6
    for along in (np.array([1, 0]), np.array([0, 1])):

        def work(stretch, along=along):
            return joules(fabric, tuple(1 + along * (stretch - 1)))

        assert (work(end + step) - work(end - step)) / (2 * step) == pytest.approx(TENSILE_LOAD, rel=1e-3)
        assert work(end) == pytest.approx(linearity * 0.5 * TENSILE_LOAD * 0.06, rel=1e-3)


def test_weft_and_warp_end_at_their_own_extension():
    fabric, step = kawabata(extension=(8.0, 4.0)), 1e-6
    weft = (joules(fabric, (1.08 + step, 1)) - joules(fabric, (1.08 - step, 1))) / (2 * step)
    warp = (joules(fabric, (1, 1.04 + step)) - joules(fabric, (1, 1.04 - step))) / (2 * step)
    assert (weft, warp) == pytest.approx((TENSILE_LOAD, TENSILE_LOAD), rel=1e-3)


def test_the_engine_shears_as_the_shear_test_says():
    fabric, angle, step = kawabata(), np.radians(2.0), 1e-5
    # Stretch of the sheared threads is of second order in the angle; its share is taken off.
    stiff = joules(kawabata(shear=1e-9), slope=angle + step) - joules(kawabata(shear=1e-9), slope=angle - step)
    force = (joules(fabric, slope=angle + step) - joules(fabric, slope=angle - step) - stiff) / (2 * step)
    assert force == pytest.approx(0.968 * 2 * 0.980665, rel=0.01)


@pytest.mark.parametrize("linearity", [0.0, 0.3, 1.01, float("nan")])
def test_a_linearity_that_no_curve_has_is_refused(linearity):
    with pytest.raises(ConfigError, match="linearity"):
        kawabata(linearity=linearity)


@pytest.mark.parametrize("field", ["density", "bend", "stretch_limit"])
def test_negative_properties_are_refused(field):
    with pytest.raises(ConfigError, match=field):
        Fabric(**{**vars(FABRICS["cotton"]), field: -1.0})


def test_bending_lengths_are_those_of_their_kind():
    """Peirce's bending length (B / W g)^(1/3) in mm, as the FAST system reports it."""
    lengths = {name: 1000 * (f.bend / (9.81 * f.density)) ** (1 / 3) for name, f in FABRICS.items()}
    assert lengths["silk"] < 14 < lengths["cotton"] < 19 < lengths["denim"] < 30
    assert 15 < lengths["wool"] < 19
