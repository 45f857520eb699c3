"""Every command line of bakery on a page, in a block or in a sentence, names a verb and options that exist."""

import re
import shlex
from collections.abc import Iterator

import click
import pytest

from bakery.cli.main import bakery
from bakery.cli.options import Settings
from bakery.cli.verbs import SUMMARIES
from tests.helpers.pages import ROOT, STEPS, blocks_of, list_pages

_INLINE = re.compile(r"(?<!`)`(?:\$ )?(bakery(?: [^`\n]+)+)`(?!`)")
_PLACEHOLDER = re.compile(r"'[A-Z]+' is not ")
"""In an error about a value that the page leaves to the reader: a number, or one of a few words."""


def command_lines(page: str) -> Iterator[str]:
    """Yield the lines of blocks of commands that begin with ``bakery``, and inline code that does."""
    for block in blocks_of(page):
        if block.language in STEPS | {"bash"}:
            lines = (line.removeprefix("$ ") for line in block.text.splitlines())
            yield from (line for line in lines if line.startswith("bakery "))
    yield from _INLINE.findall(re.sub(r"(?ms)^```.*?^```$", "", page))


def problem_of(line: str) -> str | None:
    """Return what the command line names that bakery has not; None if bakery can parse it."""
    line = re.split(r" \|\|? | && | ?; | 2>&1| >", line)[0].replace("…", "")
    words = shlex.split(line, comments=True)[1:]
    verbs = [word for word in words if word in SUMMARIES]
    if not verbs:
        return None if not words or words[0].startswith("-") or words[0].isupper() else f"no verb in {line!r}"
    words.remove(verbs[0])
    context = click.Context(bakery, info_name="bakery", obj=Settings(), help_option_names=["-h", "--help"])
    command = bakery.get_command(context, verbs[0])
    while isinstance(command, click.Group):
        name = next((word for word in words if command.get_command(context, word)), None)
        if name is None:
            return None  # the group alone, as a sentence names it
        words.remove(name)
        command = command.get_command(context, name)
    assert command is not None
    try:
        command.make_context(verbs[0], words, parent=context)
    except (click.MissingParameter, click.exceptions.Exit):
        return None  # a sentence may leave out what a command needs
    except click.ClickException as error:
        text = error.format_message()
        return None if _PLACEHOLDER.search(text) else f"{line!r}: {text}"
    return None


@pytest.mark.parametrize("page", list_pages(), ids=str)
def test_the_commands_of_a_page_can_be_parsed(page: object) -> None:
    lines = command_lines((ROOT / str(page)).read_text(encoding="utf-8"))
    assert [problem for line in lines if (problem := problem_of(line))] == []


def test_many_commands_are_found() -> None:
    """The control of the search."""
    found = [line for page in list_pages() for line in command_lines((ROOT / page).read_text(encoding="utf-8"))]
    assert len(found) > 250


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("bakery lunch", "no verb in 'bakery lunch'"),
        ("bakery launch --quick", "'bakery launch --quick': No such option"),
        ("bakery --local launch --count many --role x", "Invalid value for '--count'"),
        ("bakery emulator fault add --status many", "Invalid value for '--status'"),
        ("bakery access add 203.0.113.7/32", None),
        ("bakery --local launch --yes          # a comment", None),
        ("bakery plan 2>&1 || [ $? = 2 ]", None),
    ],
)
def test_a_command_that_does_not_exist_is_found(line: str, problem: str | None) -> None:
    """The control."""
    found = problem_of(line)
    assert (found is None) if problem is None else (found is not None and problem in found)
