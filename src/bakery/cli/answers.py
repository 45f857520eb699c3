"""Print the result of a command in the format that the user asked for: a table, JSON, YAML or names.

Each document has the name of its schema in ``docs/schemas`` and that schema's version. A version stays the same
while keys are only added.
"""

import json
import sys
import textwrap
from collections.abc import Mapping
from typing import IO, Any

from bakery.cli.options import Settings
from bakery.cli.table import Table, fit, lines_of, only
from bakery.console import width_of

SCHEMA_VERSION = 1
MANY = 20
"""Nodes that a terminal shows in a line each; more are shown by role."""
NAMES: Mapping[str, str] = {
    "access-refresh": "admin_cidrs",
    "browser-cert": "file",
    "build-image": "name",
    "changes": "changes",
    "cleanup": "folders",
    "completion": "shell",
    "credentials": "certificates",
    "credentials-issue": "name",
    "credentials-list": "people",
    "credentials-revoke": "name",
    "destroy": "droplets",
    "doctor": "checks",
    "emulator": "name",
    "emulator-down": "name",
    "emulator-list": "emulators",
    "emulator-stand-in": "name",
    "emulator-status": "name",
    "emulator-fault": "id",
    "emulator-faults": "faults",
    "emulator-faults-cleared": "cleared",
    "events": "runs",
    "env-unset": "unset",
    "gc": "orphans",
    "images": "images",
    "images-tag": "tag",
    "init": "file",
    "launch": "droplets",
    "ls": "clusters",
    "plan": "nodes",
    "credentials-at-rest": "file",
    "render": "file",
    "replace": "replaced",
    "roll": "needs",
    "scale-down": "removed",
    "status": "nodes",
    "support": "file",
    "ui": "pages",
    "upgrade": "needs",
    "version": "tools",
    "validate": "cluster",
}
"""What ``-o name`` prints. Key: a schema. Value: the key of its document whose names are printed, one a
line. Other answers have no names."""


def print_answer(settings: Settings, schema: str, value: Mapping[str, Any]) -> None:
    """Print the result as one document to stdout: JSON, YAML, or with ``-o name`` its names."""
    console, document = settings.console(), {"schema": schema, "schema_version": SCHEMA_VERSION, **value}
    if settings.recorder is not None and settings.recorder.prints:
        settings.recorder.result = document
    elif settings.output == "name":
        for name in names_of(schema, document):
            console.print(name)
    elif settings.output == "yaml":
        import yaml

        console.print(yaml.safe_dump(document, allow_unicode=True))
    else:
        console.print(json.dumps(document, indent=2, sort_keys=True))


def names_of(schema: str, document: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what ``-o name`` prints."""
    found = document.get(NAMES.get(schema, ""))
    entries = found if isinstance(found, list | tuple) else [] if found is None else [found]
    return tuple(str(_name(entry)) for entry in entries)


def _name(entry: Any) -> Any:  # noqa: ANN401 - any JSON value
    return entry.get("name", entry.get("id")) if isinstance(entry, Mapping) else entry


def print_table(settings: Settings, table: Table) -> None:
    """Print a table to stdout, as wide as the terminal. In a pipe it has every column that ``-o table`` has.

    With ``--format`` it has the chosen columns, and no line is cut or folded.
    """
    console, columns = settings.console(), width_of(sys.stdout)
    wide = settings.output == "wide" or bool(settings.columns)
    chosen = only(table, settings.columns) if settings.columns else table
    shown, left_out = fit(chosen, columns=columns, wide=wide)

    def style(text: str, name: str) -> str:
        return console.style(text, name, out=True)

    lines = lines_of(shown, columns=None if wide else columns, style=style)
    if not settings.header:
        del lines[0]
    if lines:
        console.print("\n".join(lines))
    if left_out:
        console.note(console.style(f"left out: {', '.join(left_out)} (-o wide shows them)", "dim"))


def shortens(settings: Settings, number: int, stream: IO[str]) -> bool:
    """Whether ``number`` entries are shown in groups: many on a terminal, without ``-v`` and ``-o wide``."""
    return number > MANY and width_of(stream) is not None and not settings.verbose and settings.output != "wide"


def print_text(settings: Settings, *lines: str) -> None:
    """Print lines of text to stdout, folded between words where they are wider than the terminal."""
    columns = width_of(sys.stdout)
    for line in lines:
        folded = textwrap.wrap(line, columns, subsequent_indent="  ") if columns is not None else [line]
        settings.console().print("\n".join(folded))
