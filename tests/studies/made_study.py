"""A small study of a dense and a sparse data set, written into a folder."""

import numpy as np
import scipy.sparse as sp

STUDY = """
data = ["dense.npz", { source = "sparse.arff", labels = 2 }]
models = ["mlp"]
methods = ["random", "d2ace"]
folds = 2
training = { epochs = 2, learning_rate = 1e-3, min_positives = 5, batch_size = 16 }
"""


def write_study_files(folder):
    """Write `study.toml` and the files it names; return the path of the first."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(120, 3)).round(3)
    labels = (features[:, :2] > 0).astype(np.int64)
    np.savez(folder / "dense.npz", X=features, y=labels)
    names = [f"@attribute x{d} numeric" for d in range(3)] + ["@attribute u {0,1}", "@attribute v {0,1}"]
    entries = sp.coo_array(np.hstack([np.where(features > 0.5, features, 0), labels]))
    rows = [[] for _ in features]
    for row, column, value in zip(*entries.coords, entries.data, strict=True):
        rows[row].append(f"{column} {value:g}")
    lines = ["{" + ", ".join(row) + "}" for row in rows]
    (folder / "sparse.arff").write_text("\n".join(["@relation sparse", *names, "@data", *lines]))
    (folder / "study.toml").write_text(STUDY)
    return folder / "study.toml"


def contents(store):
    """All cells of a store by key, without what differs between two runs of a cell."""
    return {cell.key: {**cell.document, "timings": 0} for cell in store.cells()}
