"""Labels against rendered pixels; what they are held against is rasterised here by OpenCV, not by the renderer."""

import dataclasses

import cv2
import numpy as np
import pytest

from model import conventions
from model.conventions import joint, keypoint
from synthesis import labels
from synthesis.avatar import avatar_body
from synthesis.motion.builtin import stills
from synthesis.motion.placement import lowest_points
from synthesis.render.gl.renderer import GlRenderer
from synthesis.render.interface import Backdrop, Frame, Material, RenderError, Surface
from synthesis.scene import cameras

SIZE = 250
FINE = 8  # OpenCV also fills the pixels that an outline touches: at 8 times the size that is 1/16 pixel
POSES = ("stand", "walk", "run", "squat", "kick", "bend", "twist", "crouch")
# Points on the outline may round to a pixel of the backdrop; joints inside the limbs may not.
INSIDE_LIMBS = np.array([name != "head_top" for name in conventions.KEYPOINTS[: conventions.NUM_EVAL_KEYPOINTS]])


@dataclasses.dataclass(frozen=True)
class Shot:
    """A naked person in one picture."""

    frame: Frame
    labels: labels.Labels
    vertices: np.ndarray  # [V, 3] camera frame, posed anew from the labels
    pixels: np.ndarray  # [V, 2]


@pytest.fixture(scope="module")
def shoot():
    body = avatar_body()
    data = body.data
    try:
        renderer = GlRenderer(SIZE, SIZE)
    except RenderError as error:
        pytest.skip(str(error))
    grey = Material(np.full((4, 4, 3), 170, np.uint8))
    renderer.load([Surface("body", 1, data.faces, data.uv[data.uv_faces], grey)])
    empty = Backdrop(np.zeros((SIZE, SIZE, 3), np.uint8), np.ones((9, 3)))

    def take(pose, betas, viewpoint, lens=None):
        lens = lens or cameras.Lens()
        trans = np.array([[0.3, -lowest_points(pose[None], body, betas)[0], -0.2]])
        vertices, joints = body(pose[None], betas, trans)
        camera = cameras.track(viewpoint, lens, joints[:, 0], cameras.headings(pose[None, :3], 30.0))[0]
        frame = renderer.render([vertices[0]], camera, [], empty)
        found = labels.label(
            body, betas, pose[None], trans, vertices, camera.intrinsics, camera.extrinsics[None], frame.depth[None]
        )
        again, _ = body(found.pose, betas, found.trans)
        flat = again[0] @ camera.intrinsics.T
        return Shot(frame, found, again[0], flat[:, :2] / flat[:, 2:])

    yield take
    renderer.close()


@pytest.fixture(scope="module")
def shots(shoot):
    """Eight poses of eight people, each seen from two of the four sides."""
    rng = np.random.default_rng(0)
    taken = []
    for number, name in enumerate(POSES):
        betas = rng.normal(size=conventions.NUM_BETAS).astype(np.float32)
        views = cameras.draw_viewpoints(rng, cameras.Lens().fitting_distance(1.75))
        taken += [shoot(stills.pose(name), betas, views[(number + turn) % 4]) for turn in (0, 1)]
    return taken


