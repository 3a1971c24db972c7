"""The benchmark of selection runs, at sizes that take no time; what it measured is not judged here."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest

import batchsift as bs

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def benchmarks_are_importable(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))


@pytest.fixture
def size():
    from benchmarks.selection.sizes import Size

    return Size(300, 5, 2)


@pytest.mark.parametrize("method", bs.methods.names())
def test_a_cell(method, size, monkeypatch):
    from benchmarks.selection import cell, floors

    monkeypatch.setattr(floors, "COPIED_BYTES", 2**12)
    found = cell.measure(method, size, "cpu", quick=True)
    assert min(found.observe, found.plan, found.total) > 0
    assert found.rounds == cell.QUICK_ROUNDS
    scored = issubclass(type(bs.methods.create(method)), bs.methods.ScoredMethod)
    assert (found.twin is not None) == scored == (found.state >= 300 * 5 * 4) == (found.end_floor > 0)
    if method == "d2ace":
        assert found.state >= 6 * 300 * 5 * 4
        assert min(found.elementary, found.choice, found.mlp) > 0


def test_data_of_a_size(size):
    from benchmarks.selection import sizes

    labels = sizes.labels_of(size)
    assert labels.shape == (300, 5)
    assert (labels.sum(1) == 2).all()
    assert sizes.Size.of(size.text) == size
    assert str(sizes.Size.of("20000x174x26")) == "20,000 x 174 (26 positives)"


def test_stability(size):
    from benchmarks.selection import stability

    larger = dataclasses.replace(size, samples=600)
    assert stability.growth("d2ace", size, larger, "cpu", rounds=1).ratio > 0
    assert stability.contention("d2ace", size, "cpu", rounds=1).ratio > 0


def test_balancing(size):
    from benchmarks.selection import balancing

    found = balancing.balancing(dataclasses.replace(size, samples=2000))
    assert found.seconds > 0
    assert 0 < found.variance < 1


def test_storage(size):
    from benchmarks.selection import storage

    cost = storage.cost(size, "cpu", rounds=1)
    assert cost.state["float16"] < 0.6 * cost.state["float32"]
    errors = storage.score_errors(size, "cpu")
    assert 0 < errors["float32"]["hardness"].mean < errors["bfloat16"]["hardness"].mean < 0.1
    assert errors["bfloat16"]["uncertainty"].rank_correlation > 0.9
    differences = storage.result_differences("digits", epochs=2, seeds=2)
    assert differences["other draws"].keys() == differences["bfloat16"].keys() == set(storage.METRICS)


def test_around_the_training(size, monkeypatch):
    from benchmarks.selection import around

    monkeypatch.setattr(around, "ROUNDS", 1)
    startup = around.startup("d2ace", size, "cpu")
    assert startup.batchsift > startup.construct > 0
    assert min(dataclasses.astuple(around.loading(size, "cpu"))) > 0


def test_jobs_have_limits_and_are_kept(tmp_path):
    from benchmarks.selection.jobs import Job, Limits, run

    job, roomy = Job("bandwidth", {}), Limits(60, 2**32)
    assert "of memory" in run(job, Limits(60, 2**22), tmp_path, resume=False).reason
    found = run(job, roomy, tmp_path, resume=False)
    assert found.result > 0
    assert run(job, Limits(0.1, 2**32), tmp_path, resume=True) == found
    assert run(job, Limits(0.1, 2**32), tmp_path, resume=False).reason.startswith("over 0")
    assert "no such size" in run(Job("cell", {"size": "no such size"}), roomy, tmp_path, resume=False).reason


def test_the_command(tmp_path, monkeypatch, capsys):
    from benchmarks.selection.__main__ import PAGE, main

    before = PAGE.read_bytes()
    monkeypatch.setattr(sys, "argv", ["", "--sizes", "300x5x2", "--methods", "random", "--out", str(tmp_path)])
    assert main() == 0
    assert "| random |" in capsys.readouterr().out
    assert (tmp_path / "plot.png").stat().st_size > 0
    assert "300 x 5 (2 positives)" in (tmp_path / "table.md").read_text(encoding="utf-8")
    assert json.loads((tmp_path / "cells" / "cell-random-300x5x2-float32-1t.json").read_text())["result"]["observe"] > 0
    assert PAGE.read_bytes() == before, "only a full run writes the page"


def test_claims(capsys):
    from benchmarks.selection import asked
    from benchmarks.selection.__main__ import check
    from benchmarks.selection.claims import claims
    from benchmarks.selection.findings import Findings
    from benchmarks.selection.jobs import Outcome

    def with_growth(second):
        def measured(job):
            return {"first": 1.0, "second": second, **({"single": 1.0} if job.kind == "contention" else {})}

        pairs = [asked.growth(asked.TWICE), asked.growth(asked.TENFOLD), asked.contention(1), asked.contention(2)]
        return Findings({job.key: Outcome(measured(job)) for job in pairs})

    assert sum(claim.holds for claim in claims(with_growth(2.0))) == 5
    assert sum(claim.holds for claim in claims(with_growth(2.5))) == 4
    assert check(with_growth(2.0)) == 1, "what was not measured does not hold"
    assert "not measured" in capsys.readouterr().out


def test_the_page_keeps_what_is_not_measured(tmp_path):
    from benchmarks.selection.__main__ import PAGE, PLOT
    from benchmarks.selection.tables import into_page

    page = tmp_path / "page.md"
    page.write_text(PAGE.read_text(encoding="utf-8"), encoding="utf-8")
    for _ in range(2):
        into_page(page, "| a table |")
    text = page.read_text(encoding="utf-8")
    assert text.count("| a table |") == 1
    assert text.splitlines()[0] == PAGE.read_text(encoding="utf-8").splitlines()[0]
    assert PLOT.exists()
    page.write_text("no marks")
    with pytest.raises(ValueError, match="no <!-- measured"):
        into_page(page, "")


def test_loading_of_pictures(tmp_path):
    from benchmarks import image_loading

    (tmp_path / "pictures").mkdir()
    data = image_loading.write_pictures(tmp_path / "pictures", 40)
    found = image_loading.throughput(data, workers=0, rounds=1)
    assert min(found.plain, found.selected, found.ratio) > 0
    assert image_loading.growth(tmp_path, 50) < 50


EVIDENCE = """
import re
from batchsift import methods, models
from batchsift.training.options import create_method
from benchmarks.evidence import harness, page, plan, tables
for part in plan.PARTS.values():
    names = [row.name for row in part.rows]
    assert len(names) == len(set(names)), part.name
    for row in part.rows:
        create_method(row.method, row.options)
        assert not row.change or row.change in harness.CHANGES, row
        built = row.models or dict.fromkeys(part.models)
        assert set(built) <= set(part.models) and {one or name for name, one in built.items()} <= set(models.names())
        other = part.rows[names.index(row.against)]
        assert other.models is None or set(built) <= set(other.models), (part.name, row.name)
wanted = set(re.findall("<!-- (.*) -->", page.TEMPLATE.read_text())) - {"end"}
assert wanted <= set(page.parts()), wanted - set(page.parts())
print(len(wanted))
"""


def test_the_evidence_hangs_together():
    """In a process of its own: the harness registers methods and models that no other test must see."""
    command = [sys.executable, "-c", EVIDENCE]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert int(ended.stdout) > 20
