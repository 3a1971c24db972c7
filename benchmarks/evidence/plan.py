"""What is run: parts, each of them rows (ways to train) on data sets and models.

Cells that parts have in common are run once: a cell is known by its configuration.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from batchsift.studies.config import AGAIN
from batchsift.training.presets import PAPER, USUAL

BASELINE = "random"
METRICS = ("macro_auc", "macro_auprc", "macro_f1", "macro_f1_tuned", "ranking_loss")
ALL_FOLDS = (0, 1, 2, 3, 4)
SMALL = ("emotions", "birds", "scene", "yeast", "cal500", "enron")
FOUR = ("emotions", "birds", "scene", "yeast")
DEEP = ("clif", "dela", "mpvae")


@dataclass(frozen=True, kw_only=True)
class Row:
    """A way to train.

    Attributes:
        name: Its name in tables.
        method: A registered method, one of `harness` too.
        options: The method's options.
        training: Settings that are otherwise than those of the part.
        models: The models of the part it is run with, and what is built in their place; None: all, as they are.
        change: What is otherwise in how data are prepared: a key of `harness.CHANGES`, or nothing.
        against: The row it is compared with.
    """

    name: str
    method: str
    options: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    models: Mapping[str, str] | None = None
    change: str = ""
    against: str = BASELINE

    @property
    def is_repeat(self) -> bool:
        """Whether it is Random once more, with another seed of the drawing alone."""
        return self.name == AGAIN


@dataclass(frozen=True, kw_only=True)
class Part:
    """Rows on data sets and models.

    Attributes:
        name: What it is called on the command line.
        sets: Data sets.
        models: Models.
        rows: Ways to train.
        settings: What is otherwise than the defaults of `Settings`.
        settings_name: What these settings are called in a cell.
        folds: Folds of five.
        rates: Learning rates, of which the best for Random is taken for all rows; none: that of the settings.
    """

    name: str
    sets: tuple[str, ...]
    models: tuple[str, ...]
    rows: tuple[Row, ...]
    settings: Mapping[str, Any]
    settings_name: str
    folds: tuple[int, ...] = ALL_FOLDS
    rates: tuple[float, ...] = ()


RANDOM = Row(name=BASELINE, method="random")
REPEATED = Row(name=AGAIN, method="random")
HARD, UNCERTAINTY, D2ACE = (Row(name=name, method=name) for name in ("hard_imbalanced", "uncertainty", "d2ace"))
SYSTEMATIC = {"drawing": "systematic"}
PUBLISHED = (RANDOM, REPEATED, HARD, UNCERTAINTY, D2ACE)
OURS = (
    Row(name="d2ace, systematic", method="d2ace", training=SYSTEMATIC),
    Row(name="balanced_pass", method="balanced_pass", training=SYSTEMATIC),
)


def _papers(
    name: str, sets: tuple[str, ...], models: tuple[str, ...], rows: tuple[Row, ...] = PUBLISHED + OURS
) -> Part:
    """Return a part in the papers' setting."""
    return Part(name=name, sets=sets, models=models, rows=rows, settings=PAPER, settings_name="paper")


