"""The labels that are most likely wrong, whatever the method and however the selector is used."""

import io
import math

import pytest
import torch

import batchsift as bs
from batchsift.selection.device import DeviceObserver
from batchsift.selection.suspects import find_suspects
from batchsift.trackers import CourseMeans

N, L, B, EPOCHS = 40, 3, 8, 6
TRUTH = (torch.arange(N)[:, None] % torch.tensor([2, 3, 5]) == 0).float()
FEATURES = torch.randn(N, 4, generator=torch.Generator().manual_seed(1))
WRONG = {(7, 1), (12, 0), (20, 2)}
FIELDS = ("samples", "labels", "given", "probability", "score")


def flipped(labels=TRUTH):
    labels = labels.clone()
    for sample, label in WRONG:
        labels[sample, label] = 1 - labels[sample, label]
    return labels


class Plain:
    """A method of the plain protocol that remembers nothing."""

    name = "plain"

    def setup(self, labels, epochs, features):
        self.num_samples = len(labels)

    def observe(self, indices, logits):
        pass

    def probabilities(self, epoch):
        return torch.full((self.num_samples,), 1 / self.num_samples, dtype=torch.float64)

    def plan(self, epoch, batch_size, num_batches, generator):
        return None

    def signals(self):
        return {}

    def scores(self):
        return {}

    def state_dict(self):
        return {}

    def load_state_dict(self, state):
        pass


def build(method="random", labels=None, **options):
    labels = flipped() if labels is None else labels
    return bs.Selector(labels, method=method, features=FEATURES, batch_size=B, epochs=EPOCHS, seed=0, **options)


def logits_of(indices, epoch=0):
    """What a model says that has learned the truth: a little less of it in some cells, and less in the first epochs."""
    steady = 1 + 0.5 * torch.sin(torch.arange(N * L, dtype=torch.float32)).view(N, L)[indices]
    return (2 * TRUTH[indices] - 1) * steady * min(3, epoch)


def run(selector, epochs=EPOCHS):
    for _ in range(epochs):
        for indices in selector.batches():
            selector.observe(indices, logits_of(indices, selector.epoch))
        selector.end_epoch()
    return selector


def cells(found):
    return list(zip(found.samples.tolist(), found.labels.tolist(), strict=True))


def same(one, other):
    return all(torch.equal(getattr(one, name), getattr(other, name)) for name in FIELDS)


@pytest.mark.parametrize("method", [*bs.methods.names(), Plain()], ids=[*bs.methods.names(), "plain"])
def test_every_method_finds_them(method):
    found = run(build(method)).suspects(3)
    assert set(cells(found)) == WRONG
    assert found.given.tolist() == [int(flipped()[cell]) for cell in cells(found)]
    assert torch.equal(found.probability > 0.5, found.given == 0), "the model says the opposite"
    assert found.score.tolist() == sorted(found.score.tolist(), reverse=True)
    assert [getattr(found, name).dtype for name in FIELDS] == [torch.int64] * 3 + [torch.float32] * 2
    assert [getattr(found, name).shape for name in FIELDS] == [(3,)] * 5


@pytest.mark.parametrize("storage", [torch.float16, torch.bfloat16, torch.float64])
def test_the_storage_of_the_method_changes_nothing(storage):
    half, whole = (run(build(bs.Hard(storage=dtype, pressure=1.0))) for dtype in (storage, torch.float32))
    assert same(half.suspects(9), whole.suspects(9))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_logits_of_any_type(dtype):
    selector = build()
    for indices in selector.batches():
        selector.observe(indices, logits_of(indices, 3).to(dtype))
    assert set(cells(selector.suspects(3))) == WRONG
    selector.observe([1], torch.full((1, L), 1e300, dtype=torch.float64), in_plan=False)
    assert all(math.isfinite(one) for one in selector.suspects(N * L).score.tolist())


def test_the_probability_is_the_mean_over_all_observations():
    selector, observed = build("uncertainty"), {}
    for epoch in range(EPOCHS):
        for indices in selector.batches():
            logits = logits_of(indices, epoch)
            selector.observe(indices, logits)
            for sample, row in zip(indices.tolist(), logits.double().sigmoid(), strict=True):
                observed.setdefault(sample, []).append(row)
        selector.end_epoch()
    found = selector.suspects(N * L)
    means = [torch.stack(observed[sample]).mean(0)[label].item() for sample, label in cells(found)]
    assert found.probability.tolist() == pytest.approx(means, abs=1e-6)


