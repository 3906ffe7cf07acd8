import dataclasses

import numpy as np
import pytest

from model.body.files import load_body
from model.body.numpy_body import NumpyBody
from synthesis.cloth import bands, energies, gates, intersections
from synthesis.cloth.engine import ClothResult, ClothScene
from synthesis.cloth.integrator import Integrator
from synthesis.cloth.proximity import Surface
from synthesis.cloth.settings import ClothSettings
from synthesis.cloth.simulate import ImplicitEngine
from synthesis.cloth.solver import conjugate_gradients, multiply
from synthesis.cloth.system import ClothSystem, bending_matrix, edges_and_border, rest_shape
from synthesis.cloth.wind import Wind
from synthesis.garments.dress import dress
from synthesis.garments.fabrics import FABRICS, Fabric
from synthesis.garments.mesh import GarmentMesh
from synthesis.garments.triangulation import triangulate

STRIP = Fabric("strip", 0.2, 300.0, 300.0, 30.0, 1e-5, 0.3, 1e-3)
NO_CONTACTS = np.zeros((0, 4), np.int64), np.zeros((0, 4)), np.zeros((0, 3)), np.zeros(0), np.zeros(0)


def grid(columns=6, rows=6, spacing=0.03) -> GarmentMesh:
    """A flat sheet in the vertical plane z = 0."""
    x, y = np.meshgrid(np.arange(columns), np.arange(rows))
    uv = np.stack([x.ravel(), y.ravel()], 1) * spacing
    cell = (np.arange(columns - 1) + columns * np.arange(rows - 1)[:, None]).ravel()
    faces = np.concatenate(
        [np.stack([cell, cell + 1, cell + columns], 1), np.stack([cell + 1, cell + columns + 1, cell + columns], 1)]
    )
    return GarmentMesh("sheet", 0, np.pad(uv, ((0, 0), (0, 1))), faces, uv[faces])


def forces(system, x, v=None, h=0.005):
    values, force = np.zeros((len(system.indices), 3, 3)), np.zeros_like(x)
    energies.assemble(
        x, np.zeros_like(x) if v is None else v, system.faces, system.inverse_rest, system.area, system.stiffness,
        system.limits, system.damping, system.bend, system.indptr, system.indices, system.slots, h, values, force,
    )  # fmt: skip
    return force, values


def energy(system, x):
    return energies.elastic_energy(
        x, system.faces, system.inverse_rest, system.area, system.stiffness, system.limits, system.bend, system.indptr,
        system.indices,
    )  # fmt: skip


def test_force_is_minus_the_energy_gradient():
    system = ClothSystem.build([grid(4, 4)], [STRIP])
    rng = np.random.default_rng(0)
    x = grid(4, 4).vertices + 0.006 * rng.standard_normal((16, 3))
    force, _ = forces(system, x)
    step = 1e-6
    for i, d in [(0, 0), (5, 1), (5, 2), (10, 0), (15, 2)]:
        high, low = x.copy(), x.copy()
        high[i, d] += step
        low[i, d] -= step
        assert force[i, d] == pytest.approx(
            -(energy(system, high) - energy(system, low)) / (2 * step), rel=1e-4, abs=1e-7
        )


def test_matrix_is_the_force_derivative_where_stretched():
    system = ClothSystem.build(
        [grid(4, 4)], [Fabric("elastic", 0.2, 300.0, 300.0, 1e-9, 1e-5, 0.3, 0.0, stretch_limit=0.1)]
    )
    rng = np.random.default_rng(1)
    x, direction, h, step = 1.2 * grid(4, 4).vertices, rng.standard_normal((16, 3)), 0.01, 1e-6
    _, values = forces(system, x, h=h)
    product = np.zeros_like(x)
    multiply(system.indptr, system.indices, values, direction, product)
    change = forces(system, x + step * direction)[0] - forces(system, x - step * direction)[0]
    np.testing.assert_allclose(product, -h * h * change / (2 * step), rtol=1e-3, atol=1e-6)