def faces_nearest_last(shot):
    """Triangles that face the camera, far ones first: indices [N], fixed-point corners [N, 3, 2] on the fine grid."""
    faces = avatar_body().data.faces
    corners = shot.vertices[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    shown = np.flatnonzero((normals * corners[:, 0]).sum(1) < 0)
    order = shown[np.argsort(-corners[shown, :, 2].mean(1))]
    fine = (shot.pixels[faces[order]] + 0.5) * FINE - 0.5
    return order, np.rint(fine * 16).astype(np.int32)


def test_the_relabelled_mesh_has_the_masks_silhouette(shots):
    overlaps = []
    for shot in shots:
        painted = np.zeros((SIZE * FINE, SIZE * FINE), np.uint8)
        for triangle in faces_nearest_last(shot)[1]:
            cv2.fillConvexPoly(painted, triangle, 255, shift=4)
        drawn = cv2.resize(painted, (SIZE, SIZE), interpolation=cv2.INTER_AREA) > 127
        mask = shot.frame.mask > 0
        overlaps.append((drawn & mask).sum() / (drawn | mask).sum())
    assert min(overlaps) >= 0.97, overlaps


def test_depth_at_projected_visible_vertices(shots):
    faces = avatar_body().data.faces
    errors = []
    for shot in shots:
        order, triangles = faces_nearest_last(shot)
        shown = np.full((SIZE * FINE, SIZE * FINE), -1, np.int32)
        for face, triangle in zip(order.tolist(), triangles, strict=True):
            cv2.fillConvexPoly(shown, triangle, face, shift=4)
        # A vertex is seen where one of its own triangles is what the picture shows.
        column, row = np.rint((shot.pixels + 0.5) * FINE - 0.5).astype(int).T
        visible = np.flatnonzero((faces[shown[row, column]] == np.arange(len(row))[:, None]).any(1))
        x, y = shot.pixels[visible].astype(np.float32).T
        # Where all four pixels around show the person and no limb ends; a pixel is a centimetre wide.
        low = cv2.erode(np.where(np.isinf(shot.frame.depth), 0, shot.frame.depth), np.ones((3, 3)))
        high = cv2.dilate(shot.frame.depth, np.ones((3, 3)))
        smooth = (high - low)[np.rint(y).astype(int), np.rint(x).astype(int)] < 0.03
        depth = cv2.remap(shot.frame.depth, x[None], y[None], cv2.INTER_LINEAR)[0]
        errors.append(np.abs(depth - shot.vertices[visible, 2])[smooth])
    errors = np.concatenate(errors)
    assert len(errors) > 500 * len(shots)
    assert (errors < 0.01).mean() >= 0.99
    assert np.median(errors) < 0.001


def test_visible_joints_lie_on_the_person(shots):
    strictly, touching = [], []
    for shot in shots:
        x, y, visible = shot.labels.keypoints2d[0].T
        mask = shot.frame.mask > 0
        on = mask[np.rint(y).astype(int), np.rint(x).astype(int)]
        strictly.append(on[: len(INSIDE_LIMBS)][INSIDE_LIMBS & (visible[: len(INSIDE_LIMBS)] > 0)])
        near = cv2.dilate(mask.astype(np.uint8), np.ones((3, 3)))[np.rint(y).astype(int), np.rint(x).astype(int)]
        touching.append(near[visible > 0])
    assert len(np.concatenate(strictly)) > 7 * len(shots)
    assert np.concatenate(strictly).mean() >= 0.995
    assert np.concatenate(touching).mean() >= 0.995


def view(azimuth, distance=10.0):
    return cameras.Viewpoint("somewhere", azimuth, 0.05, 0.0, distance)


@pytest.mark.parametrize("beta", [-2.0, 0.0, 2.0])
def test_hands_before_the_trunk_are_seen_and_behind_it_hidden(shoot, beta):
    """Arms stretched forward and a little inwards, seen from before and from behind; slim and stout people."""
    betas = np.zeros(conventions.NUM_BETAS, np.float32)
    betas[1] = beta
    pose = np.zeros(conventions.POSE_SIZE)
    for side, turn in (("L_shoulder", -1.8), ("R_shoulder", 1.8)):
        pose[3 * joint(side) + 1] = turn
    wrists = [keypoint("L_wrist"), keypoint("R_wrist")]
    face = [keypoint(name) for name in ("nose", "L_eye", "R_eye")]
    hips = [keypoint("L_hip"), keypoint("R_hip")]
    from_before, from_behind = (shoot(pose, betas, view(a)).labels.keypoints2d[0, :, 2] for a in (0.0, np.pi))
    assert from_before[wrists].all() and not from_behind[wrists].any()
    assert from_before[face].all() and not from_behind[face].any()
    # Hip centres lie deep in the pelvis, and are seen from either side.
    assert from_before[hips].all() and from_behind[hips].all()


def test_a_standing_person_hides_the_far_side_from_the_side(shoot):
    visible = shoot(stills.pose("stand"), np.zeros(conventions.NUM_BETAS), view(0.5 * np.pi)).labels.keypoints2d[
        0, :, 2
    ]
    for name in ("ear", "shoulder", "hip", "knee"):
        assert visible[keypoint(f"L_{name}")] or name == "hip", name  # the hand hangs before the hip
        assert not visible[keypoint(f"R_{name}")], name
