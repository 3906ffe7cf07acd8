import json

import numpy as np
import pytest

from serving import json_tensors


@pytest.mark.parametrize("dtype", [d for d in json_tensors.DTYPES.values() if d.kind in "iuf"])
def test_extreme_numbers_survive_json(dtype):
    limits = np.finfo(dtype) if dtype.kind == "f" else np.iinfo(dtype)
    array = np.array([[limits.min, limits.max], [0, 1]], dtype)
    text = json.dumps(json_tensors.to_json(array, binary=False))
    decoded = json_tensors.from_json(json.loads(text), dtype)
    assert decoded.dtype == dtype
    np.testing.assert_array_equal(decoded, array)


def test_nan_and_infinity_survive_json():
    array = np.array([np.nan, np.inf, -np.inf], np.float32)
    text = json.dumps(json_tensors.to_json(array, binary=False))
    np.testing.assert_array_equal(json_tensors.from_json(json.loads(text), array.dtype), array)


@pytest.mark.parametrize("binary", [True, False])
def test_bytes_survive_json_whatever_they_are(binary):
    array = np.array([[b"\xff\x00", b""], ["é".encode(), b"a\x00"]], object)
    text = json.dumps(json_tensors.to_json(array, binary))
    np.testing.assert_array_equal(json_tensors.from_json(json.loads(text), np.dtype(object)), array)


def test_text_is_plain_unless_binary():
    array = np.array("ab", object)
    assert json_tensors.to_json(array, binary=False) == "ab"
    assert json_tensors.to_json(array, binary=True) == {"b64": "YWI="}


@pytest.mark.parametrize(("value", "shape"), [(1, ()), ([], (0,)), ([[], []], (2, 0)), ([[[1]], [[2]]], (2, 1, 1))])
def test_shape_is_the_nesting(value, shape):
    assert json_tensors.from_json(value, np.dtype(np.float32)).shape == shape


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        ([[1, 2], [3]], np.float32),
        ([[1], 2], np.float32),
        ([1, [2]], np.float32),
        ([1.5], np.int32),
        ([2**31], np.int32),
        ([-1], np.uint8),
        ([10**400], np.float64),
        ([1e39], np.float32),
        (["1"], np.float32),
        ([None], np.float32),
        ([True], np.float32),
        ([1], np.bool_),
        ([{"b64": "AA=="}], np.float32),
        ([1], object),
        ([{"b64": "not base64!"}], object),
        ([{"b46": "AA=="}], object),
        ([{"b64": "AA==", "more": 1}], object),
        (["\ud800"], object),
    ],
)
def test_what_does_not_fit_is_refused(value, dtype):
    with pytest.raises(ValueError):
        json_tensors.from_json(value, np.dtype(dtype))


@pytest.mark.parametrize("array", [np.array([1j]), np.array([3], object)])
def test_arrays_without_a_json_form_are_refused(array):
    with pytest.raises(ValueError, match="Received"):
        json_tensors.to_json(array, binary=True)
