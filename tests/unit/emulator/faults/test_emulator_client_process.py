"""Finding a connection in the text of /proc/net/tcp."""

from bakery.emulator.faults.client_process import _hex, _inode

# proc(5); a listener, the client's end, and the server's end of one connection on 127.0.0.1.
TABLE = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1C0C 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 41234 1 0 100 0 0 10 0
   1: 0100007F:D431 0100007F:1C0C 01 00000000:00000000 00:00000000 00000000  1000        0 41301 1 0 20 4 30 10 -1
   2: 0100007F:1C0C 0100007F:D431 01 00000000:00000000 00:00000000 00000000     0        0 41302 1 0 20 4 30 10 -1
"""
CLIENT, SERVER = ("127.0.0.1", 54321), ("127.0.0.1", 7180)


def test_addresses_are_written_as_the_kernel_does() -> None:
    assert (_hex(CLIENT), _hex(SERVER)) == ("0100007F:D431", "0100007F:1C0C")


def test_the_clients_end_is_found_and_not_the_servers() -> None:
    assert _inode(TABLE, _hex(CLIENT), _hex(SERVER)) == "41301"


def test_another_connection_is_not() -> None:
    assert _inode(TABLE, _hex(("127.0.0.1", 54322)), _hex(SERVER)) is None
