"""The Python code in the README and the docs runs as it stands there; methods written there pass the common checks."""

import re
import sys
from pathlib import Path

import pytest

import batchsift as bs

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def is_own_method(value):
    return isinstance(value, type) and issubclass(value, bs.methods.BaseMethod) and value.__module__ not in sys.modules


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_code_runs(page):
    namespace = {"__name__": page.stem}
    for block in re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL):
        exec(compile(block, str(page), "exec"), namespace)
    for method in {value for value in namespace.values() if is_own_method(value)}:
        bs.testing.check_method(method)
