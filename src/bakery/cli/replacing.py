"""What ``replace``, ``roll`` and ``scale`` have in common: the drain deadline, and what is shown."""

import re
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from bakery.launch.roll.model import Replaced
    from bakery.launch.roll.replace import Checked

_SECONDS = {"s": 1, "m": 60, "h": 3600}


class Duration(click.ParamType):  # type: ignore[type-arg] # not generic before click 8.2
    """A duration in whole seconds, minutes or hours: 90s, 10m, 1h."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:  # noqa: ANN401 - click's signature
        """Return the seconds."""
        if isinstance(value, int):
            return value
        found = re.fullmatch("([1-9][0-9]{0,5})([smh])", value)
        if found is None:
            self.fail(f"{value!r} is not a duration; write 90s, 10m or 1h", param, ctx)
        return int(found[1]) * _SECONDS[found[2]]


drain_deadline_option = click.option(
    "--drain-deadline",
    "drain_seconds",
    type=Duration(),
    metavar="DURATION",
    default="10m",
    show_default=True,
    help="How long Nomad may take to move the work of a client; then it stops the rest.",
)


def replacement_lines(checked: "Checked", *, lost: bool, drain_seconds: int) -> tuple[str, ...]:
    """Return what a replacement does, one line per step."""
    target, old = checked.target, checked.target.old
    if old is None:
        return (f"{target.name} is replaced already; what is left of the old node is removed",)
    new = f"{target.new.name}, which exists" if target.new is not None else "a new droplet"
    lines = [f"-/+ droplet {old.name} by {new} ({target.node.size}); for some minutes both run"]
    if target.node.kind.is_nomad_client and not lost:
        lines.append(f"    its work moves to other clients once the new one is ready (at most {drain_seconds} s)")
    if lost:
        lines.append("    it counts as lost: its work is not moved, and its servers are not asked to leave")
    return tuple(lines)


def replaced_json(done: "Replaced") -> dict[str, str]:
    """Return a finished replacement for ``--json``."""
    return {"slot": done.slot, "old": done.old, "new": done.new}
