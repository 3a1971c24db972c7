"""What a trained model keeps of the table it was trained on, and what a fold's training part decides."""

import numpy as np
import pandas as pd
import pytest

from batchsift.data import Split, from_frame
from batchsift.training.fit import fit
from batchsift.training.model import TrainedModel
from batchsift.training.parts import Preprocessing, scale_parts
from batchsift.training.settings import Settings
from batchsift.training.tensor_files import load_tensors, save_tensors

QUICK = Settings(epochs=2, batch_size=16, learning_rate=1e-2, validation_share=0.2)


def customers(num_rows=120):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "joined": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, num_rows), unit="D"),
            "plan": rng.choice(["basic", "pro", None], num_rows),
            "size": rng.normal(size=num_rows),
        }
    )
    frame["a"] = ((frame["size"] > 0) | (frame["plan"] == "pro")).astype(int)
    frame["b"] = (frame["joined"].dt.month > 6).astype(int)
    frame["joined"] = frame["joined"].dt.strftime("%d/%m/%Y")
    return frame


def trained(folder):
    data = from_frame(customers(), label_columns="a,b")
    return data, fit(data, folder, method="random", settings=QUICK).model


def test_a_saved_model_predicts_the_same_to_the_bit_from_a_table(tmp_path):
    data, model = trained(tmp_path)
    loaded = TrainedModel.load(tmp_path / "model.pt")
    assert [c.document() for c in loaded.columns] == [c.document() for c in model.columns]
    assert [column.kind for column in loaded.columns] == ["date", "category", "number"]
    frame = customers().drop(columns=["a", "b"])[["size", "plan", "joined"]]
    np.testing.assert_array_equal(loaded.features_of(frame), data.features)
    np.testing.assert_array_equal(loaded.predict(loaded.features_of(frame)), model.predict(data.features))
    single = frame.iloc[[3]]  # whose date alone may say nothing of its order
    np.testing.assert_array_equal(loaded.features_of(single), data.features[[3]])
    loaded.save(tmp_path / "again.pt")
    assert load_tensors(tmp_path / "again.pt")["columns"] == [column.document() for column in model.columns]


def test_an_unknown_category_is_an_error_or_missing(tmp_path):
    _, model = trained(tmp_path)
    frame = customers().head(2).assign(plan=["gold", "pro"])
    with pytest.raises(
        ValueError, match=r"'plan', row 1 .*: 'gold' did not occur in training; known are 'basic', 'pro'"
    ):
        model.features_of(frame)
    with pytest.warns(UserWarning, match=r"1 cell holds a value that .*, and count as empty: 'plan': 'gold' \(1\)"):
        found = model.features_of(frame, "missing")
    np.testing.assert_array_equal(
        model.predict(found), model.predict(model.features_of(frame.assign(plan=[None, "pro"])))
    )


def test_a_model_of_an_older_version_goes_by_names(tmp_path):
    frame = customers().drop(columns="joined")
    data = from_frame(frame, label_columns="a,b")
    model = fit(data, tmp_path, method="random", settings=QUICK).model
    content = load_tensors(tmp_path / "model.pt")
    del content["columns"]
    save_tensors(tmp_path / "old.pt", content)
    old = TrainedModel.load(tmp_path / "old.pt")
    assert old.columns == ()
    np.testing.assert_array_equal(old.features_of(frame[["plan", "size"]]), data.features)
    np.testing.assert_array_equal(old.predict(data.features), model.predict(data.features))
    with pytest.raises(ValueError, match="'gold' did not occur in training"):
        old.features_of(frame.assign(plan=["gold"] + ["pro"] * 119))


def test_data_whose_dates_were_read_in_another_order_are_refused(tmp_path):
    _, model = trained(tmp_path)
    other = from_frame(customers().assign(joined="04/03/2020"), label_columns="a,b", dates="month-first")
    with pytest.raises(
        ValueError, match=r"'joined' are read as month-first, in training as day-first; .*dates='day-first'"
    ):
        model.aligned(other)


def test_what_the_training_part_lacks_is_missing_in_the_other_parts():
    frame = customers(40).assign(plan=["basic", "pro"] * 15 + ["gold"] * 10)
    data = from_frame(frame, label_columns="a,b")
    rows = np.arange(40)
    split = Split(rows[:20], rows[20:30], rows[30:])
    parts = scale_parts(data, split, Settings(scaling="none"))
    at = [data.feature_names.index(f"plan={value}") for value in ("basic", "gold", "pro")]
    assert parts.test.features[:, at].tolist() == [[0.5, 0, 0.5]] * 10
    unblocked = Preprocessing.fit(data.features[rows[:20]], Settings(scaling="none")).transform(data.features, "cpu")
    assert unblocked[30:, at].tolist() == [[0, 1, 0]] * 10
