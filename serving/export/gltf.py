"""glTF 2.0 (Khronos, ISO/IEC 12113): a skinned body that Blender, Unreal or a web page can pose and play.

The file holds the shaped T-pose mesh, 24 joint nodes and their weights. Skinning there is plain linear blending of the
four largest weights: the body's pose blend shapes, which depend on the pose, have no place in the format. A body that
bends far therefore differs from the exact one: a squat by 3 mm on average over the surface, by up to 3 cm at hips and
knees. `serving.export.obj` writes exact vertices.
"""

from __future__ import annotations

import base64
import json
import pathlib
import struct
from typing import Any

import numpy as np

from model import conventions, rotations, storage
from model.body.data import BodyData
from model.body.numpy_body import NumpyBody
from model.errors import ConfigError
from serving.export.mesh import split_vertices, vertex_normals

SUFFIXES = (".glb", ".gltf")

_MAGIC, _VERSION, _JSON_CHUNK, _BINARY_CHUNK = 0x46546C67, 2, 0x4E4F534A, 0x004E4942
_COMPONENTS = {np.dtype(np.uint8): 5121, np.dtype(np.uint32): 5125, np.dtype(np.float32): 5126}
_TYPES = {(): "SCALAR", (2,): "VEC2", (3,): "VEC3", (4,): "VEC4", (4, 4): "MAT4"}
_VERTEX_BUFFER, _INDEX_BUFFER = 34962, 34963
# Joints a vertex in one JOINTS_0 attribute; every program reads the first set, few read more.
_INFLUENCES = 4
# Linear base colour and roughness of each part.
_MATERIALS = {"skin": ([0.52, 0.49, 0.46, 1.0], 0.6), "eyeballs": ([0.6, 0.58, 0.56, 1.0], 0.2)}


class _Buffer:
    """Accessors over one binary buffer, each aligned to four bytes."""

    def __init__(self) -> None:
        self.content = bytearray()
        self.views: list[dict[str, Any]] = []
        self.accessors: list[dict[str, Any]] = []

    def add(self, array: np.ndarray, target: int | None = None, bounds: bool = False) -> int:
        """Appends an array [N, ...] and returns its accessor's index; `bounds` states its least and largest values."""
        array = np.ascontiguousarray(array)
        self.content.extend(bytes(-len(self.content) % 4))
        view = {"buffer": 0, "byteOffset": len(self.content), "byteLength": array.nbytes}
        self.views.append({**view, "target": target} if target else view)
        accessor: dict[str, Any] = {
            "bufferView": len(self.views) - 1,
            "componentType": _COMPONENTS[array.dtype],
            "count": len(array),
            "type": _TYPES[array.shape[1:]],
        }
        if bounds:
            # float32 values print exactly as the doubles that JSON holds.
            accessor["min"] = np.atleast_1d(array.min(0)).tolist()
            accessor["max"] = np.atleast_1d(array.max(0)).tolist()
        self.accessors.append(accessor)
        self.content.extend(array.tobytes())
        return len(self.accessors) - 1


def write_gltf(
    path: str | pathlib.Path,
    data: BodyData,
    betas: np.ndarray,
    pose: np.ndarray,
    trans: np.ndarray | None = None,
    fps: float = 30.0,
) -> None:
    """Writes one person, posed, and moving where there is more than one frame.

    Joint nodes carry the first frame's pose; an animation named "motion" carries all frames: a rotation for each joint
    and the pelvis's path.

    Args:
        path: `.glb` (one binary file) or `.gltf` (JSON with the buffer inside), whole or not at all.
        data: the body.
        betas: [10] shape.
        pose: [T, 72] axis-angle radians, global rotation first, in a frame with y up.
        trans: [T, 3] metres, added after posing, or None.
        fps: frames a second.

    Raises:
        ConfigError: another suffix, arrays that are misshapen or not finite, or fps that is not positive.
    """
    path = pathlib.Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise ConfigError(f"A file name that ends in {' or '.join(SUFFIXES)} is needed. Received: {path}")
    document, binary = build_gltf(data, betas, pose, trans, fps)
    if path.suffix.lower() == ".glb":
        storage.write_bytes(path, _pack_glb(document, binary))
    else:
        uri = "data:application/octet-stream;base64," + base64.b64encode(binary).decode()
        document["buffers"][0]["uri"] = uri
        storage.write_bytes(path, json.dumps(document).encode())


