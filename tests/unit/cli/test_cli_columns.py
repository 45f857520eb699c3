"""``--format`` and ``--no-header``, as in doctl: columns of a table for scripts."""

import ast
import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import bakery.cli
from bakery.cli.answers import print_table
from bakery.cli.columns import column_options, spelling
from bakery.cli.main import bakery as root
from bakery.cli.main import run
from bakery.cli.man import contexts
from bakery.cli.options import Settings
from bakery.cli.table import Table, only
from bakery.errors import UsageError

HEADER = ("NODE", "DAYS LEFT", "ID")
TABLE = Table(
    header=HEADER, rows=[("web-1", "7", "12"), ("web-10", "3650", "1")], wide=("ID",), drops=("DAYS LEFT",)
)
WITHOUT = {"bakery.cli.answers", "bakery.cli.columns"}
"""Modules that print the tables of others."""


@click.command()
@column_options(HEADER)
def show() -> None:
    """Print the table."""
    print_table(click.get_current_context().ensure_object(Settings), TABLE)


def printed(capsys: pytest.CaptureFixture[str], *arguments: str, output: str = "table") -> str:
    show.main(list(arguments), obj=Settings(output=output), standalone_mode=False)
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((), "NODE    DAYS LEFT\nweb-1   7\nweb-10  3650\n"),
        (("--format", "Node"), "NODE\nweb-1\nweb-10\n"),
        (("--format", "ID,DaysLeft"), "ID  DAYS LEFT\n12  7\n1   3650\n"),
        (("--format", "days-left, id", "--no-header"), "7          12\n3650       1\n"),
        (("--no-header",), "web-1   7\nweb-10  3650\n"),
    ],
)
def test_columns_come_in_the_order_in_which_they_are_named(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], text: str
) -> None:
    assert printed(capsys, *arguments) == text


def test_wide_or_not_a_chosen_column_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, "--format", "Id", output="wide") == printed(capsys, "--format", "Id") == "ID\n12\n1\n"


def test_an_unknown_column_is_named_with_the_nearest() -> None:
    with pytest.raises(click.UsageError, match="'DayLeft'; did you mean DaysLeft"):
        show.main(["--format", "Node,DayLeft"], obj=Settings(), standalone_mode=False)


@pytest.mark.parametrize("output", ["json", "yaml", "name"])
def test_columns_of_a_document_are_refused(output: str) -> None:
    with pytest.raises(UsageError, match=f"-o {output} prints no table"):
        show.main(["--format", "Node"], obj=Settings(output=output), standalone_mode=False)
    show.main(["--no-header"], obj=Settings(output=output), standalone_mode=False)


def test_another_table_of_the_same_command_may_lack_a_column() -> None:
    with pytest.raises(UsageError, match="this table has no column STATE"):
        only(TABLE, ("NODE", "STATE"))


def test_the_shell_completes_the_last_column() -> None:
    option = next(each for each in show.params if each.name == "format")
    items = option.shell_complete(click.Context(show), "Node,d")
    assert [item.value for item in items] == ["Node,DaysLeft"]


def _printing() -> Iterator[tuple[str, str]]:
    """The functions of commands that call ``print_table``, by module: what they call in their module counts."""
    for found in pkgutil.iter_modules(bakery.cli.__path__, "bakery.cli."):
        source = importlib.import_module(found.name).__file__
        tree = ast.parse(Path(str(source)).read_text(encoding="utf-8"))
        names = {
            node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and hasattr(node.func, "id")
        }
        if found.name not in WITHOUT and "print_table" in names:
            yield found.name, "column_options" if "column_options" in names else "none"


def test_every_verb_with_a_table_has_the_options() -> None:
    found = dict(_printing())
    assert set(found.values()) == {"column_options"}, found
    assert len(found) >= 12


def test_the_help_names_the_columns_and_the_names_are_accepted(capsys: pytest.CaptureFixture[str]) -> None:
    """With ``-o json`` each is refused for that reason, before anything is read; an unknown one for its own."""
    seen = 0
    for context in contexts(click.Context(root, info_name="bakery")):
        option = next((each for each in context.command.params if each.name == "format"), None)
        if option is None:
            continue
        assert isinstance(option, click.Option)
        names = str(option.help).partition("Of: ")[2].rstrip(".").split(", ")
        path = context.command_path.split()[1:]
        assert run([*path, "--format", ",".join(names), "-o", "json"]) == 2
        assert "prints no table" in capsys.readouterr().err
        assert run([*path, "--format", f"{names[0]},no-such"]) == 2
        assert "there is no column 'no-such'" in capsys.readouterr().err
        seen += 1
    assert seen >= 13


def test_names_are_spelled_as_in_doctl() -> None:
    assert [spelling(name) for name in ("NODE", "CONSUL VERSION", "ID")] == ["Node", "ConsulVersion", "Id"]
