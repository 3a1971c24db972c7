"""Logs of runs, written by their own packages and read back by them."""

import json
import struct
import sys
from pathlib import Path

import numpy as np
import pytest

import batchsift as bs
from batchsift.training.loggers import opening
from batchsift.training.loggers.opening import LOGS, LogError, check_logs
from batchsift.training.recording import EpochRecord
from linear_data import made

QUICK = {"method": "random", "epochs": 3, "learning_rate": 1e-2, "batch_size": 16, "validation_share": 0.2}


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Logs go into the test's own folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    return tmp_path


def records(run):
    return [EpochRecord.from_document(one) for one in json.loads((run / "training.json").read_text())["epochs"]]


def event_files(folder):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    return accumulator.EventAccumulator(str(folder)).Reload()


def mlflow_runs():
    client = pytest.importorskip("mlflow").MlflowClient()
    runs = client.search_runs([one.experiment_id for one in client.search_experiments()])
    return client, runs


def records_of_log(file):
    """The records of a LevelDB log, the form of offline runs of Weights & Biases, whose package has no reader."""
    content, position, parts = file.read_bytes(), 7, []  # after a heading of seven bytes
    while position + 7 <= len(content):
        if 32768 - position % 32768 < 7:  # no record begins that near to the end of a block
            position += 32768 - position % 32768
            continue
        length, kind = struct.unpack_from("<HB", content, position + 4)
        parts.append(content[position + 7 : position + 7 + length])
        position += 7 + length
        if kind in (1, 4):  # a whole record, or the last part of one
            yield b"".join(parts)
            parts = []


def wandb_rows(folder):
    """What offline runs wrote: rows of the history, and configurations."""
    protocol = pytest.importorskip("wandb.proto.wandb_internal_pb2")
    rows, configs = [], []
    for file in sorted(Path(folder).rglob("*.wandb")):
        for data in records_of_log(file):
            record = protocol.Record()
            record.ParseFromString(data)
            if record.HasField("history"):
                items = record.history.item
                rows.append({"/".join(item.nested_key) or item.key: json.loads(item.value_json) for item in items})
            if record.HasField("run"):
                configs.append({item.key: json.loads(item.value_json) for item in record.run.config.update})
    return rows, configs


@pytest.mark.filterwarnings("default")  # of the packages themselves
def test_a_training_is_logged_everywhere(places):
    model = bs.train(made(), **QUICK, test=made(60, 1), log="tensorboard,mlflow,wandb", out="run")
    epochs, scores = records(Path("run")), model.summary["test"]
    expected = {
        "loss": [record.loss for record in epochs],
        "validation/macro_auc": [record.macro_auc for record in epochs],
        "selection/effective_size": [record.summary["effective_size"] for record in epochs],
    }
    events = event_files("run/tensorboard")
    client, runs = mlflow_runs()
    rows, configs = wandb_rows("run")
    for name, values in expected.items():
        np.testing.assert_allclose([event.value for event in events.Scalars(name)], values, rtol=1e-6)
        logged = client.get_metric_history(runs[0].info.run_id, name)
        assert [(one.step, one.value) for one in logged] == list(enumerate(values))
        np.testing.assert_allclose([row[name] for row in rows if name in row], values)
    assert events.Scalars("test/macro_auc")[0].value == pytest.approx(scores["macro_auc"])
    assert runs[0].data.metrics["test/macro_auc"] == scores["macro_auc"]
    assert (runs[0].info.status, runs[0].info.run_name) == ("FINISHED", "run")
    assert (runs[0].data.params["learning_rate"], runs[0].data.params["method"]) == ("0.01", "random")
    assert (configs[0]["learning_rate"], configs[0]["method"]) == (0.01, "random")


