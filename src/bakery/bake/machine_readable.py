"""Parse the output of ``packer build -machine-readable``.

A line is ``timestamp,target,type,data…``; commas and line ends inside data are escaped
(https://developer.hashicorp.com/packer/docs/commands#machine-readable-output).
"""

import re
from dataclasses import dataclass

# The source's name that Packer prints before a message: "==> digitalocean.bakery: Creating droplet..."
_SOURCE = re.compile(r"^(?:(?:==>|-->) )?(?:digitalocean\.[\w-]+: )?")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True, kw_only=True)
class Event:
    """One line of Packer's output."""

    target: str
    type: str
    data: tuple[str, ...]


def parse_event(line: str) -> Event | None:
    """Return the event in a line; None if the line is not machine-readable (a crash report, for example)."""
    fields = line.split(",")
    if len(fields) < 4 or not fields[0].isdigit():
        return None
    return Event(target=fields[1], type=fields[2], data=tuple(_unescape(field) for field in fields[3:]))


def ui_message(event: Event) -> tuple[str, str] | None:
    """Return what to show: ("say" | "message" | "error", text without the source's name).

    None for other events.
    """
    if event.type == "ui" and len(event.data) >= 2:
        return event.data[0], _plain(event.data[1])
    if event.type == "error":
        return "error", _plain(event.data[0])
    return None


def _unescape(text: str) -> str:
    return text.replace("%!(PACKER_COMMA)", ",").replace("\\n", "\n").replace("\\r", "\r")


def _plain(text: str) -> str:
    return _SOURCE.sub("", _COLOUR.sub("", text).strip(), count=1)
