"""AMASS's `.npz` files (Mahmood et al. 2019): SMPL-H poses fitted to motion capture by MoSh++."""

from __future__ import annotations

import pathlib

import numpy as np

from model import rotations
from model.body.files import GENDERS, load_body
from model.body.numpy_body import NumpyBody
from model.conventions import NUM_BETAS, POSE_SIZE
from model.errors import MotionError
from synthesis.motion import rig
from synthesis.motion.motion import Motion
from synthesis.motion.skeleton import check_leg

# SMPL-H's first 22 joints are SMPL's; its hands have fingers where SMPL has one joint each, which stays straight.
_BODY_SIZE = 66
# AMASS wrote both names, the second one from the SMPL-X releases on.
_RATES = ("mocap_framerate", "mocap_frame_rate")
# z up to y up: a quarter turn back about x.
_TO_Y_UP = rotations.rotation_about(0, -np.pi / 2)
# Metres per second, and metres over or under the floor, of the median frame: sprinters make 12, stairs are climbed.
_FASTEST, _HIGHEST = 16.0, 10.0


def read_amass(path: str | pathlib.Path, name: str) -> Motion:
    """Reads the body part of an AMASS motion.

    The floor is z = 0 of the file, as AMASS has it. The root path is put in leg lengths by the body loaded here, of
    the file's gender and first 10 betas, so that it stays plausible on any other body. The figure is turned to face +z
    in its first frame.

    Args:
        path: an `.npz` with `poses` [F, >= 66] axis-angle, `trans` [F, 3] metres, z up, the frame rate, and optionally
            `betas` [>= 10] and `gender`.
        name: the motion's name and kind.

    Raises:
        MotionError: the file cannot be read, holds pickled objects, lacks an array or has one of another shape, holds
            numbers that are not finite, or moves faster than a person can: in another unit than metres.
    """
    arrays = _read(path)
    poses, trans, fps = (arrays[key] for key in ("poses", "trans", "fps"))
    body = NumpyBody(load_body(arrays["gender"]))
    measures = rig.measure(body, arrays["betas"])
    check_leg(measures.leg_length, f"{path}, from its betas")
    _check_metres(path, trans + measures.joints[0], fps)
    pose = np.zeros((len(poses), POSE_SIZE))
    pose[:, :_BODY_SIZE] = poses[:, :_BODY_SIZE]
    world = _TO_Y_UP @ rotations.axis_angle_to_matrix(pose[:, :3])
    # The body turns about its pelvis at rest, and `trans` moves both.
    pelvis = (trans + measures.joints[0]) @ _TO_Y_UP.T
    forward = world[0, :, 2]
    heading = rotations.rotation_about(1, -np.arctan2(forward[0], forward[2]))
    pose[:, :3] = rotations.matrix_to_axis_angle(heading @ world)
    root = ((pelvis - pelvis[0] * [1.0, 0.0, 1.0]) @ heading.T) / measures.leg_length
    return Motion(name, name, pose.astype(np.float32), root.astype(np.float32), float(fps))


def _check_metres(path: str | pathlib.Path, pelvis: np.ndarray, fps: float) -> None:
    speed = np.median(np.linalg.norm(np.diff(pelvis, axis=0), axis=1)) * fps if len(pelvis) > 1 else 0.0
    height = np.median(pelvis[:, 2])
    if speed > _FASTEST or abs(height) > _HIGHEST:
        raise MotionError(
            f"A path in metres is needed, slower than {_FASTEST} m/s and within {_HIGHEST} m of the floor. "
            f"Received: {speed:.3g} m/s at a height of {height:.3g} m in {path}"
        )


def _read(path: str | pathlib.Path) -> dict:
    """The arrays, checked: poses [F, >= 66], trans [F, 3], betas [10], fps, gender."""
    try:
        # Opened here: NumPy leaves a file that is no archive open, and gives an array for one that is an .npy.
        with open(path, "rb") as stream:
            file = np.load(stream, allow_pickle=False)
            if not isinstance(file, np.lib.npyio.NpzFile):
                raise ValueError("not an .npz archive")
            # Only what is wanted: AMASS's own files hold more, and a pickled array must not be touched.
            wanted = ("poses", "trans", "betas", "gender", *_RATES)
            found = {key: file[key] for key in wanted if key in file.files}
    except Exception as error:  # zipfile, zlib and NumPy's header parser each have errors of their own
        raise MotionError(f"A readable AMASS .npz file is needed. Received: {path}: {error}") from error
    rate = next((key for key in _RATES if key in found), _RATES[0])
    missing = [key for key in ("poses", "trans", rate) if key not in found]
    if missing:
        raise MotionError(
            f"An AMASS file holds poses, trans and {_RATES[0]}. Received: {path} without {', '.join(missing)}"
        )
    for key, array in found.items():
        if key != "gender" and array.dtype.kind not in "fiu":
            raise MotionError(f"{key} are numbers. Received: {array.dtype} in {path}")
    poses, trans = found["poses"].astype(np.float64), found["trans"].astype(np.float64)
    frames = len(poses) if poses.ndim else 0
    if not frames or poses.ndim != 2 or poses.shape[1] < _BODY_SIZE or trans.shape != (frames, 3):
        raise MotionError(
            f"An AMASS motion has poses [F, >= {_BODY_SIZE}] and trans [F, 3], F >= 1. "
            f"Received: {poses.shape} and {trans.shape} in {path}"
        )
    finite = np.isfinite(poses).all(1) & np.isfinite(trans).all(1)
    if not finite.all():
        raise MotionError(f"Poses are finite. Received: NaN or infinity in frame {int(np.argmin(finite))} of {path}")
    fps = found[rate]
    if fps.size != 1 or not (np.isfinite(fps).all() and fps.item() > 0):
        raise MotionError(f"A motion has a positive frame rate. Received: {rate} = {fps} in {path}")
    betas = found.get("betas", np.zeros(NUM_BETAS)).astype(np.float64).ravel()
    if len(betas) < NUM_BETAS or not np.isfinite(betas).all():
        raise MotionError(f"A shape has at least {NUM_BETAS} finite betas. Received: {betas} in {path}")
    gender = str(found.get("gender", "neutral"))
    # Some releases wrote bytes.
    gender = gender.removeprefix("b'").removesuffix("'")
    return {
        "poses": poses,
        "trans": trans,
        "fps": fps.item(),
        "betas": betas[:NUM_BETAS],
        "gender": gender if gender in GENDERS else "neutral",
    }
