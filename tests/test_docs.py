"""The Python code in the README and the docs runs as it stands there; methods and tests written there pass.

Links lead somewhere, every page is on the site, and the API reference has every public name.
"""

import importlib.util
import inspect
import pkgutil
import re
import sys
import tomllib
from pathlib import Path

import pytest
from benchmarks.does_it_help.page import parts, replaced
from benchmarks.does_it_help.results import Results

import batchsift as bs
from batchsift.methods import registry as methods
from batchsift.models import registry as models

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
AT_THE_ROOT = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
PAGES = [*AT_THE_ROOT, *sorted(DOCS.rglob("*.md"))]
REFERENCE = "\n".join(page.read_text(encoding="utf-8") for page in sorted((DOCS / "reference").glob("*.md")))
DOCUMENTED = re.findall(r"^::: (\S+)$", REFERENCE, flags=re.MULTILINE)
FRAMEWORKS = "batchsift.integrations."  # importing these takes many seconds


def python_blocks(page):
    return re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)


def relative_links(page):
    prose = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return re.findall(r"\]\((?![a-z]+:|#)([^)\s#]+)", prose)


def is_own_method(value):
    return isinstance(value, type) and issubclass(value, bs.methods.BaseMethod) and value.__module__ not in sys.modules


@pytest.mark.parametrize("page", [page for page in PAGES if python_blocks(page)], ids=lambda page: page.stem)
def test_code_runs(page, tmp_path, monkeypatch):
    for registry in (methods, models):  # what a page registers is not there for other tests
        monkeypatch.setattr(registry, "_REGISTRY", dict(registry._REGISTRY))
    namespace = {"__name__": page.stem}
    for block in python_blocks(page):
        exec(compile(block, str(page), "exec"), namespace)
    for method in {value for value in namespace.values() if is_own_method(value)}:
        bs.testing.check_method(method)
    for name, test in list(namespace.items()):
        if name.startswith("test_"):
            test(**{"tmp_path": tmp_path} if "tmp_path" in inspect.signature(test).parameters else {})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_to_files_of_the_repository(page):
    assert [link for link in relative_links(page) if not (page.parent / link).exists()] == []


def test_every_page_is_on_the_site():
    nav = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("nav:")[2].partition("markdown_extensions:")[0]
    listed = re.findall(r"[\w/]+\.md", nav)
    generated = ["index.md", "contributing.md", "changelog.md"]
    pages = [page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")]
    assert sorted(listed) == sorted([*generated, *pages])


@pytest.mark.parametrize("module", [bs, bs.data, bs.models, bs.methods], ids=lambda module: module.__name__)
def test_the_reference_has_every_public_name(module):
    names = [f"{module.__name__}.{name}" for name in module.__all__]
    if module is bs.methods:  # its classes are documented under the names that users know
        names = [f"batchsift.{name}" if hasattr(bs, name) else f"batchsift.methods.{name}" for name in module.__all__]
    assert sorted(set(names) - set(DOCUMENTED)) == []


@pytest.mark.parametrize("name", DOCUMENTED)
def test_what_the_reference_names_exists(name):
    if name.startswith(FRAMEWORKS):
        assert importlib.util.find_spec(name)
    else:
        pkgutil.resolve_name(name)


def test_the_version_is_the_same_everywhere():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    citation = re.findall(r"^version: (.*)$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), flags=re.MULTILINE)
    released = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert citation == [version]
    assert version in released


def test_tables_are_those_of_the_kept_results():
    tables = parts(Results.read())
    for page, number in ((ROOT / "README.md", 1), (DOCS / "does_it_help.md", 12)):
        text, found = page.read_text(encoding="utf-8"), []
        for name, part in tables.items():
            if f"<!-- {name} -->" in text:
                found.append(name)
                assert replaced(text, name, part) == text, name
        assert len(found) == number
