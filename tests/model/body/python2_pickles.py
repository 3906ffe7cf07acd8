"""Pickles as SMPL's releases have them: Python 2, old module paths, chumpy objects. Chumpy itself is not needed."""

import contextlib
import pickle
import sys
import types

import numpy as np
import scipy.sparse

# What Python 2, NumPy 1 and SciPy 0.1x wrote where today's write something else, in the text form of GLOBAL.
OLD_NAMES = {
    f"scipy.sparse._{form} {form}_matrix".encode(): f"scipy.sparse.{form} {form}_matrix".encode()
    for form in ("csc", "csr", "coo")
}


@contextlib.contextmanager
def fake_chumpy():
    """Modules `chumpy.ch` and `chumpy.reordering` whose classes pickle as the real ones do, while this lasts."""
    ch = types.ModuleType("chumpy.ch")
    reordering = types.ModuleType("chumpy.reordering")

    class Ch:
        def __init__(self, **terms):
            self.__dict__.update(terms, _dirty_vars=set(terms), _itr=None, _depends_on_deps={}, _make_dense=False)

    class Select(Ch):
        pass

    class Add(Ch):
        pass

    for module, cls in ((ch, Ch), (reordering, Select), (ch, Add)):
        cls.__module__, cls.__qualname__ = module.__name__, cls.__name__
        setattr(module, cls.__name__, cls)
    package = types.ModuleType("chumpy")
    package.ch, package.reordering = ch, reordering
    modules = {"chumpy": package, "chumpy.ch": ch, "chumpy.reordering": reordering}
    sys.modules.update(modules)
    try:
        yield package
    finally:
        for name in modules:
            del sys.modules[name]


def dumps(value, protocol=2):
    """A pickle with the module paths of old."""
    content = pickle.dumps(value, protocol)
    for new, old in OLD_NAMES.items():
        content = content.replace(b"c" + new.replace(b" ", b"\n"), b"c" + old.replace(b" ", b"\n"))
    return content


def smpl_pickle(arrays, protocol=2):
    """A model dictionary as release 1.0.0 has it: chumpy objects, a sparse regressor, and entries nobody reads."""
    with fake_chumpy() as chumpy:
        everything = np.concatenate([arrays["shapedirs"], np.ones_like(arrays["shapedirs"])], axis=2)
        index = np.arange(everything.size).reshape(everything.shape)[:, :, : arrays["shapedirs"].shape[2]]
        model = dict(arrays)
        model["shapedirs"] = chumpy.reordering.Select(
            a=chumpy.ch.Ch(x=everything), idxs=index.ravel(), preferred_shape=index.shape
        )
        model["posedirs"] = chumpy.ch.Ch(x=arrays["posedirs"])
        model["J_regressor"] = scipy.sparse.csc_matrix(arrays["J_regressor"])
        model["J"] = chumpy.ch.Add(a=chumpy.ch.Ch(x=np.zeros(3)))
        model |= {"bs_style": "lbs", "bs_type": "lrotmin", "pose_training_info": {"count": 3, "names": ["a", None]}}
        return dumps(model, protocol)
