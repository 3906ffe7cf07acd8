"""SMPL's files, made here of the free body, give the body that they hold, whatever the kind of file."""

import io
import pickle

import numpy as np
import pytest
from python2_pickles import dumps, smpl_pickle

from model import conventions
from model.body import files
from model.body.files import BODY_VARIABLE, genders, load_body
from model.body.keypoints import SMPL_VERTICES
from model.body.numpy_body import NumpyBody
from model.body.smpl_files import planar_uv, read_smpl
from model.conventions import keypoint
from model.errors import BodyFileError

RELEASE_1_0 = "basicModel_{}_lbs_10_207_0_v1.0.0.pkl"
RELEASE_1_1 = "basicmodel_{}_lbs_10_207_0_v1.1.0.pkl"


def smpl_sized(data):
    """Arrays as in SMPL's release, of a free body with vertices added in the middle of faces."""
    added = SMPL_VERTICES - data.num_vertices
    assert 0 < added < len(data.faces)
    split, whole = data.faces[:added], data.faces[added:]
    middle = np.arange(data.num_vertices, SMPL_VERTICES)
    fans = [np.stack([split[:, k], split[:, (k + 1) % 3], middle], 1) for k in range(3)]

    def grown(array):
        return np.concatenate([array, array[split].mean(1)]).astype(np.float64)

    return {
        "v_template": grown(data.v_template),
        "shapedirs": grown(data.shapedirs),
        "posedirs": grown(data.posedirs),
        "J_regressor": np.pad(data.joint_regressor, ((0, 0), (0, added))).astype(np.float64),
        "weights": np.concatenate([data.weights, data.weights[split[:, 0]]]).astype(np.float64),
        "f": np.concatenate([whole, *fans]).astype(np.uint32),
        "kintree_table": np.array([conventions.PARENTS, range(24)]).astype(np.uint32),
    }


@pytest.fixture(scope="module")
def arrays():
    return smpl_sized(load_body("female", "free"))


def write_npz(path, arrays):
    content = io.BytesIO()
    np.savez(content, **arrays)
    return write(path, content.getvalue())


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.fixture(scope="module")
def folder(arrays, tmp_path_factory):
    """A folder with the same body as the releases have it, for three genders."""
    root = tmp_path_factory.mktemp("smpl")
    write_npz(root / "SMPL_FEMALE.npz", arrays)
    write(root / "smpl" / "models" / RELEASE_1_0.format("m"), smpl_pickle(arrays))
    write(root / "models" / RELEASE_1_1.format("neutral"), dumps(arrays))
    return root


@pytest.mark.parametrize("gender", files.GENDERS)
def test_every_kind_of_file_gives_the_arrays_in_it(gender, folder, arrays):
    data = load_body(gender, folder)
    assert data.gender == gender and data.num_vertices == SMPL_VERTICES
    for name, array in (
        ("v_template", data.v_template), ("shapedirs", data.shapedirs), ("posedirs", data.posedirs),
        ("J_regressor", data.joint_regressor), ("weights", data.weights), ("f", data.faces),
    ):  # fmt: skip
        np.testing.assert_array_equal(array, arrays[name].astype(array.dtype))
    assert data.body_id.startswith(f"smpl-{gender}-")
    assert not data.face_parts.any()


def test_poses_as_the_body_it_was_made_of(folder):
    free, smpl = NumpyBody(load_body("female", "free")), NumpyBody(load_body("female", folder))
    pose = np.random.default_rng(0).normal(0, 0.4, (3, conventions.POSE_SIZE))
    betas, trans = np.linspace(-1, 1, 10), np.ones((3, 3))
    (wanted, wanted_joints), (vertices, joints) = free(pose, betas, trans), smpl(pose, betas, trans)
    np.testing.assert_allclose(vertices[:, : free.data.num_vertices], wanted, atol=2e-6)
    np.testing.assert_allclose(joints, wanted_joints, atol=2e-6)


def test_ids_are_of_the_model_not_of_the_file(arrays, tmp_path):
    more_betas = arrays | {"shapedirs": np.concatenate([arrays["shapedirs"], np.ones((SMPL_VERTICES, 3, 290))], 2)}
    single = {name: a.astype(np.float32) if a.dtype == np.float64 else a for name, a in arrays.items()}
    textured = arrays | {"vt": np.zeros((3, 2)), "ft": np.zeros_like(arrays["f"])}
    same = {
        read_smpl(path, "female").body_id
        for path in (
            write_npz(tmp_path / "double.npz", arrays),
            write_npz(tmp_path / "single.npz", single),
            write_npz(tmp_path / "more.npz", more_betas),
            write_npz(tmp_path / "textured.npz", textured),
            write(tmp_path / "chumpy.pkl", smpl_pickle(arrays)),
            write(tmp_path / "text.pkl", smpl_pickle(single, 0)),
            write(tmp_path / "plain.pkl", pickle.dumps(arrays, 5)),
        )
    }
    assert len(same) == 1
    moved = arrays["v_template"] + 1e-4
    other = write_npz(tmp_path / "other.npz", arrays | {"v_template": moved})
    assert read_smpl(other, "female").body_id not in same
    assert read_smpl(other, "male").body_id.startswith("smpl-male-")