def test_memorised_labels_are_found_by_how_they_were_learned():
    selector = bs.Selector(flipped(), method="random", batch_size=B, seed=0)
    for epoch in range(60):
        for indices in selector.batches():
            given = 4 * (2 * flipped()[indices] - 1)
            selector.observe(indices, logits_of(indices, 3) if epoch < 15 else given)
        selector.end_epoch()
    assert set(cells(selector.suspects(3))) == WRONG


def test_rare_positives_that_are_never_predicted_do_not_come_first():
    labels = torch.cat([flipped(), torch.zeros(N, 1)], dim=1)
    labels[[3, 9, 33], 3] = 1  # a label about which the model knows nothing but that it is rare
    selector = build(labels=labels)
    for indices in selector.batches():
        selector.observe(indices, torch.cat([logits_of(indices, 3), torch.full((len(indices), 1), -2.5)], dim=1))
    assert set(cells(selector.suspects(3))) == WRONG


def test_cells_that_are_not_labelled_are_none():
    labels = flipped()
    labels[7, 1] = labels[:, 2] = float("nan")
    found = run(build("d2ace", labels)).suspects(N * L)
    assert cells(found)[0] == (12, 0)
    assert len(found) == 2 * N - 1
    assert (7, 1) not in cells(found)


def test_samples_that_were_not_observed_are_none():
    selector = build()
    assert len(selector.suspects(5)) == 0
    assert list(selector.suspects(5).to_frame().columns) == ["sample", "label", "given", "probability", "rank", "score"]
    selector.observe([7, 7, 20], logits_of(torch.tensor([7, 7, 20]), 3), in_plan=False)
    assert {sample for sample, _ in cells(selector.suspects(N * L))} == {7, 20}
    assert set(cells(selector.suspects(2))) == {(7, 1), (20, 2)}


def test_a_sample_that_comes_twice_counts_twice():
    twice, once = build(), build()
    logits = logits_of(torch.tensor([7, 7, 5]), 3) * torch.tensor([[1.0], [0.5], [1.0]])
    twice.observe([7, 7, 5], logits, in_plan=False)
    for row, sample in enumerate([7, 7, 5]):
        once.observe([sample], logits[row : row + 1], in_plan=False)
    assert same(twice.suspects(6), once.suspects(6))


@pytest.mark.filterwarnings("ignore:rows of logits that are not finite:UserWarning")
def test_rows_that_are_not_finite_are_left_out():
    selector = build()
    logits = logits_of(torch.tensor([7, 12]), 3)
    logits[0, 0] = float("nan")
    selector.observe([7, 12], logits, in_plan=False)
    assert {sample for sample, _ in cells(selector.suspects(9))} == {12}


@pytest.mark.parametrize("method", ["random", "d2ace"])
@pytest.mark.parametrize("blocks", [0, 3])
def test_a_resumed_training_ends_with_the_same(method, blocks):
    whole, first = run(build(method)), run(build(method), 3)
    for _, indices in zip(range(blocks), first.batches(), strict=False):
        first.observe(indices, logits_of(indices, first.epoch))
    file = io.BytesIO()
    torch.save(first.state_dict(), file)
    file.seek(0)
    second = build(method)
    second.load_state_dict(torch.load(file, weights_only=True))
    assert same(second.suspects(9), first.suspects(9))
    assert same(run(second, EPOCHS - 3).suspects(N * L), whole.suspects(N * L))


def test_a_saved_state_does_not_change():
    selector = run(build(), 2)
    state = selector.state_dict()
    before = state["course"]["means_N2L"].clone()
    run(selector, 1)
    assert torch.equal(state["course"]["means_N2L"], before)


def test_states_without_it_begin_anew():
    selector, state = build(), run(build(), 2).state_dict()
    older = {name: value for name, value in state.items() if name != "course"} | {"version": 3}
    run(selector, 1)
    selector.load_state_dict(older)
    assert selector.epoch == 2
    assert len(selector.suspects(1)) == 0
    assert set(cells(run(selector, 2).suspects(3))) == WRONG


def test_without_suspects_nothing_is_kept():
    selector = run(build("hard", suspects=False), 1)
    assert selector.state_dict()["course"] is None
    with pytest.raises(ValueError, match="suspects=False"):
        selector.suspects(1)
    selector.load_state_dict(run(build("hard"), 2).state_dict())
    assert selector.epoch == 2
    other = build("hard")
    other.load_state_dict(selector.state_dict())
    assert len(other.suspects(1)) == 0


