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
    return CellRecord(whole({"format": 1, "status": status, "key": config.key, "config": config.document()}))


def whole(document):
    """The document with all that a record has."""
    run = {"versions": {}, "machine": {}, "warnings": []}
    run["timings"] = {"started": "", "cell_seconds": 1.0}
    if document["status"] == "failed":
        return {**document, **run, "error": {"type": "ValueError", "message": "", "traceback": ""}}
    names = ["name", "num_samples", "num_features", "removed_samples", "num_train", "num_validation", "num_test"]
    facts = {**dict.fromkeys(names, 1), "num_labels": 2, "label_names": ["u", "v"], "removed_labels": []}
    epoch = {"epoch": 0, "learning_rate": 0.1, "loss": 0.5, "validation": {}, "summary": {}, "label_means": {}}
    epoch |= {"label_weights": {}, "signal_quantiles": {}}
    run["timings"] |= {"selection_seconds": 0.1, "recording_seconds": 0.1, "total_seconds": 0.5}
    scores = {"macro_auc": 0.7, "coverage": 1.5}
    result = {"best_epoch": 0, "metrics": scores, "last_metrics": scores, "label_metrics": {}, "suspects": []}
    return {
        **document,
        **run,
        **result,
        "data": {**facts, "label_counts": [1, 2]},
        "draws": {"quantiles": []},
        "epochs": [epoch],
    }


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
    cell = whole({"format": 1, "status": "failed", "key": OLD_KEY, "config": config})
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


BAD_CELLS = {
    "half": (lambda text: text[: len(text) // 2], "not a JSON document"),
    "empty": (lambda _: "", "not a JSON document"),
    "a list": (lambda _: "[]", "holds a list"),
    "brackets": (lambda _: "[" * 100_000, "not a JSON document"),
    "an empty object": (lambda _: "{}", "format None"),
    "of another cell": (lambda text: text.replace('"key":"', '"key":"x'), "has the key"),
    "no status": (lambda text: text.replace('"done"', '"so so"'), "neither 'done' nor 'failed'"),
    "without metrics": (lambda text: text.replace('"metrics"', '"other"'), "no record of a cell"),
    "metrics of nothing": (lambda text: text.replace('"macro_auc":0.7,"coverage":1.5', ""), "there are no metrics"),
    "an absurd metric": (lambda text: text.replace("0.7", "1e9"), r"macro_auc is 1000000000\.0; expected .* 0 to 1"),
    "an absurd coverage": (lambda text: text.replace("1.5", "2.5"), r"coverage is 2\.5; expected a number from 0 to 2"),
    "another best epoch": (lambda text: text.replace('"best_epoch":0', '"best_epoch":7'), "best epoch is 7 of 1"),
    "no epochs": (lambda text: text.replace('"epochs":[', '"epochs":[],"x":['), "best epoch is 0 of 0"),
    "a time that never was": (lambda text: text.replace('"cell_seconds":1.0', '"cell_seconds":-1'), "-1.0 seconds"),
    "text for a number": (lambda text: text.replace("0.7", '"a"'), "cell"),
}


@pytest.mark.parametrize("kind", BAD_CELLS)
def test_a_cell_that_cannot_be_is_refused_by_its_name(tmp_path, kind):
    store, cell = Store(tmp_path), cell_of(0)
    store.write(cell)
    path = tmp_path / "cells" / f"{cell.key}.json"
    change, reason = BAD_CELLS[kind]
    path.write_text(change(path.read_text()))
    with pytest.raises(ValueError, match=reason) as refusal:
        store.read(cell.key)
    assert path.name in str(refusal.value)
    assert type(refusal.value) is ValueError


@pytest.mark.parametrize("content", ["{}", "[]", "{", '{"format": 2}', '{"format": 2, "cells": 7}', "[" * 100_000])
def test_a_manifest_that_is_none_is_refused(tmp_path, content):
    write(tmp_path, {"study.json": content.encode()})
    with pytest.raises(ValueError, match="study"):
        Store(tmp_path).manifest()
