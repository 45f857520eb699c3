"""Packer's machine-readable lines, as Packer 1.16.0 writes them (packer/ui.go, MachineReadableUi.Machine)."""

import pytest

from bakery.bake.machine_readable import Event, parse_event, ui_message

LINES = [
    (
        "1764000000,,ui,say,==> digitalocean.bakery: Creating droplet...",
        Event(target="", type="ui", data=("say", "==> digitalocean.bakery: Creating droplet...")),
        ("say", "Creating droplet..."),
    ),
    (
        "1764000000,,ui,message,    digitalocean.bakery: one%!(PACKER_COMMA) two\\nthree",
        Event(target="", type="ui", data=("message", "    digitalocean.bakery: one, two\nthree")),
        ("message", "one, two\nthree"),
    ),
    (
        "1764000000,,ui,say,\\n==> Wait completed after 22 seconds",
        Event(target="", type="ui", data=("say", "\n==> Wait completed after 22 seconds")),
        ("say", "Wait completed after 22 seconds"),
    ),
    (
        "1764000000,,ui,error,Build 'digitalocean.bakery' errored after 2 seconds: no",
        Event(target="", type="ui", data=("error", "Build 'digitalocean.bakery' errored after 2 seconds: no")),
        ("error", "Build 'digitalocean.bakery' errored after 2 seconds: no"),
    ),
    (
        "1764000000,digitalocean.bakery,error,Script exited with non-zero exit status: 1",
        Event(target="digitalocean.bakery", type="error", data=("Script exited with non-zero exit status: 1",)),
        ("error", "Script exited with non-zero exit status: 1"),
    ),
    (
        "1764000000,digitalocean.bakery,artifact,0,id,fra1:6372321",
        Event(target="digitalocean.bakery", type="artifact", data=("0", "id", "fra1:6372321")),
        None,
    ),
    (
        "1764000000,,version,1.16.0",
        Event(target="", type="version", data=("1.16.0",)),
        None,
    ),
    (
        "1764000000,,ui,error,Error: \x1b[31mnot a region\x1b[0m",
        Event(target="", type="ui", data=("error", "Error: \x1b[31mnot a region\x1b[0m")),
        ("error", "Error: not a region"),
    ),
]


@pytest.mark.parametrize(("line", "event", "words"), LINES)
def test_a_line_becomes_an_event(line: str, event: Event, words: tuple[str, str] | None) -> None:
    parsed = parse_event(line)
    assert parsed == event
    assert ui_message(parsed) == words


@pytest.mark.parametrize(
    "line", ["", "panic: runtime error", "a,b,c,d", "1764000000,,ui", "goroutine 1 [running]:"]
)
def test_other_lines_are_no_events(line: str) -> None:
    assert parse_event(line) is None
