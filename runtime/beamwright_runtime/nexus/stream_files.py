"""Datasets in files that detectors wrote, as stream resources tell of them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

import h5py
import numpy as np

HDF5 = "application/x-hdf5"


@dataclass(frozen=True)
class FoundDataset:
    """The dataset of one stream resource.

    :param path: of its file, relative to the folder of the file that links to it.
    :param name: within the file.
    :param shape: of the dataset, first dimension the collections; None if the file cannot be read now.
    :param dtype: of the dataset; None if the file cannot be read now.
    """

    path: str
    name: str
    shape: tuple[int, ...] | None
    dtype: np.dtype[Any] | None


def find_dataset(resource: Mapping[str, Any], folder: Path, problems: list[str]) -> FoundDataset | None:
    """Find the dataset of a stream resource; None, and why, if HDF5 cannot link to it at all.

    :param folder: of the file that links to it.
    """
    uri, key = resource["uri"], resource["data_key"]
    name = resource.get("parameters", {}).get("dataset")
    parsed = urlparse(uri)
    if resource["mimetype"] != HDF5 or parsed.scheme not in ("", "file") or not isinstance(name, str):
        problems.append(f"{key}: {uri} is {resource['mimetype']}, only datasets of HDF5 files can be linked")
        return None
    path = Path(unquote(parsed.path))
    relative = Path(os.path.relpath(path, folder)).as_posix()
    try:
        with _open(path) as file:
            dataset = file[name]
            if isinstance(dataset, h5py.Dataset) and dataset.shape:
                return FoundDataset(relative, name, dataset.shape, dataset.dtype)
            problems.append(f"{key}: {name} in {path.name} is not a dataset with rows")
    except FileNotFoundError:
        problems.append(f"{key}: {path.name} is missing; links to it wait for it")
    except (OSError, KeyError) as error:
        problems.append(f"{key}: {name} in {path.name} cannot be read: {_reason(error)}")
    return FoundDataset(relative, name, None, None)


OPENINGS: Sequence[Mapping[str, bool]] = (
    {"locking": False},
    {"swmr": True, "locking": False},
    {"swmr": True},
)
"""How a file is opened: without a lock that would be in its writer's way; while it is written, for detectors that are
unstaged after the run; and with the locks of this process, where the writer is in it."""


def _open(path: Path) -> h5py.File:
    if not path.exists():
        raise FileNotFoundError(path)
    for options in OPENINGS[:-1]:
        with suppress(OSError):
            return h5py.File(path, "r", **options)
    return h5py.File(path, "r", **OPENINGS[-1])


def _reason(error: Exception) -> str:
    return str(error.args[0] if error.args else error)
