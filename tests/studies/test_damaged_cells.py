"""Cells of a store, and its description of a study, that cannot be are refused by name and key."""

import json

import pytest

from batchsift.studies.analysis.runs import Run
from batchsift.studies.record import CellRecord
from batchsift.studies.store import Store
from report.synthetic_study import write_study
from states import copied, inner, leaves


@pytest.fixture
def store(tmp_path):
    """A store of one finished cell."""
    return Store(write_study(tmp_path / "study", data=["scene"], methods=["d2ace"], folds=1, epochs=3, labels=4))


def rewritten(store, change):
    """The store's one cell after its file was changed."""
    (key,) = store.keys()
    path = store.folder / "cells" / f"{key}.json"
    content = change(json.loads(path.read_text()))
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return key


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is not a JSON document.*remove it"),
        ('{"format": 1, "sta', "is not a JSON document"),
        ("[" * 5000, "is not a JSON document"),
        ("[]", "is not what batchsift wrote: list"),
        ("{}", "has format None"),
        ('{"format": 1}', "is no cell: it does not hold the status and the key and the config"),
        ('{"format": 1, "status": "odd", "key": "k", "config": {}}', "status: must be done or failed"),
        ('{"format": 1, "status": "done", "key": "k", "config": {}}', "key: must be "),
    ],
)
def test_what_is_no_cell_is_refused_by_its_file(store, content, message):
    key = rewritten(store, lambda document: content)
    with pytest.raises(ValueError, match=rf"{key}\.json .*{message}"):
        store.read(key)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("metrics",), {}, "metrics: it does not hold the macro_auc"),
        (
            ("metrics", "macro_auc"),
            1e9,
            "metrics: macro_auc: must be from 0 to 1, or a number of labels; got 1000000000.0",
        ),
        (("metrics", "coverage"), 1e9, "metrics: coverage: must be from 0"),
        (("last_metrics", "micro_f1"), "x", "last_metrics: micro_f1: must be a number or null, got 'x'"),
        (("epochs",), [], "best_epoch: must be from 0 to -1"),
        (("epochs",), [{}], "epochs: epoch 0: it does not hold the epoch"),
        (("best_epoch",), 3, "best_epoch: must be from 0 to 2, got 3"),
        (("data", "num_labels"), 3, "data: label_names: must be 3, got 4"),
        (("data", "more"), 3, "data: it holds 'more'"),
        (("label_metrics", "auc"), [0.5], "label_metrics: auc: must be 4 numbers, got 1"),
        (("draws",), {}, "draws: it does not hold the quantiles"),
        (("suspects",), [{"sample": 1}], "suspects: it does not hold the label"),
        (("timings",), {"started": ""}, "timings: it does not hold the selection_seconds"),
        (("config", "fold"), "x", "config: fold: must be an int, got 'x'"),
        (("config",), {"data": 1}, "config: this is no configuration"),
    ],
)
def test_a_cell_that_cannot_be_is_refused_by_its_key(store, path, value, message):
    def change(document):
        inner(document, path)[path[-1]] = value
        return document

    key = rewritten(store, change)
    with pytest.raises(ValueError, match=rf"the cell {key} is damaged: {message}.*remove cells/{key}\.json"):
        Run.of_record(store.read(key))


@pytest.mark.parametrize("value", [None, "x", [1], {"a": {}}, -7])
def test_whatever_stands_in_a_cell_is_refused_or_read(store, value):
    (key,) = store.keys()
    document = store.read(key).document
    refused = 0
    for path in leaves(document):
        changed = copied(document)
        inner(changed, path)[path[-1]] = value
        try:
            record = CellRecord(changed)
            Run.of_record(record)
            record.versions, record.machine, record.seconds, record.warnings, record.error  # noqa: B018
        except ValueError:
            refused += 1
    assert refused > 10


@pytest.mark.parametrize("value", [None, "x", 7, [1], {"a": {}}])
def test_whatever_stands_in_the_description_of_a_study_is_refused_or_read(store, value):
    path = store.folder / "study.json"
    document = json.loads(path.read_text())
    cell = document["cells"][0]
    every = [
        *((document, key) for key in document),
        *((cell, key) for key in cell),
        *((cell["config"], k) for k in cell["config"]),
    ]
    refused = 0
    for holder, key in every:
        before, holder[key] = holder[key], value
        path.write_text(json.dumps(document))
        holder[key] = before
        try:
            store.manifest()
        except ValueError:
            refused += 1
    assert refused > 8
