"""Run by three processes: what happens where they were made otherwise, or do not do the same.

forked.py --processes 3 disagreeing_processes.py
"""

import datetime
import re

import torch
import torch.distributed as dist

import batchsift as bs

N, L, B = 60, 3, 12
LABELS = (torch.arange(N)[:, None] % torch.tensor([2, 3, 5]) == 0).float()


def build(labels=LABELS, method="uncertainty", batch_size=B, epochs=6, seed=0, **options):
    return bs.Selector(
        labels, method=method, batch_size=batch_size, epochs=epochs, seed=seed, last_batch="fill", **options
    )


def logits_of(indices, epoch=0):
    return torch.sin(indices[:, None] * torch.tensor([1.0, 2.0, 3.0]) + epoch)


def observe_blocks(selector, blocks):
    for indices in blocks:
        selector.observe(indices, logits_of(indices, selector.epoch))


def refusal(call, *, kind=ValueError):
    try:
        call()
    except kind as error:
        return str(error)
    raise AssertionError("nothing was refused")


def assert_says(message, pattern):
    assert re.search(pattern, message), f"{pattern!r} is not in {message!r}"


def selectors_made_otherwise(rank, sharded):
    """Rank 1 has something else; all say so, and what."""
    odd = rank == 1
    for what, options in [
        ("seed", {"seed": int(odd)}),
        ("label matrix", {"labels": 1 - LABELS if odd else LABELS}),
        ("method", {"method": "hard" if odd else "uncertainty"}),
        ("method", {"method": bs.Uncertainty(bins=4 if odd else 5)}),
        ("number of epochs", {"epochs": 5 if odd else 6}),
        ("batch size", {"batch_size": 6 if odd else 12}),
        ("drawing", {"drawing": "independent" if odd else "systematic"}),
        ("way of sharing", {"suspects": odd}),
    ]:
        message = refusal(lambda options=options: bs.shard(build(**options), sharded=sharded))
        assert_says(message, f"rank 1 has another {what}.*than rank 0")
    message = refusal(lambda: bs.shard(build(), sharded=sharded != odd))
    assert_says(message, "rank 1 has another way of sharing")


def different_numbers_of_blocks(rank, sharded):
    """It is refused, nothing is lost, and with the missing block the same call passes."""
    selector, alone = bs.shard(build(), sharded=sharded), bs.shard(build(), 0, 1)
    blocks = list(selector.batches())
    observe_blocks(selector, blocks[:-1] if rank == 2 else blocks)
    for call in (selector.end_epoch, selector.end_epoch, selector.summary):
        assert_says(refusal(call), r"by rank: \[5, 5, 4\].*Nothing is lost")
    assert selector.epoch == 0
    observe_blocks(selector, blocks[-1:] if rank == 2 else [])
    selector.end_epoch()
    observe_blocks(alone, alone.batches())
    alone.end_epoch()
    assert torch.equal(selector.probabilities, alone.probabilities)
    assert torch.equal(selector.signals()["uncertainty"], alone.signals()["uncertainty"])
    assert int(selector.counts.sum()) == N


def an_exchange_that_not_all_come_to(rank, sharded):
    """One ends the epoch early where the others exchange after a block: refused, and made up for."""
    selector, alone = bs.shard(build(), sharded=sharded, exchange_every=2), bs.shard(build(), 0, 1)
    blocks = list(selector.batches())
    observe_blocks(selector, blocks[:1])
    message = refusal(selector.end_epoch) if rank == 2 else refusal(lambda: observe_blocks(selector, blocks[1:2]))
    assert_says(message, r"by rank: \[2, 2, 1\]")
    observe_blocks(selector, blocks[1:] if rank == 2 else blocks[2:])
    selector.end_epoch()
    observe_blocks(alone, alone.batches())
    alone.end_epoch()
    assert torch.equal(selector.probabilities, alone.probabilities)
    assert torch.equal(selector.counts, alone.counts)


def different_calls(rank, sharded):
    selector = bs.shard(build(), sharded=sharded)
    observe_blocks(selector, selector.batches())
    message = refusal(selector.summary if rank == 0 else selector.end_epoch)
    assert_says(message, r"rank 0 calls summary\(\), rank 1 calls end_epoch\(\), rank 2 calls end_epoch\(\)")
    selector.end_epoch()
    assert selector.epoch == 1


def states_of_different_epochs(rank, sharded):
    selector = bs.shard(build(), sharded=sharded)
    states = [selector.state_dict()]
    observe_blocks(selector, selector.batches())
    selector.end_epoch()
    states.append(selector.state_dict())
    selector.load_state_dict(states[rank == 1])
    assert_says(refusal(selector.summary), "rank 1 has another epoch than rank 0")


class Wayward(bs.Uncertainty):
    """A method whose probabilities depend on the process."""

    in_parts = True

    def probabilities(self, epoch):
        weights = torch.ones(N, dtype=torch.float64)
        weights[0] += float(dist.get_rank() == 2 and epoch == 1)
        return weights / weights.sum()


def probabilities_that_differ(rank, sharded):
    selector = bs.shard(build(method=Wayward()), sharded=sharded)
    observe_blocks(selector, selector.batches())
    assert_says(refusal(selector.end_epoch), "rank 2 has another plan of the epoch.* than rank 0")


class Inheriting(bs.Uncertainty):
    """Says nothing of parts."""

    name = "inheriting"


def a_method_that_does_not_say_it_can_be_parted(rank, sharded):
    if not sharded:
        observe_blocks(selector := bs.shard(build(method=Inheriting())), selector.batches())
        selector.end_epoch()
        return
    assert_says(refusal(lambda: bs.shard(build(method=Inheriting()), sharded=True)), "'inheriting'.*in_parts = True")


def groups_and_sizes_that_do_not_fit(rank, sharded):
    assert_says(refusal(lambda: bs.shard(build(), rank=0, world_size=2, sharded=sharded)), "the group has 3 processes")
    assert_says(refusal(lambda: bs.shard(build(), sharded=sharded, exchange_every=0)), "exchange_every=0")


def a_group_of_some(rank, sharded):
    """Those of a group share blocks; the other process takes no part."""
    some = dist.new_group([0, 2])
    if rank != 1:
        selector = bs.shard(build(), sharded=sharded, group=some)
        assert len(next(selector.batches())) == B // 2
        observe_blocks(selector, selector.batches())
        selector.end_epoch()
        assert int(selector.counts.sum()) == N
    dist.barrier()


def a_rank_that_ends(rank, sharded):
    """The others end, too, with an error that says why, and do not wait for the time-out: the test would end first."""
    selector = bs.shard(build(), sharded=sharded)
    blocks = list(selector.batches())
    observe_blocks(selector, blocks)
    if rank == 1:
        raise SystemExit(0)  # as an error would, or a signal
    assert_says(refusal(selector.end_epoch, kind=RuntimeError), "another process of this training has ended")


def main():
    dist.init_process_group("gloo", timeout=datetime.timedelta(hours=1))
    rank = dist.get_rank()
    for sharded in (False, True):
        for check in (
            selectors_made_otherwise,
            different_numbers_of_blocks,
            an_exchange_that_not_all_come_to,
            different_calls,
            states_of_different_epochs,
            probabilities_that_differ,
            a_method_that_does_not_say_it_can_be_parted,
            groups_and_sizes_that_do_not_fit,
            a_group_of_some,
        ):
            try:
                check(rank, sharded)
            except Exception as error:
                raise AssertionError(f"rank {rank}, {check.__name__}, sharded={sharded}") from error
    a_rank_that_ends(rank, sharded=True)


if __name__ == "__main__":
    main()
