"""Print pending changes, their price and their obstacles, for ``plan`` and ``launch``."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from bakery.console import Console
from bakery.hints import Command, Hint, Text
from bakery.launch.converge.verdict import Outcome, lines_of, outcome_of

if TYPE_CHECKING:
    from bakery.launch.base.model import Changes, Obstacle, Price

_STYLES = {"+": "green", "~": "yellow", "-/+": "yellow"}


def show_changes(
    console: Console, changes: "Changes", print_line: Callable[[Text], None], *, out: bool = False
) -> None:
    """Print ``+ ~ -/+`` lines, totals and the monthly price with ``print_line``; ``out`` if that is to stdout."""
    width = max((len(line.name) for line in changes.lines), default=0)
    for line in changes.lines:
        sign = console.style(f"{line.sign.value:>3}", _STYLES[line.sign.value], out=out)
        print_line(f"{sign} {line.kind:<9} {line.name:<{width}}  {line.details}".rstrip())
    if changes.obstacles:
        print_line(console.style("cannot be launched:", "red", out=out))
    for obstacle in changes.obstacles:
        for text in lines_of(obstacle):
            print_line(Hint("    ", text))
    if not changes.empty:
        print_line(_tally(changes))
        print_line(_price(changes))


def show_verdict(console: Console, changes: "Changes", print_line: Callable[[Text], None]) -> None:
    """Print the changes, or that there are none, and the differences that a launch does not change."""
    show_changes(console, changes, print_line, out=True)
    outcome, different = outcome_of(changes), list(_different(changes))
    if outcome is Outcome.AS_PLANNED:
        print_line("nothing to change: the cloud is as planned")
    elif outcome is Outcome.DIFFERS:
        print_line("nothing to create or update; a launch does not change these differences from the plan:")
    elif different:
        print_line("a launch does not change these other differences from the plan:")
    for line in different:
        print_line(Hint("    ", line))


def _different(changes: "Changes") -> Iterator[Text]:
    yield from changes.later
    for droplet in changes.extra:
        remove = Command("destroy", "--node", droplet.name)
        yield Hint(f"{droplet.name} is not in the plan; to remove it: ", remove)
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
        "twins": [{"name": droplet.name, "id": droplet.id} for droplet in changes.duplicates],
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