def test_keypoints_are_joints_and_vertices_of_smpl(folder, arrays):
    data = load_body("neutral", folder)
    np.testing.assert_allclose(data.keypoint_regressor.sum(1), 1, atol=1e-5)
    joints = data.joint_regressor @ data.v_template
    points = NumpyBody(data).keypoints(data.v_template)
    limbs = [name for name in conventions.KEYPOINTS if name in conventions.JOINTS]
    assert len(limbs) == 13
    for name in limbs:
        np.testing.assert_allclose(points[keypoint(name)], joints[conventions.joint(name)], atol=1e-6)
    # smplx's vertex_ids.py and SMPLify's head_id.
    for name, vertex in {
        "head_top": 411,
        "nose": 332,
        "L_eye": 2800,
        "R_eye": 6260,
        "L_ear": 583,
        "R_ear": 4071,
    }.items():
        np.testing.assert_allclose(points[keypoint(name)], data.v_template[vertex], atol=1e-6)


def test_made_texture_coordinates_cover_both_halves(folder):
    data = load_body("neutral", folder)
    assert data.uv.min() >= 0 and data.uv.max() <= 1
    corners = data.uv[data.uv_faces]
    left = (corners[..., 0] < 0.5).all(1)
    assert (left | (corners[..., 0] > 0.5).all(1)).all(), "a face reaches over the seam"
    a, b, c = (data.v_template[data.faces[:, k]] for k in range(3))
    facing = np.cross(b - a, c - a)[:, 2]
    np.testing.assert_array_equal(left[facing != 0], (facing > 0)[facing != 0])


def test_planar_uv_of_a_square():
    vertices = np.array([[0, 0, 0], [2, 0, 0], [2, 4, 0], [0, 4, 0]], float)
    uv, faces = planar_uv(vertices, np.array([[0, 1, 2], [2, 1, 0]]))
    np.testing.assert_allclose(uv[faces[0]], [[0.005, 0.01], [0.495, 0.01], [0.495, 0.99]])
    np.testing.assert_allclose(uv[faces[1]], [[0.995, 0.99], [0.995, 0.01], [0.505, 0.01]])


def test_a_body_of_other_size_brings_its_own_keypoints(tmp_path):
    free = load_body("male", "free")
    own = {
        "v_template": free.v_template, "shapedirs": free.shapedirs, "posedirs": free.posedirs, "weights": free.weights,
        "J_regressor": free.joint_regressor, "f": free.faces, "vt": free.uv, "ft": free.uv_faces,
        "kintree_table": np.array([conventions.PARENTS, range(24)]),
    }  # fmt: skip
    with pytest.raises(BodyFileError, match=rf"other size.*Received: {free.num_vertices} vertices"):
        read_smpl(write_npz(tmp_path / "without.npz", own), "male")
    path = write_npz(tmp_path / "with.npz", own | {"keypoint_regressor": free.keypoint_regressor})
    np.testing.assert_array_equal(read_smpl(path, "male").keypoint_regressor, free.keypoint_regressor)
    np.testing.assert_array_equal(read_smpl(path, "male").uv, free.uv)


def damaged(arrays):
    bent = arrays["weights"].copy()
    bent[7] *= 2
    holed = arrays["shapedirs"].copy()
    holed[3, 1, 4] = np.nan
    far = arrays["f"].copy()
    far[5, 1] = SMPL_VERTICES
    tree = arrays["kintree_table"].copy()
    tree[0, 5] = 3
    return [
        ("J_regressor", arrays["J_regressor"][:, :-1], "J_regressor .* shape"),
        ("posedirs", arrays["posedirs"].reshape(-1, 207), "posedirs .* shape"),
        ("v_template", arrays["v_template"] * 1000, "1.2 to 2.3 metres"),
        ("v_template", arrays["v_template"][:, [0, 2, 1]], "axis up"),
        ("v_template", arrays["v_template"].ravel(), "v_template .* shape"),
        ("v_template", arrays["v_template"].astype(str), "real numbers"),
        ("shapedirs", holed, "finite"),
        ("shapedirs", arrays["shapedirs"][..., :8], "10 or more"),
        ("weights", bent, "weights sum to 1"),
        ("f", far, f"0 to {SMPL_VERTICES - 1}"),
        ("kintree_table", tree, "parents"),
        ("kintree_table", np.zeros((2, 52), int), "52, as SMPL-H has"),
        ("kintree_table", np.zeros((2, 55), int), "55, as SMPL-X has"),
        ("kintree_table", np.zeros((2, 16), int), "MANO"),
        ("kintree_table", np.zeros(24), "kintree_table is"),
    ]


