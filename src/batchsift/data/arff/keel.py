"""What KEEL adds to the header of an ARFF file: `@inputs` and `@outputs`, which name features and labels.

Format: J. Alcala-Fdez et al., KEEL data-mining software tool, Journal of Multiple-Valued Logic and Soft Computing 2011.
"""

from collections.abc import Mapping, Sequence

from batchsift.data.arff.syntax import Line, unquoted
from batchsift.messages import did_you_mean, first_few

INPUTS, OUTPUTS = "@inputs", "@outputs"
ROLES = {INPUTS: INPUTS, "@input": INPUTS, OUTPUTS: OUTPUTS, "@output": OUTPUTS}


def read_role(line: Line, position: int, keyword: str, roles: dict[str, tuple[str, ...]]) -> None:
    """Read the names after `@inputs` or `@outputs`.

    Args:
        line: The line.
        position: Where in it the names start.
        keyword: One of `ROLES`.
        roles: Where they are put.

    Raises:
        ValueError: No name, or a second line of the kind.
    """
    names = tuple(unquoted(name) for part in line.text[position:].split(",") if (name := part.strip(" \t\r")))
    if not names or ROLES[keyword] in roles:
        what = "a second line of this kind" if names else "nothing follows"
        raise line.mistake(0, f"{keyword}: {what}; expected names of attributes, in one line")
    roles[ROLES[keyword]] = names


def check_roles(line: Line, roles: Mapping[str, Sequence[str]], attributes: Sequence[str]) -> None:
    """Check that the names are those of attributes, each in one role, and that no attribute is left over.

    Raises:
        ValueError: They are not.
    """
    named = [name for names in roles.values() for name in names]
    if unknown := [name for name in named if name not in attributes]:
        hint = did_you_mean(unknown[0], attributes)
        raise line.mistake(
            0,
            f"{' and '.join(roles)} name {first_few([repr(name) for name in unknown])}, which is no attribute; {hint}",
        )
    if len(set(named)) < len(named):
        raise line.mistake(0, "an attribute stands twice in @inputs and @outputs; expected each once")
    left_over = [repr(name) for name in attributes if name not in named]
    if len(roles) > 1 and left_over:
        raise line.mistake(
            0, f"neither @inputs nor @outputs names {first_few(left_over)}; expected each in one of them"
        )
