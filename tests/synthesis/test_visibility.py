import numpy as np

from model import conventions
from synthesis.visibility import DEEPEST, FOLD, LOOSE, visible

K = conventions.NUM_KEYPOINTS
KNEE, NOSE = conventions.keypoint("L_knee"), conventions.keypoint("nose")
# Seen from the camera (y down) counter-clockwise from outside is clockwise towards +y: a sheet of skin facing it.
SHEET = np.array([[-50.0, -50.0], [-50.0, 50.0], [50.0, 0.0]])
FACE = np.array([[0, 1, 2]])


def seen(sheets, surface, distance=5.0, at=(10.0, 10.0)):
    """Visibility [19] of keypoints at one place behind sheets of skin at the depths `sheets`."""
    skin = np.concatenate([SHEET] * len(sheets))[None]
    faces = np.concatenate([FACE + 3 * i for i in range(len(sheets))])
    depth = np.full((1, 20, 20), surface)
    pixels = np.tile(np.array(at), (1, K, 1))
    return visible(pixels, np.full((1, K), distance), skin, np.repeat(sheets, 3)[None], faces, depth)[0]


def test_a_joint_is_seen_through_its_own_skin_and_clothes():
    own = 5.0 - 0.05
    assert seen([own], own)[KNEE] == 1
    assert seen([own], own - 0.9 * LOOSE)[KNEE] == 1
    assert seen([own], own - 1.1 * LOOSE)[KNEE] == 0


def test_another_limb_hides_it_even_where_cloth_would_not():
    own = 5.0 - 0.05
    hand = own - 0.5 * LOOSE
    assert seen([own, hand], hand)[KNEE] == 0
    assert seen([own, own - 0.9 * FOLD], own - 0.9 * FOLD)[KNEE] == 1  # a fold of its own skin


def test_a_joint_deep_along_its_limb_is_hidden():
    for margin, expected in ((-0.01, 1), (0.01, 0)):
        own = 5.0 - DEEPEST[KNEE] - margin
        assert seen([own], own)[KNEE] == expected


def test_skin_behind_or_seen_from_inside_hides_nothing():
    assert seen([5.05], 4.99).all()
    flipped = visible(
        np.full((1, K, 2), 10.0), np.full((1, K), 5.0), SHEET[None, ::-1], np.full((1, 3), 4.0), FACE,
        np.full((1, 20, 20), 4.99),
    )  # fmt: skip
    assert flipped.all()


def test_a_point_of_the_face_is_hidden_by_the_head_it_lies_on():
    back_of_head = 5.0 - 0.18
    assert seen([back_of_head], back_of_head)[NOSE] == 0
    assert seen([5.0 - 0.01], 5.0 - 0.01)[NOSE] == 1


def test_outside_of_the_frame_or_of_the_person_is_not_visible():
    assert not seen([4.95], 4.95, at=(-3.0, 10.0)).any()
    assert not seen([4.95], 4.95, at=(10.0, 20.5)).any()
    assert not seen([4.95], np.inf).any()
    assert not seen([4.95], 4.95, distance=-5.0).any()