def test_wrong_arrays_are_refused_by_name(arrays, tmp_path):
    for name, array, message in damaged(arrays):
        path = write_npz(tmp_path / "wrong.npz", arrays | {name: array})
        with pytest.raises(BodyFileError, match=message) as error:
            read_smpl(path, "female")
        assert "Received" in str(error.value) and "wrong.npz" in str(error.value)
    lacking = {name: array for name, array in arrays.items() if name != "posedirs"}
    for path in (write_npz(tmp_path / "lacking.npz", lacking), write(tmp_path / "lacking.pkl", dumps(lacking))):
        with pytest.raises(BodyFileError, match="without posedirs"):
            read_smpl(path, "female")


def test_object_arrays_in_npz_are_not_unpickled(arrays, tmp_path):
    path = write_npz(tmp_path / "objects.npz", arrays | {"J_regressor": np.array({"x": 1}, object)})
    with pytest.raises(BodyFileError, match="as plain arrays"):
        read_smpl(path, "female")


def test_damaged_files_are_refused(arrays, tmp_path):
    packed = io.BytesIO()
    np.savez_compressed(packed, **{name: array[:50] for name, array in arrays.items()})
    for name, whole in (("broken.npz", packed.getvalue()), ("broken.pkl", smpl_pickle(arrays))):
        for keep in np.linspace(0, len(whole) - 2, 7).astype(int):
            with pytest.raises(BodyFileError, match="Received"):
                read_smpl(write(tmp_path / name, whole[:keep]), "female")
    array_file = tmp_path / "array.npz"
    with open(array_file, "wb") as file:
        np.save(file, np.zeros(3))
    for path in (array_file, tmp_path / "none.npz", tmp_path / "none.pkl", tmp_path / "body.obj", tmp_path):
        with pytest.raises(BodyFileError, match="Received"):
            read_smpl(path, "female")


def test_loading_twice_gives_one_object(folder, monkeypatch):
    monkeypatch.delenv(BODY_VARIABLE, raising=False)
    assert load_body() is load_body("neutral", "free")
    monkeypatch.setenv(BODY_VARIABLE, str(folder))
    assert load_body("female") is load_body("female", folder) is load_body("female", f"{folder}/SMPL_FEMALE.npz")


def test_the_environment_says_where_bodies_are(folder, monkeypatch):
    monkeypatch.setenv(BODY_VARIABLE, str(folder))
    assert load_body().body_id.startswith("smpl-neutral-")
    assert load_body("neutral", "free").body_id.startswith("free-neutral-")
    assert genders() == files.GENDERS
    monkeypatch.setenv(BODY_VARIABLE, "")
    assert load_body().body_id.startswith("free-")
    monkeypatch.setenv(BODY_VARIABLE, "/no/such/place")
    with pytest.raises(BodyFileError, match=rf"'/no/such/place' \(from {BODY_VARIABLE}\)"):
        load_body()


def test_a_gender_that_is_not_there_is_said(arrays, tmp_path):
    write_npz(tmp_path / "smpl" / "smpl_neutral.NPZ", arrays)
    assert genders(tmp_path) == ("neutral",)
    with pytest.raises(BodyFileError, match=r"basicmodel_m_lbs_10_207_0_v1\.1\.0\.pkl.*neutral \(smpl_neutral\.NPZ\)"):
        load_body("male", tmp_path)
    assert genders(tmp_path / "smpl") == ("neutral",)
    with pytest.raises(BodyFileError, match="no body file"):
        load_body("male", write(tmp_path / "empty" / "notes.txt", b"").parent)
    with pytest.raises(BodyFileError, match="male, female, neutral"):
        load_body("other", tmp_path)


def test_of_several_files_the_newest_release_is_taken(arrays, tmp_path):
    for height, name in ((0.9, "SMPL_MALE.npz"), (1.0, RELEASE_1_0.format("M")), (1.1, RELEASE_1_1.format("m"))):
        scaled = arrays | {"v_template": arrays["v_template"] * height}
        write_npz(tmp_path / name, scaled) if name.endswith("npz") else write(tmp_path / name, dumps(scaled))
    taken = load_body("male", tmp_path)
    assert np.ptp(taken.v_template[:, 1]) == pytest.approx(1.1 * np.ptp(arrays["v_template"][:, 1]))


@pytest.mark.parametrize(
    ("name", "gender"),
    [
        ("SMPL_MALE.npz", "male"),
        ("my-female.body.npz", "female"),
        (RELEASE_1_1.format("f"), "female"),
        ("me.pkl", "neutral"),
    ],
)
def test_one_file_serves_the_gender_of_its_name(name, gender, arrays, tmp_path):
    path = tmp_path / name
    write_npz(path, arrays) if name.endswith("npz") else write(path, dumps(arrays))
    assert genders(path) == (gender,)
    assert load_body(gender, path).gender == gender
    other = "male" if gender != "male" else "female"
    with pytest.raises(BodyFileError, match=f"{other!r} in its name.*Received: .*{gender}"):
        load_body(other, path)
