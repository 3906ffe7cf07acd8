"""A pickle from the net gives arrays or an error, and runs nothing."""

import builtins
import collections
import copyreg
import os
import pickle
import struct
import subprocess
import sys

import numpy as np
import pytest
import scipy.sparse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from python2_pickles import dumps, fake_chumpy, smpl_pickle

from model.body import pickled_arrays, unpickle
from model.body.pickled_arrays import to_array
from model.body.unpickle import load_restricted
from model.errors import BodyFileError

RNG = np.random.default_rng(5)


class Calls:
    """Pickles as a call of `function`."""

    def __init__(self, function, *args):
        self.reduced = (function, args)

    def __reduce__(self):
        return self.reduced


def with_state(made, state):
    """Protocol 2 pickle of {"a": made} with BUILD of `state` after it."""
    body = pickle.dumps(made, 2)[2:-1] + pickle.dumps(state, 2)[2:-1] + b"b"
    return b"\x80\x02}X\x01\x00\x00\x00a" + body + b"s."


def global_named(module, name):
    """Protocol 4 pickle of {"a": module.name}, found as Python does by walking the dots of `name`."""
    text = b"".join(b"\x8c" + bytes([len(word)]) + word.encode() for word in ("a", module, name))
    return b"\x80\x04}" + text + b"\x93s."


def called(module, name, argument):
    """Protocol 2 pickle of {"a": module.name(argument)}, for names that need not exist here."""
    return (
        b"\x80\x02}X\x01\x00\x00\x00ac" + f"{module}\n{name}\n".encode() + pickle.dumps((argument,), 2)[2:-1] + b"Rs."
    )


