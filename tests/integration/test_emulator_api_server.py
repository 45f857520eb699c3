"""Serving: ports, sockets, the end."""

import socket

import pytest
import requests

from bakery.emulator.daemon.app import build_app
from bakery.emulator.daemon.server import RunningServer
from bakery.emulator.daemon.sockets import listen
from bakery.emulator.machines.memory import InMemoryMachines
from bakery.errors import EmulatorError, ExitCode
from tests.helpers.emulated import SETTINGS

pytestmark = pytest.mark.integration


def test_a_busy_port_is_named_with_the_flag_that_changes_it() -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(EmulatorError) as refused:
            listen("127.0.0.1", port)

    assert refused.value.exit_code == ExitCode.USAGE
    assert f"port {port}" in refused.value.message
    assert "--port" in str(refused.value.hint)


def test_an_address_that_is_not_ours_is_refused() -> None:
    with pytest.raises(EmulatorError, match=r"cannot listen on 192\.0\.2\.1"):
        listen("192.0.2.1", 0)


def test_a_socket_that_listens_already_is_served_until_stop() -> None:
    sock = listen("127.0.0.1", 0)
    server = RunningServer(build_app(SETTINGS, InMemoryMachines()), sock)
    answer = requests.get(f"{server.url}/_emulator/address", timeout=10)
    server.stop()
    server.stop()

    assert answer.text == "198.18.0.2\n"
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{server.url}/_emulator/address", timeout=10)


def test_answers_do_not_wait_for_delayed_acks() -> None:
    """Connections inherit the option from the listening socket (tcp(7) on Linux)."""
    with listen("127.0.0.1", 0) as sock:
        before = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        RunningServer(build_app(SETTINGS, InMemoryMachines()), sock.dup()).stop()

        assert (before, sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0) == (0, True)
