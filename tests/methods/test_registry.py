"""Names of methods belong to one class each."""

import pytest

from batchsift.methods import Random
from batchsift.methods import registry as methods


def test_a_name_that_is_taken_is_refused(monkeypatch):
    monkeypatch.setattr(methods, "_REGISTRY", dict(methods._REGISTRY))

    class Other(Random):
        pass

    with pytest.raises(ValueError, match=r"'random' is registered already: batchsift\.methods\.random\.Random$"):
        methods.register(Other)
    assert methods._REGISTRY["random"] is Random
    assert methods.register(Random) is Random, "the same class again, as a notebook defines it"
