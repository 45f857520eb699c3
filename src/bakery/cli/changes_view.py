"""Print pending changes, their price and their obstacles, for ``plan`` and ``launch``."""

import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bakery.cli.answers import MANY, shortens
from bakery.cli.options import Settings
from bakery.console import counted, width_of
from bakery.hints import Command, Hint, Text
from bakery.launch.base.model import Sign
from bakery.launch.converge.verdict import Outcome, extra_lines, lines_of, outcome_of

if TYPE_CHECKING:
    from bakery.launch.base.model import Change, Changes, Obstacle, Price

_BELOW = " " * 8
_STYLES = {"+": "green", "~": "yellow", "-/+": "yellow"}


def show_changes(
    settings: Settings, changes: "Changes", print_line: Callable[[Text], None], *, out: bool = False
) -> None:
    """Print ``+ ~ -/+`` lines, totals and the monthly price with ``print_line``; ``out`` if that is to stdout.

    On a terminal many droplets are one line for each role.
    """
    console, stream = settings.console(), sys.stdout if out else sys.stderr
    short = shortens(settings, len(changes.new_nodes), stream)
    lines = _grouped(changes) if short else changes.lines
    width = max((len(line.name) for line in lines), default=0)
    columns = width_of(stream)
    for line in lines:
        sign = console.style(f"{line.sign.value:>3}", _STYLES[line.sign.value], out=out)
        space = None if columns is None else max(columns - width - 16, 1)
        details, below = _details(line, space, columns)
        print_line(f"{sign} {line.kind:<9} {line.name:<{width}}  {details}".rstrip())
        for more in below:
            print_line(f"{_BELOW}{more}")
    if changes.obstacles:
        print_line(console.style("cannot be launched:", "red", out=out))
    for obstacle in changes.obstacles:
        for text in lines_of(obstacle):
            print_line(Hint("    ", text))
    if not changes.empty:
        print_line(_tally(changes) + (" (-v lists each)" if short else ""))
        print_line(_price(changes))


def _details(line: "Change", space: int | None, columns: int | None) -> tuple[str, list[str]]:
    """Return the text that fits beside the name, and the lines below it.

    What an update changes is never cut: the user is asked about it. Other details repeat the cluster file.
    """
    if space is None or columns is None or len(line.details) <= space:
        return line.details, []
    if line.sign is not Sign.UPDATE:
        return textwrap.shorten(line.details, space, placeholder="…"), []
    return "", textwrap.wrap(line.details, max(columns - len(_BELOW) - 1, space), break_on_hyphens=False)


def _grouped(changes: "Changes") -> "tuple[Change, ...]":
    """Return the lines with those of new droplets that differ in their names only as one, and so of firewalls."""
    roles = {node.name: node.role for node in changes.new_nodes}
    groups: dict[tuple[Sign, str, str, str], list[Change]] = {}
    for line in changes.lines:
        if line.kind == "droplet":
            group = (line.sign, line.kind, roles.get(line.name, line.name), line.details)
        elif line.sign is Sign.CREATE:
            group = (line.sign, line.kind, line.kind, "")
        else:
            group = (line.sign, line.kind, line.name, "")
        groups.setdefault(group, []).append(line)
    return tuple(
        lines[0] if len(lines) == 1 else _as_one(lines, what=what) for (_, _, what, _), lines in groups.items()
    )


def _as_one(lines: "list[Change]", *, what: str) -> "Change":
    first = lines[0]
    if first.kind == "droplet":
        return replace(first, name=f"{len(lines)} {what}")
    return replace(first, name=counted(len(lines), what), details="")


def show_verdict(settings: Settings, changes: "Changes", print_line: Callable[[Text], None]) -> None:
    """Print the changes, or that there are none, and the differences that a launch does not change."""
    show_changes(settings, changes, print_line, out=True)
    outcome, different = outcome_of(changes), list(_different(changes))
    if outcome is Outcome.AS_PLANNED:
        print_line("nothing to change: the cloud is as planned")
    elif outcome is Outcome.DIFFERS:
        print_line("nothing to create or update; a launch does not change these differences from the plan:")
    elif different:
        print_line("a launch does not change these other differences from the plan:")
    shown = MANY // 2 if shortens(settings, len(different), sys.stdout) else len(different)
    for line in different[:shown]:
        print_line(Hint("    ", line))
    if different[shown:]:
        print_line(f"    and {len(different) - shown} more (-v lists them)")


def _different(changes: "Changes") -> Iterator[Text]:
    yield from changes.later
    yield from extra_lines(changes.extra)
    for droplet in changes.duplicates:
        twin = f"{droplet.name} exists more than once (droplet {droplet.id})"
        yield Hint(f"{twin}; to remove the newest: ", Command("destroy", "--node", droplet.name))


def changes_json(changes: "Changes", spell: Callable[[Text], str]) -> dict[str, Any]:
    """Return the same for ``--json``; ``spell`` writes the suggested commands."""
    return {
        "outcome": outcome_of(changes).value,
        "cannot": [_obstacle_json(obstacle, spell) for obstacle in changes.obstacles],
        "changes": [
            {"sign": line.sign.value, "kind": line.kind, "name": line.name, "details": line.details}
            for line in changes.lines
        ],
        "extra": [droplet.name for droplet in changes.extra],
        "duplicates": [{"name": droplet.name, "id": droplet.id} for droplet in changes.duplicates],
        "later": [spell(line) for line in changes.later],
        "price_usd": {
            "added_monthly": None if changes.added.unknown else changes.added.monthly,
            "total_monthly": None if changes.total.unknown else changes.total.monthly,
            "total_hourly": None if changes.total.unknown else changes.total.hourly,
        },
    }


def _obstacle_json(obstacle: "Obstacle", spell: Callable[[Text], str]) -> dict[str, Any]:
    return {
        "code": obstacle.code,
        "message": obstacle.message,
        "details": obstacle.details and spell(obstacle.details),
        "hint": spell(obstacle.hint),
        "exit_code": int(obstacle.exit_code),
    }


def _tally(changes: "Changes") -> str:
    signs = [line.sign.value for line in changes.lines]
    return f"{signs.count('+')} to create, {signs.count('~')} to update, {signs.count('-/+')} to replace"


def _price(changes: "Changes") -> str:
    if changes.total.unknown:
        return f"the price of the cluster is not known: {_without_price(changes.total)}"
    return (
        f"adds ${changes.added.monthly:.2f} a month; the cluster then costs ${changes.total.monthly:.2f} a month"
        f" (${changes.total.hourly:.3f} an hour)"
    )


def _without_price(price: "Price") -> str:
    return f"DigitalOcean lists no price for size {', '.join(price.unknown)}"
