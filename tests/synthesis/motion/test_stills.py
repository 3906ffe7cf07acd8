import numpy as np
import pytest

from model.body.files import load_body
from model.body.numpy_body import NumpyBody
from model.conventions import joint
from model.errors import MotionError
from synthesis.motion.builtin import stills


@pytest.fixture(scope="module")
def posed():
    body = NumpyBody(load_body("neutral"))
    poses = np.stack([stills.pose(name) for name in stills.POSES])
    vertices, joints = body(poses, np.zeros(10))
    return {
        name: (poses[i], vertices[i], joints[i] - [0, vertices[i, :, 1].min(), 0])
        for i, name in enumerate(stills.POSES)
    }


def test_twelve_different_poses(posed):
    poses = np.stack([pose for pose, _, _ in posed.values()])
    assert poses.shape == (12, 72) and np.isfinite(poses).all()
    assert not posed["t-pose"][0].any()
    apart = np.linalg.norm(poses[:, None] - poses[None], axis=-1)
    assert apart[~np.eye(12, dtype=bool)].min() > 0.5


def test_feet_carry_the_body(posed):
    """The lowest vertex lies at a foot, and the pelvis over or behind it, not a metre away."""
    for name, (_, vertices, joints) in posed.items():
        lowest = vertices[vertices[:, 1].argmin()]
        feet = joints[[joint("L_foot"), joint("R_foot"), joint("L_ankle"), joint("R_ankle")]]
        assert np.linalg.norm((feet - lowest)[:, [0, 2]], axis=1).min() < 0.2, name
        assert np.linalg.norm((joints[0] - lowest)[[0, 2]]) < 0.7, name


def test_standing_poses_have_both_feet_on_the_floor(posed):
    weights = load_body("neutral").weights
    for name in set(stills.POSES) - {"run", "kick"}:
        heights = posed[name][1][:, 1] - posed[name][1][:, 1].min()
        for side in "LR":
            foot = weights[:, [joint(f"{side}_ankle"), joint(f"{side}_foot")]].sum(1) > 0.5
            assert heights[foot].min() < 0.03, (name, side)


def test_poses_are_what_they_say(posed):
    at = {name: lambda j, joints=joints: joints[joint(j)] for name, (_, _, joints) in posed.items()}
    head = at["stand"]("head")[1]
    for wrist in ("L_wrist", "R_wrist"):
        assert at["stand"](wrist)[1] < at["stand"]("pelvis")[1] + 0.1
        assert at["arms-up"](wrist)[1] > head
        assert at["bend"](wrist)[1] < 0.6
    assert at["wave"]("R_wrist")[1] > head > 1.0 > at["wave"]("L_wrist")[1]
    for low in ("squat", "sit", "crouch"):
        assert at[low]("pelvis")[1] < 0.7 * at["stand"]("pelvis")[1]
    assert at["kick"]("R_ankle")[1] > 0.5 > at["kick"]("L_ankle")[1]
    for step in ("walk", "run"):  # the arm goes with the other side's leg
        assert (at[step]("L_ankle")[2] - at[step]("R_ankle")[2]) > 0.3
        assert (at[step]("L_wrist")[2] - at[step]("R_wrist")[2]) < -0.2
    shoulders = at["twist"]("L_shoulder") - at["twist"]("R_shoulder")
    assert np.degrees(np.arctan2(-shoulders[2], shoulders[0])) < -40


def test_unknown_pose():
    with pytest.raises(MotionError, match="Received: 'moonwalk'"):
        stills.pose("moonwalk")
