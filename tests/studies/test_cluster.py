"""Cells as tasks of Ray: the same as in one process, whatever happens to the workers."""

import dataclasses
import os
import signal

import pytest

from batchsift.studies.executor import EngineError, Task
from batchsift.studies.grid import read_study
from batchsift.studies.run import StudyCallbacks, run_study
from batchsift.studies.store import Store
from batchsift.training.provenance import versions
from batchsift.verbs.engines import EngineChoice
from studies.made_study import contents, write_study_files

ray = pytest.importorskip("ray", reason="Ray is not installed")
from batchsift.studies import cluster  # noqa: E402
from batchsift.studies.cluster import RayCluster  # noqa: E402

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def two_workers():
    """Ray on this machine, once for all tests: a start takes seconds."""
    options = {"include_dashboard": False, "log_to_driver": False, "object_store_memory": 100_000_000}
    ray.init("local", num_cpus=2, **options)
    yield
    ray.shutdown()


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return read_study(write_study_files(tmp_path_factory.mktemp("study")))


@pytest.fixture(scope="module")
def serial(study, tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("serial"))
    run_study(study, store)
    return contents(store)


class NeedsNoFile:
    """A source that does something to its process before it prepares the data."""

    def __init__(self, source, before):
        self.source, self.before = source, before

    def in_memory(self):
        return NeedsNoFile(self.source.in_memory(), self.before)

    def prepare(self, config):
        self.before()
        return self.source.prepare(config)


def tasks_of(study, number, before):
    """The tasks of a study, one of which has something done to its worker."""
    import sys

    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers cannot import tests
    tasks = list(study.tasks)
    tasks[number] = dataclasses.replace(tasks[number], source=NeedsNoFile(tasks[number].source, before))
    return tasks


def test_two_workers_give_what_one_process_gives(two_workers, study, serial, tmp_path):
    store = Store(tmp_path)
    with RayCluster() as engine:
        assert engine.slots == 2
        after = run_study(study, store, engine=engine)
    assert (len(after.done), contents(store)) == (8, serial)


def test_a_killed_worker_costs_one_cell_which_is_run_again(two_workers, study, serial, tmp_path):
    mark = tmp_path / "was killed"

    def die_once():
        if not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    with RayCluster(jobs=2) as engine:
        records = list(engine.run(tasks_of(study, 2, die_once)))
    assert mark.exists()
    assert {record.key: {**record.document, "timings": 0} for record in records} == serial


def test_a_cell_that_always_kills_its_worker_has_failed(two_workers, study, serial, monkeypatch):
    monkeypatch.setattr(cluster, "RETRIES", 0)

    def die():
        os.kill(os.getpid(), signal.SIGKILL)

    tasks = tasks_of(study, 0, die)[:3]
    with RayCluster(jobs=2) as engine:
        records = {record.key: record for record in engine.run(tasks)}
    assert [records[task.config.key].status for task in tasks] == ["failed", "done", "done"]
    assert records[tasks[0].config.key].error.type == "WorkerCrashedError"


def test_what_is_wrong_with_a_cell_fails_the_cell(two_workers, study):
    changed = dataclasses.replace(study.tasks[0].config, data_fingerprint="0")
    with RayCluster() as engine:
        (record,) = engine.run([Task(changed, study.tasks[0].source, size=0)])
    assert "its content has changed" in record.error.message


def test_workers_of_other_versions_are_refused(two_workers, study, monkeypatch):
    monkeypatch.setattr(cluster, "versions", lambda: {**versions(), "torch": "1.0"})
    with (
        RayCluster() as engine,
        pytest.raises(EngineError, match=r"other versions .* \(torch 1.0, here .*, on the worker\)"),
    ):
        list(engine.run(study.tasks[:1]))
    with RayCluster(mix_versions=True) as engine:
        (record,) = engine.run(study.tasks[:1])
    assert record.versions == versions()


def test_interrupted_it_goes_on_with_the_others(two_workers, study, serial, tmp_path):
    store = Store(tmp_path)

    def interrupt(_):
        raise KeyboardInterrupt

    with RayCluster() as engine:
        with pytest.raises(KeyboardInterrupt):
            run_study(study, store, engine=engine, callbacks=StudyCallbacks(on_cell=interrupt))
        assert len(store.keys()) == 1
        run_study(study, store, engine=engine)
    assert contents(store) == serial


def test_the_command(two_workers, batchsift, serial, tmp_path):
    write_study_files(tmp_path)
    code, out, err = batchsift("study", "run", "study.toml", "--engine", "ray", "--jobs", 2, "--out", "out")
    assert (code, "8 done" in out) == (0, True), err
    assert [line.partition(":")[0] for line in err.splitlines()] == [f"cell {n}/8" for n in range(1, 9)]
    assert contents(Store("out")) == serial


# --- Addresses and choices -----------------------------------------------------------------------------------


def test_addresses(two_workers, monkeypatch):
    with pytest.raises(ConnectionError, match="Ray runs in this process already"), RayCluster("auto"):
        pass
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    with pytest.raises(ConnectionError, match=r"cannot use Ray at 127.0.0.1:1: .* refused"), RayCluster("127.0.0.1:1"):
        pass


def test_a_cell_larger_than_all_machines_is_told(two_workers, study, monkeypatch):
    settings = dataclasses.replace(study.tasks[0].config.training, threads=99, device="cuda")
    task = dataclasses.replace(study.tasks[0], config=dataclasses.replace(study.tasks[0].config, training=settings))
    engine = RayCluster("auto")
    with pytest.warns(UserWarning, match="no machine of the cluster has the 99 CPUs and 1 GPUs"):
        engine._warn_of_small_machines([task])


@pytest.mark.parametrize(
    ("name", "address", "jobs", "meant"),
    [
        ("joblib", None, None, 1),
        ("joblib", None, 3, 3),
        ("ray", None, None, 1),
        ("ray", "auto", None, None),
        ("ray", "auto", -1, None),
        ("ray", "auto", 5, 5),
    ],
)
def test_how_many_cells_at_a_time(name, address, jobs, meant):
    assert EngineChoice.of(name, address=address, jobs=jobs).jobs == meant


@pytest.mark.parametrize(
    ("name", "address", "jobs", "message"),
    [
        ("rya", None, None, "unknown engine 'rya': did you mean 'ray'?"),
        ("joblib", "auto", None, "--address auto is of a Ray cluster: give --engine ray"),
        ("ray", None, 0, "--jobs must be at least 1"),
    ],
)
def test_other_choices_are_refused(name, address, jobs, message):
    with pytest.raises(ValueError, match=message):
        EngineChoice.of(name, address=address, jobs=jobs)
