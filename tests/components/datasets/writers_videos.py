"""Writers of small datasets in the official layouts and containers, from what the datasets' own documents say.

They know nothing of the readers: joints are found by the datasets' names, written down here once more.
"""

from __future__ import annotations

import pathlib

import cv2
import h5py
import numpy as np
import scipy.io
from cdflib import cdfwrite

# Names of a Human3.6M skeleton in the order of its files (the BVH skeleton of the release, ends as "Site").
H36M_JOINTS = (
    "Hips", "RightUpLeg", "RightLeg", "RightFoot", "RightToeBase", "Site1", "LeftUpLeg", "LeftLeg", "LeftFoot",
    "LeftToeBase", "Site2", "Spine", "Spine1", "Neck", "Head", "Site3", "LeftShoulder", "LeftArm", "LeftForeArm",
    "LeftHand", "LeftHandThumb", "Site4", "L_Wrist_End", "Site5", "RightShoulder", "RightArm", "RightForeArm",
    "RightHand", "RightHandThumb", "Site6", "R_Wrist_End", "Site7",
)  # fmt: skip
# mpii_get_joint_set.m, "all" and "relevant".
MPI_JOINTS = (
    "spine3", "spine4", "spine2", "spine", "pelvis", "neck", "head", "head_top", "left_clavicle", "left_shoulder",
    "left_elbow", "left_wrist", "left_hand", "right_clavicle", "right_shoulder", "right_elbow", "right_wrist",
    "right_hand", "left_hip", "left_knee", "left_ankle", "left_foot", "left_toe", "right_hip", "right_knee",
    "right_ankle", "right_foot", "right_toe",
)  # fmt: skip
MPI_TEST_JOINTS = (
    "head_top", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist",
    "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle", "pelvis", "spine", "head",
)  # fmt: skip

# A standing body by anatomy, metres, seen by one who stands before it: x to the viewer's right, y down.
BODY = {
    "right ankle": (-0.20, 0.85, 0.02), "right knee": (-0.17, 0.45, -0.04), "right hip": (-0.13, 0.0, 0.0),
    "left hip": (0.13, 0.0, 0.0), "left knee": (0.17, 0.45, -0.05), "left ankle": (0.20, 0.85, 0.03),
    "right wrist": (-0.72, -0.25, -0.1), "right elbow": (-0.46, -0.35, 0.0), "right shoulder": (-0.2, -0.48, 0.0),
    "left shoulder": (0.2, -0.48, 0.0), "left elbow": (0.46, -0.35, 0.01), "left wrist": (0.72, -0.25, -0.12),
    "neck": (0.0, -0.52, 0.02), "head top": (0.0, -0.82, 0.0),
}  # fmt: skip
# One colour (BGR) a place, far from each other.
COLOURS = {
    "right ankle": (0, 0, 255), "right knee": (0, 255, 0), "right hip": (255, 0, 0), "left hip": (0, 255, 255),
    "left knee": (255, 0, 255), "left ankle": (255, 255, 0), "right wrist": (0, 0, 130), "right elbow": (0, 130, 0),
    "right shoulder": (130, 0, 0), "left shoulder": (0, 130, 255), "left elbow": (255, 130, 0),
    "left wrist": (130, 0, 255), "neck": (255, 255, 255), "head top": (130, 255, 130),
}  # fmt: skip
H36M_PLACES = {
    "right ankle": "RightFoot", "right knee": "RightLeg", "right hip": "RightUpLeg", "left hip": "LeftUpLeg",
    "left knee": "LeftLeg", "left ankle": "LeftFoot", "right wrist": "RightHand", "right elbow": "RightForeArm",
    "right shoulder": "RightArm", "left shoulder": "LeftArm", "left elbow": "LeftForeArm", "left wrist": "LeftHand",
    "neck": "Neck", "head top": "Site3",
}  # fmt: skip
MPI_PLACES = {place: place.replace(" ", "_") for place in BODY}


