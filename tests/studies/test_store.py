"""The store: files that are whole or not there, one run at a time."""

import dataclasses
import json
import subprocess
import sys

import pytest

from batchsift.files import write
from batchsift.studies.config import CellConfig, StudyManifest
from batchsift.studies.record import CellRecord
from batchsift.studies.store import Store
from batchsift.training.settings import BEFORE, Settings

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


OLD = dataclasses.replace(CONFIG, training=Settings(scaling="minmax", drawing="independent"))
OLD_KEY = "1f766a091de8a7eff217"  # as format 1 had it


def old_document(config):
    """The configuration as format 1 wrote it."""
    document = config.document()
    return {**document, "training": {key: v for key, v in document["training"].items() if key not in BEFORE}}


def test_what_a_store_of_format_1_means_by_what_it_does_not_say(tmp_path):
    config = old_document(OLD)
    study = {"format": 1, "name": "old", "cells": [{"key": OLD_KEY, "config": config}]}
    cell = {"format": 1, "status": "failed", "key": OLD_KEY, "config": config}
    write(tmp_path, {"study.json": json.dumps(study).encode()})
    write(tmp_path / "cells", {f"{OLD_KEY}.json": json.dumps(cell).encode()})
    store = Store(tmp_path)
    assert store.manifest() == StudyManifest(name="old", cells={OLD_KEY: OLD})
    (read,) = store.cells()
    assert read.config == OLD
    assert (read.config.training.scaling, read.config.training.loss) == ("minmax", "bce")


def test_a_cell_that_format_1_could_write_has_its_key():
    """So that what an older version finished is not run again."""
    assert OLD.key == OLD_KEY
    others = [Settings(), Settings(scaling="minmax", loss="focal"), Settings(center_sparse=True)]
    others.append(dataclasses.replace(OLD.training, drawing="systematic"))
    assert len({dataclasses.replace(OLD, training=one).key for one in (OLD.training, *others)}) == 5


def test_a_seed_of_the_drawing_is_part_of_a_cell_only_where_there_is_one():
    again = OLD.repeated()
    assert "drawing_seed" not in OLD.document()
    assert (OLD.is_repeat, again.is_repeat, again.method) == (False, True, "random (again)")
    assert (again.seed, again.fold) == (OLD.seed, OLD.fold)
    assert again.key != dataclasses.replace(OLD, method=again.method).key
    assert CellConfig.from_document(again.document()) == again


def test_a_manifest_says_its_format():
    manifest = StudyManifest(cells={OLD.key: OLD})
    assert manifest.document()["format"] == 2
    assert StudyManifest.from_document(manifest.document()) == manifest
    with pytest.raises(ValueError, match="the study has format 3; this batchsift reads 1 and 2"):
        StudyManifest.from_document({**manifest.document(), "format": 3})


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
