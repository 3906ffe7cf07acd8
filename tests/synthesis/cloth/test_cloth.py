import numpy as np
import pytest

from model.body.files import load_body
from model.body.numpy_body import NumpyBody
from synthesis.cloth import body_contact, energies, gates
from synthesis.cloth.integrator import Integrator
from synthesis.cloth.proximity import Surface
from synthesis.cloth.settings import ClothSettings
from synthesis.cloth.simulate import ClothResult, simulate
from synthesis.cloth.solver import conjugate_gradients, multiply
from synthesis.cloth.system import ClothSystem
from synthesis.garments.dress import dress
from synthesis.garments.fabrics import FABRICS, Fabric
from synthesis.garments.mesh import GarmentMesh

STRIP = Fabric("strip", 0.2, 300.0, 300.0, 30.0, 1e-5, 0.3, 1e-3)


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
        system.damping, system.bend, system.indptr, system.indices, system.slots, h, values, force,
    )  # fmt: skip
    return force, values


def energy(system, x):
    return energies.elastic_energy(
        x, system.faces, system.inverse_rest, system.area, system.stiffness, system.bend, system.indptr, system.indices
    )


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
    system = ClothSystem.build([grid(4, 4)], [Fabric("elastic", 0.2, 300.0, 300.0, 1e-9, 1e-5, 0.3, 0.0)])
    rng = np.random.default_rng(1)
    x, direction, h, step = 1.2 * grid(4, 4).vertices, rng.standard_normal((16, 3)), 0.01, 1e-6
    _, values = forces(system, x, h=h)
    product = np.zeros_like(x)
    multiply(system.indptr, system.indices, values, direction, product)
    change = forces(system, x + step * direction)[0] - forces(system, x - step * direction)[0]
    np.testing.assert_allclose(product, -h * h * change / (2 * step), rtol=1e-3, atol=1e-6)


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
    np.testing.assert_allclose(fallen, 9.81 * t * (t + h) / 2, rtol=1e-6)
    assert fallen.mean() == pytest.approx(0.5 * 9.81 * t**2, rel=0.02)


def test_hanging_strip_stretches_by_its_weight():
    strip = grid(3, 21, 0.02)
    fabric = Fabric("strip", 0.5, 100.0, 40.0, 20.0, 0.0, 0.3, 5e-3)
    settings = ClothSettings(air_drag=0.0, tolerance=1e-6, max_iterations=2000)
    top = np.flatnonzero(strip.vertices[:, 1] > 0.399)
    integrator = Integrator(ClothSystem.build([strip], [fabric]), strip.vertices, None, settings, pinned=top)
    for _ in range(150):
        integrator.step(0.02, keep=0.8)
    lengthening = integrator.x[top, 1].mean() - integrator.x[:3, 1].mean() - 0.4
    assert lengthening == pytest.approx(0.5 * 9.81 * 0.4**2 / (2 * 40.0), rel=0.03)


def test_conjugate_gradients_solve():
    system = ClothSystem.build([grid()], [STRIP])
    _, values = forces(system, 1.1 * grid().vertices)
    values[system.diagonal] += system.mass[:, None, None] * np.eye(3)
    wanted = np.random.default_rng(0).standard_normal((36, 3))
    right, found = np.zeros_like(wanted), np.zeros_like(wanted)
    multiply(system.indptr, system.indices, values, wanted, right)
    conjugate_gradients(system.indptr, system.indices, values, system.diagonal, right, found, 1e-10, 500)
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
    frames = np.repeat(vertices[None], 4, 0)
    skin = body.data.faces[body.data.face_parts == 0]
    fabrics = [FABRICS["denim"], FABRICS["jersey"]]
    return garments, fabrics, frames, skin, simulate(garments, fabrics, frames, skin, None, 30.0)


def test_outfit_drapes_on_a_still_body(draped):
    garments, _, frames, skin, result = draped
    assert gates.check(result, garments, frames, skin) == []
    surface = Surface(skin, frames.shape[1])
    for vertices, garment in zip(result.vertices, garments, strict=True):
        assert vertices.shape == (4, len(garment.vertices), 3)
        distance, _ = surface.signed_distance(vertices[-1], frames[-1])
        assert (distance < -0.003).mean() < 0.005
        assert np.abs(vertices[-1] - vertices[-2]).max() < 0.03


def test_waistband_stays_up(draped):
    garments, _, _, _, result = draped
    held = garments[0].attached
    assert len(held) > 10
    assert np.abs(result.vertices[0][-1, held, 1] - garments[0].vertices[held, 1]).max() < 0.04


def test_same_input_same_bits(draped):
    garments, fabrics, frames, skin, result = draped
    again = simulate(garments, fabrics, frames, skin, None, 30.0)
    for a, b in zip(result.vertices, again.vertices, strict=True):
        np.testing.assert_array_equal(a, b)


def test_gates_name_what_is_wrong(draped):
    garments, _, frames, skin, result = draped

    def reasons(change, gaps=0.0):
        vertices = [v.copy() for v in result.vertices]
        change(vertices[1])
        return gates.check(ClothResult(vertices, [g + gaps for g in result.gaps], result.stats), garments, frames, skin)

    def break_one(v):
        v[1, 3] = np.nan

    def inflate(v):
        v *= 1.3

    def pull_one(v):
        v[2, 5] += 0.2

    assert any("not finite" in r for r in reasons(break_one))
    assert any("p99" in r for r in reasons(inflate))
    assert any("max" in r for r in reasons(pull_one))
    assert any("inside" in r for r in reasons(lambda v: None, gaps=-0.05))


def test_vertices_in_the_skin_are_moved_out_along_its_normals():
    x = np.zeros((3, 3))
    distance, normal = np.array([-0.001, 0.01, -0.02, 0.004]), np.tile([0.0, 0.0, 1.0], (4, 1))
    body_contact.project_out(
        x, np.array([[0, 1, 2]]), distance, normal, np.full(3, 0.002), 0.004, np.zeros((3, 3)), np.zeros(3)
    )
    np.testing.assert_allclose(x, [[0, 0, 0.003], [0, 0, 0], [0, 0, 0.004]], atol=1e-12)


def test_simulation_does_not_depend_on_where_the_body_stands(draped):
    garments, fabrics, frames, skin, result = draped
    offset = np.array([0.5, 1.0, -2.0])
    moved = simulate([g.translated(offset) for g in garments], fabrics, frames + offset, skin, None, 30.0)
    gap = np.median(np.abs(moved.vertices[0][-1] - offset - result.vertices[0][-1]))
    assert gap < 0.002
