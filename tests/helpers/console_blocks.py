"""Commands of a page and the output that the page promises: its ``console`` blocks, by section."""

import re
from dataclasses import dataclass

_SECTION = re.compile(r"^## (?P<title>.+)$", re.MULTILINE)
_BLOCK = re.compile(r"^```console\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


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


def read_sections(page: str) -> dict[str, tuple[Shown, ...]]:
    """Return the commands of each section that has a ``console`` block, by the section's title."""
    titles = [(match["title"], match.end()) for match in _SECTION.finditer(page)]
    ends = [start for _, start in titles[1:]] + [len(page)]
    texts = {title: page[start:end] for (title, start), end in zip(titles, ends, strict=True)}
    found = {
        title: tuple(each for block in _BLOCK.finditer(text) for each in _commands(block["text"]))
        for title, text in texts.items()
    }
    return {title: shown for title, shown in found.items() if shown}


def _commands(block: str) -> list[Shown]:
    _, *parts = re.split(r"^\$ ", block, flags=re.MULTILINE)
    return [Shown(command, tuple(lines)) for command, *lines in (part.splitlines() for part in parts)]
