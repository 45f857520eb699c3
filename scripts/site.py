"""Build the site of the documents into build/site, without a network: ``make site``.

mkdocs runs in its strict mode: a link or an anchor that leads nowhere is an error. So is a page that would load a
file from another site.
"""

import re
import shutil
import sys
from pathlib import Path

from bakery.proc import run
from scripts.reference import page

ROOT = Path(__file__).parents[1]
PAGES, SITE = ROOT / "build" / "pages", ROOT / "build" / "site"
SOURCES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "LICENSE", "docs", "examples")
_LOADS = re.compile(
    r"<(?:script|img|iframe|source)\b[^>]*\bsrc=\"?(?:https?:)?//|<link\b[^>]*\bhref=\"?(?:https?:)?//"
)
_LINK = re.compile(r"\]\(([^):#]+?)/?(#[^)]*)?\)")


def copy_pages() -> None:
    """Copy the pages with their folders, and write the reference of commands beside them."""
    shutil.rmtree(PAGES, ignore_errors=True)
    PAGES.mkdir(parents=True)
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, PAGES / name)
        elif source.exists():
            shutil.copy(source, PAGES / name)
    for page_file in PAGES.rglob("*.md"):
        page_file.write_text(with_pages_of_folders(page_file), encoding="utf-8")
    (PAGES / "docs" / "cli.md").write_text(page(), encoding="utf-8")


def with_pages_of_folders(file: Path) -> str:
    """Return the page; a link to a folder, whose README.md git sites show, leads to that page."""

    def target(link: re.Match[str]) -> str:
        return (
            f"]({link[1]}/README.md{link[2] or ''})" if (file.parent / link[1] / "README.md").exists() else link[0]
        )

    return _LINK.sub(target, file.read_text(encoding="utf-8"))


def foreign_files(html: str) -> list[str]:
    """Return the tags that would load a file from another site."""
    return [found[0] for found in _LOADS.finditer(html)]


def main() -> int:
    """Build the site; return the exit code."""
    copy_pages()
    # mkdocs-material prints an advertisement of its successor otherwise (material/plugins/__init__.py).
    environment = {"NO_MKDOCS_2_WARNING": "1"}
    command = [sys.executable, "-m", "mkdocs", "build", "--strict"]
    done = run(command, env=environment, cwd=ROOT, seconds=300, check=False)
    foreign = [
        f"{file.relative_to(SITE)} loads a file from another site: {tag}"
        for file in sorted(SITE.rglob("*.html"))
        for tag in foreign_files(file.read_text(encoding="utf-8"))
    ]
    if done.returncode != 0 or foreign:
        print(done.stderr, *foreign, sep="\n", file=sys.stderr)  # noqa: T201
        return 1
    print(f"the site is in {SITE.relative_to(ROOT)}: index.html")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