def test_matrix_is_symmetric_and_positive_whatever_the_cloth_does():
    system = ClothSystem.build([grid(4, 4)], [STRIP])
    x = grid(4, 4).vertices + 0.02 * np.random.default_rng(2).standard_normal((16, 3))
    _, values = forces(system, x)
    dense = np.zeros((16, 3, 16, 3))
    rows = np.repeat(np.arange(16), np.diff(system.indptr))
    dense[rows, :, system.indices] = values
    dense = dense.reshape(48, 48)
    np.testing.assert_allclose(dense, dense.T, atol=1e-9)
    assert np.linalg.eigvalsh(dense).min() > -1e-9


def test_rest_state_and_rigid_motion_have_no_force():
    system = ClothSystem.build([grid()], [STRIP])
    angle = 0.7
    turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    x = grid().vertices @ turn.T + [0.1, -0.2, 0.3]
    force, _ = forces(system, x, v=np.tile([1.0, 2.0, 3.0], (len(x), 1)))
    assert np.abs(force).max() < 1e-9


def test_mass_is_density_times_area():
    system = ClothSystem.build([grid(6, 6, 0.03)], [STRIP])
    assert system.mass.sum() == pytest.approx(0.2 * 0.15**2)


def test_free_fall():
    settings = ClothSettings(air_drag=0.0)
    integrator = Integrator(ClothSystem.build([grid()], [STRIP]), grid().vertices, None, settings)
    h, steps = 1 / 300, 60
    for _ in range(steps):
        integrator.step(h)
    # Backward Euler falls g h^2 n (n + 1) / 2: the closed form plus half a step's speed.
    t = h * steps
    fallen = grid().vertices[:, 1] - integrator.x[:, 1]
    np.testing.assert_allclose(fallen, 9.81 * t * (t + h) / 2, rtol=1e-5)
    assert fallen.mean() == pytest.approx(0.5 * 9.81 * t**2, rel=0.02)


def test_hanging_strip_stretches_by_its_weight():
    strip = grid(3, 21, 0.02)
    fabric = Fabric("strip", 0.5, 100.0, 40.0, 20.0, 0.0, 0.3, 5e-3, stretch_limit=1.0)
    settings = ClothSettings(air_drag=0.0, tolerance=1e-6, max_iterations=2000)
    top = np.flatnonzero(strip.vertices[:, 1] > 0.399)
    integrator = Integrator(ClothSystem.build([strip], [fabric]), strip.vertices, None, settings, pinned=top)
    for _ in range(150):
        integrator.step(0.02, keep=0.8)
    lengthening = integrator.x[top, 1].mean() - integrator.x[:3, 1].mean() - 0.4
    assert lengthening == pytest.approx(0.5 * 9.81 * 0.4**2 / (2 * 40.0), rel=0.03)


def test_wind_carries_loose_cloth_along():
    settings = ClothSettings(gravity=0.0, air_drag=5.0)
    integrator = Integrator(ClothSystem.build([grid()], [STRIP]), grid().vertices, None, settings)
    wind = Wind((0.0, 0.0, 2.0))
    for k in range(400):
        integrator.step(1 / 200, wind=wind.at(k / 200))
    np.testing.assert_allclose(integrator.v.mean(0), [0, 0, 2], atol=0.01)


def test_gusts_have_the_stated_mean_and_deviation():
    wind = Wind((3.0, 0.0, 0.0), gusts=0.2, seed=4)
    speed = np.array([wind.at(t)[0] for t in np.arange(0, 400, 0.05)])
    assert speed.mean() == pytest.approx(3.0, abs=0.02)
    assert speed.std() == pytest.approx(0.6, rel=0.05)
    assert not np.allclose(wind.at(1.0), dataclasses.replace(wind, seed=5).at(1.0))


