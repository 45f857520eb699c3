"""Write the manual pages, from the same text as ``--help``: one for each command, in section 1.

https://man7.org/linux/man-pages/man7/man.7.html
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from bakery import __version__


def write_pages(folder: Path) -> tuple[Path, ...]:
    """Write ``bakery.1``, ``bakery-launch.1`` and so on into the folder, which is created. Return the files."""
    from bakery.cli.main import bakery

    folder.mkdir(parents=True, exist_ok=True)
    written = []
    root = click.Context(bakery, info_name="bakery", terminal_width=76, help_option_names=["-h", "--help"])
    for context in contexts(root):
        file = folder / f"{context.command_path.replace(' ', '-')}.1"
        file.write_text(page(context), encoding="utf-8")
        written.append(file)
    return tuple(written)


def page(context: click.Context) -> str:
    """Return the manual page of a command."""
    command, name = context.command, context.command_path.replace(" ", "-")
    with_text = [f'.TH {name.upper()} 1 "" "bakery {__version__}" "bakery"', ".SH NAME"]
    with_text.append(_escaped(f"{name} - {command.get_short_help_str(200).rstrip('.')}"))
    return "\n".join([*with_text, *_sections(context)]) + "\n"


def _sections(context: click.Context) -> Iterator[str]:
    """Yield the help page, its parts under headings of man; lines that it indents keep their form."""
    usage, _, rest = context.get_help().partition("\n\n")
    yield ".SH SYNOPSIS"
    yield _escaped(" ".join(usage.removeprefix("Usage:").split()))
    yield ".SH DESCRIPTION"
    yield ".nf"
    for line in rest.splitlines():
        if line.endswith(":") and not line.startswith(" "):
            yield ".fi"
            yield f".SH {_escaped(line.rstrip(':')).upper()}"
            yield ".nf"
        else:
            yield _escaped(line.removeprefix("  ")) or ".sp"
    yield ".fi"
    if context.parent is not None:
        yield ".SH SEE ALSO"
        yield ".BR bakery (1)"


def contexts(context: click.Context) -> Iterator[click.Context]:
    """Yield the context of the command, and of each command below it, in the order of the help."""
    yield context
    command = context.command
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            if child is not None:
                yield from contexts(click.Context(child, info_name=name, parent=context))


def _escaped(text: str) -> str:
    """Return the text for roff: backslashes, hyphens, and a control character at the start of a line."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")
    return f"\\&{escaped}" if escaped.startswith(".") else escaped


if __name__ == "__main__":
    write_pages(Path(sys.argv[1]))
