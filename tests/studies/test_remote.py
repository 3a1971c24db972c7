"""Stores that are no folder: fsspec's memory stands for an object store, `local://` for one that processes share."""

import json
import signal
import subprocess
import sys
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

import fsspec
import pytest

from batchsift.studies.grid import read_study
from batchsift.studies.remote import RemoteFiles
from batchsift.studies.run import run_study
from batchsift.studies.store import FolderFiles, Store
from studies.made_study import contents, write_study_files

HOLD = """
import sys, time
from batchsift.studies.remote import RemoteFiles
with RemoteFiles(sys.argv[1], beat=0.05).locked():
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def address():
    memory = fsspec.filesystem("memory")
    memory.store.clear()
    yield "memory://bucket/study"
    memory.store.clear()


def files_of(address, **options):
    return RemoteFiles(address, **{"beat": 0.02, "patience": 0.5, **options})


def test_the_verbs_work_at_an_address_as_in_a_folder(batchsift, tmp_path, address):
    study = read_study(write_study_files(tmp_path))
    run_study(study, Store(tmp_path / "folder"))
    code, out, err = batchsift("study", "run", "study.toml", "--out", address)
    assert (code, f"{address}: 8 cells: 8 done" in out) == (0, True), err
    assert contents(Store(address)) == contents(Store(tmp_path / "folder"))
    assert sorted(fsspec.filesystem("memory").find("/bucket/study"))[-1] == "/bucket/study/study.json"
    lost = next(iter(Store(address).keys()))
    fsspec.filesystem("memory").rm_file(f"/bucket/study/cells/{lost}.json")
    code, out, _ = batchsift("study", "status", address, "--json")
    assert (code, json.loads(out)["done"], json.loads(out)["folder"]) == (0, 7, address)
    code, _, err = batchsift("study", "run", "study.toml", "--out", address)
    assert (code, err.splitlines()[0]) == (0, "7 of 8 cells are done already")
    code, out, err = batchsift("report", address)
    assert (code, out.splitlines()[-1]) == (0, "report.html"), err
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert batchsift("report", "folder")[0] == 0
    assert page.replace(address, "folder").count("d2ace") == page.count("d2ace") > 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "study.toml", "--out", "nowhere://bucket"], "Protocol not known: nowhere"),
        (["run", "study.toml", "--out", "memory://bucket", "--log", "tensorboard"], "is no folder of this machine"),
        (["status", "memory://nothing"], "memory://nothing is no folder of a study: there is no study.json"),
    ],
)
def test_mistakes(batchsift, tmp_path, address, arguments, message):
    write_study_files(tmp_path)
    code, out, err = batchsift("study", *arguments)
    assert (code, out) == (2, "")
    assert message in err


def test_an_address_of_a_folder_is_the_folder(tmp_path):
    store = Store(f"file://{tmp_path}")
    assert isinstance(store._files, FolderFiles)
    assert (store.folder, store.name) == (tmp_path, tmp_path.name)
    assert Store("s3-like").folder.name == "s3-like"
    with pytest.raises(ValueError, match="is no folder of this machine"):
        _ = Store("memory://bucket").folder


def test_what_a_package_raises_is_explained(monkeypatch, address):
    files = files_of(address)

    def fail(*_, **__):
        raise RuntimeError("no credentials")

    monkeypatch.setattr(type(files._files), "pipe_file", fail)
    with pytest.raises(OSError, match=rf"cannot use {address}: RuntimeError: no credentials"), files.locked():
        pass


# --- Claims --------------------------------------------------------------------------------------------------


def claims(address):
    return files_of(address).names("claims")


def test_one_run_at_a_time(address):
    with files_of(address).locked():
        (held,) = claims(address)
        note = pytest.warns(UserWarning, match=r"another run works .* sign of life: {.*\"process\"")
        with note, pytest.raises(BlockingIOError, match="another run works at"), files_of(address).locked():
            pass
        assert claims(address) == {held}, "the newcomer took its claim back"
    assert claims(address) == set()
    with files_of(address).locked():
        pass


def test_of_two_that_begin_at_once_no_two_hold(address):
    holders, most, lock = [], [], threading.Lock()

    def run(number):
        try:
            with files_of(address).locked():
                with lock:
                    holders.append(number)
                    most.append(len(holders))
                time.sleep(0.3)
                with lock:
                    holders.remove(number)
        except BlockingIOError:
            pass

    with warnings.catch_warnings(), ThreadPoolExecutor() as pool:
        warnings.simplefilter("ignore")  # which of them says that there is another depends on their speed
        list(pool.map(run, range(4)))
    assert max(most, default=0) <= 1
    assert claims(address) == set()


def test_a_run_that_ends_while_a_newcomer_waits_leaves_the_place_to_it(address):
    files_of(address).write("claims/other.json", b"1")
    threading.Timer(0.1, fsspec.filesystem("memory").rm_file, ["/bucket/study/claims/other.json"]).start()
    with pytest.warns(UserWarning, match="another run works"), files_of(address, patience=30).locked():
        assert len(claims(address)) == 1


@pytest.mark.processes
def test_a_killed_run_is_outlived(tmp_path):
    address = f"local://{tmp_path}"
    other = subprocess.Popen([sys.executable, "-c", HOLD, address], stdout=subprocess.PIPE, text=True)
    assert other.stdout.readline() == "held\n"
    note = pytest.warns(UserWarning, match="another run works")
    with note, pytest.raises(BlockingIOError), files_of(address, patience=30).locked():
        pass
    other.send_signal(signal.SIGKILL)
    other.communicate(timeout=60)
    (left,) = claims(address)
    with pytest.warns(UserWarning, match="or was killed there"), files_of(address).locked():
        assert left not in claims(address)
    assert claims(address) == set()
