"""Steps of the site's build: pages that live at the repository's root, and links that lead out of the site."""

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
AT_THE_ROOT = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
RELATIVE_LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#|/)([^)\s#]+)(#[^)\s]*)?(?=\))")


def on_files(files: Files, config: MkDocsConfig, **_: Any) -> Files:
    """Add the files at the repository's root as pages."""
    for name, page in AT_THE_ROOT.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / name)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files, **_: Any) -> str:
    """Turn links that work in the repository into links that work on the site.

    A page keeps its links within `docs/`. A link to another file of the repository leads to the hosted repository.
    """
    in_repository = next((name for name, uri in AT_THE_ROOT.items() if uri == page.file.src_uri), None)
    source = in_repository or f"docs/{page.file.src_uri}"

    def on_the_site(link: re.Match[str]) -> str:
        target, anchor = link[1], link[2] or ""
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
        uri = AT_THE_ROOT.get(path, path.removeprefix("docs/"))
        if (path in AT_THE_ROOT or path.startswith("docs/")) and files.get_file_from_path(uri):
            return posixpath.relpath(uri, posixpath.dirname(page.file.src_uri) or ".") + anchor
        if not (ROOT / path).exists():
            return link[0]  # left as it is: the strict build says that it leads nowhere
        kind = "tree" if (ROOT / path).is_dir() else "blob"
        return f"{config.repo_url}/{kind}/main/{path}{anchor}"

    return RELATIVE_LINK.sub(on_the_site, markdown)
