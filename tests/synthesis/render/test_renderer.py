import numpy as np
import pytest

from model.body.files import load_body
from model.body.numpy_body import NumpyBody
from synthesis.render.gl.renderer import GlRenderer
from synthesis.render.interface import AreaLight, Backdrop, Camera, Material, RenderError, Surface
from synthesis.scene import cameras, lights
from synthesis.scene.attachments import grid_faces

SIZE = 120
FOCAL = 600.0
# Not at the middle, so that a mirrored or shifted image cannot pass.
INTRINSICS = np.array([[FOCAL, 0.0, 50.0], [0.0, FOCAL, 64.0], [0.0, 0.0, 1.0]])
# At (0, 0, 5), looking along -z of the world with y up.
CAMERA = Camera(INTRINSICS, np.column_stack([np.diag([1.0, -1.0, -1.0]), [0.0, 0.0, 5.0]]), SIZE, SIZE)
QUAD = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]], float)
QUAD_FACES = np.array([[0, 1, 2], [0, 2, 3]])
LAMP = AreaLight((0.0, 0.0, 6.0), (0.0, 0.0, 0.0), 3.0, 1.0)


@pytest.fixture(scope="module")
def renderer():
    try:
        renderer = GlRenderer(SIZE, SIZE)
    except RenderError as error:
        pytest.skip(str(error))
    yield renderer
    renderer.close()


def quad(name: str, mask_id: int, grey: int = 180) -> Surface:
    uv = (QUAD[QUAD_FACES][..., :2] + 1) / 2
    return Surface(name, mask_id, QUAD_FACES, uv, Material(np.full((4, 4, 3), grey, np.uint8), two_sided=True))


def backdrop(ambient: float = 0.3) -> Backdrop:
    coefficients = np.zeros((9, 3))
    coefficients[0] = ambient * np.pi / 0.282095
    image = np.random.default_rng(1).integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
    return Backdrop(image, coefficients)


def test_small_quad_lands_on_its_pixel_at_its_depth(renderer):
    renderer.load([quad("spot", 1)])
    for pixel, depth in (((20, 90), 4.0), ((71, 13), 6.5)):
        centre = np.linalg.inv(INTRINSICS) @ [*pixel, 1.0] * depth
        world = centre * [1, -1, -1] + [0, 0, 5]
        frame = renderer.render([world + QUAD * 5.4 * depth / FOCAL], CAMERA, [LAMP], backdrop())
        rows, cols = np.nonzero(frame.mask)
        assert abs(cols.mean() - pixel[0]) < 0.05
        assert abs(rows.mean() - pixel[1]) < 0.05
        assert len(rows) == 11 * 11
        np.testing.assert_allclose(frame.depth[frame.mask > 0], depth, atol=1e-3)
        assert np.isinf(frame.depth[frame.mask == 0]).all()


def test_depth_of_a_slanted_plane(renderer):
    renderer.load([quad("plane", 1)])
    plane = QUAD @ np.array([[0.5, 0, 0.4], [0, 0.5, 0.2], [0, 0, 1]])
    frame = renderer.render([plane], CAMERA, [LAMP], backdrop())
    normal = np.cross(plane[1] - plane[0], plane[3] - plane[0]) * [1, -1, -1]
    offset = normal @ (plane[0] * [1, -1, -1] + [0, 0, 5])
    rows, cols = np.nonzero(frame.mask)
    rays = np.linalg.inv(INTRINSICS) @ np.stack([cols, rows, np.ones(len(rows))])
    error = np.abs(frame.depth[rows, cols] - offset / (normal @ rays))
    assert len(rows) > 1000
    assert np.quantile(error, 0.98) < 1e-5
    # At the rim a pixel's covered samples lie to one side of its centre.
    assert error.max() < 2e-3


def test_nearer_surface_wins(renderer):
    renderer.load([quad("far", 1), quad("near", 2)])
    frame = renderer.render([QUAD * 0.4, QUAD * 0.1 + [0, 0, 0.5]], CAMERA, [LAMP], backdrop())
    assert frame.mask[64, 50] == 2
    assert frame.mask[64 - 30, 50] == 1
    np.testing.assert_allclose([frame.depth[64, 50], frame.depth[34, 50]], [4.5, 5.0], atol=1e-3)
    swapped = renderer.render([QUAD * 0.1 + [0, 0, 0.5], QUAD * 0.4], CAMERA, [LAMP], backdrop())
    np.testing.assert_array_equal(swapped.mask, np.array([0, 2, 1])[frame.mask])