def build_gltf(
    data: BodyData, betas: np.ndarray, pose: np.ndarray, trans: np.ndarray | None = None, fps: float = 30.0
) -> tuple[dict[str, Any], bytes]:
    """The glTF document and its binary buffer; arguments and errors are those of `write_gltf`."""
    betas, pose, trans = _checked(betas, pose, trans, fps)
    vertices, joints = NumpyBody(data).shaped(betas)
    buffer = _Buffer()
    meshes, materials = _mesh(data, vertices, buffer)
    rotation = _quaternions(pose)
    bones = joints - joints[np.maximum(conventions.PARENTS, 0)]
    path = (joints[0] + trans).astype(np.float32)
    # Node j is joint j, so that the skin and the animation number them alike; the mesh's node comes last.
    nodes: list[dict[str, Any]] = [
        {
            "name": name,
            "translation": (bones[j] if j else path[0]).tolist(),
            "rotation": rotation[0, j].tolist(),
        }
        for j, name in enumerate(conventions.JOINTS)
    ]
    for j in range(1, conventions.NUM_JOINTS):
        nodes[conventions.PARENTS[j]].setdefault("children", []).append(j)
    body = len(nodes)
    nodes.append({"name": "body", "mesh": 0, "skin": 0})
    # Column-major, as the format has it: the translation is the last four numbers.
    inverse_bind = np.tile(np.eye(4, dtype=np.float32), (conventions.NUM_JOINTS, 1, 1))
    inverse_bind[:, 3, :3] = -joints
    document: dict[str, Any] = {
        "asset": {
            "version": "2.0",
            "generator": "mviper",
            "extras": {"body_id": data.body_id, "gender": data.gender, "betas": betas.tolist()},
        },
        "scene": 0,
        "scenes": [{"nodes": [0, body]}],
        "nodes": nodes,
        "skins": [
            {
                "inverseBindMatrices": buffer.add(inverse_bind),
                "joints": list(range(conventions.NUM_JOINTS)),
                "skeleton": 0,
            }
        ],
        "meshes": meshes,
        "materials": materials,
    }
    if len(pose) > 1:
        document["animations"] = [_animation(rotation, path, fps, buffer)]
    document["accessors"], document["bufferViews"] = buffer.accessors, buffer.views
    document["buffers"] = [{"byteLength": len(buffer.content)}]
    return document, bytes(buffer.content)


