"""The emulator as a process of its own, with in-memory machines: no root, loopback only."""

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from bakery.emulator.daemon import lifecycle
from bakery.emulator.daemon.folder import Wish, home, is_alive
from bakery.errors import EmulatorError
from bakery.wait import Pending, wait_until

pytestmark = pytest.mark.integration


@pytest.fixture
def wish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wish]:
    """An emulator in a folder and on a port of the test's own."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    yield Wish(name="memory", port=port, machines="memory")
    lifecycle.down("memory")


def test_up_answers_and_down_takes_it_away(wish: Wish) -> None:
    running = lifecycle.up(wish)
    assert running.endpoint == f"http://127.0.0.1:{wish.port}"
    assert lifecycle.up(wish) == running
    assert lifecycle.find_running("memory") == running
    assert lifecycle.ask(running, "/v2/account")["account"]["status"] == "active"
    assert lifecycle.status(running)["droplets"] == 0

    assert lifecycle.down("memory")
    assert not is_alive(running)
    assert lifecycle.find_running("memory") is None
    with pytest.raises(EmulatorError, match="does not answer"):
        lifecycle.ask(running, "/v2/account")
    assert not lifecycle.down("memory")


def test_another_token_is_refused(wish: Wish) -> None:
    running = lifecycle.up(wish)
    stranger = lifecycle.RunningEmulator(**{**vars(running), "token": "dop_v1_" + "0" * 64})
    with pytest.raises(EmulatorError, match="the emulator answered 401"):
        lifecycle.ask(stranger, "/v2/account")


def test_sigterm_is_a_down(wish: Wish) -> None:
    running = lifecycle.up(wish)
    os.kill(running.pid, signal.SIGTERM)
    wait_until(lambda: Pending("alive") if is_alive(running) else True, what="its end", seconds=60, every=0.05)
    assert home("memory").read() is None


def test_up_after_a_crash(wish: Wish) -> None:
    first = lifecycle.up(wish)
    os.kill(first.pid, signal.SIGKILL)
    wait_until(lambda: Pending("alive") if is_alive(first) else True, what="its end", seconds=60, every=0.05)
    second = lifecycle.up(wish)
    assert second.pid != first.pid
    assert second.token != first.token


def test_its_folder_goes_with_it(wish: Wish) -> None:
    lifecycle.up(wish)
    assert home("memory").folder.is_dir(), "control"
    lifecycle.down("memory")
    assert not home("memory").folder.exists()


def test_told_to_stop_it_takes_its_folder_away_itself(wish: Wish) -> None:
    running = lifecycle.up(wish)
    os.kill(running.pid, signal.SIGTERM)
    folder = home("memory").folder
    wait_until(
        lambda: Pending("there") if folder.exists() else True, what=f"{folder} to go", seconds=60, every=0.05
    )


def test_what_somebody_else_has_put_there_stays(wish: Wish) -> None:
    lifecycle.up(wish)
    foreign = home("memory").folder / "notes.txt"
    foreign.write_text("mine")
    lifecycle.down("memory")
    assert foreign.read_text() == "mine"


def test_down_makes_nothing(wish: Wish) -> None:
    assert not lifecycle.down(wish.name)
    assert not home(wish.name).folder.exists()


def test_a_taken_port_is_refused_before_anything_is_made(wish: Wish) -> None:
    with socket.create_server(("127.0.0.1", wish.port)), pytest.raises(EmulatorError) as caught:
        lifecycle.up(wish)
    assert caught.value.brief == f"port {wish.port} on 127.0.0.1 is already in use"
    assert home("memory").read() is None


def test_its_process_has_the_same_cache_and_deadlines(
    wish: Wish, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or the base image that ``up`` has built would be built again elsewhere by the process that needs it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("BAKERY_DEADLINE_FACTOR", "2")
    monkeypatch.setenv("DIGITALOCEAN_TOKEN", "CANARY")
    running = lifecycle.up(wish)
    environment = Path(f"/proc/{running.pid}/environ").read_bytes().split(b"\0")
    assert f"XDG_CACHE_HOME={tmp_path / 'cache'}".encode() in environment
    assert b"BAKERY_DEADLINE_FACTOR=2" in environment
    assert not any(b"CANARY" in variable for variable in environment)


def test_no_child_knows_the_token(wish: Wish) -> None:
    """Neither its words nor its environment hold it: they are readable by others or end in logs."""
    running = lifecycle.up(wish)
    for name in ("cmdline", "environ"):
        assert running.token.encode() not in Path(f"/proc/{running.pid}/{name}").read_bytes()
    assert running.token not in home("memory").log.read_text()
