import pytest
import torch

import batchsift as bs

N = 12
LABELS = (torch.arange(N)[:, None] % torch.tensor([2, 3]) == 0).float()


def line_of(function):
    """The line, in this file, of the last statement of a function that warns."""
    with pytest.warns(UserWarning, match=r"never select|not finite|shorter") as caught:
        function()
    assert {warning.filename for warning in caught} == {__file__}
    return caught[0].lineno - function.__code__.co_firstlineno


def test_warnings_point_at_the_line_of_the_user():
    def make():
        return bs.Selector(LABELS, batch_size=4, epochs=1, features=LABELS)

    def observe():
        selector = bs.Selector(LABELS, method="random", batch_size=4)
        selector.observe([0], torch.full((1, 2), float("nan")), in_plan=False)

    def take_batches():
        selector = bs.Selector(LABELS * (LABELS[:, :1] + LABELS[:, 1:] == 2), method="label_balanced", batch_size=4)
        return selector.batches()

    assert line_of(make) == 1
    assert line_of(observe) == 2
    assert line_of(take_batches) == 2


def test_a_selector_says_what_it_is():
    selector = bs.Selector(LABELS, method="random", batch_size=4)
    assert repr(selector) == "Selector(method='random', labels=12 x 2, epoch=0, batch_size=4)"
    selector = bs.Selector(LABELS, method="uncertainty", batch_size=4, epochs=7)
    selector.end_epoch()
    assert repr(selector) == "Selector(method='uncertainty', labels=12 x 2, epoch=1 of 7, batch_size=4)"
    assert repr(selector.method).startswith("Uncertainty(")
