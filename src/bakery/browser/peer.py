"""Which user of this machine is at the other end of a connection on loopback. Linux only.

Every user of a machine can connect to its loopback address, and bakery's pages act with the token of one of them.
"""

import os
import socket
import sys
from pathlib import Path

TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
"""proc(5). A client that asks IPv6 for 127.0.0.1 is in the second."""
_MAPPED = "0000000000000000FFFF0000"
_ROOT = 0
_UNKNOWN = -1
_KERNEL = Path("/proc/sys/kernel/osrelease")


def is_allowed(connection: socket.socket) -> bool:
    """Return whether the other end is a process of this user, of root, or of the user who ran sudo.

    Outside Linux, which alone has tables of connections, every user is. If the tables cannot be read, as in a
    service with ``ProcSubset=pid`` (systemd.exec(5)), no user is.
    """
    if sys.platform != "linux":
        return True
    user = find_user(connection.getpeername(), connection.getsockname(), [_read(table) for table in TABLES])
    if user == _UNKNOWN:
        # The browser is in Windows, which may share its loopback (WSL docs, "Mirrored mode networking").
        return is_wsl()
    return user in _allowed()


def is_wsl() -> bool:
    """Whether this Linux is one of Windows."""
    return "microsoft" in (_read(_KERNEL) or "").lower()


def find_user(client: tuple[str, int], server: tuple[str, int], tables: list[str | None]) -> int:
    """Return the uid of the socket of ``client``; -1 if it is in no table. None is a table that cannot be read.

    A socket that its process has closed has no inode, and the uid 0 in place of its user's (net/ipv4/tcp_ipv4.c,
    get_tcp4_sock): it is in no table.
    """
    wanted = _written(client), _written(server)
    for table in tables:
        for line in (table or "").splitlines()[1:]:
            words = line.split()
            if (words[1].removeprefix(_MAPPED), words[2].removeprefix(_MAPPED)) == wanted and words[9] != "0":
                return int(words[7])
    return _UNKNOWN


def _allowed() -> set[int]:
    sudo = os.environ.get("SUDO_UID", "")
    return {_ROOT, os.geteuid(), *((int(sudo),) if sudo.isdecimal() and os.geteuid() == _ROOT else ())}


def _written(end: tuple[str, int]) -> str:
    """Return an IPv4 address and port as the table has them: ``0100007F:1F90``, in this machine's byte order."""
    number = int.from_bytes(socket.inet_aton(end[0]), sys.byteorder)
    return f"{number:08X}:{end[1]:04X}"


def _read(file: Path) -> str | None:
    try:
        return file.read_text(encoding="ascii")
    except OSError:
        return None