def test_texture_is_upright(renderer):
    picture = np.zeros((8, 8, 3), np.uint8)
    picture[:4, :, 0] = picture[:, 4:, 2] = 255
    uv = (QUAD[QUAD_FACES][..., :2] + 1) / 2
    renderer.load([Surface("poster", 1, QUAD_FACES, uv, Material(picture, two_sided=True))])
    rgb = renderer.render([QUAD * 0.3], CAMERA, [LAMP], backdrop()).rgb.astype(int)
    assert rgb[50, 30, 0] > 2 * rgb[78, 30, 0]
    assert rgb[50, 70, 2] > 2 * rgb[50, 30, 2]


def tilted(slope_u: float, slope_v: float) -> np.ndarray:
    """Normal map of a plane that leans by these slopes along u and v."""
    normal = np.array([slope_u, slope_v, 1.0]) / np.linalg.norm([slope_u, slope_v, 1.0])
    return np.tile(np.rint(normal * 127 + 128).astype(np.uint8), (4, 4, 1))


def test_normal_map_leans_the_surface_the_same_way_on_both_sides(renderer):
    """A sheet that leans towards the light along u catches it; turned round, its back leans away from the viewer."""
    uv = (QUAD[QUAD_FACES][..., :2] + 1) / 2
    albedo = np.full((4, 4, 3), 188, np.uint8)
    from_left = AreaLight((-5.0, 0.0, 4.0), (0.0, 0.0, 0.0), 60.0, 1.0)
    from_above = AreaLight((0.0, 5.0, 4.0), (0.0, 0.0, 0.0), 60.0, 1.0)
    turned = QUAD * [-1, 1, 1]  # seen from behind: u runs to the left

    def shade(normals, vertices, lamp):
        material = Material(albedo, 1.0, two_sided=True, normals=normals)
        renderer.load([Surface("sheet", 1, QUAD_FACES, uv, material)])
        return int(renderer.render([vertices * 0.3], CAMERA, [lamp], backdrop(0.0)).rgb[64, 50, 1])

    flat = shade(None, QUAD, from_left)
    assert abs(shade(tilted(0, 0), QUAD, from_left) - flat) <= 1
    assert shade(tilted(-0.5, 0), QUAD, from_left) > flat + 10
    assert shade(tilted(0.5, 0), QUAD, from_left) < flat - 10
    assert shade(tilted(0, 0.5), QUAD, from_above) > shade(None, QUAD, from_above) + 10
    # From behind, u runs to the left: a front that leans along +u has a back that leans along -u, to the right.
    assert shade(tilted(-0.5, 0), turned, from_left) > flat + 10
    assert shade(tilted(0.5, 0), turned, from_left) < flat - 10
    assert shade(tilted(0, 0.5), turned, from_above) < shade(None, QUAD, from_above) - 10


def test_outline_of_a_closed_surface_is_the_same_one_sided_or_two_sided(renderer):
    """Smooth normals lean away from the viewer along the outline of a coarse ball; its faces do not."""
    turn, rise = np.meshgrid(np.linspace(0, 2 * np.pi, 12, endpoint=False), np.linspace(np.pi / 2, -np.pi / 2, 7))
    ball = np.stack([np.cos(rise) * np.sin(turn), np.sin(rise), np.cos(rise) * np.cos(turn)], -1).reshape(-1, 3)
    faces = grid_faces(7, 12, closed=True)
    lamp = AreaLight((0.0, 6.0, -1.0), (0.0, 0.0, 0.0), 60.0, 1.0)
    shown = []
    for two_sided in (False, True):
        material = Material(np.full((4, 4, 3), 200, np.uint8), two_sided=two_sided)
        renderer.load([Surface("ball", 1, faces, np.zeros((len(faces), 3, 2)), material)])
        shown.append(renderer.render([ball * 0.35], CAMERA, [lamp], backdrop(0.05)).rgb.astype(int))
    assert np.abs(shown[0] - shown[1]).max() <= 1


def test_surfaces_of_one_mask_id_keep_their_own_looks(renderer):
    renderer.load([quad("dark", 3, 60), quad("light", 3, 220)])
    frame = renderer.render([QUAD * 0.1 - [0.2, 0, 0], QUAD * 0.1 + [0.2, 0, 0]], CAMERA, [], backdrop(0.5))
    assert frame.mask[64, 26] == frame.mask[64, 74] == 3
    assert frame.rgb[64, 74, 0] > frame.rgb[64, 26, 0] + 50


