"""Write the reference of all commands as a page, from the same text as ``--help`` and the manual pages."""

import inspect
import re
from collections.abc import Iterator

import click

from bakery.cli.main import bakery
from bakery.cli.man import contexts
from bakery.cli.pages import variables_of

_EXAMPLES = re.compile(r"^ *Examples?:$")


def page() -> str:
    """Return the page, in Markdown."""
    root = click.Context(bakery, info_name="bakery", help_option_names=["-h", "--help"])
    lines = ["# Commands", "", "`make site` writes this page from the text of `bakery help`.", ""]
    for context in contexts(root):
        lines += [*_command(context), ""]
    return "\n".join(lines)


def _command(context: click.Context) -> Iterator[str]:
    command, words = context.command, context.command_path.split()
    yield f"{'##' if len(words) < 3 else '###'} {context.command_path}"
    yield ""
    yield f"    {' '.join(command.get_usage(context).removeprefix('Usage:').split())}"
    yield ""
    yield from _description(command.help or "")
    options = [each for each in command.get_params(context) if isinstance(each, click.Option)]
    shown = [each for each in options if each.expose_value or context.parent is None]
    records = [record for each in shown if (record := each.get_help_record(context))]
    if records:
        yield from ("", "| option | |", "|---|---|")
        yield from (f"| `{_cell(names)}` | {_cell(text)} |" for names, text in records)
    yield from ("", f"Environment: {', '.join(f'`{name}`' for name in variables_of(context.command_path))}.")


def _description(text: str) -> Iterator[str]:
    """Yield the paragraphs; a block that click does not fold is code."""
    for paragraph in inspect.cleandoc(text).split("\n\n"):
        lines = paragraph.splitlines()
        if lines[:1] != ["\b"]:
            yield from (" ".join(lines).replace("<", "&lt;"), "")
            continue
        if _EXAMPLES.match(lines[1]):
            yield from (lines[1].strip(), "")
            lines = lines[1:]
        yield from (*(f"    {line.strip()}" for line in lines[1:]), "")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
