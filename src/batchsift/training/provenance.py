"""What the numbers of a run may depend on beside its configuration: the data's content, versions, the machine."""

import hashlib
import json
import os
import platform
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from batchsift.data import ImageData, MultiLabelData
from batchsift.data.images import ImageArrays, ImageFiles, Pictures

PACKAGES = ("batchsift", "torch", "numpy", "scipy", "scikit-learn", "iterative-stratification")

# Rooms and files that no number of a run depends on: a change there leaves the hash of the code as it is.
WITHOUT_NUMBERS = (
    "__main__.py",
    "cli",
    "extreme_metrics.py",
    "integrations",
    "messages.py",
    "report",
    "statistics",
    "studies/analysis",
    "studies/cluster.py",
    "studies/logs.py",
    "studies/remote.py",
    "testing",
    "training/classifier.py",
    "training/loggers",
    "verbs",
)


def fingerprint(data: MultiLabelData | ImageData, *, rows: NDArray[np.int64] | None = None) -> str:
    """Return a hash of the content of a data set: 16 hexadecimal digits; of pictures in files, names and sizes.

    Args:
        data: The data set, whose name does not matter.
        rows: Row numbers of its samples, where they matter too.
    """
    if isinstance(data, ImageData):
        arrays = _arrays_of(data.pictures)
    elif data.is_sparse:
        matrix = data.features.tocsr(copy=True)
        matrix.sort_indices()
        arrays = [matrix.data, matrix.indices.astype(np.int64), matrix.indptr.astype(np.int64)]
    else:
        arrays = [data.features]
    arrays.append(data.labels)
    if rows is not None:
        arrays.append(rows)
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    names = data.feature_names if isinstance(data, MultiLabelData) else ()
    digest.update(json.dumps([names, data.label_names]).encode())
    return digest.hexdigest()[:16]


def _arrays_of(pictures: Pictures) -> list[NDArray[Any]]:
    """Return what tells pictures from others without reading files: a hash of a million of them would take an hour."""
    if isinstance(pictures, ImageArrays):
        return [pictures.pixels]
    if isinstance(pictures, ImageFiles):
        paths = [pictures.name_of(row) for row in range(len(pictures))]
        sizes = [os.stat(path).st_size if os.path.exists(path) else -1 for path in paths]  # noqa: PTH110, PTH116 (many)
        return [np.array(pictures.files_N.tolist()), np.array(sizes, dtype=np.int64)]
    return [np.array([pictures.name_of(row).encode() for row in range(len(pictures))])]


@cache
def versions() -> Mapping[str, str]:
    """Return the versions numbers may depend on: Python, packages, and a hash of batchsift's own source (`code`)."""
    packages = {package: version(package) for package in PACKAGES}
    return {"python": platform.python_version(), **packages, "code": _hash_of_code()}


def differing_versions(theirs: Mapping[str, str]) -> list[str]:
    """Say which versions are not those here: "torch 2.6.0, here 2.7.0"; none where all are the same.

    Args:
        theirs: What `versions` returned then.
    """
    mine = versions()
    return [
        f"{name} {theirs.get(name)}, here {mine.get(name)}"
        for name in sorted({*mine, *theirs})
        if mine.get(name) != theirs.get(name)
    ]


@cache
def machine() -> Mapping[str, Any]:
    """Return what this machine is: system, processor, number of cores, accelerators."""
    return {
        "system": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "accelerators": [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())],
    }


def _hash_of_code() -> str:
    digest, package = hashlib.sha256(), Path(__file__).parent.parent
    left_out = [package / place for place in WITHOUT_NUMBERS]
    for path in sorted(package.rglob("*.py")):
        if not any(path.is_relative_to(place) for place in left_out):
            digest.update(path.relative_to(package).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


def _processor() -> str:
    """Return the processor's name from Linux; elsewhere what Python knows of it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())