def test_pendulum_period():
    strip = grid(2, 21, 0.01)
    fabric = Fabric("string", 0.2, 2000.0, 2000.0, 200.0, 0.0, 0.0, 0.0)
    settings = ClothSettings(air_drag=0.0, tolerance=1e-4, max_iterations=500, self_contact=False)
    top = np.flatnonzero(strip.vertices[:, 1] > 0.199)
    # Hung by its upper edge and turned a little out of the vertical, about that edge.
    angle = 0.05
    hung = strip.vertices - [0, 0.2, 0]
    hung = np.stack([hung[:, 0], hung[:, 1] * np.cos(angle), -hung[:, 1] * np.sin(angle)], 1)
    integrator = Integrator(ClothSystem.build([strip], [fabric]), hung, None, settings, pinned=top)
    h, lowest = 1 / 1000, []
    for _ in range(2200):
        integrator.step(h)
        lowest.append(integrator.x[:2, 2].mean())
    crossings = np.flatnonzero(np.diff(np.sign(lowest)) != 0)
    # A hanging chain's first mode: 2 pi / omega with omega = 1.2024 sqrt(g / L).
    assert 2 * np.diff(crossings).mean() * h == pytest.approx(2 * np.pi / (1.2024 * np.sqrt(9.81 / 0.2)), rel=0.05)


def test_energy_never_grows():
    sheet = grid(6, 6)
    system = ClothSystem.build([sheet], [STRIP])
    settings = ClothSettings(gravity=0.0, air_drag=0.0, tolerance=1e-6, max_iterations=500)
    x = sheet.vertices * [1.1, 0.95, 1.0] + 0.002 * np.random.default_rng(0).standard_normal((36, 3))
    integrator = Integrator(system, x, None, settings)
    levels = []
    for _ in range(100):
        integrator.step(1 / 200)
        levels.append(energy(system, integrator.x) + 0.5 * (system.mass * (integrator.v**2).sum(1)).sum())
    assert levels[-1] < 0.5 * levels[0]
    assert (np.diff(levels) <= 1e-3 * levels[0]).all()


def on_a_plane(angle, friction, seconds=0.8):
    """How far a sheet laid on a plane that rises at `angle` has slid down it."""
    turn = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])
    corners = np.array([[-2.0, 0, -2], [2, 0, -2], [2, 0, 2], [-2, 0, 2]]) @ turn.T
    faces = np.array([[0, 2, 1], [0, 3, 2]])
    sheet = grid(5, 5)
    system = ClothSystem.build([sheet], [dataclasses.replace(STRIP, friction=friction)])
    laid = np.stack([sheet.vertices[:, 0], system.thickness - 1e-5, -sheet.vertices[:, 1]], 1) @ turn.T
    integrator = Integrator(
        system,
        laid,
        Surface(faces, 4),
        ClothSettings(air_drag=0.0, tolerance=1e-6),
        corners,
    )
    integrator.skin.tracker.seed(integrator.x, corners)
    for _ in range(round(seconds * 200)):
        integrator.step(1 / 200, corners, np.zeros((4, 3)))
    return np.linalg.norm((integrator.x - laid).mean(0))


def test_friction_holds_a_sheet_up_to_its_angle():
    angle, t = 0.5, 0.8
    frictionless = 0.5 * 9.81 * np.sin(angle) * t**2
    assert on_a_plane(angle, 0.0) == pytest.approx(frictionless, rel=0.05)
    assert on_a_plane(angle, 0.5 * np.tan(angle)) == pytest.approx(0.5 * frictionless, rel=0.12)
    assert on_a_plane(angle, 1.1 * np.tan(angle)) < 0.002 * frictionless


