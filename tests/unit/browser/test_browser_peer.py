"""Whose socket is at the other end, by hand from proc(5) and lines of a machine's own /proc/net/tcp."""

import pytest

from bakery.browser.peer import find_user

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
        ([None, None], None),
    ],
)
def test_the_user_is_that_of_the_clients_socket(tables: list[str | None], user: int | None) -> None:
    assert find_user(CLIENT, SERVER, tables) == user
