"""The processes of a training: what they send each other, and how they notice that they do not agree.

Every exchange begins with a meeting: a few numbers from each process, which say what it is about to do and from what.
So a process that is elsewhere, or was made otherwise, is named in all of them before anything waits for it.

Shapes: W processes.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from batchsift.messages import count_nouns
from batchsift.selection.observer import Call
from batchsift.selection.share import Share


def digest(*values: Any) -> int:
    """Return a hash of values, tensors by their content, that fits into int64."""
    together = hashlib.blake2b(digest_size=8)
    for value in values:
        together.update(value.contiguous().numpy().data if isinstance(value, Tensor) else repr(value).encode())
    return int.from_bytes(together.digest(), "little", signed=True)


@contextmanager
def _with_all() -> Iterator[None]:
    """Say what it means that a collective call fails.

    Raises:
        RuntimeError: It failed.
    """
    try:
        yield
    except RuntimeError as error:
        raise RuntimeError(
            "another process of this training has ended or does not answer (its own message says why), so that this "
            "one cannot go on: start all of them again from the last checkpoint"
        ) from error


class Group:
    """The processes among which a selector's blocks are shared.

    Args:
        share: This process' part of every block.
        process_group: The group of `torch.distributed`; the default one if None.
    """

    def __init__(self, share: Share, process_group: dist.ProcessGroup | None = None) -> None:
        self.share, self.rank, self.size = share, share.rank, share.world_size
        self.process_group = process_group
        self._device: torch.device | None = None

    @property
    def device(self) -> torch.device:
        """Where tensors must be to travel: the CPU unless the group connects devices only."""
        if self._device is None:
            connected = [one.split(":")[0] for one in dist.get_backend_config(self.process_group).split(",")]
            kind = "cpu" if "cpu" in connected else connected[0]
            self._device = (
                torch.device(kind, torch.get_device_module(kind).current_device())
                if kind != "cpu"
                else (torch.device("cpu"))
            )
        return self._device

    def meet(self, call: Call, facts: Mapping[str, int], blocks: int, numbers: Sequence[int] = ()) -> list[list[int]]:
        """Check that all processes are about to do the same; return the numbers of each.

        Args:
            call: What this process does.
            facts: What must be the same in all processes, by name, as numbers.
            blocks: The blocks this process observed since the last exchange.
            numbers: What else this process has to say.

        Raises:
            ValueError: They are not, or something differs; it names the processes that do.
            RuntimeError: A process does not answer.
        """
        mine = torch.tensor([call, blocks, *facts.values(), *numbers], dtype=torch.int64, device="cpu")
        met = torch.stack(self.each(mine)).tolist()
        for place, name in enumerate(facts, start=2):
            self._check_same(name, [one[place] for one in met])
        observed = [one[1] for one in met]
        if len(set(observed)) > 1:
            raise ValueError(
                f"the processes observed different numbers of blocks since the last exchange, by rank: {observed}. "
                "Every process must observe its share of every block, and all must call end_epoch(), state_dict(), "
                "signals(), scores, counts and summary() together. Nothing is lost: observe what is missing, then let "
                "all processes make the same call again"
            )
        calls = [Call(one[0]).words for one in met]
        if len(set(calls)) > 1:
            raise ValueError(
                f"the processes do not call the same: {', '.join(f'rank {r} {one}' for r, one in enumerate(calls))}. "
                "All must make each of these calls, in the same order. Nothing is lost by this one"
            )
        return [one[2 + len(facts) :] for one in met]

    @staticmethod
    def _check_same(name: str, values: list[int]) -> None:
        usual, _ = Counter(values).most_common(1)[0]
        others = [rank for rank, value in enumerate(values) if value != usual]
        if others:
            have = "has" if len(others) == 1 else "have"
            raise ValueError(
                f"the processes do not agree: rank {', '.join(map(str, others))} {have} another {name} than rank "
                f"{values.index(usual)}. Make the selectors alike in all of them (labels, method and its options, "
                "seed, sizes, epochs), and load the same state"
            )

    def each(self, value: Tensor) -> list[Tensor]:
        """Return what every process has, of one shape and type, in the order of the ranks; on the CPU."""
        mine = value.contiguous().to(self.device)
        received = [torch.empty_like(mine) for _ in range(self.size)]
        with _with_all():
            dist.all_gather(received, mine, group=self.process_group)
        return [one.cpu() for one in received]

    def total(self, value: Tensor) -> Tensor:
        """Return the sum over all processes, added in the order of the ranks: the same bits in each.

        Every process adds up one part of the cells for all.
        """
        flat = value.contiguous().to(self.device).flatten()
        width = -(-len(flat) // self.size)
        padded = torch.nn.functional.pad(flat, (0, width * self.size - len(flat)))
        received = torch.empty_like(padded)
        with _with_all():
            dist.all_to_all_single(received, padded, group=self.process_group)
        sum_W = torch.zeros_like(padded[:width])
        for part_W in torch.split(received, max(1, width)):
            sum_W += part_W
        parts = [torch.empty_like(sum_W) for _ in range(self.size)]
        with _with_all():
            dist.all_gather(parts, sum_W, group=self.process_group)
        return torch.cat(parts)[: len(flat)].view(value.shape).to(value.device)

    def joined(self, rows_R: Tensor, sizes: Sequence[int]) -> Tensor:
        """Return the rows of all processes, of which each has some, in the order of the ranks; where those given are.

        Args:
            rows_R: The rows of this process.
            sizes: How many rows each process has.
        """
        whole_N = rows_R.new_empty(sum(sizes), *rows_R.shape[1:])
        for rank, part_R in enumerate(torch.split(whole_N, list(sizes))):
            if not len(part_R):
                continue
            travelling = rows_R.contiguous().to(self.device) if rank == self.rank else part_R.to(self.device)
            with _with_all():
                dist.broadcast(travelling, group=self.process_group, group_src=rank)
            part_R.copy_(travelling)
        return whole_N

    def trade(self, rows: Tensor, sizes: Sequence[int], received: Sequence[int]) -> "Parcel":
        """Send consecutive rows to one process after the other, without waiting for them.

        Args:
            rows: The rows, in the order of the processes they go to.
            sizes: How many go to each.
            received: How many come from each.
        """
        sent = rows.contiguous().to(self.device)
        arriving = sent.new_empty(sum(received), *sent.shape[1:])
        with _with_all():
            work = dist.all_to_all_single(
                arriving, sent, list(received), list(sizes), group=self.process_group, async_op=True
            )
        return Parcel([arriving], sent, work)

    def share_out(self, rows: Tensor, sizes: Sequence[int]) -> "Parcel":
        """Send rows to all processes, without waiting for them; they travel padded to the longest.

        Args:
            rows: The rows of this process.
            sizes: How many each process sends.
        """
        padded = torch.zeros(max(sizes), *rows.shape[1:], dtype=rows.dtype, device=self.device)
        padded[: len(rows)] = rows
        received = [torch.empty_like(padded) for _ in sizes]
        with _with_all():
            work = dist.all_gather(received, padded, group=self.process_group, async_op=True)
        return Parcel([part[:size] for part, size in zip(received, sizes, strict=True)], padded, work)

    def rest(self) -> None:
        """Wait until all processes have come this far."""
        self.each(torch.zeros(1, dtype=torch.int64, device="cpu"))

    def __str__(self) -> str:
        return count_nouns(self.size, "process")


class Parcel:
    """Rows on their way."""

    def __init__(self, arriving: list[Tensor], sent: Tensor, work: Any) -> None:
        self._arriving, self._sent, self._work = arriving, sent, work

    def open(self) -> list[Tensor]:
        """Wait for the rows, and return them, on the CPU.

        Raises:
            RuntimeError: They do not come.
        """
        with _with_all():
            self._work.wait()
        return [one.cpu() for one in self._arriving]
