"""Shows a body: `mviper body info`, `render`, `export` or `sheet`.

Examples:
  mviper body info --gender=female --betas=2,-1
  mviper body render --pose=walk --out=walk.png
  mviper body export --pose=predictions/video.npz --out=moving.glb
  mviper body export --pose=squat --out=exact.obj
  mviper body sheet --out=docs/images
"""

from __future__ import annotations

import json
import math
import os
import pathlib

import numpy as np
from absl import flags

from model import conventions, storage
from model.body.files import ASSETS, BODY_VARIABLE, FREE, GENDERS, load_body
from model.errors import BodyMismatchError, ConfigError
from pipeline.betas import parse_betas

FLAGS = flags.FLAGS
PICTURES = (".png", ".jpg", ".jpeg")
SIZES = (64, 4096)
LARGEST_BETA = 10.0

flags.DEFINE_string("gender", "neutral", f"one of {', '.join(GENDERS)}")
flags.DEFINE_string("betas", "", "shape: up to ten comma-separated numbers of standard deviations; default: the mean")
flags.DEFINE_string("pose", "t-pose", "name of a pose, or .npy, .npz, .json file; a wrong name lists the right ones")
flags.DEFINE_integer("frame", None, "frame of a pose file; default: the first, and for glTF all of them")
flags.DEFINE_float("fps", 30.0, "frames a second of an exported motion")
flags.DEFINE_bool(
    "floor", True, "export with each frame's lowest point at y = 0, else with the pelvis where SMPL has it"
)
flags.DEFINE_integer("size", 768, "pixels of a picture's side")
flags.DEFINE_float("turn", 30.0, "degrees that the body turns to its left before the camera")
flags.DEFINE_string("out", "", "file (render: body.png, export: body.glb) or folder (sheet: docs/images) to write")
flags.DEFINE_bool("json", False, "info: print JSON")


def main(positional: list[str]) -> int:
    """Runs one of the four."""
    actions = {"info": _info, "render": _render, "export": _export, "sheet": _sheet}
    if len(positional) != 1 or positional[0] not in actions:
        raise ConfigError(f"mviper body takes one of {', '.join(actions)}. Received: {' '.join(positional) or 'none'}")
    print(actions[positional[0]]())
    return 0


def _info() -> str:
    from model.body.measure import DENSITY, measure
    from model.body.numpy_body import NumpyBody

    data = load_body(FLAGS.gender)
    betas = parse_betas(FLAGS.betas, LARGEST_BETA)
    body = NumpyBody(data)
    vertices, joints = body.shaped(betas)
    size = measure(data, betas)
    facts = {
        "body_id": data.body_id,
        "gender": data.gender,
        "betas": betas.tolist(),
        "vertices": data.num_vertices,
        "faces": len(data.faces),
        "eyeball_faces": int((data.face_parts == 1).sum()),
        "stature_m": round(size.stature, 4),
        "volume_l": round(1000 * size.volume, 2),
        "density_kg_m3": DENSITY,
        "mass_kg": round(size.mass, 2),
        "bmi_kg_m2": round(size.bmi, 2),
        **_source(data.body_id),
        "joints_m": _named(conventions.JOINTS, joints),
        "keypoints_m": _named(conventions.KEYPOINTS, body.keypoints(vertices)),
    }
    return json.dumps(facts) if FLAGS.json else _described(facts)


def _described(facts: dict) -> str:
    """Facts as aligned lines."""
    lines = []
    for name, value in facts.items():
        if isinstance(value, dict):
            lines.append(f"{name} (x to its left, y up, z forward)")
            lines += [f"  {point:<12}" + "".join(f"{x:9.4f}" for x in place) for point, place in value.items()]
        else:
            lines.append(f"{name:<16}{value}")
    return "\n".join(lines)


def _named(names: tuple[str, ...], points: np.ndarray) -> dict[str, list[float]]:
    return {name: [round(float(x), 5) for x in point] for name, point in zip(names, points, strict=True)}


