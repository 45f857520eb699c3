"""The page of ``make bench``: its rows and tables as text, and the comparison with the page that it replaces."""

import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
LATENCIES = {"none": "without latency", "digitalocean,snapshot=0": "with --latency digitalocean"}
"""Latency of the emulator, and its name on the page. A bake waits for its snapshot, a launch does not."""
WORSE = 1.2
"""A ratio that grows by more than this factor fails the bench."""
NOT_MEASURED = ("not measured", "", "")


@dataclass(frozen=True)
class Row:
    """One figure: its name, value, reference and aim."""

    what: str
    figure: str
    beside: str = ""
    aim: str = ""
    ratio: float | None = None
    """The figure over what it is compared with."""
    latency: str | None = None
    """The emulator's latency during the measurement; None for a figure that is measured once."""

    @property
    def measured(self) -> tuple[str, str, str]:
        """The cells that a measurement fills: figure, reference and ratio."""
        ratio = "" if self.ratio is None else f"{self.ratio:.3g} x"  # digits that count, also of a small one
        return self.figure, self.beside, ratio

    @property
    def cells(self) -> str:
        return cells(self.what, *self.measured, self.aim)


def cells(*texts: object) -> str:
    """Return a row of a Markdown table."""
    return f"| {' | '.join(map(str, texts))} |"


def table(title: str, head: str, rows: Iterable[str], note: str = "") -> str:
    """Return a section of the page: a title, ``note`` unless it is empty, and a table with the head ``head``."""
    text = [note, ""] if note else []
    return "\n".join([f"## {title}", "", *text, head, "|---" * (head.count("|") - 1) + "|", *rows, ""])


def both_columns(rows: Sequence[Row]) -> list[str]:
    """Return a row for each figure that was measured with a latency of the emulator, or without one, or both."""
    found: dict[str, dict[str, Row]] = {}
    for row in rows:
        if row.latency is not None:
            found.setdefault(row.what, {})[row.latency] = row
    return [
        cells(
            what,
            *(cell for name in LATENCIES for cell in (by[name].measured if name in by else NOT_MEASURED)),
            next(row.aim for row in by.values()),
        )
        for what, by in found.items()
    ]


def today() -> str:
    return f"{datetime.now(UTC):%Y-%m-%d}"


def page(rows: Sequence[Row], tables: Sequence[str], machine: str) -> str:
    """Return the page."""
    columns = " | ".join(f"{name} | beside | ratio" for name in LATENCIES.values())
    others = [row.cells for row in rows if row.latency is None]
    lines = [
        "# Benchmarks",
        "",
        f"Written by `make bench` on {today()}: {machine}.",
        "All figures come from one run of it, but those of sections that name their own date; what is",
        "measured several times is a median. `make bench` fails if a ratio grows by more than a fifth. The",
        "latency is that of [emulator.md](emulator.md), without the 90 s of a snapshot (`snapshot=0`), which",
        "a launch does not make; boots are as long with it as without.",
        "",
        'A column "beside" says what a figure is compared with, and remarks; the ratio is the figure divided',
        "by it. A launch makes its droplets in two waves, a bare boot in one: so its ratio is (launch -",
        "create of the first droplet) / bare boot. A bare boot is the time from the requests for nine",
        "droplets of the same snapshot, with empty user-data, until cloud-init is done on all. The latency of",
        "a create is drawn by the droplet's name; that of the first droplet is the longest of the nine.",
        "",
        "1,000 nodes are compared with 50 times what 20 calls of the tools take. The launch within rate",
        "limits runs on droplets in memory, with a clock that skips waits. A critical path is that of the",
        'launch whose time is the median: "last node" is the node that was the last to reach a state in that',
        'step, "–" begins a part of the step above.',
        "",
        "No figure compares the emulated API with the mocks in memory that people use: the best known, moto, has",
        "the services of AWS and none of DigitalOcean, so the same requests cannot be sent to it.",
        "",
        table("Without and with the latency of the API", f"| what | {columns} | aim |", both_columns(rows)),
        table("Other figures", "| what | figure | beside | ratio | aim |", others),
        *tables,
    ]
    return "\n".join(lines)


def kept(before: str, title: str, command: str) -> str:
    """Return the section ``title`` of the page ``before``. If the page has none, it names the command to run."""
    found = _section(before, title)
    return found[0].rstrip() + "\n" if found else f"## {title}\n\nNot measured yet: `{command}`.\n"


def with_section(before: str, title: str, section: str) -> str:
    """Return the page ``before`` with another text of its section ``title``, at the end if it had none."""
    found = _section(before, title)
    if found is None:
        return f"{before.rstrip()}\n\n{section}"
    rest = before[found.end() :]
    return before[: found.start()] + section + ("\n" if rest else "") + rest


def _section(page: str, title: str) -> re.Match[str] | None:
    return re.search(rf"^## {re.escape(title)}\n.*?(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)


def ratios(text: str) -> dict[str, float]:
    """Return the ratios of a page, by what they are of."""
    found = {}
    for line in text.splitlines():
        what, *others = (cell.strip() for cell in line.strip("|").split("|"))
        columns = {4: [(2, "")], 7: [(2, f", {LATENCIES['none']}"), (5, f", {[*LATENCIES.values()][1]}")]}
        for number, name in columns.get(len(others), []):
            if line[:1] == "|" and others[number].endswith(" x"):
                found[what + name] = float(others[number][:-1])
    return found


def grown(before: str, now: str) -> list[str]:
    """Return a line for each ratio of ``now`` that is more than a fifth above that of ``before``."""
    earlier = ratios(before)
    return [
        f"{what}: {ratio:.3g} x, on the page {earlier[what]:.3g} x"
        for what, ratio in ratios(now).items()
        if what in earlier and ratio > WORSE * earlier[what]
    ]


def write_page(text: str, *, accept: bool, file: Path = PAGE) -> int:
    """Write the page, unless a ratio has grown and ``accept`` is False. Return the exit code."""
    worse = grown(file.read_text(encoding="utf-8"), text)
    if worse and not accept:
        sys.stderr.write("\n".join(["error: ratios have grown; the page is unchanged", *worse, ""]))
        return 1
    file.write_text(text, encoding="utf-8")
    return 0
