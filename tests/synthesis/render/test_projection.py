import numpy as np

from synthesis.render.gl import projection
from synthesis.render.interface import AreaLight, Camera

POINTS = np.random.default_rng(0).uniform(-1, 1, (50, 3))


def _camera() -> Camera:
    intrinsics = np.array([[900.0, 3.0, 70.0], [0.0, 800.0, 40.0], [0.0, 0.0, 1.0]])
    extrinsics = np.column_stack([np.diag([1.0, -1.0, -1.0]), [0.1, -0.2, 12.0]])
    return Camera(intrinsics, extrinsics, 160, 90)


def test_clip_matrix_puts_pixel_centres_at_whole_numbers():
    camera = _camera()
    view = projection.fit_view(camera, POINTS)
    pixels = (POINTS @ camera.extrinsics[:, :3].T + camera.extrinsics[:, 3]) @ camera.intrinsics.T
    depth = pixels[:, 2]
    clip = np.column_stack([POINTS, np.ones(50)]) @ view.clip_from_world.T
    np.testing.assert_allclose(clip[:, 3], depth)
    window = (clip[:, :2] / clip[:, 3:] + 1) / 2 * [160, 90]
    np.testing.assert_allclose(window, pixels[:, :2] / depth[:, None] + 0.5)
    assert np.all(np.abs(clip[:, 2]) < clip[:, 3])


def test_rays_undo_the_projection():
    camera = _camera()
    view = projection.fit_view(camera, POINTS)
    pixels = (POINTS @ camera.extrinsics[:, :3].T + camera.extrinsics[:, 3]) @ camera.intrinsics.T
    np.testing.assert_allclose(view.eye + pixels @ view.ray_from_pixel.T, POINTS, atol=1e-9)


def test_box_holds_the_figure_and_stays_in_the_image():
    left, top, width, height = projection.fit_view(_camera(), POINTS).box
    assert left >= 0 and top >= 0 and left + width <= 160 and top + height <= 90
    assert projection.fit_view(_camera(), POINTS + np.array([0, 0, 20])).box[2:] == (0, 0)


def test_shadow_frustum_is_tight_and_maps_depth_as_it_says():
    light = AreaLight((5.0, 4.0, -3.0), (0.0, 0.0, 0.0), 1.0, 1.0)
    view = projection.fit_light(light, POINTS, 0.05)
    local = (POINTS - light.position) @ view.rotation.T
    uv = local[:, :2] / local[:, 2:] * view.window[:2] + view.window[2:]
    np.testing.assert_allclose(uv.min(0), 0.05, atol=1e-9)
    np.testing.assert_allclose(uv.max(0), 0.95, atol=1e-9)
    clip = np.column_stack([POINTS, np.ones(50)]) @ view.clip_from_world.T
    np.testing.assert_allclose(
        (clip[:, :3] / clip[:, 3:] + 1) / 2, np.column_stack([uv, view.depth[0] + view.depth[1] / local[:, 2]])
    )
