"""What is shipped needs no test framework, and keeps its word where Python leaves `assert` out."""

import subprocess
import sys

import pytest

import batchsift as bs

SCRIPT = """
import sys
import batchsift as bs

class Unshuffled(bs.Random):
    def plan(self, epoch, batch_size, num_batches, generator):
        return super().plan(epoch, batch_size, num_batches, generator).sort().values[:45]

bs.testing.check_method(bs.Random)
try:
    bs.testing.check_method(Unshuffled)
except AssertionError as error:
    print(error)
print("pytest" in sys.modules)
"""


def test_without_pytest_and_without_assert():
    done = subprocess.run([sys.executable, "-O", "-c", SCRIPT], capture_output=True, text=True, check=True)
    message, *_, has_pytest = done.stdout.splitlines()
    assert message.startswith("check_")
    assert has_pytest == "False"


def test_a_method_that_fails_is_named_too():
    class Fails(bs.methods.BaseMethod):
        name = "fails"

        def probabilities(self, epoch):
            return super().probabilities(epoch) * 2

    with pytest.raises(AssertionError, match=r"check_probabilities: .*sum to 1") as raised:
        bs.testing.check_method(Fails)
    assert isinstance(raised.value.__cause__, ValueError)


def test_every_check_is_among_the_checks():
    names = [check.__name__ for check in bs.testing.CHECKS]
    assert len(names) == len(set(names)) >= 23
    assert all(check.__doc__ for check in bs.testing.CHECKS)