def _source(body_id: str) -> dict[str, str | int]:
    """Where a body comes from."""
    if not body_id.startswith(FREE):
        return {"file": os.environ.get(BODY_VARIABLE, ""), "licence": "SMPL's own; not to be passed on"}
    path = ASSETS / f"free_{FLAGS.gender}.npz"
    return {"file": str(path), "file_bytes": path.stat().st_size, "licence": "CC0 1.0, built from MakeHuman data"}


def _render() -> str:
    import cv2

    from model.body.numpy_body import NumpyBody
    from synthesis.studio import Studio, on_floor

    out = _out("body.png", PICTURES)
    size = FLAGS.size
    if not SIZES[0] <= size <= SIZES[1]:
        raise ConfigError(f"A picture's side is {SIZES[0]} to {SIZES[1]} pixels. Received: {size}")
    if not math.isfinite(FLAGS.turn):
        raise ConfigError(f"A turn in degrees is needed. Received: {FLAGS.turn}")
    data = load_body(FLAGS.gender)
    pose, betas = _poses(data.body_id, first=True)
    vertices, _ = on_floor(NumpyBody(data), pose[0], betas)
    studio = Studio(size, size)
    picture = studio.picture(data, vertices, studio.fit(vertices, math.radians(FLAGS.turn)))
    studio.close()
    storage.write_bytes(out, cv2.imencode(out.suffix, picture[..., ::-1])[1].tobytes())
    return str(out)


def _export() -> str:
    from model.body.numpy_body import NumpyBody
    from serving.export import gltf, obj
    from synthesis.motion.placement import lowest_points

    out = _out("body.glb", (*gltf.SUFFIXES, ".obj"))
    data = load_body(FLAGS.gender)
    body = NumpyBody(data)
    pose, betas = _poses(data.body_id, first=out.suffix.lower() == ".obj")
    trans = np.zeros((len(pose), 3))
    if FLAGS.floor:
        trans[:, 1] = -lowest_points(pose, body, betas)
    if out.suffix.lower() == ".obj":
        obj.write_obj(out, data, body(pose, betas, trans)[0][0])
    else:
        gltf.write_gltf(out, data, betas, pose, trans, FLAGS.fps)
    return f"{out}: {len(pose)} frame{'s' if len(pose) > 1 else ''} of {data.body_id}"


def _sheet() -> str:
    from synthesis.body_sheets import write_sheets

    return "\n".join(map(str, write_sheets(FLAGS.out or "docs/images")))


def _poses(body_id: str, first: bool) -> tuple[np.ndarray, np.ndarray]:
    """Pose [T, 72] and betas [10] of the flags; one frame where `--frame` or `first` says so.

    Raises:
        ConfigError: there is no such frame.
        BodyMismatchError: the pose file's betas are of another body.
    """
    from pipeline.pose_files import read_poses

    poses = read_poses(FLAGS.pose)
    frame = 0 if FLAGS.frame is None and first else FLAGS.frame
    if frame is not None and not 0 <= frame < len(poses.pose):
        raise ConfigError(f"A frame from 0 to {len(poses.pose) - 1} of {FLAGS.pose} is needed. Received: {frame}")
    pose = poses.pose if frame is None else poses.pose[frame : frame + 1]
    if poses.betas is None or FLAGS.betas:
        return pose, parse_betas(FLAGS.betas, LARGEST_BETA)
    if poses.body_id != body_id:
        raise BodyMismatchError(
            f"A result of this body, {body_id}, is needed, or --betas to give it another shape. "
            f"Received: {FLAGS.pose} of {poses.body_id}"
        )
    return pose, poses.betas


def _out(default: str, suffixes: tuple[str, ...]) -> pathlib.Path:
    """The file to write.

    Raises:
        ConfigError: its name does not end as it should.
    """
    path = pathlib.Path(FLAGS.out or default)
    if path.suffix.lower() not in suffixes:
        raise ConfigError(f"A file name that ends in {', '.join(suffixes)} is needed. Received: {path}")
    return path
