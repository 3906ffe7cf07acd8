import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from components.datasets.base import DatasetError
from components.datasets.smpl_fits import SmplFits
from model.body.files import load_body
from model.body.numpy_body import NumpyBody
from model.errors import BodyMismatchError

FRAMES = 6
RNG = np.random.default_rng(3)
POSE, TRANS = RNG.normal(0.0, 0.3, (FRAMES, 72)), RNG.normal(0.0, 1.0, (FRAMES, 3))
BETAS = RNG.normal(0.0, 0.5, 10)
EXTRINSICS = np.concatenate([Rotation.from_euler("xyz", (0.3, -2.0, 1.0)).as_matrix(), [[0.1], [-0.4], [4.0]]], 1)
BODY = load_body()


def save(path, **changes):
    path.parent.mkdir(exist_ok=True)
    arrays = {"pose": POSE, "betas": BETAS, "trans": TRANS, "body_id": BODY.body_id} | changes
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})


def test_a_fit_in_the_world_is_posed_where_the_camera_sees_it(tmp_path):
    save(tmp_path / "S1" / "Walking 1.npz")
    fit = SmplFits(str(tmp_path)).read("S1", "Walking 1", "54138969", EXTRINSICS)
    fields = fit.at(np.array([0, 2, 4]))
    body = NumpyBody(BODY)
    world, _ = body(POSE[[0, 2, 4]], BETAS, TRANS[[0, 2, 4]])
    seen, _ = body(fields["pose"], fields["betas"], fields["trans"])
    np.testing.assert_allclose(seen, world @ EXTRINSICS[:, :3].T + EXTRINSICS[:, 3], atol=1e-4)
    assert fields["body_id"] == BODY.body_id


def test_a_fit_of_one_camera_is_taken_as_it_is_and_preferred(tmp_path):
    save(tmp_path / "S1" / "Seq1.npz")
    save(tmp_path / "S1" / "Seq1.0.npz", trans=None, betas=np.tile(BETAS, (FRAMES, 1)))
    fits = SmplFits(str(tmp_path))
    fields = fits.read("S1", "Seq1", "0", EXTRINSICS).at(np.array([1, 3]))
    np.testing.assert_allclose(fields["pose"], POSE[[1, 3]], atol=1e-6)
    np.testing.assert_allclose(fields["betas"], BETAS, atol=1e-6)
    assert "trans" not in fields and fits.count() == 2
    assert fits.read("S1", "Seq2", "0", EXTRINSICS) is None and SmplFits("").read("S1", "Seq1", "0", None) is None


def test_rows_of_some_frames_serve_clips_of_those_frames_only(tmp_path):
    save(tmp_path / "S1" / "Seq1.0.npz", frames=np.arange(0, 5 * FRAMES, 5))
    fit = SmplFits(str(tmp_path)).read("S1", "Seq1", "0", None)
    np.testing.assert_allclose(fit.at(np.array([5, 10]))["pose"], POSE[1:3], atol=1e-6)
    assert fit.at(np.array([5, 6])) == {}


def test_what_cannot_be_used_is_refused(tmp_path):
    fits = SmplFits(str(tmp_path))
    save(tmp_path / "S1" / "a.npz")
    with pytest.raises(DatasetError, match="place in the world"):
        fits.read("S1", "a", "0", None)
    (tmp_path / "S1" / "b.0.npz").write_bytes(b"PK" * 50)
    save(tmp_path / "S1" / "c.0.npz", pose=POSE[:, :66])
    save(tmp_path / "S1" / "d.0.npz", trans=TRANS * np.nan)
    for name in "bcd":
        with pytest.raises(DatasetError):
            fits.read("S1", name, "0", None)
    save(tmp_path / "S1" / "e.0.npz", body_id="smpl-neutral-0")
    save(tmp_path / "S1" / "f.0.npz", body_id=None)
    for name in "ef":
        with pytest.raises(BodyMismatchError):
            fits.read("S1", name, "0", None)
    with pytest.raises(DatasetError, match="not there"):
        SmplFits(str(tmp_path / "none"))
