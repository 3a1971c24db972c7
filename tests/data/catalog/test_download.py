import errno
import hashlib
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import pooch
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchsift.data.catalog import download as download_module
from batchsift.data.catalog.download import DownloadError, download, matches
from local_server import Answer, LocalServer

CONTENT = bytes(range(256)) * 1000
SHA256 = "sha256:" + hashlib.sha256(CONTENT).hexdigest()
GIT_BLOB = "git-blob:" + hashlib.sha1(b"blob %d\0" % len(CONTENT) + CONTENT).hexdigest()


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(download_module, "RETRIES", 2)
    monkeypatch.setattr(download_module, "TIMEOUTS", (2.0, 0.3))
    monkeypatch.setattr(pooch.core, "time", SimpleNamespace(sleep=lambda seconds: None))


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    with LocalServer({"set.arff": CONTENT}) as server:
        yield server


def fetch(server, target, checksum=SHA256, path="set.arff", **options):
    download(server.address(path), target, checksum=checksum, **options)


def leftovers(target):
    return sorted(path.name for path in target.parent.iterdir() if path != target)


def test_a_file_arrives_with_its_progress_and_nothing_else(server, tmp_path):
    target, seen = tmp_path / "deep" / "set.arff", []
    fetch(server, target, on_progress=lambda done, total: seen.append((done, total)))
    assert target.read_bytes() == CONTENT
    assert leftovers(target) == []
    assert seen[0][0] < len(CONTENT)
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert len(server.paths_asked) == 1


def test_broken_connections_are_survived(server, tmp_path):
    server.answers = [Answer(cut=100_000), Answer(cut=50_000)]
    fetch(server, tmp_path / "set.arff")
    assert (tmp_path / "set.arff").read_bytes() == CONTENT


def test_a_connection_that_always_breaks_leaves_nothing_behind(server, tmp_path):
    target = tmp_path / "set.arff"
    server.answers = [Answer(cut=100_000), *[Answer(status=503)] * 2]
    with pytest.raises(DownloadError, match=r"3 attempts.*503.*put the file at"):
        fetch(server, target)
    assert list(tmp_path.iterdir()) == []
    fetch(server, target)
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize("checksum", [SHA256, None])
def test_what_a_killed_process_left_is_cleared_away(server, tmp_path, checksum):
    left = tmp_path / "set.arff.unfinished"
    left.mkdir()
    (left / "tmp0").write_bytes(b"half of")
    (left / "set.arff").write_bytes(b"another version")
    fetch(server, tmp_path / "set.arff", checksum=checksum)
    assert (tmp_path / "set.arff").read_bytes() == CONTENT
    assert leftovers(tmp_path / "set.arff") == []


def test_without_a_checksum_a_short_answer_is_noticed_by_its_length(server, tmp_path):
    server.answers = [Answer(length=len(CONTENT) + 10)] * 4
    with pytest.raises(DownloadError, match="3 attempts"):
        fetch(server, tmp_path / "set.arff", checksum=None)
    assert not (tmp_path / "set.arff").exists()


@pytest.mark.parametrize("checksum", [SHA256, GIT_BLOB])
@pytest.mark.parametrize(
    "wrong", [Answer(body=CONTENT[:-1] + b"!"), Answer(body=b""), Answer(length=1000), Answer(length=-1, cut=5000)]
)
def test_wrong_content_is_tried_again_and_never_kept(server, tmp_path, wrong, checksum):
    target = tmp_path / "set.arff"
    server.answers = [wrong]
    fetch(server, target, checksum)
    assert target.read_bytes() == CONTENT
    target.write_bytes(b"an older file")
    server.answers = [wrong] * 3
    with pytest.raises(DownloadError, match=r"wrong content.*nothing was kept"):
        fetch(server, target, checksum)
    assert target.read_bytes() == b"an older file"
    assert leftovers(target) == []


def test_slow_answers_are_given_up_and_asked_for_again(server, tmp_path):
    server.answers = [Answer(stall=1.0)]
    fetch(server, tmp_path / "set.arff")
    assert (tmp_path / "set.arff").read_bytes() == CONTENT
    assert len(server.paths_asked) == 2


def test_a_server_that_stays_silent_is_named(server, tmp_path):
    server.answers = [Answer(stall=1.0, body=b"", length=10)] * 3
    with pytest.raises(DownloadError, match=r"3 attempts: .*[Tt]imed out"):
        fetch(server, tmp_path / "set.arff")


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_a_tired_server_is_asked_again(server, tmp_path, status):
    server.answers = [Answer(status=status)] * 2
    fetch(server, tmp_path / "set.arff")
    assert (tmp_path / "set.arff").read_bytes() == CONTENT


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_refusal_is_final_and_says_what_to_do(server, tmp_path, status):
    server.answers = [Answer(status=status)] * 5
    with pytest.raises(DownloadError, match=rf"{server.address('set.arff')} cannot be had.*{status}.*put it at"):
        fetch(server, tmp_path / "set.arff")
    assert len(server.paths_asked) == 1
    assert leftovers(tmp_path / "set.arff") == []


