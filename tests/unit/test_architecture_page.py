"""The pictures in docs/architecture.md have an arrow for each import between rooms, and no other arrow."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.test_architecture import EMULATOR_ROOMS, INTERNAL, LAUNCH_ROOMS, LEAVES, ROOMS

PAGE = Path(__file__).parents[2] / "docs" / "architecture.md"
Arrows = dict[str, set[str]]


def drawn(text: str, title: str) -> Arrows:
    """The arrows of the first picture below the heading ``title``: lines such as ``a --> b & c``."""
    section = text.partition(f"\n## {title}\n")[2]
    picture = section.partition("\n```mermaid\n")[2].partition("\n```")[0]
    lines = (line.split("-->") for line in picture.splitlines() if "-->" in line)
    return {start.strip(): {end.strip() for end in ends.split("&")} for start, ends in lines}


def imported(room_of: Callable[[str], str]) -> Arrows:
    """The imports between rooms as the source has them; ``room_of`` is empty for what the picture leaves out."""
    arrows: Arrows = {}
    for module, imports in INTERNAL.items():
        room = room_of(module)
        ends = {room_of(one) for one in imports} - {"", room}
        if room and ends:
            arrows.setdefault(room, set()).update(ends)
    return arrows


def _first_level(module: str) -> str:
    room = module.split(".", maxsplit=1)[0]
    return "" if room in LEAVES | {"__main__"} else room


def _inside(parent: str) -> Callable[[str], str]:
    def room_of(module: str) -> str:
        parts = module.split(".")
        return parts[1] if parts[0] == parent and len(parts) > 1 and parts[1] != "__main__" else ""

    return room_of


PICTURES = [
    ("Rooms", _first_level),
    ("Inside launch", _inside("launch")),
    ("Inside the emulator", _inside("emulator")),
]


@pytest.mark.parametrize(("title", "room_of"), PICTURES, ids=[title for title, _ in PICTURES])
def test_a_picture_has_the_arrows_that_exist(title: str, room_of: Callable[[str], str]) -> None:
    assert drawn(PAGE.read_text(encoding="utf-8"), title) == imported(room_of)


def test_an_arrow_more_or_less_would_be_seen() -> None:
    """Control: the comparison is made of what the page says."""
    page = "# Page\n\n## Rooms\n\ntext\n\n```mermaid\ngraph LR\n  a --> b & c\n  b --> c\n```\n\n## Other\n"
    assert drawn(page, "Rooms") == {"a": {"b", "c"}, "b": {"c"}}
    arrows = imported(_first_level)
    assert arrows["plan"] == {"config"}
    assert "agents" not in arrows


@pytest.mark.parametrize("room", sorted(set(ROOMS) - {"cli"}))
def test_the_law_allows_no_arrow_that_nothing_needs(room: str) -> None:
    assert imported(_first_level).get(room, set()) == ROOMS[room]


def test_the_page_has_a_row_for_each_room() -> None:
    rows = set(re.findall(r"^\| `(\w+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    assert rows >= set(ROOMS) | set(LAUNCH_ROOMS) | set(EMULATOR_ROOMS) - {"__main__"}
