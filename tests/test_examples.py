"""The examples run as their first lines say."""

import re
import runpy
import sys
from pathlib import Path

import pytest
import torch

from scripts import TORCHRUN, run_script

EXAMPLES = Path(__file__).parent.parent / "examples"


def run(name, *arguments, launcher=()):
    return run_script(*launcher, EXAMPLES / name, *arguments)


@pytest.fixture
def run_here(monkeypatch, capsys, tmp_path):
    """Runs an example in this process, which has imported torch and the frameworks already."""
    monkeypatch.chdir(tmp_path)

    def run_in_this_process(name, *arguments):
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        with torch.random.fork_rng():
            runpy.run_path(str(EXAMPLES / name), run_name="__main__")
        return capsys.readouterr().out

    return run_in_this_process


def plan_of(output):
    return re.search(r"plan: ([0-9a-f]{16})", output)[1]


def test_one_plan_in_a_loop_and_in_memory(tmp_path, run_here):
    plain = run("plain_loop.py", tmp_path / "checkpoint.pt")
    assert plan_of(plain) == plan_of(run_here("tabular_in_memory.py"))
    again = run_here("plain_loop.py", tmp_path / "checkpoint.pt")
    assert plan_of(again) == plan_of(plain)
    assert again.splitlines()[-1] == plain.splitlines()[-1], "resumed after the last batch, it ends alike"


@pytest.mark.processes
def test_two_workers_of_ray_see_what_two_processes_see(tmp_path):
    pytest.importorskip("ray", reason="Ray is not installed")
    output = run("ray_train.py", tmp_path)
    last = re.search(r"^epoch 3: loss ([\d.]+), probabilities ([0-9a-f]{16})$", output, flags=re.MULTILINE)
    assert f"epoch 3, rank 0: loss {last[1]}, probabilities {last[2]}" in run("ddp.py", launcher=TORCHRUN)


def test_two_processes():
    output = run("ddp.py", launcher=TORCHRUN)
    assert plan_of(output)
    found = re.findall(r"epoch (\d), rank (\d): loss [\d.]+, probabilities ([0-9a-f]{16})", output)
    assert {(epoch, rank) for epoch, rank, _ in found} == {(str(e), str(r)) for e in (1, 2, 3) for r in (0, 1)}
    assert len({(epoch, digest) for epoch, _, digest in found}) == 3


@pytest.mark.filterwarnings("ignore")  # the frameworks' own are no failure of an example
@pytest.mark.parametrize(
    ("name", "framework"),
    [("lightning_fit.py", "lightning"), ("hf_trainer.py", "transformers"), ("accelerate_loop.py", "accelerate")],
)
def test_frameworks(name, framework, run_here):
    pytest.importorskip(framework)
    assert plan_of(run_here(name))


def test_pictures(run_here):
    output = run_here("images.py")
    assert re.search(r"200 pictures, 2 labels: validation mAP [01]\.\d\d", output)
    assert list(Path("runs").glob("*/suspects.html"))


def test_mixup(run_here):
    assert len(re.findall(r"epoch \d: loss \d\.\d+, \d+% of samples drawn", run_here("images_mixup.py"))) == 3
