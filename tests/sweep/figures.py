"""What a sweep found, target by target, and the page that is written from it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.sweep.reliability_targets import FAULTS, SEQUENCES, TARGETS, Target

MISSING = "-"
TEMPLATE = Path(__file__).with_name("reliability.md.in")
PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
_KEPT = "sweep/"


@dataclass
class Figures:
    """Filled by the sweep's tests; those of an earlier run stay until a target is measured again."""

    found: dict[str, str] = field(default_factory=dict)
    failed: dict[str, list[str]] = field(default_factory=dict)
    measured: set[str] = field(default_factory=set)
    """Bars that this run has looked at."""

    def add_earlier(self, found: dict[str, str], failed: dict[str, list[str]]) -> None:
        """Of targets that this run has not measured."""
        self.found |= {target: text for target, text in found.items() if target not in self.measured}
        self.failed |= {target: cases for target, cases in failed.items() if target not in self.measured}

    def add_missing(self, found: dict[str, str], failed: dict[str, list[str]]) -> None:
        """Of targets that neither this run nor an earlier part of it has measured."""
        known = self.measured | self.found.keys() | self.failed.keys()
        self.found |= {target: text for target, text in found.items() if target not in known}
        self.failed |= {target: cases for target, cases in failed.items() if target not in known}

    def case(self, target: str, name: str, run: Callable[[], object]) -> bool:
        """Run one case; a failure is noted and the sweep goes on."""
        self.measured.add(target)
        try:
            run()
        except Exception as error:
            self.failed.setdefault(target, []).append(f"{name}: {error!r}"[:2000])
            return False
        return True

    @contextmanager
    def watch(self, target: str) -> Iterator[None]:
        """Whatever ends the block early counts against the target, and goes on."""
        self.measured.add(target)
        try:
            yield
        except BaseException as error:
            self.failed.setdefault(target, []).append(repr(error)[:2000])
            raise

    def tell(self, target: str, text: str) -> None:
        """The figure for a target; with an earlier one for the same target, both count."""
        self.measured.add(target)
        self.found[target] = "; ".join(part for part in (self.found.get(target), text) if part)

    def check(self, target: str, what: str, *, holds: bool) -> None:
        """A condition beside the cases."""
        self.measured.add(target)
        if not holds:
            self.failed.setdefault(target, []).append(what)

    def assert_met(self, target: str) -> None:
        assert self.failed.get(target, []) == []

    def failures(self, target: str) -> int:
        return len(self.failed.get(target, []))

    @property
    def whole(self) -> bool:
        """Whether every target of launch and destroy has its figure: a part of a sweep alone writes no page.

        The faults need droplets that boot; without them the page says "not measured".
        """
        return all(target.name in self.found for target in TARGETS)

    def page(self) -> str:
        date = f"{datetime.now(UTC):%Y-%m-%d}"
        template = TEMPLATE.read_text(encoding="utf-8")
        return template.format(
            rows=self._rows(TARGETS), faults=self._rows(FAULTS), sequences=self._rows(SEQUENCES), date=date
        )

    def _rows(self, targets: Sequence[Target]) -> str:
        return "\n".join(
            _row(target, self.found.get(target.name, MISSING), self.failures(target.name)) for target in targets
        )


@contextmanager
def kept(cache: pytest.Cache | None) -> Iterator[Figures]:
    """Figures that count: the parts of a sweep may run one after the other, and meet in pytest's cache.

    What neither this run nor the cache has measured stays as the page has it.
    """
    assert cache is not None
    found = Figures()
    yield found
    found.add_earlier(cache.get(_KEPT + "found", {}), cache.get(_KEPT + "failed", {}))
    found.add_missing(*on_page(PAGE.read_text(encoding="utf-8")))
    cache.set(_KEPT + "found", found.found)
    cache.set(_KEPT + "failed", found.failed)
    if found.whole:
        PAGE.write_text(found.page(), encoding="utf-8")


def on_page(page: str) -> tuple[dict[str, str], dict[str, list[str]]]:
    """The figures that a page has, by target, and the targets that were not met."""
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in page.splitlines()
        if line.startswith("| ")
    ]
    targets = {target.name for target in (*TARGETS, *FAULTS, *SEQUENCES)}
    known = {row[0]: row for row in rows if row[0] in targets}
    found = {name: row[2] for name, row in known.items() if row[2] != MISSING}
    failed = {name: ["an earlier run"] for name, row in known.items() if row[3] == "not met"}
    return found, failed


def _row(target: Target, figure: str, failures: int) -> str:
    state = "not met" if failures else "not measured" if figure == MISSING else "met"
    return f"| {target.name} | {target.promise} | {figure} | {state} | {target.control} |"
