"""Every method as one plain class: keep all that was observed, and compute everything anew when asked."""

import math
from typing import ClassVar

import numpy as np

from reference import correlation, sampling, signals

EPS = {"float64": 2.0**-52, "float32": 2.0**-23}


class Twin:
    """What all twins share: labels, the whole history, warm-up and pressure.

    Args:
        labels: (n, q) of 0, 1 and NaN.
        epochs: The length of training.
        features: (n, d), for those that need neighbours.
        options: The method's options where they differ from the defaults.
    """

    defaults: ClassVar = {"warmup": 0.1, "pressure": 8.0}
    default_neighbors = 0

    def __init__(self, labels, epochs, features=None, **options):
        labels = np.asarray(labels, dtype=np.float64)
        self.n, self.q = labels.shape
        self.known = ~np.isnan(labels)
        self.positive = labels == 1
        self.epochs = epochs
        self.precision = options.pop("precision", "float64")
        self.eps = EPS[self.precision]
        self.options = {**self.defaults, **options}
        assert set(self.options) <= set(self.defaults) | {"neighbors", "num_neighbors"}, options
        self.warmup = sampling.epochs_of(self.options["warmup"], epochs)
        self.logits = [[[] for _ in range(self.q)] for _ in range(self.n)]
        self.probs = [[[] for _ in range(self.q)] for _ in range(self.n)]
        self.observed = False
        self.neighbors = self.options.get("neighbors")
        if self.neighbors is None and features is not None and self.default_neighbors:
            self.neighbors = correlation.nearest_neighbors(
                features, self.options.get("num_neighbors", self.default_neighbors)
            )

    def observe(self, indices, logits):
        """Row after row; a sample that comes twice counts twice."""
        for i, row in zip(indices, logits, strict=True):
            for j in range(self.q):
                self.logits[int(i)][j].append(float(row[j]))
                self.probs[int(i)][j].append(signals.logistic(float(row[j])))
            self.observed = True

    def each_cell(self, formula):
        """A matrix of `formula(i, j, history of probabilities)`, 0 in cells that are not labelled."""
        result = np.zeros((self.n, self.q))
        for i in range(self.n):
            for j in range(self.q):
                if self.known[i, j]:
                    result[i, j] = formula(i, j, self.probs[i][j])
        return result

    def by_range(self, scores, epoch):
        """Min-max selection; uniform in the warm-up and when nothing was observed."""
        if epoch < self.warmup or not self.observed:
            return sampling.uniform(self.n)
        s = sampling.pressure(epoch, self.options["pressure"], self.warmup, self.epochs)
        return sampling.by_range(list(scores), s, 1e-12 if self.precision == "float64" else 1e-6)

    def by_maximum(self, scores, epoch):
        """Max-form selection under a constant pressure."""
        if epoch < self.warmup or not self.observed:
            return sampling.uniform(self.n)
        return sampling.by_maximum(list(scores), self.options["pressure"])

    def signals(self):
        """None."""
        return {}

    def scores(self):
        """None."""
        return {}


class Random(Twin):
    """A shuffled pass."""

    defaults: ClassVar = {"warmup": 0}

    def probabilities(self, epoch):
        """All equal."""
        return sampling.uniform(self.n)


class Stratified(Random):
    """A shuffled pass too."""


class BalancedPass(Random):
    """Rarity, less and less of it."""

    defaults: ClassVar = {"warmup": 0, "share": 0.5, "power": 0.5, "anneal": True}

    def probabilities(self, epoch):
        """A share by rarity, the rest equal."""
        rare = sampling.rarity(self.positive, self.options["power"])
        share = self.options["share"]
        if self.options["anneal"]:
            share = share * (1 - epoch / self.epochs) if epoch < self.epochs else 0
        return np.array([share * w + (1 - share) / self.n for w in rare])


class LabelBalanced(Random):
    """Label first."""

    def probabilities(self, epoch):
        """The same in every epoch."""
        return sampling.label_balanced(self.positive)


class Hard(Twin):
    """Loss."""

    defaults: ClassVar = {"warmup": 0.03, "pressure": 2.0}

    def signals(self):
        """Loss of the latest logit; ln 2 where there is none."""
        return {
            "loss": self.each_cell(
                lambda i, j, _: (
                    signals.cross_entropy_of_logit(self.logits[i][j][-1], self.positive[i, j])
                    if self.logits[i][j]
                    else math.log(2)
                )
            )
        }

    def scores(self):
        """Summed over labels."""
        return {"loss": np.array([math.fsum(row) for row in self.signals()["loss"]])}

    def probabilities(self, epoch):
        """Max form."""
        return self.by_maximum(self.scores()["loss"], epoch)


class HardImbalanced(Hard):
    """Loss times local imbalance."""

    default_neighbors = 5

    def scores(self):
        """Omega times the sum over labels."""
        omega = correlation.local_imbalance_weights(self.positive, self.neighbors, self.known)
        return {"loss": omega * super().scores()["loss"]}


class ActiveBias(Twin):
    """Deviation of the mean prediction."""

    defaults: ClassVar = {**Twin.defaults, "window": None}

    def signals(self):
        """Over all observations, or the last `window`."""
        window = self.options["window"]
        return {
            "prediction_deviation": self.each_cell(
                lambda i, j, history: signals.prediction_deviation(history if window is None else history[-window:])
            )
        }

    def scores(self):
        """Summed over labels."""
        return {name: np.array([math.fsum(row) for row in value]) for name, value in self.signals().items()}

    def probabilities(self, epoch):
        """Min-max form."""
        return self.by_range(self.scores()["prediction_deviation"], epoch)