def _checked(
    betas: np.ndarray, pose: np.ndarray, trans: np.ndarray | None, fps: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    betas, pose = np.asarray(betas, np.float32), np.asarray(pose, np.float64)
    trans = np.zeros((len(pose), 3)) if trans is None else np.asarray(trans, np.float64)
    fits = (
        betas.shape == (conventions.NUM_BETAS,)
        and pose.ndim == 2
        and pose.shape[1] == conventions.POSE_SIZE
        and len(pose) > 0
        and trans.shape == (len(pose), 3)
    )
    if not fits:
        raise ConfigError(
            f"Betas [{conventions.NUM_BETAS}], pose [T, {conventions.POSE_SIZE}] and trans [T, 3] are needed. "
            f"Received: betas {betas.shape}, pose {pose.shape}, trans {trans.shape}"
        )
    if not all(np.isfinite(a).all() for a in (betas, pose, trans)):
        raise ConfigError("Finite betas, pose and trans are needed. Received: NaN or infinite numbers among them")
    if not (np.isfinite(fps) and fps > 0):
        raise ConfigError(f"Frames a second above zero are needed. Received: {fps}")
    return betas, pose, trans


def _mesh(data: BodyData, vertices: np.ndarray, buffer: _Buffer) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The mesh with one primitive a part, and the parts' materials."""
    split = split_vertices(data)
    joints, weights = _influences(data.weights)
    normals = vertex_normals(vertices, data.faces)
    attributes = {
        "POSITION": buffer.add(vertices[split.source].astype(np.float32), _VERTEX_BUFFER, bounds=True),
        "NORMAL": buffer.add(normals[split.source], _VERTEX_BUFFER),
        "JOINTS_0": buffer.add(joints[split.source], _VERTEX_BUFFER),
        "WEIGHTS_0": buffer.add(weights[split.source], _VERTEX_BUFFER),
        # Texture coordinates of glTF start at the picture's top left.
        "TEXCOORD_0": buffer.add(np.stack([split.uv[:, 0], 1 - split.uv[:, 1]], -1), _VERTEX_BUFFER),
    }
    primitives: list[dict[str, Any]] = []
    materials: list[dict[str, Any]] = []
    for name, faces in split.parts:
        indices = buffer.add(faces.ravel().astype(np.uint32), _INDEX_BUFFER)
        primitives.append({"attributes": attributes, "indices": indices, "material": len(materials)})
        colour, roughness = _MATERIALS[name]
        look = {"baseColorFactor": colour, "metallicFactor": 0.0, "roughnessFactor": roughness}
        materials.append({"name": name, "pbrMetallicRoughness": look})
    return [{"name": "body", "primitives": primitives}], materials


def _influences(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The largest weights of each vertex: joints uint8 [V, 4] and weights float32 [V, 4] that sum to 1."""
    joints = np.argsort(-weights, axis=1, kind="stable")[:, :_INFLUENCES]
    chosen = np.take_along_axis(weights, joints, 1)
    # Readers warn about joints that are named but weigh nothing.
    joints = np.where(chosen > 0, joints, 0)
    return joints.astype(np.uint8), (chosen / chosen.sum(1, keepdims=True)).astype(np.float32)


def _quaternions(pose: np.ndarray) -> np.ndarray:
    """Pose [T, 72] -> float32 [T, 24, 4] (x, y, z, w), each within half a turn of the frame before.

    q and -q are one rotation, but some readers interpolate the numbers themselves.
    """
    matrices = rotations.axis_angle_to_matrix(pose.reshape(len(pose), -1, 3))
    quaternions = rotations.matrix_to_quaternion(matrices)[..., [1, 2, 3, 0]]
    steps = np.where((quaternions[1:] * quaternions[:-1]).sum(-1) < 0, -1.0, 1.0)
    quaternions[1:] *= np.cumprod(steps, axis=0)[..., None]
    return quaternions.astype(np.float32)


def _animation(rotation: np.ndarray, path: np.ndarray, fps: float, buffer: _Buffer) -> dict[str, Any]:
    """One sampler a joint's rotation [T, 24, 4], and one for the pelvis's path [T, 3]."""
    times = buffer.add((np.arange(len(path)) / fps).astype(np.float32), bounds=True)
    tracks = [(j, "rotation", rotation[:, j]) for j in range(conventions.NUM_JOINTS)] + [(0, "translation", path)]
    return {
        "name": "motion",
        "samplers": [
            {"input": times, "output": buffer.add(values), "interpolation": "LINEAR"} for *_, values in tracks
        ],
        "channels": [
            {"sampler": i, "target": {"node": node, "path": kind}} for i, (node, kind, _) in enumerate(tracks)
        ],
    }


def _pack_glb(document: dict[str, Any], binary: bytes) -> bytes:
    """The binary container: a header, the JSON padded with spaces, the buffer padded with zeros."""
    text = json.dumps(document, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    binary += bytes(-len(binary) % 4)
    header = struct.pack("<III", _MAGIC, _VERSION, 12 + 8 + len(text) + 8 + len(binary))
    chunks = struct.pack("<II", len(text), _JSON_CHUNK) + text + struct.pack("<II", len(binary), _BINARY_CHUNK) + binary
    return header + chunks
