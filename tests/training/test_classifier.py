"""scikit-learn's estimator: its checks, and that it goes where estimators go."""

import io
import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from scipy.special import expit
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

import batchsift as bs
from batchsift.training.classifier import MultiLabelClassifier
from batchsift.training.fit import fit
from batchsift.training.settings import Settings
from linear_data import made

DATA = made(150)
X, Y = DATA.features, DATA.labels
QUICK = {"method": "random", "epochs": 6, "learning_rate": 1e-2, "batch_size": 16, "random_state": 0}

# The same list, with the same reasons, stands in docs/scikit_learn.md.
EXCEPTIONS = {
    "check_classifier_multioutput": "expects one array of classes: scorers would take two labels for a binary target",
    "check_fit2d_1feature": "of ten samples one is the validation part, and no epoch can be chosen by it",
}


@parametrize_with_checks(
    [MultiLabelClassifier(epochs=10, learning_rate=3e-2, batch_size=16)],
    expected_failed_checks=lambda _: EXCEPTIONS,
)
@pytest.mark.filterwarnings("ignore::UserWarning")  # few samples: nothing to select, labels that cannot be learned
def test_checks_of_scikit_learn(estimator, check):
    check(estimator)


def test_it_is_the_training_of_the_command_line(tmp_path):
    settings = Settings(epochs=6, batch_size=16, learning_rate=1e-2, validation_share=0.2)
    seed = int(np.random.RandomState(0).randint(2**31 - 1))
    trained = fit(DATA, tmp_path, method="uncertainty", settings=settings, seed=seed)
    classifier = MultiLabelClassifier(**{**QUICK, "method": "uncertainty"}, validation_fraction=0.2).fit(X, Y)
    np.testing.assert_array_equal(classifier.predict_proba(X), trained.model.predict_proba(X))
    assert classifier.best_epoch_ == trained.best_epoch
    tuned = clone(classifier).set_params(threshold="f1").fit(X, Y)
    np.testing.assert_array_equal(tuned.predict(X), trained.model.predict(X))


def test_shapes_and_what_they_hold():
    classifier = MultiLabelClassifier(**QUICK).fit(X, Y)
    probs_NL = classifier.predict_proba(X)
    assert probs_NL.shape == (150, 3)
    np.testing.assert_array_equal(classifier.predict(X), probs_NL > 0.5)
    np.testing.assert_allclose(expit(classifier.decision_function(X)), probs_NL, atol=1e-6)
    assert classifier.score(X, Y) == (classifier.predict(X) == Y).all(axis=1).mean() > 0.5
    assert [classes.tolist() for classes in classifier.classes_] == [[0, 1]] * 3
    one = MultiLabelClassifier(**QUICK).fit(X, Y[:, :1])
    assert one.predict_proba(X).shape == one.predict(X).shape == (150, 1)
    flat = MultiLabelClassifier(**QUICK).fit(X, np.where(Y[:, 0], "yes", "no"))
    assert flat.predict_proba(X).shape == (150, 2)
    np.testing.assert_array_equal(flat.predict(X) == "yes", one.predict(X)[:, 0] == 1)


@pytest.mark.parametrize("form", [csr_array, lambda matrix: csr_array(matrix).tocoo()])
def test_sparse_matrices(form):
    sparse_X = np.where(X > 0.5, X, 0)
    dense = MultiLabelClassifier(**QUICK, scaling="minmax").fit(sparse_X, Y)
    sparse = MultiLabelClassifier(**QUICK, scaling="minmax").fit(form(sparse_X), form(Y))
    np.testing.assert_allclose(sparse.predict_proba(form(sparse_X)), dense.predict_proba(sparse_X), atol=1e-5)


def test_frames_and_missing_values():
    frame, labels = pd.DataFrame(X, columns=list("abcde")), pd.DataFrame(Y, columns=list("xyz"), dtype=float)
    frame.iloc[:5, 0] = labels.iloc[:20, 1] = np.nan
    classifier = MultiLabelClassifier(**QUICK).fit(frame, labels)
    assert classifier.feature_names_in_.tolist() == list("abcde")
    assert (classifier.n_features_in_, classifier.model_.label_names) == (5, ("x", "y", "z"))
    assert np.isfinite(classifier.predict_proba(frame)).all()
    with pytest.raises(ValueError, match="feature names should match"):
        classifier.predict(frame.rename(columns={"a": "z"}))


