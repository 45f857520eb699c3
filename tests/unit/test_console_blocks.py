"""The reader of pages that promise output: it finds what the output lacks."""

import pytest

from tests.helpers.console_blocks import Setup, Shown, read_page, read_sections

PAGE = """# Page

```sh
a=1
b=2
```

## First

Words.

```console
$ one | two
$ three
some … here
end
```

## Without

## Second

```console
$ four
```
"""


def test_commands_and_lines_by_section() -> None:
    assert read_sections(PAGE) == {
        "First": (Shown("one | two", ()), Shown("three", ("some … here", "end"))),
        "Second": (Shown("four", ()),),
    }


def test_lines_for_the_readers_shell_are_steps_too() -> None:
    assert read_page(PAGE) == {
        "": (Setup("a=1\nb=2\n"),),
        "First": (Shown("one | two", ()), Shown("three", ("some … here", "end"))),
        "Second": (Shown("four", ()),),
    }


@pytest.mark.parametrize(
    ("output", "missing"),
    [
        ("some text   here\nother\nend\n", None),
        ("end\nsome text here\n", "end"),
        ("some text there\nend", "some … here"),
        ("", "some … here"),
    ],
)
def test_the_first_line_that_the_output_lacks(output: str, missing: str | None) -> None:
    assert Shown("three", ("some … here", "end")).missing_in(output) == missing
