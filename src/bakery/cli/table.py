"""Tables that fit the terminal: columns are left out in a stated order, and no line is wider than the terminal."""

import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from bakery.errors import UsageError

GAP = "  "
_NARROWEST = 16
"""Characters that a column keeps when it is folded or cut."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows under a header, and what to do where the terminal is narrow."""

    header: tuple[str, ...]
    rows: Sequence[Sequence[str]]
    """Cells in the order of the header."""
    drops: tuple[str, ...] = ()
    """Columns that may be left out; the first is left out first."""
    wide: tuple[str, ...] = ()
    """Columns that only ``-o wide`` shows."""
    folds: str | None = None
    """The column whose text is folded over several lines; else the widest column is cut."""
    styles: Mapping[str, str] = field(default_factory=dict)
    """Key: the text of a cell. Value: its style (:meth:`bakery.console.Console.style`)."""


def fit(table: Table, *, columns: int | None, wide: bool) -> tuple[Table, tuple[str, ...]]:
    """Return the table with the columns that fit in ``columns`` characters, and the names of those left out.

    None means no limit. With ``wide`` no column is left out, and ``columns`` is not used.
    """
    if wide:
        return table, ()
    shown = _without(table, table.wide)
    if columns is None:
        return shown, ()
    left_out: list[str] = []
    for name in table.drops:
        if _width(shown) <= columns:
            break
        shown = _without(shown, (name,))
        left_out.append(name)
    return shown, tuple(left_out)


def lines_of(table: Table, *, columns: int | None, style: Callable[[str, str], str]) -> list[str]:
    """Return the lines, at most ``columns`` characters wide. ``style`` gets a text and the name of a style."""
    widths = _widths(table)
    if columns is not None and (over := _width(table) - columns) > 0:
        narrowed = _narrowed(table, widths)
        widths[narrowed] = max(widths[narrowed] - over, _NARROWEST)
    head = style(_line(table.header, widths), "bold")
    return [head, *(line for row in table.rows for line in _row_lines(table, row, widths, style))]


def _row_lines(
    table: Table, row: Sequence[str], widths: Sequence[int], style: Callable[[str, str], str]
) -> Iterator[str]:
    folds = table.header.index(table.folds) if table.folds in table.header else None
    cells = [
        _folded(cell, width) if number == folds else [_cut(cell, width)]
        for number, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    for number in range(max(map(len, cells))):
        texts = [parts[number] if number < len(parts) else "" for parts in cells]
        yield _line(texts, widths, styles=[table.styles.get(cell, "") for cell in row], style=style)


def _line(
    texts: Sequence[str],
    widths: Sequence[int],
    *,
    styles: Sequence[str] = (),
    style: Callable[[str, str], str] | None = None,
) -> str:
    """Return the texts in columns. Style is added after the padding, since it has no width."""
    last = max((number for number, text in enumerate(texts) if text), default=0)
    shown = []
    for number, text in enumerate(texts[: last + 1]):
        padding = " " * (widths[number] - len(text)) if number < last else ""
        named = styles[number] if styles else ""
        shown.append((style(text, named) if style is not None and named and text else text) + padding)
    return GAP.join(shown)


def _folded(text: str, width: int) -> list[str]:
    # A URL that is broken into lines cannot be opened with a click; a terminal wraps it itself.
    return textwrap.wrap(text, width, break_on_hyphens=False, break_long_words="://" not in text) or [""]


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"


def _narrowed(table: Table, widths: Sequence[int]) -> int:
    """Return the number of the column that gives way once no other can be left out."""
    if table.folds in table.header:
        return table.header.index(table.folds)
    return widths.index(max(widths))


def _widths(table: Table) -> list[int]:
    return [max(len(row[number]) for row in (table.header, *table.rows)) for number in range(len(table.header))]


def _width(table: Table) -> int:
    return sum(_widths(table)) + len(GAP) * (len(table.header) - 1)


def only(table: Table, names: Sequence[str]) -> Table:
    """Return the table with the named columns, in the order of the names.

    Raises:
        UsageError: this table lacks a column.
    """
    missing = [name for name in names if name not in table.header]
    if missing:
        message = f"this table has no column {missing[0]}"
        raise UsageError(message=message, hint=f"it has {', '.join(table.header)}")
    return replace(_with(table, [table.header.index(name) for name in names]), folds=None)


def _without(table: Table, names: Sequence[str]) -> Table:
    return _with(table, [number for number, name in enumerate(table.header) if name not in names])


def _with(table: Table, numbers: Sequence[int]) -> Table:
    """Return the table with the columns of these numbers."""
    return replace(
        table,
        header=tuple(table.header[number] for number in numbers),
        rows=[tuple(row[number] for number in numbers) for row in table.rows],
    )