def array_bytes(dtype=b"X\x02\x00\x00\x00f8", shape=b"K\x02\x85", data=bytes(16), more=b"NNN"):
    """Protocol 2 pickle of {"a": an array}, with any opcodes in place of its parts."""
    return (
        b"\x80\x02}X\x01\x00\x00\x00acnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        + b"(K\x01" + shape + b"cnumpy\ndtype\n" + dtype + b"K\x00K\x01\x87R(K\x03U\x01<" + more
        + b"J\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T" + struct.pack("<i", len(data)) + data + b"tbs."
    )  # fmt: skip


@pytest.fixture
def marker(tmp_path, monkeypatch):
    """A file that attacks would make in the working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path / "marker"


def state_of_the_process():
    modules = (unpickle, pickled_arrays)
    return (
        {name for name in sys.modules if not name.startswith("encodings.")},  # Python finds codecs by importing them
        dict(copyreg._extension_registry),
        dict(os.environ),
        sys.getrecursionlimit(),
        set(vars(builtins)),
        [(name, id(value)) for module in modules for name, value in vars(module).items()],
        [(name, id(value)) for cls in (unpickle.Record, unpickle.Global) for name, value in vars(cls).items()],
    )


def load(content, path):
    path.write_bytes(content)
    return {name: to_array(value) for name, value in load_restricted(path).items()}


def assert_refused(content, marker, match="Received"):
    path = marker.with_name("body.pkl")
    before = state_of_the_process()
    with pytest.raises(BodyFileError, match=match):
        load(content, path)
    assert state_of_the_process() == before
    assert not marker.exists()


SHELL = "touch marker"
PYTHON = "open('marker', 'w').close()"
EXECUTABLE = [
    (Calls(os.system, SHELL), "'system'"),
    (Calls(os.popen, SHELL), "'os', 'popen'"),
    (Calls(subprocess.call, ["touch", "marker"]), "'call'"),
    (Calls(subprocess.Popen, ["touch", "marker"]), "'Popen'"),
    (Calls(eval, PYTHON), "'eval'"),
    (Calls(exec, PYTHON), "'exec'"),
    (Calls(__import__, "this"), "'__import__'"),
    (Calls(getattr, Calls(__import__, "os"), "system"), "'getattr'"),
    (Calls(open, "marker", "w"), "'open'"),
    # A call within the arguments of what is allowed.
    (Calls(np.dtype, Calls(os.system, SHELL)), "'system'"),
    (Calls(collections.OrderedDict, [("a", Calls(eval, PYTHON))]), "'eval'"),
    (Calls(set, [1, Calls(exec, PYTHON)]), "'exec'"),
    (np.array([Calls(os.system, SHELL), 1], object), "'system'"),
]


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize(("attack", "named"), EXECUTABLE, ids=lambda value: value if isinstance(value, str) else "")
def test_calls_are_refused_by_name(attack, named, protocol, marker):
    assert_refused(pickle.dumps({"v_template": attack}, protocol), marker, named)


def test_the_attacks_are_real(marker):
    pickle.loads(pickle.dumps(Calls(os.system, SHELL)))
    assert marker.exists()


GADGETS = [
    ("numpy.testing._private.utils", "runstring", PYTHON),
    ("numpy.f2py", "compile", PYTHON),
    ("numpy.f2py.crackfortran", "myeval", PYTHON),
    ("numpy", "load", "marker"),
    ("numpy", "memmap", "marker"),
    ("numpy.core.multiarray", "fromfile", "marker"),
    ("numpy", "matrix", PYTHON),
    ("scipy.sparse", "load_npz", "marker"),
    ("scipy.sparse.csc", "sys", "marker"),
    ("pickle", "loads", pickle.dumps(Calls(os.system, SHELL))),
    ("builtins", "bytearray", 2**60),
    ("model.body.unpickle", "load_restricted", "marker"),
]


@pytest.mark.parametrize(("module", "name", "argument"), GADGETS, ids=lambda value: str(value)[:30])
def test_other_functions_of_allowed_packages_are_refused(module, name, argument, marker):
    assert_refused(called(module, name, argument), marker, f"'{module}', '{name}'")


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("numpy", "core.multiarray._reconstruct"),
        ("numpy", "dtype.__class__"),
        ("numpy.core.multiarray", "_reconstruct.__globals__"),
        ("_codecs", "encode.__self__"),
        ("chumpy.ch", "Ch.__init__.__globals__"),
        ("chumpy.os", "system.__call__"),
        ("chumpyx", "Ch"),
        ("builtins", "object.__subclasses__"),
    ],
)
def test_dotted_names_lead_nowhere(module, name, marker):
    assert_refused(global_named(module, name), marker, name.replace(".", r"\."))


def test_chumpy_names_are_never_imported(marker):
    marker.with_name("chumpy.py").write_text(PYTHON)
    sys.path.insert(0, str(marker.parent))
    try:
        assert_refused(called("chumpy", "system", SHELL), marker, r"chumpy\.system")
    finally:
        sys.path.remove(str(marker.parent))


STATES = [{"__class__": 1, "__setstate__": 2, "__reduce__": 3}, (None, {"__setstate__": 1, "kind": 2}), {"x": 1}, 7]


@pytest.mark.parametrize("state", STATES, ids=str)
@pytest.mark.parametrize("target", [np.ndarray, np.dtype, copyreg._reconstructor, set, {}, [], (), "text"], ids=str)
def test_no_state_is_set_on_what_is_not_a_record(target, state, marker):
    assert_refused(with_state(target, state), marker)


@pytest.mark.parametrize("state", STATES, ids=str)
def test_state_of_a_record_stays_data(state, marker):
    with fake_chumpy() as chumpy:
        made = chumpy.ch.Ch(x=np.zeros(3))
        content = with_state(made, state)
    assert_refused(content, marker)


def test_extension_codes_persistent_ids_and_old_instances_are_refused(marker):
    copyreg.add_extension("posix", "system", 240)
    try:
        for content in (b"\x80\x02}U\x01a\x82\xf0U\x0ctouch marker\x85Rs.", b"\x80\x02}U\x01a\x83\xf0\x00s."):
            assert_refused(content, marker, "opcode EXT")
    finally:
        copyreg.remove_extension("posix", "system", 240)
    assert_refused(b"}S'a'\nPmarker\ns.", marker, "opcode PERSID")
    assert_refused(b"\x80\x02}U\x01aU\x06markerQs.", marker, "opcode BINPERSID")
    assert_refused(b"}S'a'\n(S'touch marker'\nios\nsystem\ns.", marker, "opcode INST")
    assert_refused(b"\x80\x02}U\x01a(cnumpy\ndtype\nU\x02f8os.", marker, "opcode OBJ")
    assert_refused(b"\x80\x05}\x8c\x01a\x97s.", marker, "opcode NEXT_BUFFER")


@pytest.mark.parametrize(
    "content",
    [
        array_bytes(dtype=b"U\x01O"),
        array_bytes(dtype=b"U\x03|O8"),
        array_bytes(dtype=b"U\x02V8"),
        array_bytes(dtype=b"U\x05f8,O8"),
        array_bytes(dtype=b"cnumpy\nndarray\n"),
        array_bytes(more=b"]NN"),
        array_bytes(more=b"N(U\x01ft}U\x01fcnumpy\nndarray\ns"),
        array_bytes(shape=b"\x8a\x06\x00\x00\x00\x00\x00\x01\x85"),
        array_bytes(shape=b"\x8a\x06\x00\x00\x00\x00\x00\x01K\x00\x86", data=b""),
        array_bytes(shape=b"\x8a\x09\x02\x00\x00\x00\x00\x00\x00\x00\x01\x85"),
        array_bytes(shape=b"J\xff\xff\xff\xff\x85"),
        array_bytes(shape=b"G?\xf0\x00\x00\x00\x00\x00\x00\x85"),
        array_bytes(shape=b"cnumpy\nndarray\n"),
        array_bytes(shape=b"(" + b"K\x01" * 70 + b"t", data=bytes(8)),
        array_bytes(data=bytes(15)),
        array_bytes(data=b""),
    ],
)
def test_arrays_that_are_not_what_they_say_are_refused(content, marker):
    assert_refused(content, marker)


def test_sparse_matrices_with_wild_indices_are_refused(marker):
    good = scipy.sparse.random(4, 9, 0.4, "csc", random_state=1)
    wild = {
        "indices": [np.full_like(good.indices, 2**30), good.indices - 5, good.indices[:-1], good.indices.astype(float)],
        "indptr": [good.indptr[::-1].copy(), good.indptr + 1, good.indptr[:-1], good.indptr * 1000],
        "data": [good.data[:-1], np.array(good.data, object), np.zeros((3, 3))],
        "_shape": [(10**8, 9), (4, 10**12), (3, 9), (-4, 9), (4,), None, (4.0, 9)],
    }
    for name, values in wild.items():
        for value in values:
            matrix = good.copy()
            setattr(matrix, name, value)
            assert_refused(dumps({"a": matrix}), marker)


def test_chumpy_objects_that_do_not_fit_are_refused(marker):
    with fake_chumpy() as chumpy:
        ch = chumpy.ch.Ch(x=np.arange(6.0))
        endless = chumpy.reordering.Select(idxs=np.array([0]))
        endless.a = endless
        deep = ch
        for _ in range(100):
            deep = chumpy.reordering.Select(a=deep, idxs=np.arange(6))
        contents = [
            dumps({"a": made})
            for made in (
                chumpy.ch.Ch(),
                chumpy.ch.Ch(x="text"),
                chumpy.ch.Add(a=ch, b=ch),
                chumpy.reordering.Select(a=ch, idxs=np.array([6])),
                chumpy.reordering.Select(a=ch, idxs=np.array([-1])),
                chumpy.reordering.Select(a=ch, idxs=np.array([0.0])),
                chumpy.reordering.Select(a=ch, idxs=np.arange(6), preferred_shape=(10**9, 10**9)),
                chumpy.reordering.Select(a=ch, idxs=np.arange(6), preferred_shape=-1),
                endless,
                deep,
            )
        ]
    for content in contents:
        assert_refused(content, marker)


def billion_laughs():
    """A tuple of two of the same tuple of two ..., whose hash would take 2^200 steps."""
    return b")q\x000" + b"h\x00h\x00\x86q\x000" * 200 + b"h\x00"


@pytest.mark.parametrize(
    "content",
    [
        b"\x80\x02}" + billion_laughs() + b"K\x01s.",
        array_bytes(dtype=billion_laughs()),
        b"\x80\x02}U\x01a" + b"]" * 100_000 + b"a" * 99_999 + b"s.",
        b"\x80\x02}U\x01a" + b"(" * 100_000 + b"t" * 100_000 + b"s.",
        b"\x80\x02}r\xff\xff\xff\xffU\x01aj\xff\xff\xff\xfes.",
        b"\x80\x05}\x8c\x01a\x8e" + struct.pack("<Q", 2**62) + b"s.",
        b"\x80\x05}\x8c\x01a\x96" + struct.pack("<Q", 2**64 - 1) + b"s.",
        b"\x80\x04\x95" + struct.pack("<Q", 2**63),
        b"\x80\x02}U\x01aI" + b"9" * 10_000 + b"\ns.",
        b"}S'a'\nS'no end\ns.",
        b"",
        b".",
        b"0.",
        b"(.",
        b"K\x01.",
        b"]}b.",
        b"t.",
        b"R.",
        b"K\x01\x87.",
    ],
)
def test_bombs_and_nonsense_are_refused(content, marker):
    assert_refused(content, marker)


def model_arrays():
    return {
        "v_template": RNG.normal(size=(6, 3)),
        "shapedirs": RNG.normal(size=(6, 3, 2)),
        "posedirs": np.asfortranarray(RNG.normal(size=(6, 3, 4))),
        "J_regressor": np.triu(RNG.random((3, 6))),
        "f": RNG.integers(0, 6, (7, 3)).astype(np.uint32),
        "half": RNG.normal(size=5).astype(np.float16),
        "big_endian": RNG.normal(size=5).astype(">f4"),
    }


@pytest.mark.parametrize("protocol", range(6))
def test_a_release_like_pickle_gives_its_arrays(protocol, tmp_path):
    arrays = model_arrays()
    path = tmp_path / "body.pkl"
    path.write_bytes(smpl_pickle(arrays, protocol))
    loaded = load_restricted(path)
    assert loaded["bs_type"] == "lrotmin"
    assert loaded["pose_training_info"] == {"count": 3, "names": ["a", None]}
    for name, array in arrays.items():
        np.testing.assert_array_equal(to_array(loaded[name]), array)
        assert to_array(loaded[name]).dtype.kind == array.dtype.kind


@pytest.mark.parametrize("form", ["csc_matrix", "csr_matrix", "coo_matrix", "csc_array", "csr_array", "coo_array"])
@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_sparse_forms(form, protocol, tmp_path):
    dense = np.where(RNG.random((5, 8)) < 0.3, RNG.normal(size=(5, 8)), 0)
    content = dumps({"a": getattr(scipy.sparse, form)(dense)}, protocol)
    np.testing.assert_array_equal(load(content, tmp_path / "body.pkl")["a"], dense)


def test_text_pickles_of_python_2(tmp_path):
    """Byte strings of Python 2 stand in quotes with escapes (protocol 0), or raw after their length (protocol 2)."""
    array = RNG.normal(size=2)
    binary = array_bytes(dtype=b"U\x02f8", data=array.tobytes())
    text = (
        b"(dp0\nS'a'\np1\ncnumpy.core.multiarray\n_reconstruct\np2\n(cnumpy\nndarray\np3\n(I0\ntp4\nS'b'\np5\ntp6\nRp7\n"
        b"(I1\n(L2L\ntp8\ncnumpy\ndtype\np9\n(S'f8'\np10\nI0\nI1\ntp11\nRp12\n(I3\nS'<'\np13\nNNNI-1\nI-1\nI0\n"
        b"tp14\nbI00\nS" + repr(array.tobytes())[1:].encode() + b"\np15\ntp16\nbs."
    )
    for content in (binary, text):
        np.testing.assert_array_equal(load(content, tmp_path / "body.pkl")["a"], array)


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_truncated_files_are_refused(protocol, tmp_path):
    arrays = model_arrays()
    content = smpl_pickle(arrays, protocol)
    path = tmp_path / "body.pkl"
    for end in range(0, len(content), 13):
        path.write_bytes(content[:end])
        with pytest.raises(BodyFileError, match="Received"):
            load_restricted(path)


NO_LIMIT = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@NO_LIMIT
@given(content=st.binary(max_size=200))
def test_random_bytes_are_refused_or_a_dictionary(content, tmp_path):
    path = tmp_path / "body.pkl"
    path.write_bytes(b"\x80\x02}" + content)
    try:
        assert isinstance(load_restricted(path), dict)
    except BodyFileError as error:
        assert "Received" in str(error)


NAMES = tuple(model_arrays())
WHOLE = smpl_pickle(model_arrays())


@NO_LIMIT
@given(changes=st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_damaged_files_are_refused_or_still_arrays(changes, tmp_path):
    content = bytearray(WHOLE)
    for position, value in changes:
        content[position] = value
    path = tmp_path / "body.pkl"
    path.write_bytes(content)
    try:
        loaded = load_restricted(path)
        for name in NAMES:
            assert isinstance(to_array(loaded.get(name)), np.ndarray)
    except BodyFileError as error:
        assert "Received" in str(error)


def test_what_is_no_file_is_refused(tmp_path):
    for path in (tmp_path, tmp_path / "none.pkl", "/dev/zero"):
        with pytest.raises(BodyFileError, match="no file"):
            load_restricted(path)
    with open(tmp_path / "huge.pkl", "wb") as file:
        file.truncate(unpickle.MAX_BYTES + 1)
    with pytest.raises(BodyFileError, match="at most"):
        load_restricted(tmp_path / "huge.pkl")
