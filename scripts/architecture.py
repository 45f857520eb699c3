"""Draws the pictures of docs/architecture.md from the imports, and writes its table of the steps of a launch.

Run it as ``python -m scripts.architecture``.
"""

import re
import sys
from collections.abc import Callable
from pathlib import Path

from bakery.operations import launch_cluster
from tests.unit.test_architecture import INTERNAL, LEAVES

PAGE = Path(__file__).parents[1] / "docs" / "architecture.md"
Arrows = dict[str, set[str]]
RoomOf = Callable[[str], str]
"""The room of a module; empty for a module that a picture leaves out."""


def imported(room_of: RoomOf) -> Arrows:
    """Return which rooms import which, as the source has it."""
    arrows: Arrows = {}
    for module, imports in INTERNAL.items():
        room = room_of(module)
        ends = {room_of(one) for one in imports} - {"", room}
        if room and ends:
            arrows.setdefault(room, set()).update(ends)
    return arrows


def first_level(module: str) -> str:
    """Return the room of the package, without leaves."""
    room = module.split(".", maxsplit=1)[0]
    return "" if room in LEAVES | {"__main__"} else room


def inside(parent: str) -> RoomOf:
    """Return the function that names a module's room inside the room ``parent``."""

    def room_of(module: str) -> str:
        parts = module.split(".")
        return parts[1] if parts[0] == parent and len(parts) > 1 and parts[1] != "__main__" else ""

    return room_of


PICTURES: dict[str, RoomOf] = {
    "Rooms": first_level,
    "Inside launch": inside("launch"),
    "Inside the emulator": inside("emulator"),
}
"""By the heading of the section in which the picture is."""


def picture(arrows: Arrows) -> str:
    """Return the arrows in mermaid's language, a line per room. A room comes after all rooms that import it."""
    rooms = set(arrows).union(*arrows.values())
    order = sorted(rooms, key=lambda room: (-len(_reached(arrows, room)), room))
    ends = {room: " & ".join(end for end in order if end in arrows[room]) for room in order if room in arrows}
    return "\n".join(["graph LR", *(f"  {room} --> {ends[room]}" for room in ends)])


def steps() -> str:
    """Return the table of the steps of a launch."""
    named = [
        *((step.name, step.reason) for step in launch_cluster.PREPARE),
        *((step.name, step.reason) for step in launch_cluster.CONVERGE),
        *((step.name, step.reason) for step in launch_cluster.CONSUL),
        *((step.name, step.reason) for step in launch_cluster.SERVERS),
        *((step.name, step.reason) for step in launch_cluster.NOMAD),
        *((step.name, step.reason) for step in launch_cluster.SETTLE),
        *((step.name, step.reason) for step in launch_cluster.FORM),
        *((step.name, step.reason) for step in launch_cluster.ENTER),
    ]
    rows = (f"| {name.lower()} | {reason} |" for name, reason in named)
    return "\n".join(["| step | reason |", "|---|---|", *rows, ""])


def redrawn(text: str) -> str:
    """Return the page with the pictures and the steps of today."""
    head, heading, section = text.partition("\n## One launch\n")
    text = head + heading + re.sub(r"\| step \| reason \|\n(?:\|.*\n)+", lambda _: steps(), section, count=1)
    for title, room_of in PICTURES.items():
        head, heading, section = text.partition(f"\n## {title}\n")
        new = re.sub(r"```mermaid\n[^`]*\n```", f"```mermaid\n{picture(imported(room_of))}\n```", section, count=1)
        text = head + heading + new
    return text


def _reached(arrows: Arrows, room: str) -> set[str]:
    direct = arrows.get(room, set())
    return direct.union(*(_reached(arrows, end) for end in direct))


if __name__ == "__main__":
    PAGE.write_text(redrawn(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    sys.stdout.write(f"wrote the pictures and steps of {PAGE}\n")
