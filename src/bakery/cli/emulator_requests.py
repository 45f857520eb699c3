"""``bakery emulator requests``: the requests that the emulated API got."""

from pathlib import Path
from typing import Any

import click

from bakery.cli.answers import print_answer, print_table
from bakery.cli.columns import column_options
from bakery.cli.emulator_running import NAME, running
from bakery.cli.options import common_options, settings_of
from bakery.cli.read_only import read_only
from bakery.cli.table import Table
from bakery.errors import UsageError

HEADER = ("METHOD", "PATH", "STATUS", "APPLIED")
_PATH = "/_emulator/requests"
_RECORDING = "/_emulator/recording"


@click.command(short_help="Show the requests that the API got.")
@NAME
@click.option("--clear", is_flag=True, help="Delete the list of requests.")
@click.option(
    "--record",
    "record",
    type=click.Path(path_type=Path, resolve_path=True),
    help="Record every answer from now on in this new file, one JSON object per line.",
)
@click.option("--stop-recording", is_flag=True, help="Stop recording.")
@common_options
@column_options(HEADER)
@read_only(unless="clear")
@click.pass_context
def requests(
    context: click.Context,
    name: str,
    clear: bool,  # noqa: FBT001 - a click flag
    record: Path | None,
    stop_recording: bool,  # noqa: FBT001 - a click flag
) -> None:
    """Show the requests that the API got: method, path, status, and whether they were applied.

    Status 0 means that no answer was sent.

    \b
    Examples:
      bakery emulator requests
      bakery emulator requests --record answers.jsonl
    """
    from bakery.emulator.daemon.lifecycle import ask

    if clear + stop_recording + (record is not None) > 1:
        message = "--clear, --record and --stop-recording cannot be combined"
        raise UsageError(message=message, hint="give one at a time")
    settings, emulator = settings_of(context), running(name)
    if not (clear or stop_recording or record):
        _show(context, ask(emulator, _PATH))
        return
    if clear:
        ask(emulator, _PATH, method="DELETE")
    elif record is not None:
        ask(emulator, _RECORDING, body={"file": str(record)})
        settings.console().note(f"answers are recorded in {record}")
    else:
        ask(emulator, _RECORDING, method="DELETE")
    if settings.json:
        done = "cleared" if clear else "recording"
        value = {done: clear or (str(record) if record else None)}
        print_answer(settings, "emulator-requests-set", value)


def _show(context: click.Context, answer: dict[str, Any]) -> None:
    settings = settings_of(context)
    if settings.json:
        print_answer(settings, "emulator-requests", answer)
        return
    rows = [
        [
            entry["method"],
            entry["path"] + (f"?{entry['query']}" if entry["query"] else ""),
            str(entry["status"]),
            "yes" if entry["applied"] else "no",
        ]
        for entry in answer["requests"]
    ]
    print_table(settings, Table(header=HEADER, rows=rows, drops=("APPLIED",)))
