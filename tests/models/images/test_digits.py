"""The embedded digits as pictures: a network, a selector and a metric together."""

from pathlib import Path

import torch


def test_the_small_network_learns_the_digits(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[3]))
    from benchmarks.image_digits import run

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng():
            scores, _ = run("d2ace", seed=0, epochs=16, head="linear")
    finally:
        torch.set_num_threads(threads)
    assert scores[-1] >= 0.9
    assert scores[-1] > scores[0]
