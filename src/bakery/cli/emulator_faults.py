"""``bakery emulator fault``: make the emulated API fail, to see what a client does then."""

from typing import Any

import click

from bakery.cli.emulator_fault_flags import check_order
from bakery.cli.emulator_running import NAME, running
from bakery.cli.options import common_options, settings_of
from bakery.cli.values import Choice, WholeNumber
from bakery.errors import EmulatorError

_PATH = "/_emulator/faults"
_SHOWN_ELSEWHERE = {"id", "method", "path", "action", "times", "skip", "probability", "seed", "met"}


@click.group()
@common_options
def fault() -> None:
    """Make the emulated API fail, to see what a client does then.

    \b
      bakery emulator fault add --method POST --path /v2/droplets --status 503
      bakery emulator fault add --path '/v2/.*' --status 429 --retry-after 2 --probability 0.1
      bakery emulator fault add --action snapshot --outcome endless
      bakery emulator fault clear
    """


_WHICH = (
    click.option("--path", help="Meets requests: a regular expression that matches the whole path."),
    click.option("--method", help="Meets requests: GET, POST ... (default: every method)."),
    click.option("--action", help="Meets actions instead: create, snapshot, reboot ..., or '*'."),
    click.option("--times", type=WholeNumber(min=0), help="How many it meets; 0 for all (default: 1)."),
    click.option("--skip", type=WholeNumber(min=0), help="How many it lets pass first."),
    click.option("--probability", type=click.FloatRange(0, 1), help="Throw dice for each (then --times is 0)."),
    click.option("--seed", type=int, help="Of the dice; the answer shows the one that was taken."),
)
_WHAT = (
    click.option("--status", type=WholeNumber(400, 599), help="Answer this status; nothing is applied."),
    click.option("--html", is_flag=True, help="With --status: a gateway's page instead of JSON."),
    click.option("--retry-after", type=WholeNumber(min=0), help="With --status: seconds."),
    click.option("--reset", is_flag=True, help="Reset the connection; nothing is applied."),
    click.option("--lost-reply", is_flag=True, help="Apply it, then close the connection without an answer."),
    click.option("--hang", type=Choice(["before", "after"]), help="Never answer; before or after applying."),
    click.option("--kill", type=Choice(["before", "after"]), help="Kill the client, before or after applying."),
    click.option("--stale", "stale_s", type=click.FloatRange(0, 600), help="GETs show today's state for so long."),
    click.option("--delay", "delay_s", type=click.FloatRange(0, 600), help="Seconds to wait first."),
    click.option(
        "--outcome",
        type=Choice(["errored", "endless", "dead", "unbootable", "unconfigured"]),
        help="Of an action. dead: no guest runs; unconfigured: its cloud-init fails.",
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
def add(context: click.Context, /, name: str, **order: Any) -> None:  # noqa: ANN401 - the options above
    """Add a fault to the table; the oldest that matches acts."""
    from bakery.emulator.daemon.lifecycle import ask

    body = {field: value for field, value in order.items() if value is not None and value is not False}
    check_order(body)
    made = ask(running(name), _PATH, body=body)["fault"]
    settings = settings_of(context)
    if settings.json:
        settings.console().print_json(made)
        return
    seed = f", seed {made['seed']}" if made["probability"] < 1 else ""
    settings.console().note(f"fault {made['id']}: {_what(made)}{seed}")


@fault.command(name="list")
@NAME
@common_options
@click.pass_context
def list_(context: click.Context, name: str) -> None:
    """Show the faults that are not used up, and how many each has met."""
    from bakery.emulator.daemon.lifecycle import ask

    answer = ask(running(name), _PATH)
    settings = settings_of(context)
    if settings.json:
        settings.console().print_json(answer)
        return
    rows = [
        [str(entry["id"]), _who(entry), _what(entry), str(entry["times"] or "all"), str(entry["met"])]
        for entry in answer["faults"]
    ]
    settings.console().print_table(["ID", "MEETS", "WHAT HAPPENS", "TIMES", "MET"], rows)
    if answer["hanging"]:
        settings.console().note(f"{answer['hanging']} requests hang now")


@fault.command()
@NAME
@click.argument("ids", type=int, nargs=-1)
@common_options
@click.pass_context
def clear(context: click.Context, name: str, ids: tuple[int, ...]) -> None:
    """Take faults back: those named, or all. Requests that hang are cut off when all go."""
    from bakery.emulator.daemon.lifecycle import ask

    emulator = running(name)
    if ids:
        known = [entry["id"] for entry in ask(emulator, _PATH)["faults"]]
        for number in (number for number in ids if number not in known):
            message = f"there is no fault {number}"
            shown = ", ".join(map(str, known)) or "none"
            raise EmulatorError(
                message=message, details=f"faults here: {shown}", hint="bakery emulator fault list"
            )
    for path in [f"{_PATH}/{number}" for number in ids] or [_PATH]:
        ask(emulator, path, method="DELETE")
    settings = settings_of(context)
    if settings.json:
        settings.console().print_json({"cleared": list(ids) or "all"})


def _who(entry: dict[str, Any]) -> str:
    return f"action {entry['action']}" if entry["action"] else f"{entry['method']} {entry['path']}"


def _what(entry: dict[str, Any]) -> str:
    """The fields that say what happens, without those that were left alone."""
    return ", ".join(
        field if value is True else f"{field} {value}"
        for field, value in entry.items()
        if field not in _SHOWN_ELSEWHERE and value not in (None, False, 0)
    )
