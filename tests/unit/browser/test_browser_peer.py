"""Whose socket is at the other end, by hand from proc(5) and lines of a machine's own /proc/net/tcp."""

import os
import socket
import sys
from pathlib import Path

import pytest

from bakery.browser import peer
from bakery.browser.peer import find_user, is_allowed

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode"
SERVER_END = "   0: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000  1000        0 11 1 0"
CLIENT_END = "   1: 0100007F:C350 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1001        0 12 1 0"
CLOSED_END = "   1: 0100007F:C350 0100007F:1F90 05 00000000:00000000 00:00000000 00000000     0        0 0 1 0"
MAPPED = "0000000000000000FFFF0000"
CLIENT_OF_6 = CLIENT_END.replace("0100007F", f"{MAPPED}0100007F").replace("1001", "1002")
CLIENT, SERVER = ("127.0.0.1", 50000), ("127.0.0.1", 8080)


def table(*lines: str) -> str:
    return "\n".join([HEAD, *lines]) + "\n"


@pytest.mark.parametrize(
    ("tables", "user"),
    [
        ([table(SERVER_END, CLIENT_END), table()], 1001),
        ([table(SERVER_END), table(CLIENT_OF_6)], 1002),
        ([table(SERVER_END), table()], -1),
        ([table(SERVER_END, CLOSED_END), table()], -1),
        ([table(), None], -1),
        ([None, None], -1),
    ],
)
def test_the_user_is_that_of_the_clients_socket(tables: list[str | None], user: int) -> None:
    assert find_user(CLIENT, SERVER, tables) == user


class Connection(socket.socket):
    """The server's end of a connection, which is not open."""

    def getpeername(self) -> tuple[str, int]:
        return CLIENT

    def getsockname(self) -> tuple[str, int]:
        return SERVER


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has the tables")
def test_where_the_tables_cannot_be_read_nobody_is_allowed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A service with ProcSubset=pid has none. Control: with a table this user is."""
    monkeypatch.setattr(peer, "TABLES", (tmp_path / "tcp", tmp_path / "tcp6"))
    monkeypatch.setattr(peer, "_KERNEL", tmp_path / "osrelease")
    with Connection() as connection:
        assert not is_allowed(connection)
        (tmp_path / "tcp").write_text(table(CLIENT_END.replace(" 1001 ", f" {os.geteuid()} ")), encoding="ascii")
        assert is_allowed(connection)
        (tmp_path / "tcp").unlink()
        (tmp_path / "osrelease").write_text("5.15.0-microsoft-standard-WSL2", encoding="ascii")
        assert is_allowed(connection), "in WSL the browser may be in Windows"