def test_redirects_are_followed_and_named_when_they_lead_nowhere(server, tmp_path):
    server.answers = [Answer(location=server.address("set.arff"))]
    fetch(server, tmp_path / "set.arff", path="old")
    assert (tmp_path / "set.arff").read_bytes() == CONTENT
    server.answers = [Answer(location=server.address("gone"))]
    with pytest.raises(DownloadError, match=rf"old \(redirected to {server.address('gone')}\).*404"):
        fetch(server, tmp_path / "other", path="old")
    server.answers = [Answer(location=server.address("old"))] * 100
    with pytest.raises(DownloadError, match="redirects"):
        fetch(server, tmp_path / "other", path="old")


def test_no_server_at_all_says_how_to_do_without(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with LocalServer() as server:
        address = server.address("set.arff")
    with pytest.raises(DownloadError, match=r"internet connection \(HTTP_PROXY.*put the file at"):
        download(address, tmp_path / "set.arff", checksum=SHA256)


def test_proxies_of_the_environment_are_heeded(server, tmp_path, monkeypatch):
    monkeypatch.setenv("http_proxy", server.address(""))
    server.files["http://data.invalid/set.arff"] = CONTENT
    download("http://data.invalid/set.arff", tmp_path / "set.arff", checksum=SHA256)
    assert (tmp_path / "set.arff").read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.EACCES, "may not be written"), (errno.EROFS, "may not be written"), (errno.EDQUOT, "no space left")],
)
def test_a_folder_that_cannot_be_written_is_explained(server, tmp_path, monkeypatch, number, words):
    def refuse(*args, **kwargs):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(download_module.Path, "mkdir", refuse)
    with pytest.raises(DownloadError, match=rf"cannot store .*{words}.*BATCHSIFT_CACHE"):
        fetch(server, tmp_path / "set.arff")


def test_a_folder_that_is_a_file_is_explained(server, tmp_path):
    (tmp_path / "cache").write_bytes(b"")
    with pytest.raises(DownloadError, match=r"cannot store.*BATCHSIFT_CACHE"):
        fetch(server, tmp_path / "cache" / "set.arff")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a disk that is always full")  # noqa: PTH110
def test_a_full_disk_is_explained(server, tmp_path, monkeypatch):
    full = open("/dev/full", "wb")  # noqa: PTH123, SIM115 (pooch closes it)
    monkeypatch.setattr(pooch.downloaders, "open", lambda *_: full, raising=False)
    with pytest.raises(DownloadError, match=r"no space left.*BATCHSIFT_CACHE"):
        fetch(server, tmp_path / "set.arff")
    assert leftovers(tmp_path / "set.arff") == []


def test_pooch_says_nothing_of_its_own(server, tmp_path, capsys):
    level = pooch.get_logger().level
    server.answers = [Answer(status=503)]
    fetch(server, tmp_path / "set.arff")
    assert capsys.readouterr() == ("", "")
    assert pooch.get_logger().level == level


def test_both_kinds_of_checksum(tmp_path):
    path = tmp_path / "hello"
    path.write_bytes(b"hello")
    sha256 = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    assert matches(path, f"sha256:{sha256}")
    assert matches(path, "git-blob:b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0")  # git hash-object
    path.write_bytes(b"hallo")
    assert not matches(path, f"sha256:{sha256}")
    assert not matches(path, "git-blob:b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0")


SMALL = CONTENT[:40_000]
ANSWERS = st.builds(
    Answer,
    status=st.sampled_from([None, None, None, 500, 503]),
    cut=st.none() | st.integers(0, 40_000),
    length=st.sampled_from([None, None, -1, 500, 60_000]),
    body=st.sampled_from([None, None, b"", SMALL[::-1], SMALL + b"more", SMALL[:20_000]]),
)


@settings(max_examples=60, deadline=None)
@given(answers=st.lists(ANSWERS, max_size=6), left=st.booleans())
def test_whatever_a_server_does_the_file_is_right_or_not_there(answers, left):
    with LocalServer({"set": SMALL}, list(answers)) as server, TemporaryDirectory() as folder:
        target, unfinished = Path(folder) / "set", Path(folder) / "set.unfinished"
        if left:
            unfinished.mkdir()
            (unfinished / "set").write_bytes(b"y" * 15_000)
        checksum = "sha256:" + hashlib.sha256(SMALL).hexdigest()
        for _ in range(8):  # a later call does what this one could not
            try:
                download(server.address("set"), target, checksum=checksum)
                break
            except DownloadError:
                assert not target.exists()
        assert target.read_bytes() == SMALL
        assert not unfinished.exists()
