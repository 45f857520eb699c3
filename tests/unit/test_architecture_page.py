"""The pictures in docs/architecture.md have an arrow for each import between rooms, and no other arrow."""

import re

import pytest

from scripts.architecture import PAGE, PICTURES, Arrows, RoomOf, first_level, imported, redrawn, steps
from tests.unit.test_architecture import EMULATOR_ROOMS, LAUNCH_ROOMS, ROOMS

FREE = {"cli", "operations"}
"""They put the other rooms together: the law allows them more than they need today."""


def drawn(text: str, title: str) -> Arrows:
    """Return the arrows of the first picture below the heading ``title``: lines such as ``a --> b & c``."""
    section = text.partition(f"\n## {title}\n")[2]
    picture = section.partition("\n```mermaid\n")[2].partition("\n```")[0]
    lines = (line.split("-->") for line in picture.splitlines() if "-->" in line)
    return {start.strip(): {end.strip() for end in ends.split("&")} for start, ends in lines}


@pytest.mark.parametrize(("title", "room_of"), PICTURES.items(), ids=list(PICTURES))
def test_a_picture_has_the_arrows_that_exist(title: str, room_of: RoomOf) -> None:
    assert drawn(PAGE.read_text(encoding="utf-8"), title) == imported(room_of), "run: make docs"


def test_an_arrow_more_or_less_would_be_seen() -> None:
    """Control: the comparison is made of what the page says, and ``make docs`` mends it."""
    page = "# Page\n\n## Rooms\n\ntext\n\n```mermaid\ngraph LR\n  a --> b & c\n  b --> c\n```\n\n## Other\n"
    assert drawn(page, "Rooms") == {"a": {"b", "c"}, "b": {"c"}}
    arrows = imported(first_level)
    assert arrows["plan"] == {"config"}
    assert "agents" not in arrows
    assert drawn(redrawn(page), "Rooms") == arrows


def test_the_page_has_the_steps_of_a_launch() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert steps() in text, "run: make docs"
    assert "| preflight | " in steps(), "control: the table has rows"


@pytest.mark.parametrize("room", sorted(set(ROOMS) - FREE))
def test_the_law_allows_no_arrow_that_nothing_needs(room: str) -> None:
    assert imported(first_level).get(room, set()) == ROOMS[room]


def rows(text: str, title: str) -> list[str]:
    """Return the rooms in the table below the heading ``title``, sorted."""
    section = text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    return sorted(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))


@pytest.mark.parametrize(
    ("title", "rooms"),
    [
        ("Rooms", set(ROOMS)),
        ("Inside launch", set(LAUNCH_ROOMS)),
        ("Inside the emulator", set(EMULATOR_ROOMS) - {"__main__"}),
    ],
)
def test_the_page_has_one_row_for_each_room(title: str, rooms: set[str]) -> None:
    assert rows(PAGE.read_text(encoding="utf-8"), title) == sorted(rooms)


def test_a_second_row_of_a_room_would_be_seen() -> None:
    """Control: the rows are a list, so that a room with two rows differs from the law."""
    page = (
        "# Page\n\n## Rooms\n\n| room |\n|---|\n| `b` | x |\n| `a` | x |\n| `b` | y |\n\n## Other\n\n| `c` | z |\n"
    )
    assert rows(page, "Rooms") == ["a", "b", "b"]
