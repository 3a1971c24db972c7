"""The store: files that are whole or not there, one run at a time."""

import dataclasses
import subprocess
import sys

import pytest

from batchsift.files import write
from batchsift.studies.config import CellConfig, StudyManifest
from batchsift.studies.record import CellRecord
from batchsift.studies.store import Store
from batchsift.training.settings import Settings

CONFIG = CellConfig(
    data="made-up",
    model="mlp",
    method="random",
    settings="paper",
    fold=0,
    seed=0,
    base_method="random",
    method_options={},
    hyperparameters={},
    training=Settings(),
    data_fingerprint="0",
)


def cell_of(fold, status="done"):
    config = dataclasses.replace(CONFIG, fold=fold)
    return CellRecord({"format": 1, "status": status, "key": config.key, "config": config.document()})


def test_cells_come_back_in_the_order_of_the_study(tmp_path):
    store = Store(tmp_path / "new")
    assert (store.keys(), store.cells(), store.manifest()) == (set(), [], None)
    cells = [cell_of(fold) for fold in range(4)]
    for one in cells:
        store.write(one)
    order = [cells[2], cells[0], cells[3]]
    store.write_manifest(StudyManifest(cells={one.key: one.config for one in order}))
    assert [one.config.fold for one in store.cells()] == [2, 0, 3, 1]
    assert store.read(cells[1].key).document == cells[1].document
    store.write(cell_of(1, "failed"))
    assert store.read(cells[1].key).status == "failed"


def test_a_store_of_another_format_is_refused(tmp_path):
    write(tmp_path / "cells", {"a.json": b'{"format": 2}', "b.json": b"{"})
    with pytest.raises(ValueError, match="format 2"):
        Store(tmp_path).read("a")
    with pytest.raises(ValueError, match="not a JSON document"):
        Store(tmp_path).read("b")


def test_one_run_at_a_time(tmp_path):
    with Store(tmp_path).locked():
        with pytest.raises(OSError, match="another run works in"), Store(tmp_path).locked():
            pass
        script = f"from batchsift.studies.store import Store\nwith Store({str(tmp_path)!r}).locked(): pass"
        other = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
        assert "another run works in" in other.stderr
    with Store(tmp_path).locked():
        pass


def test_what_a_killed_run_left_half_written_is_swept_away(tmp_path):
    store = Store(tmp_path)
    store.write(cell_of(0))
    (tmp_path / "cells" / ".unfinished-abc").write_text('{"for')
    with store.locked():
        assert len(store.cells()) == 1
        assert [path.name for path in (tmp_path / "cells").iterdir()] == [f"{CONFIG.key}.json"]
