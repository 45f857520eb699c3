"""Finding the process at the other end of a connection, in a /proc written by hand."""

import os
from pathlib import Path

import pytest

from bakery.emulator.faults import client_process
from bakery.emulator.faults.client_process import processes_at

# proc(5): addresses as one number in the byte order of the machine, here x86, and ports as they are read.
# A listener, the client's end, and the server's end of one connection on 127.0.0.1.
TABLE = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1C0C 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 41234 1 0 100 0 0 10 0
   1: 0100007F:D431 0100007F:1C0C 01 00000000:00000000 00:00000000 00000000  1000        0 41301 1 0 20 4 30 10 -1
   2: 0100007F:1C0C 0100007F:D431 01 00000000:00000000 00:00000000 00000000     0        0 41302 1 0 20 4 30 10 -1
"""
CLIENT, SERVER = ("127.0.0.1", 54321), ("127.0.0.1", 7180)


CLIENTS_PROCESS, SERVERS_PROCESS = "4711", "4712"


@pytest.fixture(autouse=True)
def _proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "net").mkdir()
    (tmp_path / "net/tcp").write_text(TABLE)
    ends = {CLIENTS_PROCESS: "41301", SERVERS_PROCESS: "41302", str(os.getpid()): "41301"}
    for process, inode in ends.items():
        (tmp_path / process / "fd").mkdir(parents=True)
        (tmp_path / process / "fd/0").symlink_to("/dev/null")
        (tmp_path / process / "fd/7").symlink_to(f"socket:[{inode}]")
    monkeypatch.setattr(client_process, "PROC", tmp_path)


def test_the_clients_process_is_found_and_neither_the_servers_nor_our_own() -> None:
    assert processes_at(CLIENT, SERVER) == {4711}
    assert processes_at(SERVER, CLIENT) == {4712}  # control: each end has its process


def test_a_file_that_is_closed_meanwhile_hides_no_other(tmp_path: Path) -> None:
    """Its link cannot be read any more; here it is none."""
    (tmp_path / CLIENTS_PROCESS / "fd" / "3").write_text("closed")
    assert processes_at(CLIENT, SERVER) == {4711}


def test_another_connection_has_none() -> None:
    assert processes_at(("127.0.0.1", 54322), SERVER) == frozenset()
