"""Cells: what they are named by, what they leave, and that they repeat."""

import dataclasses
import json
import math
from importlib.resources import files

import numpy as np
import pytest
from scipy import sparse

from batchsift.data import MultiLabelData
from batchsift.files import make_jsonable
from batchsift.metrics import METRICS, TUNED
from batchsift.studies.config import CellConfig
from batchsift.studies.executor import Task, run_task
from batchsift.studies.record import CellRecord
from batchsift.studies.sources import GivenSource
from batchsift.training.prepare import prepare
from batchsift.training.provenance import WITHOUT_NUMBERS, fingerprint, versions
from batchsift.training.settings import Settings

FEW = Settings(epochs=3, batch_size=32, learning_rate=1e-2, num_folds=2, min_positives=5)


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(150, 4))
    labels = np.column_stack([features[:, :3] > 0, np.arange(150) < 3])
    labels[:5] = 0
    return MultiLabelData(features, labels, tuple("abcd"), ("u", "v", "w", "rare"), name="made-up")


def config_of(data, **changes):
    plain = {
        "data": data.name,
        "model": "mlp",
        "method": "d2ace",
        "settings": "paper",
        "fold": 1,
        "seed": 3,
        "base_method": "d2ace",
        "method_options": {},
        "hyperparameters": {"hidden": [8]},
        "training": FEW,
        "data_fingerprint": fingerprint(data),
    }
    return CellConfig(**{**plain, **changes})


def run_cell(config, prepared):
    return run_task(Task(config, GivenSource(prepared), size=0))


@pytest.fixture(scope="module")
def cell(data):
    return run_cell(config_of(data), prepare(data, FEW, seed=3))


def test_a_cell_holds_the_contract(cell, data):
    document = json.loads(json.dumps(cell.document, allow_nan=False))
    assert (document["format"], document["status"], document["key"]) == (1, "done", cell.config.key)
    assert document["config"]["training"]["epochs"] == 3
    facts = document["data"]
    assert (facts["num_samples"], facts["num_labels"], facts["removed_labels"]) == (facts["num_samples"], 3, ["rare"])
    assert facts["removed_samples"] == 150 - facts["num_samples"] >= 5
    assert facts["num_train"] + facts["num_validation"] + facts["num_test"] == facts["num_samples"]
    assert list(document["metrics"]) == list(document["last_metrics"]) == list(METRICS)
    assert {key: len(of) for key, of in document["label_metrics"].items()} == dict.fromkeys(
        ("auc", "average_precision", "f1"), 3
    )
    assert len(document["draws"]["quantiles"]) == 21
    assert len(document["epochs"]) == 3
    for epoch in document["epochs"]:
        assert list(epoch["validation"]) == [key for key in METRICS if key not in TUNED]  # chosen on that very part
        assert {len(of) for of in epoch["label_means"].values()} == {3}
        assert {len(of) for of in epoch["signal_quantiles"].values()} == {21}
        assert set(epoch["label_weights"]) == {"uncertainty", "hardness"}
        assert epoch["summary"]["epoch"] == epoch["epoch"]
    assert {"selection_seconds", "recording_seconds", "total_seconds"} < set(document["timings"])


def test_a_cell_of_an_older_version_misses_the_metrics_that_it_had_not(cell):
    document = json.loads(json.dumps(cell.document))
    for shape in ("metrics", "last_metrics"):
        for key in TUNED:
            del document[shape][key]
    result = CellRecord(document).result
    for old, new in ((result.metrics, cell.result.metrics), (result.last_metrics, cell.result.last_metrics)):
        assert list(old) == list(METRICS)
        assert all(math.isnan(old[key]) for key in TUNED)
        assert {key: value for key, value in old.items() if key not in TUNED} == {
            key: value for key, value in new.items() if key not in TUNED
        }


