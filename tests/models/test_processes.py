"""Base models in processes of their own: several at once, and one whose memory is measured."""

import os
import runpy
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from batchsift import models
from scripts import TWO_PROCESSES, run_script

SCRIPT = Path(__file__).with_name("ddp_step.py")
ONE = SimpleNamespace(**runpy.run_path(str(SCRIPT)))
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def ranks(tmp_path_factory):
    """The gradients of each process."""
    folder = tmp_path_factory.mktemp("ddp")
    run_script(*TWO_PROCESSES, SCRIPT, folder)
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(ONE.PROCESSES)]


@pytest.mark.parametrize("name", models.names())
def test_several_processes_share_the_mean_gradient(name, ranks):
    with torch.random.fork_rng():
        step = ONE.Step(ONE.built(name))
        alone = [ONE.gradients(step, slice(rank, None, 2), seed=rank) for rank in range(ONE.PROCESSES)]
    for key, first in alone[0].items():
        assert torch.equal(ranks[0][name][key], ranks[1][name][key]), key
        torch.testing.assert_close(ranks[0][name][key], (first + alone[1][key]) / 2, msg=key)


STEPS = """
import os, resource, sys, torch
from batchsift import models
models.MLP  # torch and all models are imported once, then each model has a process of its own
for name in sys.argv[1:]:
    process = os.fork()
    if process:
        assert os.waitpid(process, 0)[1] == 0, name
        continue
    x, y = torch.rand(128, 499), (torch.rand(128, 374) < 0.05).float()
    model = models.build(name, 499, 374)
    model.prepare(x, y)
    loss, _ = model.training_loss(x, y)
    loss.backward()
    assert loss.isfinite()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (2**20 if sys.platform == "darwin" else 2**10)
    print(name, peak, flush=True)
    os._exit(0)
"""


@pytest.fixture(scope="module")
def peaks():
    """MiB that a process has needed at the most for a step of a model, by its name."""
    command = [sys.executable, "-c", STEPS, *models.names()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=ENVIRONMENT, check=False)
    assert done.returncode == 0, done.stderr
    return {name: int(peak) for name, peak in map(str.split, done.stdout.splitlines())}


@pytest.mark.parametrize("name", models.names())
def test_374_labels_take_less_than_two_gibibytes(name, peaks):
    assert peaks[name] < 2 * 2**10
