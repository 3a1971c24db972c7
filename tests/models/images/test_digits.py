"""The embedded digits as pictures: a network, a selector and a metric together."""

import torch
from benchmarks.image_digits import run


def test_the_small_network_learns_the_digits():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng():
            scores, _ = run("d2ace", seed=0, epochs=16, head="linear")
    finally:
        torch.set_num_threads(threads)
    assert scores[-1] >= 0.9
    assert scores[-1] > scores[0]
