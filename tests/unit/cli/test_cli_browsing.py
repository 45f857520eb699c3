"""Whether a browser is opened: where a user sits at a desktop."""

import os
import sys

import pytest

from bakery.cli.browsing import has_browser


@pytest.mark.parametrize(
    ("terminal", "user", "variables", "platform", "opens"),
    [
        (True, 1000, {"DISPLAY": ":0"}, "linux", True),
        (True, 1000, {"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        (True, 1000, {"BROWSER": "firefox"}, "linux", True),
        (True, 501, {}, "darwin", True),
        (True, 1000, {}, "linux", False),
        (True, 0, {"DISPLAY": ":0"}, "linux", False),
        (False, 1000, {"DISPLAY": ":0"}, "linux", False),
    ],
)
def test_where_a_browser_is_opened(
    monkeypatch: pytest.MonkeyPatch,
    terminal: bool,  # noqa: FBT001 - a parameter of the table
    user: int,
    variables: dict[str, str],
    platform: str,
    opens: bool,  # noqa: FBT001 - a parameter of the table
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    monkeypatch.setattr(os, "geteuid", lambda: user)
    monkeypatch.setattr(sys, "platform", platform)
    assert has_browser() is opens
