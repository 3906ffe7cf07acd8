"""The file is read back with nothing but the format's own rules, and skinned from its own numbers."""

import base64
import dataclasses
import json
import struct

import numpy as np
import pytest

from model import conventions
from model.body.files import load_body
from model.body.numpy_body import NumpyBody
from model.errors import ConfigError
from serving.export.gltf import write_gltf

DTYPES = {5121: np.uint8, 5125: np.uint32, 5126: np.float32}
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}
FPS = 12.5


@pytest.fixture(scope="module")
def data():
    return load_body("female")


@pytest.fixture(scope="module")
def person():
    """Betas, pose and path; the third frame's root turns by more than half a turn, so its quaternion changes sign."""
    rng = np.random.default_rng(3)
    pose = rng.normal(0, 0.4, (4, 72))
    pose[:, :3] = [[0, a, 0.2] for a in (2.6, 3.0, 3.4, 3.8)]
    return rng.normal(size=10).astype(np.float32), pose, rng.normal(size=(4, 3))


@pytest.fixture(scope="module")
def parsed(data, person, tmp_path_factory):
    path = tmp_path_factory.mktemp("gltf") / "body.glb"
    write_gltf(path, data, *person, FPS)
    return parse_glb(path.read_bytes())


def parse_glb(content):
    magic, version, length = struct.unpack_from("<4sII", content)
    assert (magic, version, length) == (b"glTF", 2, len(content)) and length % 4 == 0
    size, kind = struct.unpack_from("<I4s", content, 12)
    assert kind == b"JSON" and size % 4 == 0
    document = json.loads(content[20 : 20 + size])
    rest, kind = struct.unpack_from("<I4s", content, 20 + size)
    assert kind == b"BIN\0" and 28 + size + rest == length
    return document, content[28 + size :]


def read(parsed, index):
    document, binary = parsed
    accessor = document["accessors"][index]
    view = document["bufferViews"][accessor["bufferView"]]
    start, count = view["byteOffset"], accessor["count"] * WIDTHS[accessor["type"]]
    dtype = np.dtype(DTYPES[accessor["componentType"]])
    assert start % 4 == 0
    assert count * dtype.itemsize == view["byteLength"]
    assert start + view["byteLength"] <= document["buffers"][0]["byteLength"] <= len(binary)
    return np.frombuffer(binary, dtype, count, start).reshape(accessor["count"], -1).squeeze()


def matrix(translation, quaternion):
    x, y, z, w = quaternion
    out = np.eye(4)
    out[:3, :3] = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    out[:3, 3] = translation
    return out


def skinned(parsed, frame):
    """Vertices [N, 3] of the file by the format's equations: sum_k w_k G_jk B_jk p; frame None is the nodes' own."""
    document, _ = parsed
    nodes = [dict(node) for node in document["nodes"]]
    if frame is not None:
        (animation,) = document["animations"]
        for channel in animation["channels"]:
            output = read(parsed, animation["samplers"][channel["sampler"]]["output"])
            nodes[channel["target"]["node"]][channel["target"]["path"]] = output[frame]
    world = {}

    def visit(index, above):
        node = nodes[index]
        world[index] = above @ matrix(node.get("translation", (0, 0, 0)), node.get("rotation", (0, 0, 0, 1)))
        for child in node.get("children", ()):
            visit(child, world[index])

    for root in document["scenes"][document["scene"]]["nodes"]:
        visit(root, np.eye(4))
    (skin,) = document["skins"]
    inverse = read(parsed, skin["inverseBindMatrices"]).reshape(-1, 4, 4).transpose(0, 2, 1)
    joints = np.stack([world[j] @ b for j, b in zip(skin["joints"], inverse, strict=True)])
    attributes = document["meshes"][0]["primitives"][0]["attributes"]
    blended = np.einsum(
        "nk,nkab->nab", read(parsed, attributes["WEIGHTS_0"]), joints[read(parsed, attributes["JOINTS_0"])]
    )
    points = read(parsed, attributes["POSITION"])
    return np.einsum("nab,nb->na", blended[:, :3, :3], points) + blended[:, :3, 3]


