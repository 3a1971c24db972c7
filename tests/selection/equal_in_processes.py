"""Run by several processes: every method, shared in both forms, against one process that is fed the same.

forked.py --processes 3 equal_in_processes.py
"""

import itertools
import os
import sys
import time
import warnings
from pathlib import Path

import torch
import torch.distributed as dist

import batchsift as bs
from batchsift.selection.owners import bounds_of_owners

sys.path.append(str(Path(__file__).parents[2]))

from benchmarks import scaling

N, L, B, EPOCHS = 797, 264, 60, 3  # four chunks of rows; N is prime
LABELS = torch.rand(N, L, generator=torch.Generator().manual_seed(0)).lt(0.03).float()
UNKNOWN = LABELS.masked_fill(torch.rand(N, L, generator=torch.Generator().manual_seed(1)) < 0.1, torch.nan)
FEATURES = torch.randn(N, 5, generator=torch.Generator().manual_seed(2))
LOGITS = torch.randn(EPOCHS, N, L, generator=torch.Generator().manual_seed(3))
# Their sums over all samples are added up part by part: the last bit of the correlation may differ.
NEARLY = {"d2ace"}

METHODS = [
    *((name, {}) for name in bs.methods.names()),
    ("d2ace", {"storage": torch.float64}),
    ("d2ace", {"storage": torch.bfloat16, "correlation": False}),
    ("uncertainty", {"binned": True, "window": 1}),
    ("uncertainty", {"correlation": "none", "storage": torch.float16}),
    ("active_bias", {"window": 3}),
]


def build(name, options, labels=LABELS, batch_size=B, last_batch="fill"):
    method = {type(bs.methods.create(one)).name: type(bs.methods.create(one)) for one in bs.methods.names()}[name]
    plan = {"batch_size": batch_size, "epochs": EPOCHS, "seed": 3, "last_batch": last_batch}
    return bs.Selector(labels, method=method(**options), features=FEATURES, **plan)


def train_epoch(selector, ranks=1):
    """Observe an epoch, some rows that are not finite, and others beside the plan, one of them twice."""
    for indices in selector.batches():
        logits = LOGITS[selector.epoch][indices].clone()
        logits[indices % 50 == 7] = float("inf")
        selector.observe(indices, logits)
    for rank in range(ranks) if ranks > 1 else [dist.get_rank()]:
        beside = torch.tensor([rank, 7 * rank + 500, rank, 790])
        selector.observe(beside, LOGITS[0][beside], in_plan=False)
    selector.end_epoch()


def outcome(selector):
    return {
        "probabilities": selector.probabilities,
        **{f"score {name}": value for name, value in selector.scores.items()},
        **{f"signal {name}": value for name, value in selector.signals().items()},
        "counts": selector.counts,
        "weights": selector.importance_weights(torch.arange(N)),
        **{f"suspects {name}": value for name, value in vars(selector.suspects(300)).items()},
        **{f"summary {name}": torch.tensor(value).double() for name, value in selector.summary().items()},
        "plan": torch.cat(list(selector.batches())) if len(selector) else torch.empty(0),
    }


def suspects_in_part(selector):
    """Those of which there may be few with one label: found label by label."""
    return {f"some suspects {name}": value for name, value in vars(selector.suspects(300, share=0.01)).items()}


def compare(shared, alone, *, exact, what):
    for name, value in alone.items():
        if name == "plan":
            continue
        if exact and not name.startswith("summary mean"):
            assert torch.equal(shared[name].nan_to_num(), value.nan_to_num()), (what, name)
        else:
            torch.testing.assert_close(shared[name], value, rtol=1e-12, atol=0, equal_nan=True, msg=f"{what} {name}")


