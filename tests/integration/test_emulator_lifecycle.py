"""The emulator as a process of its own, with in-memory machines: no root, loopback only."""

import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bakery.emulator.daemon import lifecycle
from bakery.emulator.daemon.folder import EmulatorOptions, emulator_dir, is_alive
from bakery.emulator.host.process import start_time_from_ps
from bakery.errors import EmulatorError
from bakery.proc import run, start
from bakery.wait import Pending, wait_until

pytestmark = pytest.mark.integration


@pytest.fixture
def options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EmulatorOptions]:
    """An emulator in a folder and on a port of the test's own."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    yield EmulatorOptions(name="memory", port=port, machines="memory")
    lifecycle.down("memory")


def test_commands_that_ask_an_emulator_load_no_web_server() -> None:
    """It takes longer than the answer; only the emulator's own process needs it."""
    show = "import sys; print(sorted({'uvicorn', 'starlette', 'pydantic'} & set(sys.modules)))"
    asking = run([sys.executable, "-c", f"import bakery.emulator.daemon.lifecycle; {show}"])
    assert asking.stdout == "[]\n"
    serving = run([sys.executable, "-c", f"import bakery.emulator.daemon.serve; {show}"])
    assert serving.stdout == "['pydantic', 'starlette', 'uvicorn']\n"  # control


def test_up_answers_and_down_takes_it_away(options: EmulatorOptions) -> None:
    running = lifecycle.up(options)
    assert running.endpoint == f"http://127.0.0.1:{options.port}"
    assert lifecycle.up(options) == running
    assert lifecycle.find_running("memory") == running
    assert lifecycle.ask(running, "/v2/account")["account"]["status"] == "active"
    assert lifecycle.status(running)["droplets"] == 0

    assert lifecycle.down("memory")
    assert not is_alive(running)
    assert lifecycle.find_running("memory") is None
    with pytest.raises(EmulatorError, match="does not answer"):
        lifecycle.ask(running, "/v2/account")
    assert not lifecycle.down("memory")


@pytest.mark.parametrize("killed", [False, True])
def test_an_emulator_that_has_ended_leaves_no_zombie(options: EmulatorOptions, killed: bool) -> None:  # noqa: FBT001
    """proc(5): a child keeps its entry until its parent has taken its exit status."""
    running = lifecycle.up(options)
    entry = Path(f"/proc/{running.pid}")
    assert entry.exists()  # control
    if killed:
        os.kill(running.pid, signal.SIGKILL)
        wait_until(lambda: Pending("alive") if is_alive(running) else True, what="its end", seconds=10, every=0.02)
    lifecycle.down("memory")
    assert not entry.exists()


def test_another_token_is_refused(options: EmulatorOptions) -> None:
    running = lifecycle.up(options)
    stranger = lifecycle.EmulatorRecord(**{**vars(running), "token": "dop_v1_" + "0" * 64})
    with pytest.raises(EmulatorError, match="the emulator answered 401"):
        lifecycle.ask(stranger, "/v2/account")


def test_sigterm_is_a_down(options: EmulatorOptions) -> None:
    running = lifecycle.up(options)
    os.kill(running.pid, signal.SIGTERM)
    wait_until(lambda: Pending("alive") if is_alive(running) else True, what="its end", seconds=60, every=0.05)
    assert emulator_dir("memory").read() is None


def test_up_after_a_crash(options: EmulatorOptions) -> None:
    first = lifecycle.up(options)
    os.kill(first.pid, signal.SIGKILL)
    wait_until(lambda: Pending("alive") if is_alive(first) else True, what="its end", seconds=60, every=0.05)
    second = lifecycle.up(options)
    assert second.pid != first.pid
    assert second.token != first.token


def test_a_refused_up_leaves_a_crashed_emulator_unchanged(options: EmulatorOptions) -> None:
    """Its droplets can be resumed; a port that is taken is no reason to remove them."""
    first = lifecycle.up(options)
    os.kill(first.pid, signal.SIGKILL)
    wait_until(lambda: Pending("alive") if is_alive(first) else True, what="its end", seconds=60, every=0.05)
    place = emulator_dir("memory")
    before = {file.name: file.read_bytes() for file in place.folder.iterdir() if file.is_file()}
    with (
        socket.create_server(("127.0.0.1", options.port)),
        pytest.raises(EmulatorError, match="is already in use"),
    ):
        lifecycle.up(options)
    assert place.read() == first
    assert {file.name: file.read_bytes() for file in place.folder.iterdir() if file.is_file()} == before
    assert lifecycle.up(options).id != first.id, "control: a free port"


