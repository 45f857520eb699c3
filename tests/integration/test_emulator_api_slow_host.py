"""A slow disk and slow network commands delay the requests that need them, and no other request."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from bakery.emulator.account import store
from bakery.emulator.machines.interface import Impairment
from bakery.files import write_secret
from bakery.wait import Pending, wait_until
from tests.helpers.emulated import TOKEN, Api, emulated
from tests.helpers.scripted_machines import ScriptedMachines

pytestmark = pytest.mark.integration

WAIT_S = 20.0
"""Longer than any of these requests takes; a request that waits for the gate runs into it."""


class Gate:
    """Holds a call until it is opened."""

    def __init__(self) -> None:
        self.calls = 0
        self.reached = threading.Event()
        self._opened = threading.Event()

    def open(self) -> None:
        self._opened.set()

    def pass_through(self) -> None:
        self.calls += 1
        self.reached.set()
        assert self._opened.wait(3 * WAIT_S)


class SlowDisk(Gate):
    """What replaces ``write_secret``."""

    def __call__(self, path: Path, content: bytes) -> None:
        self.pass_through()
        write_secret(path, content)


class SlowLinks(ScriptedMachines):
    """Machines whose impairments wait at a gate."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = Gate()

    def impair(self, droplet_id: int, impairment: Impairment) -> None:
        self.gate.pass_through()


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowDisk]:
    slow = SlowDisk()
    monkeypatch.setattr(store, "write_secret", slow)
    yield slow
    slow.open()


@contextmanager
def posting(
    api: Api, gate: Gate, requests_: list[tuple[str, object]]
) -> Iterator[list[Future[requests.Response]]]:
    """POST them side by side; the gate is open at the latest when the block ends."""
    with ThreadPoolExecutor(max_workers=len(requests_)) as pool:
        try:
            yield [pool.submit(request, api, "POST", path, body) for path, body in requests_]
        finally:
            gate.open()


def request(api: Api, method: str, path: str, body: object = None) -> requests.Response:
    """On a connection of its own."""
    with requests.Session() as session:
        session.trust_env = False
        headers = {"Authorization": f"Bearer {TOKEN}"}
        return session.request(method, api.url + path, json=body, headers=headers, timeout=WAIT_S)


def test_a_slow_disk_delays_only_the_request_that_changes_the_account(disk: SlowDisk, tmp_path: Path) -> None:
    """And that one is not answered before the account is on disk."""
    file = tmp_path / "account.json"
    with emulated(account_file=file) as api, posting(api, disk, [("/v2/tags", {"name": "blue"})]) as (post,):
        assert disk.reached.wait(WAIT_S)
        assert request(api, "GET", "/v2/account").status_code == 200
        assert request(api, "GET", "/v2/droplets").status_code == 200
        assert not post.done()
        assert not file.exists()
        disk.open()
        assert post.result(WAIT_S).status_code == 201
        assert "blue" in file.read_text()


def test_requests_that_arrive_during_a_write_share_the_next_one(disk: SlowDisk, tmp_path: Path) -> None:
    names = ["red", "green", "blue", "white", "black"]
    file = tmp_path / "account.json"
    with emulated(account_file=file) as api, posting(api, disk, [("/v2/tags", {"name": "first"})]) as (first,):
        assert disk.reached.wait(WAIT_S)
        with posting(api, disk, [("/v2/tags", {"name": name}) for name in names]) as others:
            wait_until(lambda: all_there(api, 1 + len(names)), what="the tags", seconds=WAIT_S, every=0.01)
            assert not any(post.done() for post in [first, *others])
            disk.open()
            assert [post.result(WAIT_S).status_code for post in [first, *others]] == [201] * (1 + len(names))
        assert disk.calls == 2
        assert all(name in file.read_text() for name in names)


def all_there(api: Api, count: int) -> bool | Pending:
    found = request(api, "GET", "/v2/tags").json()["meta"]["total"]
    return True if found == count else Pending(f"{found} tags")


def test_a_change_that_is_not_on_disk_is_answered_with_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """500, and the next write that works has it."""
    failures = [OSError("no space left on device")]

    def write(path: Path, content: bytes) -> None:
        if failures:
            raise failures.pop()
        write_secret(path, content)

    monkeypatch.setattr(store, "write_secret", write)
    file = tmp_path / "account.json"
    with emulated(account_file=file, has_bugs=True) as api:
        answer = api.post("/v2/tags", {"name": "lost"})
        assert (answer.status_code, answer.json()["id"]) == (500, "server_error")
        assert not file.exists()
        assert api.post("/v2/tags", {"name": "kept"}).status_code == 201
        assert "kept" in file.read_text()
        assert "lost" in file.read_text()


def test_slow_network_commands_delay_only_the_impairment_that_needs_them(tmp_path: Path) -> None:
    machines = SlowLinks()
    with emulated(machines=machines, account_file=tmp_path / "account.json") as api:
        path = f"/_emulator/droplets/{api.active()['id']}/impairment"
        with posting(api, machines.gate, [(path, {"loss": 0.5})]) as (post,):
            assert machines.gate.reached.wait(WAIT_S)
            assert request(api, "GET", "/v2/droplets").status_code == 200
            assert request(api, "POST", "/v2/tags", {"name": "blue"}).status_code == 201
            assert not post.done()
            machines.gate.open()
            assert post.result(WAIT_S).status_code == 201
