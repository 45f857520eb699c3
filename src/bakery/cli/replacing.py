"""What ``destroy``, ``replace``, ``roll`` and ``scale`` have in common: the drain, and what is shown of it."""

import re
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from bakery.hints import Text
    from bakery.launch.base.model import DrainPolicy
    from bakery.launch.roll.model import Replaced
    from bakery.launch.roll.replace import Checked

F = TypeVar("F", bound=Callable[..., Any])
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


_DRAIN_OPTIONS = (
    click.option(
        "--drain-deadline",
        "drain_seconds",
        type=Duration(),
        metavar="DURATION",
        default="10m",
        show_default=True,
        help="How long Nomad may take to move the work of a client. Work that is left then is stopped. The client"
        " is removed only if all of that was batch work, and was named before the question.",
    ),
    click.option("--no-drain", is_flag=True, help="Remove clients without moving their work first."),
    click.option(
        "--abandon-volumes", is_flag=True, help="Remove clients even if their host volumes hold data: it is lost."
    ),
)


def drain_options(function: F) -> F:
    """Add the options of a drain to a command, which takes them as one parameter ``drain``, a DrainPolicy."""

    @wraps(function)
    def with_policy(
        *args: Any,  # noqa: ANN401 - the command's own
        drain_seconds: int,
        no_drain: bool,
        abandon_volumes: bool,
        **options: Any,  # noqa: ANN401 - the command's own
    ) -> Any:  # noqa: ANN401 - the command's own
        from bakery.launch.base.model import DrainPolicy

        drain = DrainPolicy(drains=not no_drain, seconds=drain_seconds, abandons_volumes=abandon_volumes)
        return function(*args, drain=drain, **options)

    decorated: Any = with_policy
    for option in reversed(_DRAIN_OPTIONS):
        decorated = option(decorated)
    return decorated  # type: ignore[no-any-return]


def show_warnings(warnings: tuple[str, ...], print_line: "Callable[[Text], None]") -> None:
    """Print what may be lost or interrupted, one line each."""
    for warning in warnings:
        print_line(f"  ! {warning}")


def replacement_lines(checked: "Checked", *, lost: bool, drain: "DrainPolicy") -> tuple[str, ...]:
    """Return what a replacement does, one line per step."""
    target, old = checked.target, checked.target.old
    if old is None:
        return (f"{target.name} is replaced already; what is left of the old node is removed",)
    new = f"{target.new.name}, which exists" if target.new is not None else "a new droplet"
    lines = [f"-/+ droplet {old.name} by {new} ({target.node.size}); for some minutes both run"]
    if target.node.kind.is_nomad_client and not lost:
        lines.append(f"    {_moving(drain)}")
    if lost:
        lines.append("    it counts as lost: its work is not moved, and its servers are not asked to leave")
    return tuple(lines)


def _moving(drain: "DrainPolicy") -> str:
    if not drain.drains:
        return "--no-drain: its work is cut off"
    return f"its work moves to other clients once the new one is ready (at most {drain.seconds} s)"


def replaced_json(done: "Replaced") -> dict[str, str]:
    """Return a finished replacement for ``--json``."""
    return {"slot": done.slot, "old": done.old, "new": done.new}
