"""An extension of Griffe for the site's build: examples in docstrings become blocks of code.

Docstrings hold their examples as plain doctests, which Markdown would take for quotations.
"""

import re
from typing import Any

from griffe import Extension, Object

EXAMPLE = re.compile(r"^(?P<indent> *)>>> .*(?:\n(?! *$).+)*", flags=re.MULTILINE)


class FencedDoctests(Extension):
    """Put every run of doctest lines between fences."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Change the docstring of one object, before it is parsed."""
        if obj.docstring is not None:
            obj.docstring.value = EXAMPLE.sub(_fenced, obj.docstring.value)


def _fenced(example: re.Match[str]) -> str:
    indent = example["indent"]
    return f"{indent}```pycon\n{example[0]}\n{indent}```"
