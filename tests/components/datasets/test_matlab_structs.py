import numpy as np
import pytest
import scipy.io

from components.datasets import matlab_structs
from components.datasets.base import DatasetError

NESTED = {
    "text": "naïve 馬",
    "nothing": np.zeros((0, 0)),
    "cell": np.array([["a", 2.5, np.arange(3)]], object),
    "inner": {"deep": {"number": -7.25}},
}
TYPES = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64"]


def save(path, compress, **fields):
    scipy.io.savemat(path, {"RELEASE": fields}, do_compression=compress)
    return path


@pytest.mark.parametrize("compress", [False, True])
def test_values_are_those_that_scipy_wrote(tmp_path, compress):
    path = save(tmp_path / "x.mat", compress, first=np.arange(100000.0), nested=NESTED, last=3)
    (nested,) = matlab_structs.value(path, "RELEASE", "nested")
    assert nested["text"] == NESTED["text"] and nested["nothing"].size == 0
    assert nested["cell"][:2] == ["a", 2.5] and nested["cell"][2].tolist() == [0, 1, 2]
    assert nested["inner"] == [{"deep": [{"number": -7.25}]}]
    assert matlab_structs.value(path, "RELEASE", "last") == 3
    assert matlab_structs.value(path, "RELEASE", "first").tolist() == list(range(100000))


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("count", [1, 2, 7])
def test_numbers_of_every_type_keep_their_values(tmp_path, kind, count):
    lowest = 200 if kind.startswith("u") else -100
    numbers = np.arange(lowest, lowest + count).astype(kind)
    path = save(tmp_path / "x.mat", True, numbers=numbers)
    np.testing.assert_array_equal(np.atleast_1d(matlab_structs.value(path, "RELEASE", "numbers")), numbers)


def test_elements_come_one_at_a_time_until_the_damage(tmp_path):
    array = np.zeros((1, 500), [("a", object), ("b", object)])
    for i in range(500):
        array[0, i] = (float(i), f"name {i}")
    path = save(tmp_path / "x.mat", False, list=array)
    assert list(matlab_structs.elements(path, "RELEASE", "list")) == [
        {"a": float(i), "b": f"name {i}"} for i in range(500)
    ]
    path.write_bytes(path.read_bytes()[:30000])
    read = []
    with pytest.raises(DatasetError, match=r"RELEASE\.list"):
        for element in matlab_structs.elements(path, "RELEASE", "list"):
            read.append(element["b"])
    assert len(read) > 100 and read == [f"name {i}" for i in range(len(read))]


@pytest.mark.parametrize("field, cut", [("none", None), ("last", 200), ("last", 20)])
def test_a_field_that_is_not_there_or_a_damaged_file_is_one_kind_of_error(tmp_path, field, cut):
    path = save(tmp_path / "x.mat", True, first=np.random.default_rng(0).random(1000), last=3)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(DatasetError, match=r"Received: "):
        matlab_structs.value(path, "RELEASE", field)
