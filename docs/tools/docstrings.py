"""An extension of Griffe for the site's build: what is plain text in a docstring becomes what it means in Markdown.

Examples are plain doctests, which Markdown would take for quotations. The contents of a room are aligned columns, which
Markdown would run together.
"""

import re
from typing import Any

from griffe import Extension, Object

EXAMPLE = re.compile(r"^(?P<indent> *)>>> .*(?:\n(?! *$).+)*", flags=re.MULTILINE)
CONTENTS = re.compile(r"(?<=\n\n)(?:[A-Z`]\S* {2,}\S.*(?:\n|\Z))+(?=\n|\Z)")


class PlainDocstrings(Extension):
    """Put every run of doctest lines between fences, and make a list of every list of contents."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Change the docstring of one object, before it is parsed."""
        if obj.docstring is not None:
            text = CONTENTS.sub(_listed, obj.docstring.value)
            obj.docstring.value = EXAMPLE.sub(_fenced, text)


def _fenced(example: re.Match[str]) -> str:
    indent = example["indent"]
    return f"{indent}```pycon\n{example[0]}\n{indent}```"


def _listed(contents: re.Match[str]) -> str:
    lines = contents[0].splitlines()
    return "\n".join("- " + re.sub(r" {2,}", ": ", line) for line in lines) + "\n"