@pytest.mark.parametrize("frame", [None, 0, 2, 3])
def test_skinning_of_the_file_is_the_body_without_correctives(data, person, parsed, frame):
    betas, pose, trans = person
    plain = NumpyBody(dataclasses.replace(data, posedirs=np.zeros_like(data.posedirs)))
    wanted = plain(pose, betas, trans)[0][frame or 0]
    points = skinned(parsed, frame)
    document, _ = parsed
    # Split vertices are compared through the faces, which keep the body's order within each part.
    faces = [read(parsed, p["indices"]).reshape(-1, 3) for p in document["meshes"][0]["primitives"]]
    for part, corners in enumerate(faces):
        np.testing.assert_allclose(points[corners], wanted[data.faces[data.face_parts == part]], atol=1e-5)
    assert len(faces) == 2


def test_bounds_are_those_of_the_numbers(parsed):
    document, _ = parsed
    stated = [i for i, accessor in enumerate(document["accessors"]) if "min" in accessor]
    assert len(stated) == 2  # positions and times, where the format demands them
    for index in stated:
        values = read(parsed, index).reshape(document["accessors"][index]["count"], -1)
        np.testing.assert_array_equal(values.min(0), np.float32(document["accessors"][index]["min"]))
        np.testing.assert_array_equal(values.max(0), np.float32(document["accessors"][index]["max"]))


def test_animation_lasts_as_long_as_the_frames_and_takes_the_short_way(parsed):
    document, _ = parsed
    (animation,) = document["animations"]
    np.testing.assert_allclose(read(parsed, animation["samplers"][0]["input"]), np.arange(4) / FPS, rtol=1e-6)
    assert len(animation["channels"]) == conventions.NUM_JOINTS + 1
    for channel in animation["channels"]:
        if channel["target"]["path"] == "rotation":
            q = read(parsed, animation["samplers"][channel["sampler"]]["output"])
            np.testing.assert_allclose(np.linalg.norm(q, axis=1), 1, atol=1e-6)
            assert ((q[1:] * q[:-1]).sum(1) >= 0).all()


def test_joints_are_named_and_texture_starts_at_the_top_left(data, parsed):
    document, _ = parsed
    names = [document["nodes"][j]["name"] for j in document["skins"][0]["joints"]]
    assert tuple(names) == conventions.JOINTS
    primitive = document["meshes"][0]["primitives"][0]
    uv = read(parsed, primitive["attributes"]["TEXCOORD_0"])[read(parsed, primitive["indices"]).reshape(-1, 3)]
    np.testing.assert_allclose(uv, [0, 1] + data.uv[data.uv_faces[data.face_parts == 0]] * [1, -1], atol=1e-6)


def test_one_file_of_json_holds_the_same(data, person, parsed, tmp_path):
    betas, pose, _ = person
    write_gltf(tmp_path / "body.gltf", data, betas, pose[:1])
    document = json.loads((tmp_path / "body.gltf").read_text())
    head, _, payload = document["buffers"][0]["uri"].partition(",")
    assert head == "data:application/octet-stream;base64"
    alone = document, base64.b64decode(payload)
    assert "animations" not in document
    position = document["meshes"][0]["primitives"][0]["attributes"]["POSITION"]
    np.testing.assert_array_equal(read(alone, position), read(parsed, position))


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("body.fbx", {}, "body.fbx"),
        ("body.glb", {"pose": np.zeros((2, 69))}, r"pose \(2, 69\)"),
        ("body.glb", {"pose": np.full((4, 72), np.nan)}, "NaN"),
        ("body.glb", {"trans": np.zeros((3, 3))}, r"trans \(3, 3\)"),
        ("body.glb", {"fps": 0.0}, "Received: 0.0"),
    ],
)
def test_wrong_arguments_are_refused_and_leave_no_file(data, person, tmp_path, name, change, said):
    betas, pose, trans = person
    arguments = {"betas": betas, "pose": pose, "trans": trans, **change}
    with pytest.raises(ConfigError, match=said):
        write_gltf(tmp_path / name, data, **arguments)
    assert list(tmp_path.iterdir()) == []