def _switches() -> Part:
    """What the released harnesses do otherwise, one at a time and together."""
    bare = {"warmup_share": 0.0, "weight_decay": 0.0}
    in_order = Row(name="random, unshuffled and bare", method="unshuffled", training=bare)
    latent = {"dela": "dela_observed_latent"}
    inputs = {"mpvae": "mpvae_observed_inputs"}
    chosen = "epoch chosen on half the test part"
    on_test = [
        Row(name=f"{row.name}, {chosen}", method=row.method, change="half_test", against=f"{BASELINE}, {chosen}")
        for row in (RANDOM, UNCERTAINTY, D2ACE)
    ]
    observed = [
        Row(name=f"{row.name}, {what}", method=row.method, models=models)
        for what, models in (("fed the latent", latent), ("fed the inputs", inputs))
        for row in (UNCERTAINTY, D2ACE)
    ]
    growing = Row(name="uncertainty, growing pressure", method="growing_uncertainty")
    alone = Row(name="uncertainty, no correlation", method="uncertainty", options={"correlation": "none"})
    as_released = "all together"
    together = [
        Row(name=f"random, {as_released}", method="unshuffled", training=bare, change="half_test"),
        Row(
            name=f"uncertainty, {as_released}",
            method="growing_uncertainty",
            options={"correlation": "none", "binned": True},
            models={"clif": "clif", **latent},
            change="half_test",
            against=f"random, {as_released}",
        ),
        Row(
            name=f"d2ace, {as_released}",
            method="d2ace",
            options={"hardness": "released"},
            models={"clif": "clif", **latent},
            change="half_test",
            against=f"random, {as_released}",
        ),
    ]
    others = (in_order, *on_test, *observed, growing, alone, *together)
    rows = (RANDOM, UNCERTAINTY, D2ACE, *(row if row.models else _only(row, "clif", "dela") for row in others))
    return _papers("switches", FOUR, DEEP, rows)


def _only(row: Row, *models: str) -> Row:
    return Row(**{**vars(row), "models": {model: model for model in models}})


def _fair(epochs: int, rates: tuple[float, ...], folds: tuple[int, ...] = ALL_FOLDS) -> Part:
    """Standardized features, a learning rate found for Random, decayed to 0, systematic plans."""
    others = (Row(name=name, method=name) for name in ("balanced_pass", "label_balanced"))
    return Part(
        name=f"fair-{epochs}",
        sets=("emotions", "birds", "scene", "yeast", "cal500", "enron", "Business", "Arts"),
        models=DEEP,
        rows=(RANDOM, REPEATED, HARD, UNCERTAINTY, D2ACE, *others),
        settings={**USUAL, "epochs": epochs},
        settings_name=f"fair, {epochs} epochs",
        folds=folds,
        rates=rates,
    )


def _ablation() -> Part:
    parts = {
        "constant mixture": {"mixture": 0.5},
        "uncertainty alone": {"mixture": 1.0},
        "hardness alone": {"mixture": 0.0},
        "no flips": {"flip_decay": 0.0},
        "no label weights": {"label_weights": False},
        "no correlation": {"correlation": False},
        **{f"pressure {s}": {"pressure": float(s)} for s in (2, 32, 256)},
        **{f"{k} neighbours": {"num_neighbors": k} for k in (3, 12)},
        **{f"window {t}": {"window": t} for t in (2, 10)},
    }
    variants = [
        Row(name=f"d2ace, {what}", method="d2ace", options=options, against="d2ace") for what, options in parts.items()
    ]
    alone = Row(
        name="uncertainty, no correlation", method="uncertainty", options={"correlation": "none"}, against="uncertainty"
    )
    return _papers("ablation", FOUR, ("clif",), (RANDOM, UNCERTAINTY, alone, D2ACE, *variants))


def _noise() -> Part:
    rows = [
        Row(name=f"{row.name}, {change}", method=row.method, change=change, against=f"{BASELINE}, {change}")
        for change in ("remove 10 %", "remove 20 %", "flip 10 %", "flip 20 %")
        for row in (RANDOM, HARD, UNCERTAINTY, D2ACE)
    ]
    return _papers("noise", FOUR, ("clif",), (RANDOM, HARD, UNCERTAINTY, D2ACE, *rows))


PARTS = {
    part.name: part
    for part in (
        _papers("papers", SMALL, DEEP),
        _switches(),
        _ablation(),
        _noise(),
        _fair(5, (1e-3, 3e-3, 1e-2)),
        _fair(20, (3e-4, 1e-3, 3e-3)),
        _papers("papers-paca", ("emotions", "birds", "yeast"), ("paca",)),
        _fair(100, (1e-4, 3e-4, 1e-3), folds=(0, 1, 2)),
        _papers("papers-large", ("Arts", "Business", "mediamill", "Corel5k", "rcv1subset1", "bibtex"), DEEP),
    )
}
