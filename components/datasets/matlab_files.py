"""Arrays of MATLAB's files, whichever of its two containers they are in."""

from __future__ import annotations

import pathlib
from collections.abc import Iterable
from typing import Any

import numpy as np

from components.datasets.base import DatasetError


def read_arrays(path: pathlib.Path, names: Iterable[str]) -> dict[str, np.ndarray]:
    """Named variables with the dimensions that they have in MATLAB; cells are arrays of objects.

    Up to version 7 a .mat file is a container of its own, which SciPy reads. Version 7.3 is HDF5, which stores columns
    first: there every array lies transposed.

    Args:
        path: the file.
        names: variables; those that are not there are left out.

    Raises:
        DatasetError: the file is damaged. The message names no file.
    """
    import h5py
    import scipy.io

    try:
        if h5py.is_hdf5(path):
            with h5py.File(path, "r") as file:
                return {name: _from_hdf5(file[name], file) for name in names if name in file}
        variables = scipy.io.loadmat(path, variable_names=list(names))
    except Exception as error:  # zlib, SciPy's and HDF5's parsers each have errors of their own
        raise DatasetError("A .mat file that can be read is needed. Received: a damaged one") from error
    return {name: variables[name] for name in names if name in variables}


def _from_hdf5(dataset: Any, file: Any) -> np.ndarray:
    import h5py

    stored = dataset[()]
    if not h5py.check_ref_dtype(dataset.dtype):
        return stored.T
    cells = np.empty(stored.shape, object)
    for index, reference in np.ndenumerate(stored):
        cells[index] = _from_hdf5(file[reference], file)
    return cells.T
