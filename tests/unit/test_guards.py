"""The guards of the unit tests do bite."""

import socket
import subprocess  # noqa: TID251 - to see it forbidden
import time
from collections.abc import Callable

import pytest

from tests.helpers.guards import EscapedError


def _connect() -> None:
    with socket.socket() as client:
        client.connect(("127.0.0.1", 9))


@pytest.mark.parametrize(
    "escape",
    [
        lambda: subprocess.run(["true"], check=False),
        lambda: time.sleep(0),
        _connect,
    ],
    ids=["process", "sleep", "connection"],
)
def test_an_escape_raises(escape: Callable[[], object]) -> None:
    with pytest.raises(EscapedError):
        escape()
