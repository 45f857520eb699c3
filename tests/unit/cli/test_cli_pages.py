"""Help pages, manual pages and ``bakery help``: one text, complete, on every page."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from bakery.cli.main import bakery, run
from bakery.cli.man import page, write_pages
from bakery.cli.pages import GLOBAL, VARIABLES, variables_of
from bakery.cli.verbs import GROUPS, SUMMARIES
from scripts.configuration import VARIABLES as DOCUMENTED


def _contexts(context: click.Context) -> Iterator[click.Context]:
    yield context
    command = context.command
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            yield from _contexts(click.Context(child, info_name=name, parent=context))


ROOT = click.Context(bakery, info_name="bakery", help_option_names=["-h", "--help"])
PAGES = {context.command_path: context for context in _contexts(ROOT)}


def test_every_verb_is_in_one_group() -> None:
    grouped = [verb for verbs in GROUPS.values() for verb in verbs]
    assert sorted(grouped) == sorted(SUMMARIES)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_has_an_example_its_options_and_its_variables(path: str) -> None:
    text = PAGES[path].get_help()
    assert "\n  Example" in text
    assert re.search(rf"\n    .*{path}", text), "an example of the command itself"
    assert "\nEnvironment:\n" in text
    if path != "bakery":
        options = text.partition("\nOptions:\n")[2].partition("\n\n")[0]
        assert "--quiet" not in options, "global options are one paragraph"


def test_every_variable_on_a_page_is_documented() -> None:
    documented = {name for variable in DOCUMENTED for name in variable.name.split(", ")}
    assert {name for path in PAGES for name in variables_of(path)} <= documented
    assert set(VARIABLES) <= set(SUMMARIES)


def test_the_global_options_are_those_that_every_verb_takes() -> None:
    names = {parameter.name for parameter in bakery.params if not parameter.expose_value}
    assert set(GLOBAL) == names - {"version", "help"}


@pytest.mark.parametrize("words", [(), ("launch",), ("emulator", "fault", "add")])
def test_help_is_the_page_of_the_verb(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*words, "--help"]) == 0
    page_of_verb = capsys.readouterr().out
    assert run(["help", *words]) == 0
    assert capsys.readouterr().out == page_of_verb


def test_help_of_no_verb_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["help", "lanch"]) == 2
    assert capsys.readouterr().err.startswith("error: bakery has no command 'lanch'; did you mean launch?\n")
    assert run(["help", "launch", "more"]) == 2


def test_every_command_has_a_manual_page(tmp_path: Path) -> None:
    files = write_pages(tmp_path / "man")
    assert {file.stem for file in files} == {path.replace(" ", "-") for path in PAGES}
    text = (tmp_path / "man" / "bakery-launch.1").read_text(encoding="utf-8")
    for wanted in (".SH SYNOPSIS", "bakery launch [OPTIONS]", ".SH OPTIONS", "\\-\\-role ROLE", ".SH ENVIRONMENT"):
        assert wanted in text


def test_no_line_begins_with_a_control_character_of_roff() -> None:
    for context in PAGES.values():
        for line in page(context).splitlines():
            assert not line.startswith("'")
            if line.startswith("."):
                assert line.split()[0] in {".TH", ".SH", ".nf", ".fi", ".sp", ".BR"}, line