def ball(radius, rings=24):
    """A sphere's vertices and faces, counter-clockwise seen from outside."""
    polar, around = np.meshgrid(np.linspace(0.02, np.pi - 0.02, rings), np.arange(2 * rings) * np.pi / rings)
    points = np.stack([np.sin(polar) * np.sin(around), np.cos(polar), np.sin(polar) * np.cos(around)], -1)
    index = np.arange(2 * rings * rings).reshape(2 * rings, rings)
    a, b = index[:, :-1], np.roll(index, -1, 0)[:, :-1]
    faces = np.concatenate([np.stack([a, a + 1, b], -1).reshape(-1, 3), np.stack([b, a + 1, b + 1], -1).reshape(-1, 3)])
    return radius * points.reshape(-1, 3), faces


def test_sheet_on_a_sphere_stays_outside():
    vertices, faces = ball(0.1)
    surface = Surface(faces, len(vertices))
    sheet = grid(16, 16, 0.02)
    # Folded under itself below the ball's equator, it meets the ball and itself.
    laid = np.stack([sheet.vertices[:, 0] - 0.15, np.full(256, 0.11), 0.15 - sheet.vertices[:, 1]], 1)
    integrator = Integrator(ClothSystem.build([sheet], [FABRICS["silk"]]), laid, surface, ClothSettings(), vertices)
    still = np.zeros_like(vertices)
    for _ in range(40):
        integrator.skin.tracker.seed(integrator.x, vertices)
        for _ in range(5):
            integrator.step(1 / 150, vertices, still)
    distance, _ = surface.signed_distance(integrator.x, vertices)
    assert distance.min() > 0.0
    assert np.abs(integrator.x[:, 1]).max() < 0.3


def test_crossings_are_counted():
    sheet = grid(6, 6)
    other = np.stack([sheet.vertices[:, 0] + 0.011, np.full(36, 0.0712), sheet.vertices[:, 1] - 0.0742], 1)
    x, faces = np.concatenate([sheet.vertices, other]), np.concatenate([sheet.faces, sheet.faces + 36])
    edges, _ = edges_and_border(faces, 72)
    apart = x + np.repeat([[0, 0, 0], [0, 0, 1.0]], 36, 0)
    free = np.zeros(72, bool)
    assert intersections.count(apart, faces, edges, free, 0.03) == 0
    assert intersections.count(x, faces, edges, free, 0.03) > 10
    assert intersections.count(x, faces, edges, ~free, 0.03) == 0


def test_falling_sheet_comes_to_rest_on_another():
    lower, upper = grid(8, 8), grid(6, 6)

    def flat(mesh, y):
        return np.stack([mesh.vertices[:, 0], np.full(len(mesh.vertices), y), -mesh.vertices[:, 1]], 1)

    above = flat(upper, 0.05) + np.array([0.017, 0.0, -0.013])
    start = np.concatenate([flat(lower, 0.0), above])
    system = ClothSystem.build([lower, upper], [STRIP, STRIP])
    rim = np.flatnonzero(system.border[:64])
    integrator = Integrator(system, start, None, ClothSettings(), pinned=rim)
    for _ in range(120):
        integrator.step(1 / 150)
    edges, _ = edges_and_border(system.faces, 100)
    assert intersections.count(integrator.x, system.faces, edges, np.zeros(100, bool), 0.03) == 0
    assert (integrator.x[64:, 1] > integrator.x[:64, 1].min()).all()
    assert integrator.x[64:, 1].mean() < 0.03


@pytest.mark.parametrize("degrees", [0, 30, 45, 90])
def test_a_rolled_sheet_has_its_bending_rigidity(degrees):
    steps = np.linspace(0, 0.4, 20, endpoint=False)
    side = np.stack([steps, np.zeros(20)], 1)
    border = np.concatenate([side, side[:, ::-1] + [0.4, 0], [0.4, 0.4] - side, [0, 0.4] - side[:, ::-1]])
    points, faces = triangulate(border, 0.02)
    _, area = rest_shape(points[faces])
    matrix = bending_matrix(faces, points[faces], area, np.full(len(faces), 1e-5), len(points))
    across = points @ [np.cos(np.radians(degrees)), np.sin(np.radians(degrees))]
    height, curvature = 0.5 * across**2, 1.0
    assert 0.5 * height @ (matrix @ height) == pytest.approx(0.5 * 1e-5 * curvature**2 * 0.4**2, rel=0.06)


