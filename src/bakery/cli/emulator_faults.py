"""``bakery emulator fault``: make the emulated API fail, to test a client."""

from typing import Any

import click

from bakery.cli.answers import print_answer, print_table
from bakery.cli.columns import column_options
from bakery.cli.emulator_fault_flags import check_request
from bakery.cli.emulator_running import NAME, running
from bakery.cli.options import common_options, settings_of
from bakery.cli.read_only import read_only
from bakery.cli.table import Table
from bakery.cli.values import Choice, WholeNumber
from bakery.errors import EmulatorError
from bakery.hints import Command

HEADER = ("ID", "MATCHES", "EFFECT", "TIMES", "AFFECTED")
_PATH = "/_emulator/faults"
_SHOWN_ELSEWHERE = {"id", "method", "path", "action", "times", "skip", "probability", "seed", "met"}


@click.group()
@common_options
def fault() -> None:
    """Make the emulated API fail, to test how a client reacts.

    \b
    Examples:
      bakery emulator fault add --method POST --path /v2/droplets --status 503
      bakery emulator fault add --path '/v2/.*' --status 429 --retry-after 2 --probability 0.1
      bakery emulator fault add --action snapshot --outcome endless
      bakery emulator fault clear
    """


_WHICH = (
    click.option("--path", help="Affect requests: a regular expression that matches the whole path."),
    click.option("--method", help="Affect requests of this method (default: all)."),
    click.option("--action", help="Affect actions instead: create, snapshot, reboot ..., or '*'."),
    click.option("--times", type=WholeNumber(min=0), help="Number to affect; 0 for all (default: 1)."),
    click.option("--skip", type=WholeNumber(min=0), help="Number to let pass before the first is affected."),
    click.option(
        "--probability",
        type=click.FloatRange(0, 1),
        help="Affect each with this probability, 0 to 1 (--times is 0 then).",
    ),
    click.option("--seed", type=int, help="Seed for --probability; the answer shows the seed in use."),
)
_WHAT = (
    click.option("--status", type=WholeNumber(400, 599), help="Answer this status without applying the request."),
    click.option("--html", is_flag=True, help="With --status: answer an HTML page, as a gateway does."),
    click.option(
        "--retry-after",
        type=WholeNumber(min=0),
        help="With --status: send a Retry-After header of so many seconds.",
    ),
    click.option("--reset", is_flag=True, help="Reset the connection without applying the request."),
    click.option(
        "--lost-reply", is_flag=True, help="Apply the request, then close the connection without an answer."
    ),
    click.option(
        "--hang",
        type=Choice(["before", "after"]),
        help="Never answer, and do not apply the request (before) or apply it (after).",
    ),
    click.option(
        "--kill", type=Choice(["before", "after"]), help="Kill the client before or after the request is applied."
    ),
    click.option(
        "--stale",
        "stale_s",
        type=click.FloatRange(0, 600),
        help="Seconds for which GETs show the account as it is now.",
    ),
    click.option("--delay", "delay_s", type=click.FloatRange(0, 600), help="Wait so many seconds first."),
    click.option(
        "--outcome",
        type=Choice(["errored", "endless", "dead", "unbootable", "unconfigured"]),
        help="Result of an action. dead: the droplet is active, and its guest is off; unbootable: its boot fails; "
        "unconfigured: its cloud-init fails.",
    ),
)


def _options(function: Any) -> Any:  # noqa: ANN401 - click's decorators
    for option in reversed(_WHICH + _WHAT):
        function = option(function)
    return function


@fault.command()
@NAME
@_options
@common_options
@click.pass_context
def add(context: click.Context, /, name: str, **request: Any) -> None:  # noqa: ANN401 - the options above
    """Add a fault. If several match, the oldest one is applied.

    \b
    Example:
      bakery emulator fault add --path /v2/droplets --status 503
    """
    from bakery.emulator.daemon.lifecycle import ask

    body = {field: value for field, value in request.items() if value is not None and value is not False}
    check_request(body)
    made = ask(running(name), _PATH, body=body)["fault"]
    settings = settings_of(context)
    if settings.json:
        print_answer(settings, "emulator-fault", made)
        return
    seed = f", seed {made['seed']}" if made["probability"] < 1 else ""
    settings.console().note(f"fault {made['id']}: {_effect(made)}{seed}")


@fault.command(name="list", short_help="Show the active faults, and how much each has affected.")
@NAME
@common_options
@column_options(HEADER)
@read_only()
@click.pass_context
def list_(context: click.Context, name: str) -> None:
    """Show the faults that are still active, and how many requests or actions each has affected.

    \b
    Example:
      bakery emulator fault list
    """
    from bakery.emulator.daemon.lifecycle import ask

    answer = ask(running(name), _PATH)
    settings = settings_of(context)
    if settings.json:
        print_answer(settings, "emulator-faults", answer)
        return
    rows = [
        [str(entry["id"]), _matches(entry), _effect(entry), str(entry["times"] or "all"), str(entry["met"])]
        for entry in answer["faults"]
    ]
    print_table(settings, Table(header=HEADER, rows=rows, drops=("TIMES", "AFFECTED")))
    if answer["hanging"]:
        settings.console().note(f"requests that hang now: {answer['hanging']}")


@fault.command()
@NAME
@click.argument("ids", type=int, nargs=-1)
@common_options
@click.pass_context
def clear(context: click.Context, name: str, ids: tuple[int, ...]) -> None:
    """Remove the faults with these ids, or all. Without ids, requests that hang lose their connection.

    \b
    Examples:
      bakery emulator fault clear
      bakery emulator fault clear 3
    """
    from bakery.emulator.daemon.lifecycle import ask

    emulator = running(name)
    if ids:
        known = [entry["id"] for entry in ask(emulator, _PATH)["faults"]]
        for number in (number for number in ids if number not in known):
            message = f"there is no fault {number}"
            shown = ", ".join(map(str, known)) or "none"
            raise EmulatorError(
                message=message, details=f"faults here: {shown}", hint=Command("emulator fault list")
            )
    for path in [f"{_PATH}/{number}" for number in ids] or [_PATH]:
        ask(emulator, path, method="DELETE")
    settings = settings_of(context)
    if settings.json:
        print_answer(settings, "emulator-faults-cleared", {"cleared": list(ids) or "all"})


def _matches(entry: dict[str, Any]) -> str:
    return f"action {entry['action']}" if entry["action"] else f"{entry['method']} {entry['path']}"


def _effect(entry: dict[str, Any]) -> str:
    """Return the effect of a fault: its fields without those that have their default."""
    return ", ".join(
        field if value is True else f"{field} {value}"
        for field, value in entry.items()
        if field not in _SHOWN_ELSEWHERE and value not in (None, False, 0)
    )
