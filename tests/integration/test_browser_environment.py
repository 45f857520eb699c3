"""The browser that ``bakery ui`` and ``bakery dashboard`` open stays after them: it gets no token of bakery's."""

from pathlib import Path

import pytest

from bakery.proc import open_in_browser

pytestmark = pytest.mark.integration


@pytest.fixture
def browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program in place of the user's browser; it writes its environment and argument into the returned file."""
    seen, program = tmp_path / "seen", tmp_path / "browser"
    program.write_text(f'#!/bin/sh\n{{ env; echo "opened=$1"; }} >{seen}\n')
    program.chmod(0o700)
    monkeypatch.setenv("BROWSER", str(program))
    return seen


def test_the_browser_gets_no_secret_of_the_shell(browser: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "DIGITALOCEAN_TOKEN",
        "BAKERY_AGE_PASSPHRASE",
        "NOMAD_TOKEN",
        "CONSUL_HTTP_TOKEN",
        "REGISTRY_TOKEN",
    ):
        monkeypatch.setenv(name, "CANARY")
    monkeypatch.setenv("LANG", "de_DE.UTF-8")
    monkeypatch.setenv("XDG_CURRENT_DESKTOP", "GNOME")
    open_in_browser("http://127.0.0.1:1/page")
    seen = browser.read_text()
    assert "CANARY" not in seen
    lines = seen.splitlines()
    # Control: it is the browser's environment, and it has what a desktop needs.
    assert {"opened=http://127.0.0.1:1/page", "LANG=de_DE.UTF-8", "XDG_CURRENT_DESKTOP=GNOME"} <= set(lines)
