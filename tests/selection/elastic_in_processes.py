"""Run by several processes: saves in the middle of an epoch, or goes on from there in another number of processes.

forked.py --processes 3 elastic_in_processes.py FOLDER save
forked.py --processes 4 elastic_in_processes.py FOLDER resume
"""

import itertools
import sys
import warnings
from pathlib import Path

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp

import batchsift as bs
from batchsift.integrations.checkpoint import SelectorCheckpoint
from selection.equal_in_processes import LOGITS, build

METHODS = ("d2ace", "active_bias", "info_batch")  # steps and contexts, moments, one value a sample
BLOCKS = 5  # of the second epoch, before it is saved


def observe(selector, blocks):
    for indices in blocks:
        logits = LOGITS[selector.epoch][indices].clone()
        logits[indices % 50 == 7] = float("inf")
        selector.observe(indices, logits)


def go_on(selector):
    """Train to the end; gives what is left of the epoch, the probabilities after it, and what is known at last."""
    shares = torch.stack(list(selector.batches()))
    everyones = [torch.empty_like(shares) for _ in range(dist.get_world_size())]
    if dist.get_world_size() > 1:
        dist.all_gather(everyones, shares)
        shares = torch.cat(everyones, 1)
    observe(selector, selector.batches())
    selector.end_epoch()
    probabilities = [selector.probabilities]
    observe(selector, selector.batches())
    selector.end_epoch()
    return {
        "blocks": shares,
        "probabilities": torch.stack([*probabilities, selector.probabilities]),
        "counts": selector.counts,
        "suspects": selector.suspects(50).samples,
        "skipped": torch.tensor(selector.summary()["skipped_rows"]),
    }


def begin(selector):
    observe(selector, selector.batches())
    selector.end_epoch()
    observe(selector, itertools.islice(selector.batches(), BLOCKS))
    return selector


def save(folder):
    for name in METHODS:
        for sharded in (False, True):
            selector = begin(bs.shard(build(name, {}), sharded=sharded, exchange_every=3))
            state = selector.state_dict()
            bs.save_state(selector, folder / f"{name}-{sharded}")
            bs.save_state(selector, folder / f"{name}-{sharded}")  # in the place of the first
            if dist.get_rank() == 0:
                torch.save(state, folder / f"{name}-{sharded}.pt")
            dcp.save({"selector": SelectorCheckpoint(selector)}, checkpoint_id=folder / f"{name}-{sharded}-dcp")
        alone = begin(bs.shard(build(name, {}), 0, 1))
        if dist.get_rank() == 0:
            bs.save_state(alone, folder / f"{name}-alone")
        dist.barrier()
        files = [sorted((folder / f"{name}-{form}").glob("*L")) for form in (False, True, "alone")]
        assert files[0]
        for some in zip(*files, strict=True):
            assert len({one.read_bytes() for one in some}) == 1, some


def resume(folder):
    size = dist.get_world_size()
    for name in METHODS:
        expected = go_on_alone(name)
        for saved, sharded, kind in [
            (True, True, "folder"),
            (False, True, "file"),
            (True, False, "file"),
            (True, True, "dcp"),
            (False, False, "dcp"),
        ]:
            selector = build(name, {})
            selector = bs.shard(selector, sharded=sharded) if size > 1 else selector
            if kind == "folder":
                bs.load_state(selector, folder / f"{name}-{saved}")
            elif kind == "dcp":
                dcp.load({"selector": SelectorCheckpoint(selector)}, checkpoint_id=folder / f"{name}-{saved}-dcp")
            else:
                selector.load_state_dict(torch.load(folder / f"{name}-{saved}.pt", weights_only=True, mmap=True))
            found = go_on(selector)
            for what, value in expected.items():
                if what == "probabilities" and name == "d2ace":
                    torch.testing.assert_close(found[what], value, rtol=1e-12, atol=0)
                else:
                    assert torch.equal(found[what], value), (name, saved, sharded, kind, what)


def go_on_alone(name):
    """The same in one process that was never interrupted."""
    selector = begin(bs.shard(build(name, {}), 0, 1))
    rest = list(selector.batches())[BLOCKS:]
    observe(selector, rest)
    selector.end_epoch()
    probabilities = [selector.probabilities]
    observe(selector, selector.batches())
    selector.end_epoch()
    return {
        "blocks": torch.stack(rest),
        "probabilities": torch.stack([*probabilities, selector.probabilities]),
        "counts": selector.counts,
        "suspects": selector.suspects(50).samples,
        "skipped": torch.tensor(selector.summary()["skipped_rows"]),
    }


def main(folder, what):
    warnings.simplefilter("ignore")
    dist.init_process_group("gloo")
    {"save": save, "resume": resume}[what](Path(folder))
    dist.destroy_process_group()


if __name__ == "__main__":
    main(*sys.argv[1:])