def run(name, options, labels):
    rank, size = dist.get_rank(), dist.get_world_size()
    forms = [bs.shard(build(name, options, labels), sharded=form, exchange_every=5) for form in (False, True)]
    alone = bs.shard(build(name, options, labels), rank=0, world_size=1)
    for epoch in range(EPOCHS):
        for selector in forms:
            train_epoch(selector)
        if rank == 0:
            train_epoch(alone, size)
            for selector, form in zip(forms, ("replicated", "sharded"), strict=True):
                exact = form == "replicated" or name not in NEARLY
                what = f"{form} {name} {options} epoch {epoch}"
                expected, got = alone.probabilities, selector.probabilities
                if exact:
                    assert torch.equal(got, expected), (what, (got - expected).abs().max())
                else:
                    torch.testing.assert_close(got, expected, rtol=1e-12, atol=0, msg=what)
    further = suspects_in_part if name == "hard" else lambda _: {}
    wholes = [outcome(selector) | further(selector) for selector in forms]
    for whole, form in zip(wholes, ("replicated", "sharded"), strict=True):
        shares = [torch.empty_like(whole["plan"]) for _ in range(size)]
        dist.all_gather(shares, whole["plan"])
        blocks = torch.cat([one.view(-1, B // size) for one in shares], 1)
        assert all(len(block.unique()) == B for block in blocks), "a sample is twice in a block of all processes"
        if rank == 0:
            compare(
                whole,
                outcome(alone) | further(alone),
                exact=form == "replicated" or name not in NEARLY,
                what=f"{form} {name}",
            )
            assert torch.equal(blocks, torch.stack(list(alone.batches()))), name


def few_blocks(selector, ranks):
    """Observe an epoch of fewer blocks than there are processes."""
    blocks = list(selector.batches())
    assert len(blocks) == 2
    for indices in blocks:
        selector.observe(indices, LOGITS[selector.epoch][indices])


def some_of_one_owner(selector, ranks):
    """Observe a few samples of the last owner in the first process, and nothing in all others."""
    if 0 in ranks:
        selector.observe(torch.arange(N - 20, N), LOGITS[0][N - 20 :], in_plan=False)


def nothing_finite_in_the_last(selector, ranks):
    """Observe an epoch in which the last process has no row that is finite."""
    share = 600 // dist.get_world_size()
    for indices in selector.batches():
        logits = LOGITS[selector.epoch][indices].clone()
        if dist.get_world_size() - 1 in ranks:
            logits[-share:] = torch.nan
        selector.observe(indices, logits)


def nothing(selector, ranks):
    """Observe nothing, in any process."""


def run_edges(name):
    """Epochs in which some processes have little or nothing to say."""
    rank, size = dist.get_rank(), dist.get_world_size()
    forms = [bs.shard(build(name, {}, batch_size=600), sharded=form) for form in (False, True)]
    alone = bs.shard(build(name, {}, batch_size=600), 0, 1)
    for observe in (some_of_one_owner, few_blocks, nothing_finite_in_the_last, nothing):
        for selector, ranks in [*((one, [rank]) for one in forms), *[(alone, range(size))] * (rank == 0)]:
            observe(selector, ranks)
            selector.end_epoch()
        for selector, form in zip(forms, ("replicated", "sharded"), strict=True):
            if rank == 0:
                found, expected = ({"probabilities": one.probabilities} for one in (selector, alone))
                exact = form == "replicated" or name not in NEARLY
                compare(found, expected, exact=exact, what=f"{observe.__name__} {form} {name}")
    for selector, form in zip(forms, ("replicated", "sharded"), strict=True):
        found = outcome(selector)
        if rank == 0:
            compare(found, outcome(alone), exact=form == "replicated" or name not in NEARLY, what=f"{form} {name}")


def bytes_as_the_formula_says(name, counter):
    """Counted are the bytes of an epoch of whole blocks, which is drawn by what was observed."""
    size = dist.get_world_size()
    for sharded in (False, True):
        selector = bs.shard(build(name, {}, LABELS, B, "drop"), sharded=sharded, exchange_every=5)
        for _ in range(2):
            counter.sent = 0
            for indices in selector.batches():
                selector.observe(indices, LOGITS[selector.epoch][indices])
            selector.end_epoch()
        sent = torch.tensor(counter.sent / size)
        dist.all_reduce(sent)  # owners have different numbers of samples; the formula is of all alike
        expected = scaling.sent_by_formula(N // B * B, L, size, name, sharded)
        if dist.get_rank() == 0 and os.environ.get("LOUD"):
            print(f"{name} {sharded}: {float(sent) / expected:.3f} of the formula", file=sys.stderr)
        assert abs(float(sent) / expected - 1) < 0.1, (name, sharded, float(sent), expected)


def main():
    counter = scaling.Counter()
    dist.init_process_group("gloo")
    warnings.simplefilter("ignore")
    start = time.perf_counter()

    def took(what):
        if dist.get_rank() == 0 and os.environ.get("LOUD"):
            print(f"{time.perf_counter() - start:.1f} s: {what} done", file=sys.stderr)

    bounds = bounds_of_owners((N, L), "cpu", dist.get_world_size())
    assert all(later > earlier for earlier, later in itertools.pairwise(bounds)), bounds
    for name, options in METHODS:
        run(name, options, LABELS)
        took(f"{name} {options}")
    for name in ("d2ace", "uncertainty", "info_batch"):
        run(name, {}, UNKNOWN)
        took(f"unknown {name}")
    for name in ("d2ace", "active_bias", "info_batch"):  # steps and contexts, moments, one value a sample
        run_edges(name)
        took(f"edges {name}")
    for name in scaling.SCORES:
        bytes_as_the_formula_says(name, counter)
        took(f"bytes {name}")
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