def walk(length: int, distance: float = 4.0) -> dict[str, np.ndarray]:
    """Places [F, 3] metres of a body that sways before a camera (x right, y down, z forward)."""
    time = np.arange(length)
    shift = np.stack([0.15 * np.sin(time / 5.0), 0.05 * np.cos(time / 7.0), distance + 0.2 * np.sin(time / 9.0)], -1)
    return {place: shift + np.array(offset) for place, offset in BODY.items()}


def skeleton(places: dict[str, np.ndarray], joints: tuple[str, ...], names: dict[str, str]) -> np.ndarray:
    """Places as an array [F, J, 3] in a dataset's order; joints that have no place here are where nothing is drawn."""
    array = np.repeat(places["neck"][:, None] + (0.45, 0.5, 0.0), len(joints), 1)
    for place, points in places.items():
        array[:, joints.index(names[place])] = points
    return array


def paint(pixels: dict[str, np.ndarray], size: tuple[int, int]) -> list[np.ndarray]:
    """Frames BGR with a dot at each place's pixels [F, 2]."""
    frames = []
    for frame in range(len(next(iter(pixels.values())))):
        image = np.full((size[1], size[0], 3), 60, np.uint8)
        for place, points in pixels.items():
            x, y = (round(float(value)) for value in points[frame])
            cv2.circle(image, (x, y), 3, COLOURS[place], -1)
        frames.append(image)
    return frames