def test_crevices_are_darker_than_open_places(renderer):
    """Two walls that meet in an edge away from the camera, lit by the sky alone."""
    renderer.load([quad("left", 1), quad("right", 2)])
    walls = [
        QUAD * 0.4 @ np.array([[0.5, 0, 0.5 * side], [0, 1, 0], [0, 0, 1]]) + [0.2 * side, 0, 0.2] for side in (-1, 1)
    ]
    grey = renderer.render(walls, CAMERA, [], backdrop(0.6)).rgb[64, :, 1].astype(int)
    assert grey[49:52].max() < grey[[14, 86]].min() - 8
    # What one side sees, the other sees: the taps have no direction that they like best.
    np.testing.assert_allclose(grey[10:50], grey[90:50:-1], atol=6)


def test_more_light_is_brighter(renderer):
    renderer.load([quad("plane", 1)])
    grey = []
    for radiance in (0.0, 1.0, 2.0, 4.0):
        lamp = AreaLight(LAMP.position, LAMP.target, radiance, LAMP.size)
        grey.append(int(renderer.render([QUAD * 0.3], CAMERA, [lamp], backdrop()).rgb[64, 50, 1]))
    assert grey == sorted(set(grey))


def test_ambient_light_alone_gives_albedo_times_irradiance(renderer):
    """A rough dielectric adds less than the 4 % that a smooth one would mirror."""
    for grey in (0, 128):
        renderer.load([quad("plane", 1, grey)])
        pixel = renderer.render([QUAD * 0.3], CAMERA, [], backdrop(0.5)).rgb[64, 50].astype(float) / 255
        linear = np.where(pixel < 0.04045, pixel / 12.92, ((pixel + 0.055) / 1.055) ** 2.4)
        albedo = ((grey / 255 + 0.055) / 1.055) ** 2.4 if grey else 0.0
        assert np.all(linear > 0.5 * 0.99 * albedo)
        assert np.all(linear < 0.5 * (albedo + 0.04))
        assert grey or np.all(linear > 0)


def test_area_light_gives_the_closed_form_irradiance(renderer):
    """E = L A cos cos / d^2 for a small emitter; the surface is rough enough for its highlight to be small."""
    uv = (QUAD[QUAD_FACES][..., :2] + 1) / 2
    material = Material(np.full((4, 4, 3), 188, np.uint8), roughness=1.0, two_sided=True)
    renderer.load([Surface("plane", 1, QUAD_FACES, uv, material)])
    lamp = AreaLight((3.0, 0.0, 4.0), (0.0, 0.0, 0.0), 15.0, 1.0)
    pixel = renderer.render([QUAD * 0.2], CAMERA, [lamp], backdrop(0.0)).rgb[64, 50].astype(float) / 255
    linear = ((pixel + 0.055) / 1.055) ** 2.4
    albedo = ((188 / 255 + 0.055) / 1.055) ** 2.4
    np.testing.assert_allclose(linear, albedo / np.pi * 15.0 * 0.8 / 25, rtol=0.06)


def test_occluder_casts_a_soft_shadow_and_a_lone_plane_none(renderer):
    lamp = AreaLight((0.0, 4.0, 4.0), (0.0, 0.0, 0.0), 100.0, 1.0)
    renderer.load([quad("wall", 1)])
    alone = renderer.render([QUAD * 0.4], CAMERA, [lamp], backdrop(0.05))
    renderer.load([quad("wall", 1), quad("board", 2)])
    shadowed = renderer.render([QUAD * 0.4, QUAD * 0.1 + [0, 0.32, 0.3]], CAMERA, [lamp], backdrop(0.05))
    wall = np.s_[40:108, 6:94]  # inside the rim, below the board
    lit = alone.rgb[wall][..., 1].astype(int)
    assert np.abs(np.diff(lit, axis=0)).max() <= 2
    assert np.abs(np.diff(lit, axis=1)).max() <= 2
    drop = lit - shadowed.rgb[wall][..., 1]
    assert drop.max() > 40
    # Umbra, penumbra and untouched wall are all there.
    assert (drop > 0.9 * drop.max()).sum() > 50
    assert ((drop > 0.2 * drop.max()) & (drop < 0.8 * drop.max())).sum() > 50
    assert (np.abs(drop) <= 1).mean() > 0.4


def test_backdrop_is_untouched_away_from_the_figure(renderer):
    renderer.load([quad("plane", 1)])
    scene = backdrop()
    frame = renderer.render([QUAD * 0.2], CAMERA, [LAMP], scene)
    rows, cols = np.nonzero(frame.mask)
    away = np.ones((SIZE, SIZE), bool)
    away[rows.min() - 1 : rows.max() + 2, cols.min() - 1 : cols.max() + 2] = False
    np.testing.assert_array_equal(frame.rgb[away], scene.image[away])
    assert (frame.rgb != scene.image).any()


