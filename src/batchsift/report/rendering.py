"""A page that needs nothing else and reaches for nothing else: a template with its style and its script inside."""

import base64
import hashlib
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from batchsift.messages import visible


def render_page(package: str, template: str, **values: Any) -> str:
    """Render a template of a package, with the package's `style.css` and `script.js`.

    Args:
        package: The name of the package that holds the three files.
        template: The file name of the template.
        values: What the template names; texts among them are escaped, and shown as `visible` does.

    Raises:
        jinja2.UndefinedError: The template names a value that is not given.
    """
    environment = Environment(
        loader=PackageLoader(package, "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style, script = (files(package).joinpath(name).read_text(encoding="utf-8") for name in ("style.css", "script.js"))
    html: str = environment.get_template(template).render(
        style=Markup(style),  # nosec B704 # files of the package
        script=Markup(script),  # nosec B704 # files of the package
        # The page's policy lets this script run and no other.
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        **values,
    )
    # A browser shows nothing of some characters, and obeys others: of names that came from files.
    return visible(html, lines=True)