def test_what_is_recorded_agrees_with_itself(cell):
    result = cell.result
    assert np.nanmean(result.label_metrics["auc"]) == pytest.approx(result.metrics["macro_auc"])
    assert np.mean(result.label_metrics["f1"]) == pytest.approx(result.metrics["macro_f1"])
    for record in result.epochs:
        for signal, means in record.signals.label_means.items():
            assert np.mean(means) == pytest.approx(record.summary[f"mean_{signal}"], rel=1e-5)
        quantiles = record.signals.signal_quantiles["hardness"]
        assert list(quantiles) == sorted(quantiles)
    assert result.epochs[result.best_epoch].macro_auc == max(record.macro_auc for record in result.epochs)
    # Every epoch draws as many as there are.
    assert 0 <= result.draws[0] <= 3 <= result.draws[-1]


def test_suspects_are_rows_of_the_data_as_loaded(cell, data):
    prepared = prepare(data, FEW, seed=3)
    trained_on = prepared.kept_samples[prepared.splits[1].train]
    suspects = cell.result.suspects
    assert 0 < len(suspects) <= 20
    assert {one.sample for one in suspects} <= set(trained_on.tolist())
    assert {one.label for one in suspects} <= {"u", "v", "w"}


def test_two_runs_differ_in_timings_alone(cell, data):
    again = run_cell(config_of(data), prepare(data, FEW, seed=3))
    assert {**again.document, "timings": 0} == {**cell.document, "timings": 0}


def test_what_was_read_is_what_was_written(cell):
    read = CellRecord(json.loads(json.dumps(cell.document)))
    assert (read.result, read.config, read.facts) == (cell.result, cell.config, cell.facts)


def test_the_key_is_the_content_of_the_configuration(data):
    config = config_of(data)
    assert CellConfig.from_document(json.loads(json.dumps(config.document()))).key == config.key
    others = [
        config_of(data, fold=0),
        config_of(data, method_options={"window": 3}),
        config_of(data, training=dataclasses.replace(FEW, learning_rate=1e-3)),
        config_of(dataclasses.replace(data, labels=1 - data.labels)),
    ]
    assert len({config.key, *(other.key for other in others)}) == 5


def test_fingerprints_are_of_the_content(data):
    assert fingerprint(dataclasses.replace(data, name="other")) == fingerprint(data)
    assert fingerprint(dataclasses.replace(data, label_names=("u", "v", "w", "x"))) != fingerprint(data)
    changed = data.features.copy()
    changed[0, 0] += 1e-9
    assert fingerprint(dataclasses.replace(data, features=changed)) != fingerprint(data)
    thin = dataclasses.replace(data, features=sparse.csr_array(data.features))
    backwards = thin.features[:, ::-1][:, ::-1]
    assert fingerprint(thin) == fingerprint(dataclasses.replace(data, features=backwards))


def test_a_failure_is_kept_with_its_traceback(data):
    config = config_of(data, hyperparameters={"hidden": [0]})
    failed = run_cell(config, prepare(data, FEW, seed=3))
    assert (failed.status, failed.error.type, failed.key) == ("failed", "ValueError", config.key)
    assert "run_fold" in failed.error.traceback
    assert "hidden width" in failed.error.message

    class Interrupted:
        def prepare(self, config):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_task(Task(config, Interrupted(), size=0))


def test_warnings_are_kept_once(data):
    never = dataclasses.replace(FEW, epochs=1, batch_size=128)

    class Late:
        def prepare(self, config):
            return prepare(data, never, seed=3)

    found = run_task(Task(config_of(data, training=never), Late(), size=0)).warnings
    assert [("no method can differ" in one, "never select" in one) for one in found] == [(True, False), (False, True)]


def test_options_of_the_method_reach_it(data):
    options = {"mixture": {"start": 0.9}, "storage": "float16", "label_weights": False}
    found = run_cell(config_of(data, method="mine", method_options=options), prepare(data, FEW, seed=3))
    assert (found.status, found.config.method, found.result.method) == ("done", "mine", "mine")
    assert found.result.epochs[0].signals.label_weights == {}


def test_what_the_hash_of_the_code_leaves_out_is_there():
    package = files("batchsift")
    assert [place for place in WITHOUT_NUMBERS if not package.joinpath(place).exists()] == []


def test_versions_name_the_code():
    assert {"python", "batchsift", "torch", "numpy", "code"} <= set(versions())


def test_numbers_that_are_not_finite_are_null():
    assert make_jsonable({"a": (1.0, math.nan), "b": [math.inf]}) == {"a": [1.0, None], "b": [None]}