def banded(rest=0.02) -> GarmentMesh:
    """A sheet with a rubber band along its lower edge."""
    edges = np.stack([np.arange(5), np.arange(1, 6)], 1)
    return dataclasses.replace(grid(), elastic_edges=edges, elastic_length=np.full(5, rest))


def band_forces(s, x, h=0.005):
    values, force = np.zeros((len(s.indices), 3, 3)), np.zeros_like(x)
    bands.add_bands(x, np.zeros_like(x), s.bands, s.band_rest, s.band_slots, np.zeros(len(x)), h, values, force)
    return force, values


def test_rubber_bands_pull_as_their_energy_says_and_never_push():
    s = ClothSystem.build([banded()], [STRIP])
    x = banded().vertices + 0.004 * np.random.default_rng(0).standard_normal((36, 3))
    force, values = band_forces(s, x)
    step, h = 1e-6, 0.005
    for i, d in [(0, 0), (2, 1), (5, 2)]:
        high, low = x.copy(), x.copy()
        high[i, d] += step
        low[i, d] -= step
        slope = (bands.energy(high, s.bands, s.band_rest) - bands.energy(low, s.bands, s.band_rest)) / (2 * step)
        assert force[i, d] == pytest.approx(-slope, rel=1e-5)
    direction = np.random.default_rng(1).standard_normal(x.shape)
    product = np.zeros_like(x)
    multiply(s.indptr, s.indices, values, direction, product)
    change = band_forces(s, x + step * direction)[0] - band_forces(s, x - step * direction)[0]
    np.testing.assert_allclose(product, -h * h * change / (2 * step), atol=1e-7)
    assert not np.any(band_forces(s, 0.5 * banded().vertices)[0])


def test_a_rubber_band_gathers_its_hem():
    settings = ClothSettings(gravity=0.0, self_contact=False)
    integrator = Integrator(ClothSystem.build([banded()], [STRIP]), banded().vertices, None, settings)
    for _ in range(200):
        integrator.step(0.01, keep=0.9)
    hem, far = integrator.x[:6], integrator.x[-6:]
    assert np.ptp(hem[:, 0]) < 0.93 * np.ptp(far[:, 0])


def test_a_tangled_sheet_finds_its_way_out():
    # A corner that has been pushed through the sheet under it, as between two limbs.
    lower, upper = grid(10, 10, 0.02), grid(6, 6, 0.02)
    u, v = upper.vertices[:, 0], upper.vertices[:, 1]
    flap = np.stack([u + 0.043, 0.3 * (u + v) - 0.012, v + 0.051], 1)
    x = np.concatenate([lower.vertices[:, [0, 2, 1]], flap])
    system = ClothSystem.build([lower, upper], [STRIP, STRIP])
    integrator = Integrator(system, x, None, ClothSettings(gravity=0.0))
    free = np.zeros(len(x), bool)
    before = intersections.count(x, system.faces, system.edges, free, 0.02)
    assert before > 10
    for _ in range(60):
        for _ in range(5):
            integrator.step(1 / 150)
        integrator.end_frame()
    # Contacts hold what has been through from the start: they take the side that they see first for the right one.
    assert intersections.count(integrator.x, system.faces, system.edges, free, 0.02) < before / 4
    assert energies.principal_stretch(integrator.x, system.faces, system.inverse_rest).max() < 1.2


