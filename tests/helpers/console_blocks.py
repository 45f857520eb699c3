"""Commands of a page and the output that the page promises: its ``sh`` and ``console`` blocks, by section."""

import re
from dataclasses import dataclass

_SECTION = re.compile(r"^## (?P<title>.+)$", re.MULTILINE)
_BLOCK = re.compile(r"^```(?P<kind>sh|console)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Setup:
    """Lines for the reader's own shell: they change its variables and its folder."""

    text: str


@dataclass(frozen=True)
class Shown:
    """A command and the lines that its output has, in this order, with other lines between them."""

    command: str
    lines: tuple[str, ...]

    def missing_in(self, output: str) -> str | None:
        """Return the first promised line that the output lacks. Spaces are squeezed; ``…`` is any text."""
        left = iter(" ".join(line.split()) for line in output.splitlines())
        for line in self.lines:
            pattern = ".*".join(map(re.escape, line.split("…")))
            if not any(re.fullmatch(pattern, each) for each in left):
                return line
        return None


def read_page(page: str) -> dict[str, tuple[Setup | Shown, ...]]:
    """Return the steps of each part that has one, by the section's title; the text before the first has none."""
    titles = [("", 0), *((match["title"], match.end()) for match in _SECTION.finditer(page))]
    ends = [start for _, start in titles[1:]] + [len(page)]
    found = {
        title: tuple(step for block in _BLOCK.finditer(page[start:end]) for step in _steps(block))
        for (title, start), end in zip(titles, ends, strict=True)
    }
    return {title: steps for title, steps in found.items() if steps}


def read_sections(page: str) -> dict[str, tuple[Shown, ...]]:
    """Return the commands of each section that has a ``console`` block, by the section's title."""
    commands = {
        title: tuple(step for step in steps if isinstance(step, Shown)) for title, steps in read_page(page).items()
    }
    return {title: shown for title, shown in commands.items() if title and shown}


def _steps(block: re.Match[str]) -> list[Setup | Shown]:
    if block["kind"] == "sh":
        return [Setup(block["text"])]
    _, *parts = re.split(r"^\$ ", block["text"], flags=re.MULTILINE)
    return [Shown(command, tuple(lines)) for command, *lines in (part.splitlines() for part in parts)]