@pytest.mark.filterwarnings("default")
def test_a_run_that_was_killed_goes_on_in_the_same_log(places, monkeypatch):
    data, write = made(), opening.Logs.write

    def killed(self, epoch, numbers):
        write(self, epoch, numbers)
        if epoch == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(opening.Logs, "write", killed)
    with pytest.raises(KeyboardInterrupt):
        bs.train(data, **QUICK, log=["mlflow"], out="run", checkpoint_seconds=0)
    client, runs = mlflow_runs()
    assert [run.info.status for run in runs] == ["KILLED"]
    monkeypatch.setattr(opening.Logs, "write", write)
    bs.train(data, **QUICK, log=["mlflow"], out="run")
    bs.train(data, **QUICK, log=["mlflow"], out="run")  # finished: nothing is computed, and nothing logged
    client, runs = mlflow_runs()
    assert [run.info.status for run in runs] == ["FINISHED"]
    history = client.get_metric_history(runs[0].info.run_id, "validation/macro_auc")
    by_step = {one.step: one.value for one in history}
    assert by_step == {record.epoch: record.macro_auc for record in records(Path("run"))}


@pytest.mark.filterwarnings("default")
def test_each_run_of_a_comparison_is_logged(places):
    comparison = bs.compare(
        made(), methods="random,hard", folds=2, min_positives=5, epochs=2, learning_rate=1e-2, batch_size=16,
        log="tensorboard,mlflow", out="results", repeat=False,
    )  # fmt: skip
    client, runs = mlflow_runs()
    assert len(runs) == len(list(Path("results/tensorboard").iterdir())) == 4
    for run in runs:
        method, fold = run.data.params["method"], int(run.data.params["fold"])
        result = comparison.results[method][fold]
        assert run.data.metrics["test/macro_auc"] == result.metrics["macro_auc"]
        history = client.get_metric_history(run.info.run_id, "loss")
        assert [one.value for one in history] == [record.loss for record in result.epochs]
        events = event_files(f"results/tensorboard/{run.info.run_name.replace(' ', '-')}")
        assert len(events.Scalars("loss")) == 2


@pytest.mark.filterwarnings("default")
def test_each_cell_of_a_study_is_logged(places, batchsift):
    Path("study.toml").write_text(
        'data = ["digits"]\nmodels = ["mlp"]\nmethods = ["random"]\nfolds = 2\n'
        "training = { epochs = 1, learning_rate = 1e-3 }\n"
    )
    code, _, err = batchsift("study", "run", "study.toml", "--out", "study", "--log", "mlflow")
    assert code == 0, err
    _, runs = mlflow_runs()
    assert sorted(run.data.params["fold"] for run in runs) == ["0", "1"]
    assert all("test/macro_auc" in run.data.metrics for run in runs)


def test_a_missing_package_is_said_before_anything_is_computed(places, monkeypatch):
    real = opening.find_spec
    monkeypatch.setattr(opening, "find_spec", lambda name: None if name == "mlflow" else real(name))
    with pytest.raises(ValueError, match="logging to mlflow needs its package: pip install mlflow-skinny, or leave"):
        bs.train(made(), **QUICK, log="tensorboard,mlflow", out="run")
    with pytest.raises(ValueError, match="logging to mlflow needs its package"):
        bs.compare(made(), log="mlflow", out="run")
    assert not Path("run").exists()


def test_a_folder_of_a_package_s_name_is_no_package(places, monkeypatch):
    (places / "wandb").mkdir()
    monkeypatch.setattr(sys, "path", [str(places)])
    monkeypatch.delitem(sys.modules, "wandb", raising=False)
    with pytest.raises(ValueError, match="logging to wandb needs its package"):
        check_logs(["wandb"])


@pytest.mark.parametrize(
    ("names", "message"),
    [(["mflow"], "there is no log 'mflow': did you mean 'mlflow'"), (["wandb", "wandb"], "each log is given once")],
)
def test_mistakes(names, message):
    with pytest.raises(ValueError, match=message):
        check_logs(names)


def test_what_a_package_refuses_is_said_in_one_line(places, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "nowhere://")
    with pytest.raises(LogError, match="mlflow cannot log: "):
        bs.train(made(), **QUICK, log="mlflow", out="run")


def test_logs_are_those_that_have_a_file():
    folder = Path(opening.__file__).parent
    assert {file.stem for file in folder.glob("*.py")} == {*LOGS, "__init__", "opening", "run"}
