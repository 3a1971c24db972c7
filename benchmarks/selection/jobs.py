"""Measurements by name, each in a fresh process with limits on time and memory; what came of it is kept as JSON."""

import dataclasses
import json
import os
import platform
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
_MARK = "measured: "


@dataclass(frozen=True)
class Job:
    """A measurement to be made.

    Attributes:
        kind: A key of `KINDS` in `work.py`.
        arguments: What it takes beside the device; sizes as text.
        threads: Of torch.
    """

    kind: str
    arguments: dict[str, Any]
    threads: int = 1

    @property
    def key(self) -> str:
        """A name for files and look-ups."""
        return "-".join([self.kind, *map(str, self.arguments.values()), f"{self.threads}t"]).replace("/", "_")


@dataclass(frozen=True)
class Outcome:
    """What a job measured, or why it did not."""

    result: Any = None
    reason: str | None = None


@dataclass(frozen=True)
class Limits:
    """Of one measurement, and how it is made.

    Attributes:
        seconds: It is ended after so many.
        memory: Bytes it may take.
        device: Where the state lives.
        quick: Rather than exact.
        cpu_time: Take processor time, where it is not about the wall's.
    """

    seconds: float
    memory: int
    device: str = "cpu"
    quick: bool = False
    cpu_time: bool = False


def run(job: Job, limits: Limits, out: Path, *, resume: bool) -> Outcome:
    """Run the job, or take what an earlier run kept in `out`."""
    kept = out / "cells" / f"{job.key}.json"
    if resume and kept.exists():
        return Outcome(**json.loads(kept.read_text(encoding="utf-8")))
    outcome = _in_own_process(job, limits)
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps(dataclasses.asdict(outcome)), encoding="utf-8")
    return outcome


def _in_own_process(job: Job, limits: Limits) -> Outcome:
    work = [json.dumps(dataclasses.asdict(each)) for each in (job, limits)]
    command = [sys.executable, "-m", "benchmarks.selection.work", *work]
    environment = {**os.environ, "OMP_NUM_THREADS": str(job.threads), "MKL_NUM_THREADS": str(job.threads)}
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # a process group of its own, so that all of it can be ended
    )
    try:
        output, errors = process.communicate(timeout=limits.seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return Outcome(reason=f"over {limits.seconds:.0f} s")
    found = [line for line in output.splitlines() if line.startswith(_MARK)]
    if process.returncode == 0 and found:
        return Outcome(result=json.loads(found[-1][len(_MARK) :]))
    last = errors.strip().splitlines()[-1] if errors.strip() else f"exit code {process.returncode}"
    if "allocate memory" in last or "MemoryError" in last or process.returncode == -signal.SIGKILL:
        last = f"over {limits.memory / 2**30:.0f} GiB of memory"
    return Outcome(reason=last[:200])


def report(result: Any) -> None:
    """Called by the process at work: hand the result, a dataclass or plain, to the one that waits for it."""
    print(_MARK + json.dumps(result, default=dataclasses.asdict), flush=True)


@dataclass(frozen=True)
class Machine:
    """Where it was measured; `load` is how many processes wanted to run before we began, on average."""

    processor: str
    cores: int
    python: str
    torch: str
    numpy: str
    date: str
    device: str
    load: float


def machine(device: str) -> Machine:
    """This one."""
    import numpy as np  # noqa: PLC0415
    import torch  # noqa: PLC0415

    info = Path("/proc/cpuinfo")
    names = [line.partition(": ")[2] for line in info.read_text().splitlines() if line.startswith("model name")]
    on_cuda = device.startswith("cuda")
    return Machine(
        processor=next(iter(names), platform.processor()) if info.exists() else platform.processor(),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        python=platform.python_version(),
        torch=torch.__version__,
        numpy=np.__version__,
        date=time.strftime("%Y-%m-%d"),
        device=torch.cuda.get_device_name(device) if on_cuda else "CPU",
        load=os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0,
    )
