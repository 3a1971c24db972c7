"""How much memory this process holds, and held at most."""

import re
import resource
import sys
from pathlib import Path

import torch

STATUS = Path("/proc/self/status")


def _from_status(field: str) -> int:
    return int(re.search(rf"{field}:\s+(\d+) kB", STATUS.read_text())[1]) * 1024


def resident(device: str) -> int:
    """Bytes held now; from now on the peak counts anew (where the system can do that)."""
    if device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats()
        return torch.cuda.memory_allocated()
    if not STATUS.exists():
        return peak(device)
    Path("/proc/self/clear_refs").write_text("5")
    return _from_status("VmRSS")


def peak(device: str) -> int:
    """The most bytes held."""
    if device.startswith("cuda"):
        return torch.cuda.max_memory_allocated()
    if not STATUS.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return _from_status("VmHWM")


def limit(more: int) -> None:
    """Let this process take so many bytes more than it has now; an allocation beyond them raises."""
    if STATUS.exists():
        resource.setrlimit(resource.RLIMIT_AS, (_from_status("VmSize") + more, resource.RLIM_INFINITY))
