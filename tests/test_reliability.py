"""The page of what can go wrong names tests and scripts that exist."""

import ast
import re
from importlib.util import find_spec
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[1] / "docs" / "reliability.md"
TEXT = PAGE.read_text(encoding="utf-8")
SECTIONS = [section for section in TEXT.split("\n## ")[1:] if not section.startswith("By hand")]


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.partition("\n")[0])
def test_every_row_names_tests_that_exist(section):
    rows = [line for line in section.splitlines() if line.startswith("| ")][2:]
    assert rows, "a heading without rows"
    for row in rows:
        what, happens, tests = (cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1])
        assert what, row
        assert happens, row
        named = re.findall(r"\[(test_\w+)\]\(([^)]+)\)", tests)
        assert named, f"no test shows: {what}"
        for name, file in named:
            tree = ast.parse((PAGE.parent / file).read_text(encoding="utf-8"))
            functions = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
            assert name in functions, f"{file} has no {name}"


def test_scripts_exist():
    scripts = re.findall(r"`python -m ([\w.]+)", TEXT)
    assert scripts
    assert [script for script in scripts if find_spec(script) is None] == []