def test_its_folder_goes_with_it(options: EmulatorOptions) -> None:
    lifecycle.up(options)
    assert emulator_dir("memory").folder.is_dir(), "control"
    lifecycle.down("memory")
    assert not emulator_dir("memory").folder.exists()


def test_told_to_stop_it_takes_its_folder_away_itself(options: EmulatorOptions) -> None:
    running = lifecycle.up(options)
    os.kill(running.pid, signal.SIGTERM)
    folder = emulator_dir("memory").folder
    wait_until(
        lambda: Pending("there") if folder.exists() else True, what=f"{folder} to go", seconds=60, every=0.05
    )


def test_what_somebody_else_has_put_there_stays(options: EmulatorOptions) -> None:
    lifecycle.up(options)
    foreign = emulator_dir("memory").folder / "notes.txt"
    foreign.write_text("mine")
    lifecycle.down("memory")
    assert foreign.read_text() == "mine"


def test_down_makes_nothing(options: EmulatorOptions) -> None:
    assert not lifecycle.down(options.name)
    assert not emulator_dir(options.name).folder.exists()


def test_a_taken_port_is_refused_before_anything_is_made(options: EmulatorOptions) -> None:
    with socket.create_server(("127.0.0.1", options.port)), pytest.raises(EmulatorError) as caught:
        lifecycle.up(options)
    assert caught.value.message == f"port {options.port} on 127.0.0.1 is already in use"
    assert emulator_dir("memory").read() is None


def test_its_process_has_the_same_cache_and_deadlines(
    options: EmulatorOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or the base image that ``up`` has built would be built again elsewhere by the process that needs it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("BAKERY_DEADLINE_FACTOR", "2")
    monkeypatch.setenv("DIGITALOCEAN_TOKEN", "CANARY")
    running = lifecycle.up(options)
    environment = Path(f"/proc/{running.pid}/environ").read_bytes().split(b"\0")
    assert f"XDG_CACHE_HOME={tmp_path / 'cache'}".encode() in environment
    assert b"BAKERY_DEADLINE_FACTOR=2" in environment
    assert not any(b"CANARY" in variable for variable in environment)


def test_no_child_knows_the_token(options: EmulatorOptions) -> None:
    """Neither its words nor its environment hold it: they are readable by others or end in logs."""
    running = lifecycle.up(options)
    for name in ("cmdline", "environ"):
        assert running.token.encode() not in Path(f"/proc/{running.pid}/{name}").read_bytes()
    assert running.token not in emulator_dir("memory").log.read_text()


def test_a_latency_reaches_the_process_and_its_droplets(options: EmulatorOptions) -> None:
    running = lifecycle.up(replace(options, latency="create=2,spread=0"))
    assert lifecycle.status(running)["latency"] == "create=2,spread=0"
    body = {"name": "web", "region": "fra1", "size": "s-1vcpu-1gb", "image": "debian-12-x64"}
    droplet = lifecycle.ask(running, "/v2/droplets", body=body)["droplet"]["id"]
    started = time.monotonic()

    def active() -> bool | Pending:
        status = lifecycle.ask(running, f"/v2/droplets/{droplet}")["droplet"]["status"]
        return status == "active" or Pending(status)

    wait_until(active, what="the droplet to be active", seconds=20, every=0.1)
    assert time.monotonic() - started > 1


def test_where_there_is_no_proc_ps_says_whether_a_process_runs() -> None:
    """As on macOS. Control: a process that has ended, and one that was not waited for yet."""
    started = start_time_from_ps(os.getpid())
    assert started is not None
    assert 0 <= time.time() - started < 24 * 3600
    assert start_time_from_ps(os.getpid()) == started
    child = start(["true"], output=Path(os.devnull))
    wait_until(lambda: start_time_from_ps(child.pid) is None or Pending("it runs"), what="its end", seconds=10)
    child.wait()
    assert start_time_from_ps(child.pid) is None
