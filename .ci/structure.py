"""Check what keeps the package easy to read, and print each offence with its file and line.

- No circle of imports among its modules, lazy imports included; imports for type checkers alone do not count.
- No class name defined twice.
- No file of more than 350 lines, no function whose body has more than 60, its docstring not counted.

python .ci/structure.py
"""

import ast
import sys
from collections import defaultdict
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from pathlib import Path

import grimp

PACKAGE = "batchsift"
SOURCE = Path(__file__).parents[1] / "src"
FILE_LINES = 350
FUNCTION_LINES = 60


def circles() -> Iterator[str]:
    """Yield a circle of imports at a time, each without an import that closes an earlier one."""
    sys.path.insert(0, str(SOURCE))
    graph = grimp.build_graph(PACKAGE, exclude_type_checking_imports=True, cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in sorted(graph.modules)}
    while True:
        try:
            TopologicalSorter(imports).prepare()
        except CycleError as error:
            circle = error.args[1][::-1]  # each module imports the next
        else:
            return
        steps = list(pairwise(circle))
        where = []
        for one, other in steps:
            line = graph.get_import_details(importer=one, imported=other)[0]["line_number"]
            where.append(f"{file_of(one)}:{line}: imports {other}")
        yield "\n".join([f"{where[0]}, in a circle of {len(steps)} imports", *(f"    {line}" for line in where[1:])])
        imports[steps[-1][0]] = imports[steps[-1][0]] - {steps[-1][1]}


def file_of(module: str) -> Path:
    """Return the path of a module of the package, relative to the working directory where it is in that."""
    path = SOURCE / module.replace(".", "/")
    return short(path / "__init__.py" if path.is_dir() else path.with_suffix(".py"))


def short(path: Path) -> Path:
    """Return a path relative to the working directory where it is in that."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def repeated_classes(trees: dict[Path, ast.Module]) -> Iterator[str]:
    """Yield the class names that are defined twice or more."""
    places = defaultdict(list)
    for path, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(f"{path}:{node.lineno}")
    for name, where in sorted(places.items()):
        for place in where[1:]:
            yield f"{place}: class {name} is defined at {where[0]} too"


def long_files() -> Iterator[str]:
    """Yield the files with too many lines."""
    for path in sources():
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines > FILE_LINES:
            yield f"{short(path)}:{FILE_LINES + 1}: the file has {lines} lines, more than {FILE_LINES}"


def long_functions(trees: dict[Path, ast.Module]) -> Iterator[str]:
    """Yield the functions whose bodies have too many lines."""
    for path, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                body = node.body[1:] if ast.get_docstring(node, clean=False) is not None else node.body
                lines = node.end_lineno - body[0].lineno + 1 if body else 0
                if lines > FUNCTION_LINES:
                    yield f"{path}:{node.lineno}: {node.name} has a body of {lines} lines, more than {FUNCTION_LINES}"


def sources() -> list[Path]:
    """Return the Python files of the package."""
    return sorted((SOURCE / PACKAGE).rglob("*.py"))


def main() -> None:
    """Print every offence; exit with 1 where there is one."""
    trees = {short(path): ast.parse(path.read_text(encoding="utf-8")) for path in sources()}
    offences = [*circles(), *repeated_classes(trees), *long_files(), *long_functions(trees)]
    sys.exit("\n".join([*offences, f"{len(offences)} offences against the structure"]) if offences else 0)


if __name__ == "__main__":
    main()