def write_video(path: pathlib.Path, frames: list[np.ndarray], fps: float) -> None:
    """An AVI with Motion JPEG or an MP4, by the suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    code = "MJPG" if path.suffix == ".avi" else "mp4v"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*code), fps, frames[0].shape[1::-1])
    assert writer.isOpened()
    for frame in frames:
        writer.write(frame)
    writer.release()


def place_at(image: np.ndarray, x: float, y: float) -> str:
    """The place whose colour an image has at a pixel, "" for none."""
    colour = image[round(float(y)), round(float(x))].astype(float)
    off = {place: float(np.abs(colour - wanted).sum()) for place, wanted in COLOURS.items()}
    nearest = min(off, key=off.__getitem__)
    return nearest if off[nearest] < 120 else ""


def write_cdf(path: pathlib.Path, poses: np.ndarray) -> None:
    """A CDF with the variable `Pose` [1, F, J * D], as in Human3.6M."""
    path.parent.mkdir(parents=True, exist_ok=True)
    flat = poses.reshape(len(poses), -1).astype(np.float32)
    file = cdfwrite.CDF(path, cdf_spec={"Majority": "row_major"}, delete=True)
    # CDF_FLOAT; one record of F x J D numbers.
    spec = {"Variable": "Pose", "Data_Type": 44, "Num_Elements": 1, "Rec_Vary": True, "Dim_Sizes": list(flat.shape)}
    file.write_var(spec, var_data=flat[None])
    file.close()


def write_cdf_mat(path: pathlib.Path, poses: np.ndarray, hdf5: bool = False) -> None:
    """The conversion `.cdf.mat`: `data`, a 1 x 1 cell with F x J D numbers."""
    path.parent.mkdir(parents=True, exist_ok=True)
    flat = poses.reshape(len(poses), -1)
    if hdf5:
        with h5py.File(path, "w", userblock_size=512) as file:
            write_hdf5_cell(file, "data", [flat])
    else:
        cell = np.empty((1, 1), object)
        cell[0, 0] = flat
        scipy.io.savemat(path, {"data": cell}, do_compression=True)


def write_hdf5_cell(file: h5py.File, name: str, arrays: list[np.ndarray]) -> None:
    """A cell N x 1 as MATLAB 7.3 writes it: references to transposed arrays."""
    group = file.require_group("#refs#")
    cell = np.empty((1, len(arrays)), h5py.ref_dtype)
    for index, array in enumerate(arrays):
        cell[0, index] = group.create_dataset(f"{name}{index}", data=array.T).ref
    file.create_dataset(name, data=cell, dtype=h5py.ref_dtype).attrs["MATLAB_class"] = np.bytes_("cell")


# f, c, k, p of camera 54138969 in the release, for images of about 1000 pixels.
H36M_LENS = (
    1145.0494, 1143.7811, 512.5415, 515.4515, -0.2070989, 0.2477752, -0.0030752, -0.0009757, -0.0014245,
)  # fmt: skip


def small_lens(scale: float) -> np.ndarray:
    """The same lens on an image of another size: 9 numbers."""
    return np.array(H36M_LENS) * np.array([scale] * 4 + [1.0] * 5)


def write_metadata(path: pathlib.Path, angles: np.ndarray, centres: np.ndarray, lenses: np.ndarray) -> None:
    """metadata.xml with w0: for 4 cameras and 11 subjects three angles and a place in mm, then 4 x 9 of the lenses."""
    numbers = [*np.concatenate([angles, centres], -1).reshape(-1), *lenses.reshape(-1)]
    assert len(numbers) == 300
    text = " ".join(repr(float(number)) for number in numbers)
    path.write_text(f"<?xml version='1.0'?><document><w0>[{text}]</w0></document>")


def bend(points: np.ndarray, lens: np.ndarray) -> np.ndarray:
    """Points [..., 3] of the camera's frame through a lens, as the release's ProjectPointRadial.m has it."""
    focal, centre, radial, tangential = lens[:2], lens[2:4], lens[4:7], lens[7:9]
    x, y = points[..., 0] / points[..., 2], points[..., 1] / points[..., 2]
    r2 = x * x + y * y
    factor = 1 + radial[0] * r2 + radial[1] * r2**2 + radial[2] * r2**3 + tangential[0] * y + tangential[1] * x
    bent = np.stack([x * factor + tangential[1] * r2, y * factor + tangential[0] * r2], -1)
    return bent * focal + centre


def write_calibration(path: pathlib.Path, size: int, cameras: list[tuple[np.ndarray, np.ndarray]]) -> None:
    """camera.calibration of MPI-INF-3DHP: K [3, 3] and world to camera [3, 4] in mm for each camera."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ["Skeletool Camera Calibration File V1.0"]
    for name, (intrinsics, extrinsics) in enumerate(cameras):
        square = np.eye(4)
        square[:3, :3] = intrinsics
        rows = [" ".join(f"{value:.9g}" for value in matrix.reshape(-1)) for matrix in (square, extrinsics)]
        lines += [f"name          {name}", "  sensor      10 10", f"  size        {size} {size}", "  animated    0"]
        lines += [f"  intrinsic   {rows[0]} ", f"  extrinsic   {rows[1]} 0 0 0 1 ", "  radial      0"]
    path.write_text("\n".join(lines) + "\n")


def write_annot(
    path: pathlib.Path, annotations: dict[str, list[np.ndarray]], cameras: list[int], hdf5: bool = False
) -> None:
    """annot.mat of MPI-INF-3DHP: cells C x 1 with [F, J * D] for each of `cameras`, and `frames`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    flat = {name: [array.reshape(len(array), -1) for array in arrays] for name, arrays in annotations.items()}
    frames = np.arange(len(flat["annot2"][0]))[:, None]
    if hdf5:
        with h5py.File(path, "w", userblock_size=512) as file:
            for name, arrays in flat.items():
                write_hdf5_cell(file, name, arrays)
            file["cameras"], file["frames"] = np.array(cameras)[:, None], frames.T
        return
    cells = {}
    for name, arrays in flat.items():
        cells[name] = np.empty((len(cameras), 1), object)
        cells[name][:, 0] = arrays
    scipy.io.savemat(path, cells | {"cameras": np.array(cameras)[None], "frames": frames}, do_compression=True)


def write_test_annotations(path: pathlib.Path, arrays: dict[str, np.ndarray]) -> None:
    """annot_data.mat of a test sequence: HDF5 with [F, 1, 17, D], to MATLAB D x 17 x 1 x F, and rows [F, 1]."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, array in arrays.items():
            file[name] = array.astype(np.float64)
