"""The help of every verb, word for word, as it was last reviewed."""

import click
import pytest

from bakery.cli.main import bakery, run
from bakery.cli.verbs import SUMMARIES
from tests.helpers.snapshots import FOLDER, check_snapshot


def _pages(command: click.Command, path: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Return the path of the command and of all its subcommands."""
    if not isinstance(command, click.Group):
        return [path]
    children = sorted(command.commands.items())
    return [path, *(page for name, child in children for page in _pages(child, (*path, name)))]


def _help(path: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> str:
    assert run([*path, "--help"]) == 0
    return f"$ {' '.join(('bakery', *path))} --help\n{capsys.readouterr().out}"


@pytest.fixture(autouse=True)
def _width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def test_the_help_of_bakery(capsys: pytest.CaptureFixture[str]) -> None:
    check_snapshot("help/bakery.txt", _help((), capsys))


@pytest.mark.parametrize("verb", SUMMARIES)
def test_the_help_of_a_verb(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = bakery.get_command(click.Context(bakery), verb)
    assert command is not None
    check_snapshot(f"help/{verb}.txt", "\n".join(_help(page, capsys) for page in _pages(command, (verb,))))


def test_every_file_belongs_to_a_verb() -> None:
    assert {file.stem for file in (FOLDER / "help").iterdir()} == {"bakery", *SUMMARIES}


def test_a_changed_word_is_found() -> None:
    """The control: the difference is shown, and how to accept it."""
    with pytest.raises(AssertionError) as caught:
        check_snapshot("help/bakery.txt", "another text\n", writes=False)
    assert "\n-$ bakery --help\n" in str(caught.value)
    assert "\n+another text\nif this is how it should read: BAKERY_SNAPSHOTS=write make" in str(caught.value)
