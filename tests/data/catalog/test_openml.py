import hashlib
import json

import numpy as np
import pytest

from batchsift.data import catalog
from batchsift.data.catalog import openml, table
from batchsift.data.catalog.download import DownloadError
from local_server import LocalServer

ARFF = """@relation toy
@attribute width numeric
@attribute colour {red,green}
@attribute shiny {FALSE,TRUE}
@attribute round {FALSE,TRUE}
@attribute big {0,1}
@data
0.5,red,TRUE,TRUE,1
1.5,green,FALSE,FALSE,1
?,?,TRUE,FALSE,0
"""


def described(server, content=ARFF, targets=("round", "big"), checksum=None, sparse=False):
    """Puts a data set into the server as OpenML would describe it; its id is 7."""
    attributes = [line.split()[1:3] for line in content.splitlines() if line.startswith("@attribute")]
    features = [
        {
            "index": str(index),
            "name": name,
            "data_type": "numeric" if kind == "numeric" else "nominal",
            "is_target": "true" if name in targets else "false",
            "is_ignore": "false",
            "is_row_identifier": "false",
            "number_of_missing_values": "0",
        }
        for index, (name, kind) in enumerate(attributes)
    ]
    description = {
        "id": "7",
        "name": "toy",
        "version": "1",
        "description": "Toys.",
        "format": "Sparse_ARFF" if sparse else "ARFF",
        "licence": "Public",
        "url": server.address("data/v1/download/1/toy.arff"),
        "file_id": "1",
        "default_target_attribute": ",".join(targets),
        "status": "active",
        "md5_checksum": checksum or hashlib.md5(content.encode(), usedforsecurity=False).hexdigest(),
    }
    qualities = [{"name": "NumberOfInstances", "value": "3"}]
    server.files = {
        "api/7": json.dumps({"data_set_description": description}).encode(),
        "features/7": json.dumps({"data_features": {"feature": features}}).encode(),
        "qualities/7": json.dumps({"data_qualities": {"quality": qualities}}).encode(),
        "data/v1/download/1/toy.arff": content.encode(),
    }


@pytest.fixture
def server(monkeypatch, tmp_path):
    from sklearn.datasets import _openml

    monkeypatch.setenv("BATCHSIFT_CACHE", str(tmp_path))
    monkeypatch.delenv("BATCHSIFT_OFFLINE", raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with LocalServer() as server:
        monkeypatch.setattr(_openml, "_DATA_INFO", server.address("api/{}"))
        monkeypatch.setattr(_openml, "_DATA_FEATURES", server.address("features/{}"))
        monkeypatch.setattr(_openml, "_DATA_QUALITIES", server.address("qualities/{}"))
        monkeypatch.setattr(_openml.time, "sleep", lambda seconds: None)
        yield server


def test_a_data_set_of_openml_is_read_downloaded_once_and_then_had_offline(server, capsys):
    described(server)
    data, num_attributes = openml.read(7, name="toy")
    assert "downloading toy from OpenML (7)" in capsys.readouterr().err
    assert num_attributes == 3
    assert data.feature_names == ("width", "colour=green", "colour=red", "shiny")
    nan = np.nan
    np.testing.assert_array_equal(data.features, [[0.5, 0, 1, 1], [1.5, 1, 0, 0], [nan, nan, nan, 1]])
    assert data.label_names == ("round", "big")
    np.testing.assert_array_equal(data.labels, [[1, 1], [0, 1], [0, 0]])
    assert catalog.load("OpenML:7").name == "openml:7"
    asked = len(server.paths_asked)
    again, _ = openml.read(7, name="toy", offline=True)
    np.testing.assert_array_equal(again.labels, data.labels)
    assert len(server.paths_asked) == asked
    assert capsys.readouterr().err == ""


def test_sparse_data_is_refused_in_words(server):
    described(server, sparse=True)
    with pytest.raises(DownloadError, match=r"data set 7 cannot be used: .*[Ss]parse"):
        openml.read(7, name="toy")


def test_without_a_network_nothing_is_asked(server):
    described(server)
    with pytest.raises(DownloadError, match=r"toy \(OpenML 7\) is not in the cache.*switched off.*fetch toy"):
        openml.read(7, name="toy", offline=True)
    assert server.paths_asked == []


def test_a_wrong_checksum_is_refused_and_not_taken_for_cached(server):
    described(server, checksum="0" * 32)
    with pytest.warns(RuntimeWarning, match="redownload"), pytest.raises(DownloadError, match="md5"):
        openml.read(7, name="toy")
    with pytest.raises(DownloadError, match="not in the cache"):
        openml.read(7, name="toy", offline=True)


def test_what_openml_does_not_have_is_said(server):
    with pytest.raises(DownloadError, match="OpenML answers 404"):
        openml.read(8, name="toy")


def test_no_openml_at_all_is_said(server, monkeypatch):
    from sklearn.datasets import _openml

    monkeypatch.setattr(_openml, "_DATA_INFO", "http://127.0.0.1:9/{}")
    with pytest.raises(DownloadError, match=r"OpenML cannot be reached.*internet connection"):
        openml.read(7, name="toy")


def test_a_single_target_is_no_multi_label_data_set(server):
    described(server, targets=("round",))
    with pytest.raises(ValueError, match="not multi-label"):
        openml.read(7, name="toy")


def test_targets_that_are_not_yes_and_no_are_refused(server):
    described(server, targets=("round", "colour"))
    with pytest.raises(ValueError, match=r"the label 'colour' of toy has the values \['green', 'red'\]"):
        openml.read(7, name="toy")


def test_labels_that_are_missing_stay_unknown(server):
    described(server, ARFF.replace("0.5,red,TRUE,TRUE,1", "0.5,red,TRUE,?,1"))
    data, _ = openml.read(7, name="toy")
    assert np.isnan(data.labels[0, 0])
    assert data.labels[0, 1] == 1


def test_an_entry_of_openml_is_compared_by_its_attributes(server, monkeypatch):
    described(server)
    facts = {"samples": 3, "features": 3, "labels": 2, "cardinality": 1.0}
    words = {"domain": "toys", "licence": "none", "citation": "nobody", "facts": "a table"}
    found = catalog.Entry(name="Toy", openml=7, **facts, **words)
    monkeypatch.setattr(table, "_entries", lambda: {"Toy": found})
    monkeypatch.setattr(table, "_index", lambda: {"toy": "Toy"})
    assert not catalog.is_cached(found)
    assert catalog.load("toy").num_features == 4
    assert catalog.is_cached(found)
    found = catalog.Entry(name="Toy", openml=7, **facts | {"features": 4}, **words)
    with pytest.raises(ValueError, match=r"came from OpenML 7 has 3 x 3 x 2"):
        catalog.load("toy")
