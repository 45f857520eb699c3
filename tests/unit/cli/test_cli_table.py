"""Tables on a narrow terminal; widths are counted by hand."""

from dataclasses import replace

import pytest

from bakery.cli.table import Table, fit, lines_of

TABLE = Table(
    header=("NODE", "ROLE", "STATE", "ID"),
    rows=[("web-1", "web", "no", "12345"), ("web-22", "webserver", "yes", "7")],
    drops=("ROLE", "STATE"),
    wide=("ID",),
    styles={"no": "red"},
)


def plain(text: str, style: str) -> str:
    return text


def shown(table: Table, columns: int | None, *, wide: bool = False) -> tuple[list[str], tuple[str, ...]]:
    fitted, left_out = fit(table, columns=columns, wide=wide)
    return lines_of(fitted, columns=None if wide else columns, style=plain), left_out


def test_without_a_terminal_every_column_of_the_table_is_there() -> None:
    assert shown(TABLE, None) == (
        ["NODE    ROLE       STATE", "web-1   web        no", "web-22  webserver  yes"],
        (),
    )


@pytest.mark.parametrize(
    ("columns", "header", "left_out"),
    [
        (24, "NODE    ROLE       STATE", ()),
        (23, "NODE    STATE", ("ROLE",)),
        (13, "NODE    STATE", ("ROLE",)),
        (12, "NODE", ("ROLE", "STATE")),
    ],
)
def test_columns_are_left_out_in_the_stated_order(columns: int, header: str, left_out: tuple[str, ...]) -> None:
    lines, missing = shown(TABLE, columns)
    assert (lines[0], missing) == (header, left_out)
    assert max(map(len, lines)) <= columns


def test_wide_has_every_column_whatever_the_width() -> None:
    lines, missing = shown(TABLE, 12, wide=True)
    assert (lines[0], missing) == ("NODE    ROLE       STATE  ID", ())
    assert lines[1] == "web-1   web        no     12345"


def test_a_text_is_folded_inside_its_column() -> None:
    table = Table(header=("NAME", "MESSAGE"), rows=[("a", "one two three four five six")], folds="MESSAGE")
    assert shown(table, 24)[0] == ["NAME  MESSAGE", "a     one two three four", "      five six"]


def test_the_widest_column_is_cut_where_no_text_can_be_folded() -> None:
    table = Table(header=("NAME", "PATH"), rows=[("a", "x" * 40)])
    assert shown(table, 30)[0][1] == "a     " + "x" * 23 + "…"


def test_a_url_is_not_broken_into_lines() -> None:
    url = "https://example.com/" + "a-word-" * 8
    table = Table(header=("STATE", "MESSAGE"), rows=[("warn", f"help: fixed in 2.0.3: {url}")], folds="MESSAGE")
    lines, _ = shown(table, 40)
    assert [line.strip() for line in lines[1:]] == ["warn   help: fixed in 2.0.3:", url]


def test_a_style_adds_no_width() -> None:
    fitted, _ = fit(TABLE, columns=None, wide=True)
    lines = lines_of(fitted, columns=None, style=lambda text, name: f"<{name}>{text}</>")
    assert lines[0] == "<bold>NODE    ROLE       STATE  ID</>"
    assert lines[1] == "web-1   web        <red>no</>     12345"


def test_a_table_without_rows_is_its_header() -> None:
    assert shown(replace(TABLE, rows=[]), 80)[0] == ["NODE  ROLE  STATE"]