class RecencyBias(Twin):
    """Entropy of recent decisions."""

    defaults: ClassVar = {**Twin.defaults, "window": 5}

    def signals(self):
        """Over the window."""
        window = self.options["window"]
        return {"decision_entropy": self.each_cell(lambda i, j, history: signals.decision_entropy(history, window))}

    def scores(self):
        """Summed over labels."""
        return {name: np.array([math.fsum(row) for row in value]) for name, value in self.signals().items()}

    def probabilities(self, epoch):
        """Min-max form."""
        return self.by_range(self.scores()["decision_entropy"], epoch)


class Uncertainty(Twin):
    """Uncertainty and mutual information."""

    defaults: ClassVar = {
        **Twin.defaults,
        "window": 5,
        "fluctuation_weight": 0.5,
        "bins": 5,
        "correlation": "mutual_information",
        "binned": False,
    }

    def signals(self):
        """Uncertainty and its parts."""
        window, weight = self.options["window"], self.options["fluctuation_weight"]
        d = self.each_cell(lambda i, j, history: signals.fluctuation(history, window))
        e = self.each_cell(lambda i, j, history: signals.entropy(history[-1] if history else 0.5, self.eps))
        u = self.each_cell(lambda i, j, history: signals.uncertainty(d[i, j], e[i, j], weight))
        return {"uncertainty": u, "entropy": e, "fluctuation": d}

    def scores(self):
        """`sum_k (U C)_ik`; the plain sum without correlation."""
        u, bins = self.signals()["uncertainty"], self.options["bins"]
        binned = np.array([[correlation.bin_of(u[i, j], bins) for j in range(self.q)] for i in range(self.n)])
        values = self.each_cell(lambda i, j, _: (binned[i, j] + 0.5) / bins) if self.options["binned"] else u
        if self.options["correlation"] == "none":
            return {"uncertainty": np.array([math.fsum(row) for row in values])}
        C = correlation.scaled_by_row_maximum(correlation.mutual_information(binned, self.known))
        scores = []
        for i in range(self.n):
            corrected = [math.fsum(values[i, j] * C[j, k] for j in range(self.q)) for k in range(self.q)]
            scores.append(math.fsum(corrected))
        return {"uncertainty": np.array(scores)}

    def probabilities(self, epoch):
        """Min-max form."""
        return self.by_range(self.scores()["uncertainty"], epoch)


class D2ACE(Uncertainty):
    """Dual dynamics, label weights, local context."""

    default_neighbors = 6
    defaults: ClassVar = {
        **Twin.defaults,
        "window": 5,
        "fluctuation_weight": 0.5,
        "flip_decay": 0.7,
        "hardness": "paper",
        "label_weights": True,
        "correlation": True,
        "mixture": (0.7, 0.3, 0.1, 0.7),
    }

    def signals(self):
        """Both families."""
        decay, released = self.options["flip_decay"], self.options["hardness"] == "released"
        f = self.each_cell(lambda i, j, history: signals.flip_ema(history, decay))
        loss = self.each_cell(
            lambda i, j, history: signals.cross_entropy(history[-1] if history else 0.5, self.positive[i, j], self.eps)
        )
        h = self.each_cell(lambda i, j, _: signals.hardness(loss[i, j], f[i, j], released))
        return {**super().signals(), "hardness": h, "flip_ema": f, "loss": loss}

    def terms(self, m):
        """The plain and the correlated part of a signal's score."""
        v = signals.label_weights(m, self.known) if self.options["label_weights"] else np.ones(self.q)
        plain = np.array([math.fsum(v[j] * m[i, j] for j in range(self.q)) for i in range(self.n)])
        if not self.options["correlation"]:
            return plain, np.zeros(self.n)
        context = correlation.local_context(self.positive, self.neighbors)
        S = correlation.context_strength(context, correlation.positive_cosine(m, self.positive))
        correlated = np.zeros(self.n)
        for i in range(self.n):
            for j in range(self.q):
                if self.positive[i, j]:
                    correlated[i] += v[j] * m[i, j] * S[i, j]
        return plain, correlated

    def scores(self):
        """One for each family."""
        both = self.signals()
        return {name: sum(self.terms(both[name])) for name in ("uncertainty", "hardness")}

    def beta(self, epoch):
        """The share of draws by uncertainty."""
        mixture = self.options["mixture"]
        if not isinstance(mixture, tuple):
            return mixture
        start, end, first, last = mixture
        return sampling.beta(
            epoch, start, end, sampling.epochs_of(first, self.epochs), sampling.epochs_of(last, self.epochs)
        )

    def probabilities(self, epoch):
        """The mixture of both."""
        scores, weight = self.scores(), self.beta(epoch)
        by_uncertainty = self.by_range(scores["uncertainty"], epoch)
        by_hardness = self.by_range(scores["hardness"], epoch)
        return weight * by_uncertainty + (1 - weight) * by_hardness


TWINS = {
    "random": Random,
    "stratified": Stratified,
    "balanced_pass": BalancedPass,
    "label_balanced": LabelBalanced,
    "hard": Hard,
    "hard_imbalanced": HardImbalanced,
    "active_bias": ActiveBias,
    "recency_bias": RecencyBias,
    "uncertainty": Uncertainty,
    "d2ace": D2ACE,
}
