"""Finds the processes of this machine at the other end of a connection."""

import os
from contextlib import suppress
from ipaddress import IPv4Address
from pathlib import Path

Address = tuple[str, int]
PROC = Path("/proc")


def processes_at(client: Address, server: Address) -> frozenset[int]:
    """Return the ids of the processes that hold the client's end of the IPv4 connection, without this process.

    Empty if the client is on another machine, or belongs to another user and we are not root.
    """
    inode = _inode((PROC / "net/tcp").read_text(encoding="ascii"), _hex(client), _hex(server))
    if inode is None:
        return frozenset()
    wanted = f"socket:[{inode}]"
    others = (folder for folder in PROC.iterdir() if folder.name.isdigit() and int(folder.name) != os.getpid())
    return frozenset(int(folder.name) for folder in others if wanted in _open_files(folder))


def _inode(table: str, local: str, remote: str) -> str | None:
    """Return the inode of a connection from the text of /proc/net/tcp (proc(5)): columns 2, 3 and 10."""
    rows = (line.split() for line in table.splitlines()[1:])
    return next((row[9] for row in rows if row[1:3] == [local, remote]), None)


def _hex(address: Address) -> str:
    """Write an address as proc(5) does: one number in the machine's byte order, and the port."""
    host, port = address
    return f"{int.from_bytes(IPv4Address(host).packed, 'little'):08X}:{port:04X}"


def _open_files(process: Path) -> set[str]:
    """Return the targets of the process's file descriptors; empty if it has ended.

    One that is closed meanwhile is left out.
    """
    found = set()
    with suppress(OSError):
        for link in (process / "fd").iterdir():
            with suppress(OSError):
                found.add(str(link.readlink()))
    return found
