"""Unit tests cannot escape: a process, a connection or a sleep raises."""

import socket
import subprocess  # noqa: TID251 - to forbid it
import time
from typing import Any, NoReturn

import pytest

from tests.helpers.environment import clear_environment
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
    """Keep the user's token, cache, state folder and settings out."""
    clear_environment(monkeypatch)
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