def test_conjugate_gradients_solve():
    system = ClothSystem.build([grid()], [STRIP])
    _, values = forces(system, 1.1 * grid().vertices)
    values[system.diagonal] += system.mass[:, None, None] * np.eye(3)
    wanted = np.random.default_rng(0).standard_normal((36, 3))
    right, found = np.zeros_like(wanted), np.zeros_like(wanted)
    multiply(system.indptr, system.indices, values, wanted, right)
    conjugate_gradients(
        system.indptr, system.indices, values, values[system.diagonal], *NO_CONTACTS, right, found, 1e-10, 500
    )
    np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_signed_distance_to_a_body_grows_along_its_normals():
    data = load_body("neutral")
    skin = Surface(data.faces[data.face_parts == 0], data.num_vertices)
    faces = skin.faces[::97]
    corners = data.v_template[faces].astype(np.float64)
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    for offset in (0.002, -0.002):
        distance, _ = skin.signed_distance(corners.mean(1) + offset * normal, data.v_template)
        assert np.median(distance) == pytest.approx(offset, rel=1e-3)
        assert (np.sign(distance) == np.sign(offset)).mean() > 0.97


@pytest.fixture(scope="module")
def draped():
    body = NumpyBody(load_body("female"))
    garments = dress("tshirt_trousers", body, np.zeros(10), edge_length=0.05)
    vertices, _ = body.shaped(np.zeros(10))
    skin = body.data.faces[body.data.face_parts == 0]
    fabrics = tuple(FABRICS["denim" if g.name == "trousers" else "cotton"] for g in garments)
    scene = ClothScene(tuple(garments), fabrics, np.repeat(vertices[None], 4, 0), skin, 30.0)
    return scene, ImplicitEngine().simulate(scene)


def test_outfit_drapes_on_a_still_body(draped):
    scene, result = draped
    quality = gates.measure(scene, result)
    assert gates.reasons(quality, gates.STRICT) == []
    for vertices, garment in zip(result.vertices, scene.garments, strict=True):
        assert vertices.shape == (4, len(garment.vertices), 3)
        assert np.abs(vertices[-1] - vertices[-2]).max() < 0.03


def test_waistband_stays_up(draped):
    scene, result = draped
    held = scene.garments[0].attached
    assert len(held) > 10
    assert np.abs(result.vertices[0][-1, held, 1] - scene.garments[0].vertices[held, 1]).max() < 0.04


def test_same_input_same_bits(draped):
    scene, result = draped
    again = ImplicitEngine().simulate(scene)
    for a, b in zip(result.vertices, again.vertices, strict=True):
        np.testing.assert_array_equal(a, b)


def test_gates_name_what_is_wrong(draped):
    scene, result = draped

    def reasons(change, offset=0.0):
        vertices = [v.copy() for v in result.vertices]
        change(vertices[1])
        moved = dataclasses.replace(scene, body_vertices=scene.body_vertices + offset)
        return gates.reasons(gates.measure(moved, ClothResult(tuple(vertices), result.stats)))

    def break_one(v):
        v[1, 3] = np.nan

    def inflate(v):
        v *= 1.3

    def pull_one(v):
        v[2, 5] += 0.2

    def squash(v):
        v[:, :, 2] = 0.01 * v[:, :, 2]

    def crumple(v):
        v += np.random.default_rng(0).normal(0, 0.03, v.shape)

    def throw(v):
        v[2] += [0, 0.5, 0]

    assert any("not finite" in r for r in reasons(break_one))
    assert any("p99" in r for r in reasons(inflate))
    assert any("max" in r for r in reasons(pull_one))
    assert any("inside" in r for r in reasons(squash))
    assert any("intersecting" in r for r in reasons(crumple))
    assert any("pop" in r for r in reasons(throw))


def test_simulation_does_not_depend_on_where_the_body_stands(draped):
    scene, result = draped
    offset = np.array([0.5, 1.0, -2.0])
    moved = ImplicitEngine().simulate(
        dataclasses.replace(
            scene,
            garments=tuple(g.translated(offset) for g in scene.garments),
            body_vertices=scene.body_vertices + offset.astype(np.float32),
        )
    )
    gap = np.median(np.abs(moved.vertices[0][-1] - offset - result.vertices[0][-1]))
    assert gap < 0.002
