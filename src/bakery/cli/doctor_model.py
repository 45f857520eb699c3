"""What a check of ``bakery doctor`` returns."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class CheckState(StrEnum):
    """The result of a check. Only a failure changes the exit code."""

    PASS = "pass"  # noqa: S105 - no password
    WARN = "warn"
    NOT_YET = "not yet"
    """Missing, and the next command makes it: a snapshot before the first bake."""
    FAIL = "FAIL"


COLOURS = {
    CheckState.PASS: "green", CheckState.WARN: "yellow", CheckState.NOT_YET: "cyan", CheckState.FAIL: "red",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Check:
    """One check and its result."""

    name: str
    state: CheckState
    message: str
    remedy: str | None = None
    fix: Callable[[], None] | None = field(default=None, repr=False)
    """Removes the cause, for ``--fix``; only where that loses nothing."""

    @property
    def passed(self) -> bool:
        """Whether it did not fail."""
        return self.state is not CheckState.FAIL

    @property
    def as_json(self) -> dict[str, Any]:
        """The check for ``--json``."""
        return {
            "name": self.name,
            "state": self.state.lower().replace(" ", "_"),
            "passed": self.passed,
            "message": self.message,
            "remedy": self.remedy,
        }
