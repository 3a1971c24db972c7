"""What the numbers of a run may depend on: the content of the data, versions, the machine."""

import hashlib
import json
import math
import os
import platform
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from batchsift.data import MultiLabelData

_PACKAGES = ("batchsift", "torch", "numpy", "scipy", "scikit-learn", "iterative-stratification")
_NO_NUMBERS = ("cli", "report", "integrations")  # parts of the package that no number of a cell depends on


def fingerprint(data: MultiLabelData, *, rows: NDArray[np.int64] | None = None) -> str:
    """A hash of the content of a data set: 16 hexadecimal digits.

    Args:
        data: Its name does not matter.
        rows: What its samples are called, where that matters.
    """
    digest = hashlib.sha256()
    if data.is_sparse:
        matrix = data.features.tocsr(copy=True)
        matrix.sort_indices()
        arrays = [matrix.data, matrix.indices.astype(np.int64), matrix.indptr.astype(np.int64)]
    else:
        arrays = [data.features]
    for array in [*arrays, data.labels, *([] if rows is None else [rows])]:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    digest.update(json.dumps([data.feature_names, data.label_names]).encode())
    return digest.hexdigest()[:16]


@cache
def versions() -> Mapping[str, str]:
    """What the numbers of a cell may depend on: Python, packages, and batchsift's own source (`code`, a hash)."""
    digest, root = hashlib.sha256(), Path(__file__).parent.parent
    for path in sorted(root.rglob("*.py")):
        place = path.relative_to(root)
        if place.parts[0] not in _NO_NUMBERS:
            digest.update(place.as_posix().encode() + b"\0" + path.read_bytes())
    packages = {package: version(package) for package in _PACKAGES}
    return {"python": platform.python_version(), **packages, "code": digest.hexdigest()[:12]}


@cache
def machine() -> Mapping[str, Any]:
    """Where a cell was run."""
    return {
        "system": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "accelerators": [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())],
    }


def plain(value: Any) -> Any:
    """What JSON can hold: dataclasses become dictionaries, tuples lists, numbers that are not finite None."""
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _processor() -> str:
    """As Linux names it; what Python knows elsewhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())
