"""Acclaim files: random skeletons that come back, which skeleton belongs to a motion, and damaged files."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skeleton_files import INCHES, random_acclaim

from model.errors import MotionError
from synthesis.motion.asf_amc import CMU_FPS, find_skeleton, read_amc

ASF = """:version 1.10
:units
  length 0.45
  angle deg
:root
  order TX TY TZ RX RY RZ
  axis XYZ
  position 0 0 0
  orientation 0 0 0
:bonedata
  begin
    id 1
    name thigh
    direction 0 -1 0
    length 9
    axis 0 0 90 XYZ
    dof rx rz
    limits (-90 90)
           (-90 90)
  end
  begin
    id 2
    name shank
    direction 0 -1 0
    length 8
    axis 0 0 0 XYZ
    dof rx
  end
:hierarchy
  begin
    root thigh
    thigh shank
  end
"""
AMC = """# a comment
:FULLY-SPECIFIED
:DEGREES
1
root 1 2 3 0 0 0
thigh 0 0
shank 0
2
root 1 2 3 0 90 0
thigh 90 0
shank 90
"""


def written(folder, asf=ASF, amc=AMC):
    (folder / "leg.asf").write_text(asf)
    (folder / "leg.amc").write_text(amc)
    return folder / "leg.amc"


def test_forward_kinematics_of_a_known_leg(tmp_path):
    motion = read_amc(written(tmp_path))
    assert motion.names == ("root", "thigh", "shank", "shank:end")
    assert motion.fps == CMU_FPS
    np.testing.assert_allclose(motion.metres, 0.0254 / 0.45)
    np.testing.assert_allclose(motion.rest, [[0, 0, 0], [0, 0, 0], [0, -9, 0], [0, -17, 0]], atol=1e-12)
    np.testing.assert_allclose(motion.world_pos[0], np.add(motion.rest, [1, 2, 3]), atol=1e-12)
    # The thigh's axes are turned by 90 degrees about z, so its x is the parent's y: it spins about itself, and with the
    # root's quarter turn about y makes half a turn. The shank's quarter turn about x takes -y to -z, then z.
    np.testing.assert_allclose(motion.world_pos[1], [[1, 2, 3], [1, 2, 3], [1, -7, 3], [1, -7, 11]], atol=1e-9)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_random_hierarchies_come_back(tmp_path_factory, seed):
    asf, amc, skeleton = random_acclaim(np.random.default_rng(seed))
    motion = read_amc(written(tmp_path_factory.mktemp("acclaim"), asf, amc), fps=50.0)
    order = [motion.names.index(name) for name in skeleton.names]
    assert [motion.parents[i] for i in order] == [order[p] if p >= 0 else -1 for p in skeleton.parents]
    assert motion.metres == 0.0254 / INCHES
    np.testing.assert_allclose(motion.rest[order], skeleton.rest, atol=1e-9)
    np.testing.assert_allclose(motion.world_rot[:, order], skeleton.world_rot, atol=1e-9)
    np.testing.assert_allclose(motion.world_pos[:, order], skeleton.world_pos, atol=1e-9)


@pytest.mark.parametrize(
    ("there", "motion", "found"),
    [
        (["01.asf", "1.asf", "011.asf"], "01_01.amc", "01.asf"),
        (["1.asf", "11.asf"], "11_01.amc", "11.asf"),
        (["dance.asf", "dance_solo.asf"], "dance_solo3.amc", "dance_solo.asf"),
        (["subject.ASF"], "walk.amc", "subject.ASF"),
        ([], "walk.amc", None),
        (["1.asf", "2.asf"], "10_01.amc", None),
    ],
)
def test_the_skeleton_beside_a_motion(tmp_path, there, motion, found):
    for name in there:
        (tmp_path / name).touch()
    if found:
        assert find_skeleton(tmp_path / motion).name == found
    else:
        with pytest.raises(MotionError, match=there[0] if there else "no .asf file"):
            find_skeleton(tmp_path / motion)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("shank 90\n", "", "frame 2 .*shank is missing"),
        ("shank 90\n", "shank 90\nshank 90\n", "shank is missing or double"),
        ("shank 90\n", "tail 90\n", "Received: tail in line 11"),
        ("shank 90\n", "shank ninety\n", "ninety"),
        ("shank 90\n", "shank nan\n", "NaN or infinity for shank in frame 2"),
        ("shank 90\n", "shank 90 1\n", "shank has the values rx.*line 11"),
        ("2\nroot", "3\nroot", "Frame 2 is next.*line 8"),
        ("1\nroot", "root", "begins with its number.*line 4"),
        (AMC, "", "at least one frame"),
        ("thigh shank", "thigh shank\n shank thigh", "each bone hangs on one other. Received: thigh"),
        ("root thigh\n    thigh shank", "thigh shank\n shank thigh", "in a cycle: thigh, shank"),
        ("root thigh\n", "root fin\n", "of the file's bones. Received: fin"),
        ("    thigh shank\n", "", "shank"),
        ("name shank", "name thigh", "thigh twice"),
        ("length 9", "length nine", "one|nine in line 15"),
        ("length 9", "length inf", "inf in line 15"),
        ("length 0.45", "length 0", "positive"),
        ("angle deg", "angle grad", "grad"),
        ("dof rx rz", "dof rx l", "rx l in line 17"),
        ("0 0 90 XYZ", "0 0 90 XYY", "XYY"),
        (":hierarchy", ":tree", "without :hierarchy"),
        ("    thigh shank\n  end\n", "    thigh shank\n", "stops within one"),
    ],
)
def test_damaged_files_are_answered_with_what_is_wrong(tmp_path, old, new, message):
    assert old in ASF + AMC
    path = written(tmp_path, ASF.replace(old, new, 1), AMC.replace(old, new, 1))
    with pytest.raises(MotionError, match=message):
        read_amc(path)


def test_missing_and_binary_files_and_frame_rates_that_are_none_are_refused(tmp_path):
    path = written(tmp_path)
    with pytest.raises(MotionError, match="positive frame rate"):
        read_amc(path, fps=0.0)
    path.write_bytes(np.random.default_rng(0).bytes(4096))
    with pytest.raises(MotionError):
        read_amc(path)
    path.unlink()
    with pytest.raises(MotionError, match="readable"):
        read_amc(path)
