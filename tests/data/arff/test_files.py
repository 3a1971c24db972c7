"""Published files, where they are at hand: BATCHSIFT_DATA names the folder that holds `arff/`."""

import os
from pathlib import Path

import numpy as np
import pytest

from batchsift.data import read_arff

# name: samples, features, labels, cardinality, first label, last label
PUBLISHED = {
    "emotions": (593, 72, 6, 1.868, "amazed-suprised", "angry-aggresive"),
    "yeast": (2417, 103, 14, 4.237, "Class1", "Class14"),
    "scene-train": (1211, 294, 6, 1.062, "Beach", "Urban"),
    "scene-test": (1196, 294, 6, 1.086, "Beach", "Urban"),
    "birds-train": (322, 271, 19, 1.059, "Brown Creeper", "Common Nighthawk"),
    "birds-test": (323, 271, 19, 0.969, "Brown Creeper", "Common Nighthawk"),
    "cal500": (502, 68, 174, 26.044, "Angry-Agressive", "Instrument_-_Trumpet-Solo"),
    "enron": (1702, 1001, 53, 3.378, "A.A8", "D.D14"),
    "Corel5k": (5000, 499, 374, 3.522, "city", "hawaii"),
    "bibtex": (7395, 1836, 159, 2.402, "TAG_2005", "TAG_wiki"),
    "meka_Music": (592, 71, 6, 1.870, "amazed-suprised", "angry-aggresive"),
    "mulan_sparseDataSet-train": (154, 499, 6, 1.708, "city", "tree"),
}

SPARSE = ("enron", "Corel5k", "bibtex", "mulan_sparseDataSet-train")


@pytest.fixture(scope="module")
def folder():
    root = os.environ.get("BATCHSIFT_DATA")
    if not root:
        pytest.skip("BATCHSIFT_DATA does not name a folder with the published files")
    return Path(root) / "arff"


@pytest.fixture(scope="module")
def read(folder):
    return lambda name: read_arff(folder / f"{name}.arff")


@pytest.mark.parametrize("name", PUBLISHED)
def test_sizes_and_cardinality(read, name):
    data = read(name)
    samples, features, labels, cardinality, first, last = PUBLISHED[name]
    assert data.features.shape == (samples, features)
    assert data.labels.shape == (samples, labels)
    assert data.labels.dtype == np.uint8
    assert data.cardinality == pytest.approx(cardinality, abs=5e-4)
    assert (data.label_names[0], data.label_names[-1]) == (first, last)
    assert data.is_sparse == (name in SPARSE)
    assert np.isfinite(data.features.data if data.is_sparse else data.features).all()
    assert data.name == name


@pytest.mark.parametrize("name", SPARSE)
def test_sparse_files_hold_what_is_written_and_nothing_else(read, folder, name):
    data = read(name)
    header, _, rows = (folder / f"{name}.arff").read_text().partition("@data\n")
    names = [line.split()[1] for line in header.splitlines() if line.startswith("@attribute")]
    for row, line in enumerate(filter(None, rows.splitlines())):
        entries = [entry.split() for entry in line.strip("{}").split(",")]
        features = data.features[[row]].indices
        found = [data.feature_names[j] for j in features] + [data.label_names[j] for j in data.labels[row].nonzero()[0]]
        assert sorted(found) == sorted(names[int(index)] for index, value in entries)
        assert all(value == "1" for index, value in entries)
    assert row == data.num_samples - 1


def test_birds_together(read):
    train, test = read("birds-train"), read("birds-test")
    labels = np.concatenate([train.labels, test.labels])
    assert train.feature_names == test.feature_names
    assert train.label_names == test.label_names
    assert labels.sum() / len(labels) == pytest.approx(1.014, abs=5e-4)
    assert (labels.sum(axis=1) == 0).sum() == 294
    assert "Swainson's Thrush" in train.label_names
    locations = [j for j, name in enumerate(train.feature_names) if name.startswith("location=")]
    assert len(locations) == 12
    assert (train.features[:, locations].sum(axis=1) == 1).all()


def test_scene_together(read):
    labels = np.concatenate([read("scene-train").labels, read("scene-test").labels])
    assert labels.sum() / len(labels) == pytest.approx(1.074, abs=5e-4)


def test_labels_of_a_file_without_any_are_all_unknown(read):
    data = read("meka_Music_missing_classes")
    assert data.features.shape == (592, 71)
    assert data.labels.shape == (592, 6)
    assert data.labels.dtype == np.float32
    assert np.isnan(data.labels).all()
    np.testing.assert_array_equal(data.features, read("meka_Music").features)
