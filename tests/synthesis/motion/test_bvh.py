"""BVH files: a small one with known forward kinematics, and what damaged ones are answered with."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skeleton_files import as_bvh, random_skeleton

from model.errors import MotionError
from synthesis.motion.bvh import read_bvh

ARM = """HIERARCHY
ROOT base
{
  OFFSET 0 0 0
  CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
  JOINT arm
  {
    OFFSET 0 2 0
    CHANNELS 3 Yrotation Zrotation Xrotation
    End Site
    {
      OFFSET 1 0 0
    }
  }
}
MOTION
Frames: 2
Frame Time: 0.008333
0 0 0 0 0 0 0 0 0
5 6 7 90 0 0 90 90 0
"""


def written(tmp_path, text):
    path = tmp_path / "arm.bvh"
    path.write_text(text)
    return path


def test_forward_kinematics_of_a_known_arm(tmp_path):
    file = read_bvh(written(tmp_path, ARM))
    pos = file.world_pos
    assert file.names == ("base", "arm", "arm:end")
    assert file.fps == 120.0
    np.testing.assert_allclose(pos[0], [[0, 0, 0], [0, 2, 0], [1, 2, 0]], atol=1e-12)
    # Root: Rz(90) takes the arm's offset +y to -x. Arm: Ry(90) Rz(90) takes +x to +y, which the root takes to -x.
    np.testing.assert_allclose(pos[1], [[5, 6, 7], [3, 6, 7], [2, 6, 7]], atol=1e-12)


def test_channel_order_is_the_files_own(tmp_path):
    swapped = ARM.replace("Yrotation Zrotation Xrotation\n    End", "Zrotation Yrotation Xrotation\n    End")
    pos = read_bvh(written(tmp_path, swapped)).world_pos
    # Rz(90) Ry(90) takes +x to -z, which the root's Rz(90) leaves.
    np.testing.assert_allclose(pos[1, 2], [3, 6, 6], atol=1e-12)


def test_names_with_spaces_are_whole(tmp_path):
    file = read_bvh(written(tmp_path, ARM.replace("JOINT arm", "JOINT Bip01 L UpperArm")))
    assert file.names == ("base", "Bip01 L UpperArm", "Bip01 L UpperArm:end")


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_random_hierarchies_come_back(tmp_path_factory, seed):
    skeleton = random_skeleton(np.random.default_rng(seed))
    path = tmp_path_factory.mktemp("bvh") / "random.bvh"
    path.write_text(as_bvh(skeleton))
    file = read_bvh(path)
    assert file.fps == 50.0
    order = [file.names.index(name) for name in skeleton.names]
    assert [file.parents[i] for i in order] == [order[p] if p >= 0 else -1 for p in skeleton.parents]
    np.testing.assert_allclose(file.rest[order], skeleton.rest, atol=1e-9)
    np.testing.assert_allclose(file.world_rot[:, order], skeleton.world_rot, atol=1e-9)
    np.testing.assert_allclose(file.world_pos[:, order], skeleton.world_pos, atol=1e-9)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("5 6 7 90 0 0 90 90 0\n", "5 6 7 90", "18 numbers. Received: 13"),
        ("5 6 7 90 0 0 90 90 0\n", "5 6 7 90 0 0 90 90 0 1", "18 numbers. Received: 19"),
        ("5 6 7", "5 nan 7", "NaN or infinity in frame 1"),
        ("5 6 7", "5 1e300 7", "within 1e.09 .* frame 1"),
        ("5 6 7", "5 six 7", "could not convert.*line 20"),
        ("Frames: 2", "Frames: 0", "at least one frame"),
        ("0.008333", "0", "positive frame time"),
        ("Frame Time: 0.008333\n", "", "`Frame Time: s`"),
        ("MOTION", "MOVES", "MOTION section"),
        ("CHANNELS 3", "CHANNELS 2", "JOINT, End Site or }. Received: Xrotation"),
        ("CHANNELS 3", "CHANNELS three", "number of channels. Received: three"),
        ("CHANNELS 3 Yrotation", "CHANNELS 3 Wrotation", "CHANNELS out of"),
        ("OFFSET 0 2 0", "OFFSET 0 two 0", "a number. Received: two.*line 8"),
        ("OFFSET 0 2 0", "OFFSET 0 inf 0", "finite offsets"),
        ("}\nMOTION", "MOTION", "a whole HIERARCHY"),
        ("JOINT arm", "JOINT base", "base twice"),
        ("HIERARCHY", "", "HIERARCHY. Received: ROOT"),
    ],
)
def test_damaged_files_are_answered_with_what_is_wrong(tmp_path, old, new, message):
    assert old in ARM
    with pytest.raises(MotionError, match=message.replace("(", r"\(")):
        read_bvh(written(tmp_path, ARM.replace(old, new, 1)))


def test_missing_binary_and_endlessly_nested_files_are_refused(tmp_path):
    with pytest.raises(MotionError, match="readable"):
        read_bvh(tmp_path / "none.bvh")
    (tmp_path / "noise.bvh").write_bytes(np.random.default_rng(0).bytes(4096))
    with pytest.raises(MotionError, match="MOTION section"):
        read_bvh(tmp_path / "noise.bvh")
    nested = "".join(f"JOINT j{i} {{ OFFSET 0 1 0 CHANNELS 0 " for i in range(5000))
    with pytest.raises(MotionError, match="nested without end"):
        read_bvh(written(tmp_path, f"HIERARCHY ROOT r {{ OFFSET 0 0 0 CHANNELS 0 {nested} MOTION"))