def test_figure_out_of_view_leaves_the_backdrop(renderer):
    renderer.load([quad("plane", 1)])
    scene = backdrop()
    for place in ([30.0, 0, 0], [0.0, 0, 40.0]):
        frame = renderer.render([QUAD + place], CAMERA, [LAMP], scene)
        np.testing.assert_array_equal(frame.rgb, scene.image)
        assert not frame.mask.any()


@pytest.fixture(scope="module")
def person():
    data = load_body("neutral")
    body = NumpyBody(data)
    pose = np.zeros((1, 72))
    pose[0, [50, 53]] = -0.9, 0.9  # arms down
    vertices, joints = body(pose, np.zeros(10))
    material = Material(np.full((4, 4, 3), 170, np.uint8), 0.5, (0.2, 0.1, 0.05))
    return (
        Surface("body", 1, data.faces, data.uv[data.uv_faces], material),
        vertices[0],
        joints[0],
        body.keypoints(vertices)[0],
    )


def test_projected_keypoints_fall_within_the_rendered_body(renderer, person):
    surface, vertices, joints, keypoints = person
    renderer.load([surface])
    lens = cameras.Lens(width=SIZE, height=SIZE)
    for viewpoint in cameras.draw_viewpoints(np.random.default_rng(0), 12.0):
        camera = cameras.track(viewpoint, lens, joints[:1])[0]
        frame = renderer.render([vertices], camera, lights.draw_lights(np.random.default_rng(0)), backdrop())
        seen = keypoints @ camera.extrinsics[:, :3].T + camera.extrinsics[:, 3]
        pixels = np.rint((seen @ camera.intrinsics.T)[:, :2] / seen[:, 2:]).astype(int)
        inner = frame.mask[pixels[:14, 1], pixels[:14, 0]]
        assert inner[:13].all()
        # The body hides its own bones, and by less than a body's depth.
        depth = frame.depth[pixels[:13, 1], pixels[:13, 0]]
        assert np.all(depth < seen[:13, 2] + 0.02)
        assert np.all(depth > seen[:13, 2] - 0.8)


def test_same_input_gives_the_same_bytes(renderer, person):
    surface, vertices, joints, _ = person
    camera = cameras.track(
        cameras.Viewpoint("front", 0.3, 0.1, 0.02, 12.0), cameras.Lens(width=SIZE, height=SIZE), joints[:1]
    )[0]
    lamps, scene = lights.draw_lights(np.random.default_rng(0)), backdrop()
    renderer.load([surface])
    first = renderer.render([vertices], camera, lamps, scene)
    renderer.render([vertices + 0.1], camera, lamps, scene)
    again = renderer.render([vertices], camera, lamps, scene)
    renderer.load([surface])
    reloaded = renderer.render([vertices], camera, lamps, scene)
    for other in (again, reloaded):
        assert first.rgb.tobytes() == other.rgb.tobytes()
        assert first.mask.tobytes() == other.mask.tobytes()
        assert first.depth.tobytes() == other.depth.tobytes()


def test_two_renderers_do_not_disturb_each_other(renderer):
    renderer.load([quad("plane", 1)])
    before = renderer.render([QUAD * 0.3], CAMERA, [LAMP], backdrop())
    other = GlRenderer(32, 16)
    other.close()
    after = renderer.render([QUAD * 0.3], CAMERA, [LAMP], backdrop())
    np.testing.assert_array_equal(before.rgb, after.rgb)


def test_without_a_driver_the_error_says_how_to_get_one(monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("libEGL.so not loaded")

    monkeypatch.setattr("moderngl.create_context", broken)
    with pytest.raises(RenderError, match=r"apt-get install libegl1 libgl1-mesa-dri.*Received: .*libEGL.so not loaded"):
        GlRenderer(8, 8)


def test_scene_that_does_not_fit_is_refused(renderer):
    with pytest.raises(RenderError, match="mask ids"):
        renderer.load([quad("plane", 0)])
    renderer.load([quad("plane", 1)])
    with pytest.raises(RenderError, match="Received: \\[\\(3, 3\\)\\]"):
        renderer.render([QUAD[:3]], CAMERA, [LAMP], backdrop())
    with pytest.raises(RenderError, match="Finite"):
        renderer.render([QUAD * np.nan], CAMERA, [LAMP], backdrop())
    with pytest.raises(RenderError, match="At most 4"):
        renderer.render([QUAD], CAMERA, [LAMP] * 5, backdrop())
    with pytest.raises(RenderError, match="250 x 250"):
        renderer.render([QUAD], Camera(INTRINSICS, CAMERA.extrinsics, 250, 250), [LAMP], backdrop())