def test_k_is_checked():
    with pytest.raises(ValueError, match="k=0"):
        build().suspects(0)
    with pytest.raises(ValueError, match=r"share=0 must be in \(0, 1\]"):
        build().suspects(1, share=0)


@pytest.mark.parametrize("unknown", [False, True])
def test_a_share_of_each_label_and_value(unknown):
    labels = flipped()
    labels[1::7, 0] = float("nan") if unknown else 0
    selector = run(build(labels=labels))
    every, some = selector.suspects(N * L), selector.suspects(N * L, share=0.2)
    wanted = []
    for cell in cells(every):
        alike = [one for one in wanted if one[1] == cell[1] and labels[one] == labels[cell]]
        if len(alike) < math.ceil(0.2 * int((labels[:, cell[1]] == labels[cell]).sum())):
            wanted.append(cell)
    assert cells(some) == wanted
    assert {(label, given) for label, given in zip(some.labels.tolist(), some.given.tolist(), strict=True)} == {
        (label, given) for label in range(L) for given in (0, 1)
    }


def test_the_same_on_another_device(monkeypatch):
    here, there = run(build("hard")), build("hard")
    monkeypatch.setattr("batchsift.trackers.on_host", lambda _: False)
    monkeypatch.setattr("batchsift.selection.device.on_host", lambda _: False)
    there._progress.course = CourseMeans(there._labels.positive_NL)
    there._observer = DeviceObserver(there._progress)
    there._observer.start(there._progress.position)
    assert same(run(there).suspects(9), here.suspects(9))


def test_threads_change_nothing():
    course, one_by_one = (CourseMeans(torch.zeros(600, 64, dtype=torch.bool)) for _ in range(2))
    logits = torch.randn(600, 64, generator=torch.Generator().manual_seed(0))
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one_by_one.update(torch.arange(600), logits)
        torch.set_num_threads(2)
        course.update(torch.arange(600), logits)
    finally:
        torch.set_num_threads(before)
    assert torch.equal(course.means_N2L, one_by_one.means_N2L)


def test_many_observations_are_counted_on():
    course = CourseMeans(torch.zeros(1, 1, dtype=torch.bool))
    course.count_N[0] = 10**6
    course.update(torch.tensor([0]), torch.zeros(1, 1))
    assert course.means_N2L[0, 1].item() == pytest.approx(0.5 / 4096)


def test_chunks_change_nothing():
    labels = torch.rand(3000, 60, generator=torch.Generator().manual_seed(0)).round()
    selector = bs.Selector(labels, method="random", batch_size=500, seed=0)
    logits = torch.randn(3000, 60, generator=torch.Generator().manual_seed(1))
    for indices in selector.batches():
        selector.observe(indices, logits[indices])
    contradicted = torch.where(labels == 1, -logits, logits).double().sigmoid()
    usual = [(contradicted * (labels == y)).sum(0) / (labels == y).sum(0) for y in (0, 1)]
    score = contradicted - 0.2 * torch.where(labels == 1, usual[1], usual[0])
    found = selector.suspects(50)
    assert found.score.tolist() == pytest.approx(score.flatten().sort(descending=True).values[:50].tolist(), abs=1e-5)
    assert torch.equal(found.samples * 60 + found.labels, score.flatten().argsort(descending=True)[:50])


def test_to_frame():
    found = run(build()).suspects(5)
    frame = found.to_frame()
    assert frame["sample"].tolist() == found.samples.tolist()
    assert frame["label"].tolist() == found.labels.tolist()
    assert frame["score"].tolist() == found.score.tolist()
    for name, part in frame.groupby("label"):
        assert part["rank"].tolist() == list(range(1, len(part) + 1)), name
    names = found.to_frame(("a", "b", "c"), ids=[f"row {n}" for n in range(N)])
    assert list(names.columns) == ["sample", "id", "label", "given", "probability", "rank", "score"]
    assert names["id"].tolist() == [f"row {n}" for n in found.samples.tolist()]
    assert names["label"].tolist() == ["abc"[n] for n in found.labels.tolist()]
    with pytest.raises(ValueError, match=r"label_names has 1 entries, but label \d is among"):
        found.to_frame(["a"])
    with pytest.raises(ValueError, match="ids has 2 entries"):
        found.to_frame(ids=[1, 2])


def test_equal_cells_come_in_order():
    selector = bs.Selector(torch.zeros(6, 2), method="random", batch_size=6)
    selector.observe(torch.arange(6), torch.zeros(6, 2), in_plan=False)
    found = find_suspects(selector._progress, 12)
    assert cells(found) == [(n, j) for n in range(6) for j in range(2)]
