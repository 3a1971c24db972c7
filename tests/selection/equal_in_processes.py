"""Run by several processes: every method, shared in both forms, against one process that is fed the same.

forked.py --processes 3 equal_in_processes.py
"""

import itertools
import os
import sys
import time
import warnings

import torch
import torch.distributed as dist

import batchsift as bs
from batchsift.selection.owners import bounds_of_owners

N, L, B, EPOCHS = 801, 264, 60, 3  # four chunks of rows; N is divisible by nothing that matters here
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


def build(name, options, labels=LABELS):
    method = {type(bs.methods.create(one)).name: type(bs.methods.create(one)) for one in bs.methods.names()}[name]
    return bs.Selector(
        labels, method=method(**options), features=FEATURES, batch_size=B, epochs=EPOCHS, seed=3, last_batch="fill"
    )


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


def main():
    dist.init_process_group("gloo")
    warnings.simplefilter("ignore")
    rank = dist.get_rank()
    bounds = bounds_of_owners((N, L), "cpu", dist.get_world_size())
    assert all(later > earlier for earlier, later in itertools.pairwise(bounds)), bounds
    for name, options in METHODS:
        start = time.perf_counter()
        run(name, options, LABELS)
        if rank == 0 and os.environ.get("LOUD"):
            print(name, options, f"{time.perf_counter() - start:.1f} s", file=sys.stderr)
    for name in ("d2ace", "uncertainty", "info_batch"):
        run(name, {}, UNKNOWN)
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
