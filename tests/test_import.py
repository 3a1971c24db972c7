"""What importing the package costs: nothing until a name is asked for."""

import ast
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import batchsift as bs

HEAVY = ("sklearn", "scipy", "matplotlib", "pandas", "typer", "rich", "lightning", "transformers", "accelerate", "arff")


def brought_in(code):
    """The packages that a fresh interpreter has imported after the code."""
    code += "\nimport sys; print(*{name.partition('.')[0] for name in sys.modules})"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


def test_import_brings_in_nothing_optional_and_nothing_heavy():
    brought = brought_in("import batchsift; batchsift.__version__; dir(batchsift)")
    assert "batchsift" in brought
    assert brought.isdisjoint((*HEAVY, "torch", "numpy")), brought


def test_all_public_names_bring_in_nothing_optional_and_nothing_heavy():
    """The estimator is a class of scikit-learn's, and brings that in where it is asked for; all others do not."""
    others = [name for name in bs.__all__ if name != "MultiLabelClassifier"]
    brought = brought_in(f"from batchsift import {', '.join(others)}; assert Selector and data.load and models.build")
    assert "torch" in brought
    assert brought.isdisjoint(set(HEAVY) - brought_in("import torch")), brought
    brought = brought_in("from batchsift import *; assert MultiLabelClassifier")
    assert brought.isdisjoint(set(HEAVY) - brought_in("import torch, sklearn.preprocessing")), brought


def test_public_names_are_there_and_listed():
    for name in bs.__all__:
        assert getattr(bs, name) is getattr(bs, name)
        assert getattr(bs, name).__name__.rpartition(".")[2] == name
    assert {*bs.__all__, "__version__"} <= set(dir(bs))
    assert bs.data.load
    assert bs.models.build
    with pytest.raises(AttributeError, match="module 'batchsift' has no attribute 'selecter'"):
        bs.selecter  # noqa: B018


def test_type_checkers_see_what_there_is():
    """What is imported for type checkers alone is what a running program gets."""
    tree = ast.parse(Path(bs.__file__).read_text(encoding="utf-8"))
    seen = {
        alias.name: f"{statement.module}.{alias.name}"
        for statement in ast.walk(tree)
        if isinstance(statement, ast.ImportFrom) and statement.module.startswith("batchsift")
        for alias in statement.names
    }
    assert sorted(seen) == sorted(bs.__all__)
    assert all(pkgutil.resolve_name(path) is getattr(bs, name) for name, path in seen.items())
