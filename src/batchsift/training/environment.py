"""What a training run shares with the rest of its process: torch's random generators and the number of threads."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from threadpoolctl import threadpool_limits
from torch import Tensor


@contextmanager
def isolated(device: str, *, seed: int, threads: int) -> Iterator[None]:
    """Seed the generators and set the number of threads inside; give the caller's back afterwards.

    Args:
        device: The device the run computes on; its generator is seeded, and that of the CPU.
        seed: The seed of both generators.
        threads: The number of threads of torch, BLAS and OpenMP.
    """
    place = torch.device(device)
    on_cuda = place.type == "cuda"
    threads_before = torch.get_num_threads()
    with torch.random.fork_rng(devices=[place] if on_cuda else []), threadpool_limits(threads):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would reach every accelerator
        if on_cuda:
            with torch.cuda.device(place):
                torch.cuda.manual_seed(seed)
        torch.set_num_threads(threads)
        try:
            yield
        finally:
            torch.set_num_threads(threads_before)


def generator_states(device: str) -> dict[str, Tensor]:
    """Return the states of the CPU's generator and, on CUDA, of the device's."""
    states = {"cpu": torch.get_rng_state()}
    if torch.device(device).type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    return states


def restore_generators(states: Mapping[str, Tensor], device: str) -> None:
    """Put the generators into states that `generator_states` returned.

    Raises:
        ValueError: They are something else.
    """
    try:
        torch.set_rng_state(states["cpu"])
        if torch.device(device).type == "cuda" and "cuda" in states:
            torch.cuda.set_rng_state(states["cuda"], device)
    except (RuntimeError, TypeError) as error:
        raise ValueError(f"generators: {error}") from error
