"""What pyproject.toml says of dependencies holds: the lowest versions that are tested are those it allows."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def lowest_allowed():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [line for extra in project["optional-dependencies"].values() for line in extra]
    return dict(re.findall(r"^([\w-]+)>=([\w.]+)$", "\n".join([*project["dependencies"], *extras]), flags=re.MULTILINE))


def test_constraints_lowest_are_the_lowest_versions_allowed():
    lines = (ROOT / "constraints-lowest.txt").read_text(encoding="utf-8").splitlines()
    tested = dict(line.split("==") for line in lines if not line.startswith("#"))
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    tested["torch"] = re.search(r"^LOWEST_TORCH \?= (.+)$", makefile, flags=re.MULTILINE)[1]
    lowest = lowest_allowed()

    def padded(version):  # 1.26 is 1.26.0
        return [int(part) for part in [*version.split("."), "0", "0"][:3]]

    assert {name: padded(version) for name, version in tested.items()} == {
        name: padded(lowest[name]) for name in tested
    }
    core = {"torch", "numpy", "scipy", "scikit-learn", "iterative-stratification"}
    assert core <= set(tested)
