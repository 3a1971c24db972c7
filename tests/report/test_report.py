"""Tables, progress and plots of a comparison whose numbers are made up."""

import dataclasses
import io
import math
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.image import imread
from rich.console import Console

from batchsift.data import MultiLabelData
from batchsift.metrics import METRICS
from batchsift.report.console.plots import convergence, image
from batchsift.report.console.progress import ComparisonProgress
from batchsift.report.console.tables import comparison_report
from batchsift.studies.comparison import Comparison
from batchsift.training.fold import FoldResult
from batchsift.training.prepare import prepare
from batchsift.training.recording import EpochRecord, SignalRecord
from batchsift.training.settings import Settings


def run(method, fold, value, epochs=3):
    nothing = SignalRecord({}, {}, {})
    records = tuple(EpochRecord(e, 0.1, 1.0, {"macro_auc": value + e / 100}, {}, nothing) for e in range(epochs))
    metrics = dict.fromkeys(METRICS, value + fold / 10) | {"coverage": 100 + value}
    return FoldResult(method, fold, records, epochs - 1, metrics, metrics, {}, (), (), 0.5, 0.1, 2.0)


def comparison_of(epochs=3, **values):
    rng = np.random.default_rng(0)
    data = MultiLabelData(
        rng.normal(size=(90, 2)), np.eye(3)[rng.integers(3, size=90)][:, [0, 1, 2]], ("a", "b"), ("u", "v", "w")
    )
    data = dataclasses.replace(data, name="sets [of] $things$")
    prepared = prepare(data, Settings(num_folds=2, min_positives=5, batch_size=16))
    results = {method: tuple(run(method, fold, value, epochs) for fold in (0, 1)) for method, value in values.items()}
    return Comparison(prepared, "mlp", results, metrics=tuple(METRICS))


def shown(comparison, width=80):
    console = Console(file=io.StringIO(), width=width)
    console.print(comparison_report(comparison, width))
    return console.file.getvalue()


def test_tables_show_means_ranks_gains_and_their_p():
    text = shown(comparison_of(random=0.4, d2ace=0.5))
    lines = {line.split("  ")[0].strip(): line for line in reversed(text.splitlines())}
    assert lines["Macro-AUC ↑"].split() == ["Macro-AUC", "↑", "0.4500", "±", "0.0707", "0.5500", "±", "0.0707"]
    assert lines["Coverage ↓"].split() == ["Coverage", "↓", "100.4", "±", "0.0000", "100.5", "±", "0.0000"]
    # d2ace is better in 17 metrics and worse in the four losses.
    assert lines["Average rank ↓"].split()[-2:] == [f"{(17 * 2 + 4) / 21:.2f}", f"{(17 + 4 * 2) / 21:.2f}"]
    assert lines["Macro-AUC"].split() == ["Macro-AUC", "+0.1000", "(–)"]
    assert "No tests: too few folds (2) for a t-test." in " ".join(text.split())


def test_heading_tells_what_the_filters_removed():
    comparison = comparison_of(random=0.4)
    names = tuple(f"label {number}" for number in range(7))
    removed = dataclasses.replace(comparison.prepared, removed_labels=names, num_removed_samples=12)
    text = shown(dataclasses.replace(comparison, prepared=removed), width=200)
    assert "sets [of] $things$: 90 samples, 2 features, 3 labels" in text
    assert "7 labels with at most 5 positives (label 0, label 1, label 2, label 3, label 4 and 2 more)" in text
    assert "12 samples left without a label" in text
    assert "loss bce, scaling standard, seed " in text


def test_without_random_the_table_says_why_there_are_no_gains():
    text = shown(comparison_of(hard=0.4, d2ace=0.5))
    assert "'random' is not among the methods" in text
    assert "gain over" not in text


def test_random_alone_has_nothing_to_differ_from():
    assert "gain over random" not in shown(comparison_of(random=0.4))


def test_many_methods_go_into_several_tables_and_nothing_is_cut():
    methods = {f"method_{number}": 0.1 * number for number in range(8)}
    text = shown(comparison_of(random=0.4, **methods))
    assert all(text.count(method) == 3 for method in methods)  # two tables and what is claimed
    assert "…" not in text
    assert max(len(line) for line in text.splitlines()) <= 80


def test_undefined_values_are_named():
    comparison = comparison_of(random=0.4, hard=math.nan)
    assert "n/a ± n/a" in shown(comparison)


@pytest.mark.parametrize("epochs", [1, 3])
@pytest.mark.parametrize("methods", [("random",), ("random", "d2ace", "hard"), tuple("abcdefghi")])
def test_plot_has_a_line_and_a_band_for_each_method(methods, epochs):
    figure = convergence(comparison_of(epochs=epochs, **dict.fromkeys(methods, 0.5)))
    axes = figure.axes[0]
    assert [line.get_label() for line in axes.lines] == list(methods)
    assert len(axes.collections) == len(methods)
    assert len({(line.get_color(), line.get_linestyle()) for line in axes.lines}) >= min(len(methods), 7)
    assert len(figure.axes) == (2 if "random" in methods and len(methods) > 1 else 1)
    np.testing.assert_allclose(axes.lines[0].get_xdata(), np.arange(1, epochs + 1))
    np.testing.assert_allclose(axes.lines[0].get_ydata(), 0.5 + np.arange(epochs) / 100)


def test_second_panel_shows_paired_differences():
    axes = convergence(comparison_of(random=0.4, d2ace=0.5)).axes[1]
    np.testing.assert_allclose(axes.lines[0].get_ydata(), 0)
    np.testing.assert_allclose(axes.lines[1].get_ydata(), 0.1)


def test_images_are_what_they_say():
    figure = convergence(comparison_of(random=0.4, d2ace=0.5))
    pixels = imread(io.BytesIO(image(figure, "png")))
    assert pixels.shape[0] > 500
    assert pixels.std() > 0.05
    assert ElementTree.fromstring(image(figure, "svg")).tag.endswith("svg")


@pytest.mark.parametrize("terminal", [True, False])
def test_progress(terminal):
    console = Console(file=io.StringIO(), width=200, force_terminal=terminal)
    result = run("d2ace", 1, 0.5)
    with ComparisonProgress(console, num_runs=2, epochs=3, num_folds=2) as progress:
        for record in result.epochs:
            progress.on_epoch("d2ace", 1, record)
        progress.on_run(result)
    text = console.file.getvalue()
    if terminal:
        assert "fold 2/2 d2ace, epoch 3, validation Macro-AUC 0.5200" in text
        assert "3/6 epochs" in text
    else:
        assert text == ("run 1/2: fold 2/2 d2ace: validation Macro-AUC 0.5200 at epoch 3, 2.0 s (0.5 s selection)\n")
