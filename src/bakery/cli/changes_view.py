"""How pending changes and their price look, in ``plan`` and before ``launch``."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from bakery.cli.suggestions import SuggestingConsole

if TYPE_CHECKING:
    from bakery.launch.model import Changes

_STYLES = {"+": "green", "~": "yellow", "-/+": "yellow"}


def show_changes(
    console: SuggestingConsole, changes: "Changes", say: Callable[[str], None], *, out: bool = False
) -> None:
    """``+ ~ -/+`` lines and the tally with the monthly price, through ``say``; ``out``: that is to stdout."""
    width = max((len(line.name) for line in changes.lines), default=0)
    for line in changes.lines:
        sign = console.style(f"{line.sign.value:>3}", _STYLES[line.sign.value], out=out)
        say(f"{sign} {line.kind:<9} {line.name:<{width}}  {line.details}".rstrip())
    if changes.empty:
        say("nothing to change: the cloud is as planned")
    else:
        say(_tally(changes))
        say(_price(changes))


def show_extra(changes: "Changes", say: Callable[[str], None]) -> None:
    """Droplets beyond the plan, and beside it: what a launch leaves alone or refuses."""
    for line in changes.later:
        say(f"    {line}")
    for droplet in changes.extra:
        say(f"    {droplet.name} is not in the plan; to remove it: bakery destroy --node {droplet.name}")


def changes_json(changes: "Changes") -> dict[str, Any]:
    """The same for machines."""
    return {
        "changes": [
            {"sign": line.sign.value, "kind": line.kind, "name": line.name, "details": line.details}
            for line in changes.lines
        ],
        "extra": [droplet.name for droplet in changes.extra],
        "later": list(changes.later),
        "price_usd": {
            "added_monthly": changes.added.monthly,
            "total_monthly": changes.total.monthly,
            "total_hourly": changes.total.hourly,
        },
    }


def _tally(changes: "Changes") -> str:
    signs = [line.sign.value for line in changes.lines]
    return f"{signs.count('+')} to create, {signs.count('~')} to update, {signs.count('-/+')} to replace"


def _price(changes: "Changes") -> str:
    return (
        f"adds ${changes.added.monthly:.2f} a month; the cluster then costs ${changes.total.monthly:.2f} a month"
        f" (${changes.total.hourly:.3f} an hour)"
    )
