"""Unit tests cannot escape: a process, a connection or a sleep raises."""

import socket
import subprocess  # noqa: TID251 - to forbid it
import time
from typing import Any, NoReturn

import pytest

from tests.helpers.guards import EscapedError


def _forbid(what: str) -> Any:  # noqa: ANN401 - stands in for anything
    def refuse(*_args: object, **_kwargs: object) -> NoReturn:
        message = f"a unit test tried to {what}"
        raise EscapedError(message)

    return refuse


@pytest.fixture(autouse=True)
def _no_escape(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess.Popen, "__init__", _forbid("start a process"))
    monkeypatch.setattr(socket.socket, "connect", _forbid("open a connection"))
    if request.node.get_closest_marker("may_sleep") is None:
        monkeypatch.setattr(time, "sleep", _forbid("sleep"))


@pytest.fixture(autouse=True)
def _own_home(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Nothing of the user's takes part: neither a token nor a cache nor a state folder."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    for name in ("XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "DIGITALOCEAN_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name in ("DIGITALOCEAN_ACCESS_TOKEN", "DIGITALOCEAN_API_URL", "BAKERY_STATE_DIR", "BAKERY_TOOLCHAIN_DIR"):
        monkeypatch.delenv(name, raising=False)
