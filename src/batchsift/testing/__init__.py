"""Checks that every batch-selection method must pass, whoever wrote it.

    import batchsift as bs

    bs.testing.check_method(MyMethod)  # a class, or any function that makes a new instance

or, with pytest, for a line in the report for each check:

    @pytest.mark.parametrize("check", bs.testing.CHECKS, ids=lambda check: check.__name__)
    def test_my_method(check):
        check(lambda: MyMethod(pressure=4.0))

A method needs nothing but the protocol `batchsift.methods.Method`. What only some methods have (a warm-up, scores,
signals, probabilities of zero) is looked for and checked where it is. It must be able to serve any number of samples
and labels; it is always given features.
"""

from batchsift.testing import remembering, selecting
from batchsift.testing.pretending import Check, Factory

CHECKS: tuple[Check, ...] = tuple(
    check for module in (selecting, remembering) for name, check in vars(module).items() if name.startswith("check_")
)


def check_method(factory: Factory) -> None:
    """Run all checks, one after the other.

    Args:
        factory: Makes a new instance of the method: its class, or a function without arguments.

    Raises:
        AssertionError: The method breaks a rule, or failed while it was checked; the message says in which check.

    >>> from batchsift.methods import Random
    >>> check_method(Random)
    """
    for check in CHECKS:
        try:
            check(factory)
        except Exception as error:
            raise AssertionError(f"{check.__name__}: {error or type(error).__name__}") from error


__all__ = ["CHECKS", "check_method"]