def test_cells_that_are_not_labelled_are_not_learned_from():
    labels_NL = Y.astype(float)
    labels_NL[20:70, 1] = np.nan
    turned_NL = labels_NL.copy()
    turned_NL[20:70, 1] = 1 - Y[20:70, 1]
    partly, wrongly = (
        MultiLabelClassifier(**QUICK).fit(X, labels).predict_proba(X)[:, 1] for labels in (labels_NL, turned_NL)
    )
    assert np.abs(partly - Y[:, 1]).mean() < np.abs(wrongly - Y[:, 1]).mean()


def test_pipelines_searches_and_scorers():
    pipeline = make_pipeline(PCA(n_components=4, random_state=0), MultiLabelClassifier(**QUICK))
    for num_labels in (2, 3):  # two labels are no binary target
        for scoring in ("roc_auc", "average_precision", "f1_macro"):
            scores = cross_val_score(pipeline, X, Y[:, :num_labels], scoring=scoring, cv=3, error_score="raise")
            assert (scores > 0.5).all(), (num_labels, scoring)
    grid = {"method": ["random", "label_balanced"], "learning_rate": [1e-4, 1e-2]}
    search = GridSearchCV(MultiLabelClassifier(**QUICK), grid, cv=2, scoring="roc_auc", error_score="raise").fit(X, Y)
    assert search.best_params_["learning_rate"] == 1e-2
    assert search.predict(X).shape == Y.shape


def test_what_is_pickled_predicts_the_same():
    for loss in ("bce", "focal"):
        classifier = MultiLabelClassifier(**QUICK, loss=loss).fit(X, Y)
        file = io.BytesIO()
        joblib.dump(classifier, file)
        file.seek(0)
        for again in (pickle.loads(pickle.dumps(classifier)), joblib.load(file)):
            np.testing.assert_array_equal(again.predict_proba(X), classifier.predict_proba(X))


def test_a_model_can_be_kept_without_pickles(tmp_path):
    classifier = MultiLabelClassifier(**QUICK).fit(X, Y)
    classifier.model_.save(tmp_path / "toys.pt")
    np.testing.assert_array_equal(bs.load_model(tmp_path / "toys.pt").predict_proba(X), classifier.predict_proba(X))


def test_without_a_validation_part_the_last_epoch_is_kept():
    classifier = MultiLabelClassifier(**QUICK, validation_fraction=None).fit(X, Y)
    assert classifier.best_epoch_ == 5
    assert classifier.model_.thresholds_L is None
    assert classifier.score(X, Y) > 0.5
    with pytest.raises(ValueError, match="threshold 'f1' is chosen on a validation part: give a validation_fraction"):
        MultiLabelClassifier(**QUICK, validation_fraction=None, threshold="f1").fit(X, Y)


def test_seeds():
    first, same, other = (
        MultiLabelClassifier(**{**QUICK, "random_state": seed}).fit(X, Y).predict_proba(X) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, same)
    assert not np.array_equal(first, other)
    before = np.random.get_state()[1].copy()
    unseeded = [MultiLabelClassifier(**{**QUICK, "random_state": None}).fit(X, Y).predict_proba(X) for _ in range(2)]
    assert not np.array_equal(*unseeded)
    np.testing.assert_array_equal(np.random.get_state()[1], before)


@pytest.mark.parametrize(
    ("change", "target", "message"),
    [
        ({"method": "d2ac"}, Y, "did you mean 'd2ace'"),
        ({"model": "mpl"}, Y, "did you mean 'mlp'"),
        ({"loss": "focl"}, Y, "did you mean 'focal'"),
        ({"epochs": 0}, Y, "epochs must be at least 1, got 0"),
        ({"threshold": 2.0}, Y, r"a threshold must be in \[0, 1\), got 2"),
        ({"hyperparameters": {"hiden": 3}}, Y, "mlp has no hyperparameter 'hiden': did you mean 'hidden'"),
        ({"method_options": {"window": 3}}, Y, "random has no option 'window'"),
        ({}, Y + 1, "labels hold 2"),
        ({}, np.arange(150) % 3, r"expected \(N, L\) of 0 and 1, or one dimension with two classes, got 3 of them"),
        ({}, np.zeros(150), "y holds one class, "),
        ({}, None, "requires y to be passed"),
    ],
)
def test_mistakes(change, target, message):
    with pytest.raises(ValueError, match=message):
        MultiLabelClassifier(**{**QUICK, **change}).fit(X, target)
