"""Which processes of this machine are at the other end of a connection."""

import os
from ipaddress import IPv4Address
from pathlib import Path

Address = tuple[str, int]
PROC = Path("/proc")


def processes_at(client: Address, server: Address) -> frozenset[int]:
    """Ids of the processes that hold the client's end of the IPv4 connection, our own left out.

    Empty if it is another machine's, or another user's and we are not root.
    """
    inode = _inode((PROC / "net/tcp").read_text(encoding="ascii"), _hex(client), _hex(server))
    if inode is None:
        return frozenset()
    wanted = f"socket:[{inode}]"
    others = (folder for folder in PROC.iterdir() if folder.name.isdigit() and int(folder.name) != os.getpid())
    return frozenset(int(folder.name) for folder in others if wanted in _open_files(folder))


def _inode(table: str, local: str, remote: str) -> str | None:
    """From the text of /proc/net/tcp (proc(5)), whose columns 2 and 3 are the two ends, and 10 the inode."""
    rows = (line.split() for line in table.splitlines()[1:])
    return next((row[9] for row in rows if row[1:3] == [local, remote]), None)


def _hex(address: Address) -> str:
    """As proc(5) has it: the address as one number in the machine's byte order, the port as it is read."""
    host, port = address
    return f"{int.from_bytes(IPv4Address(host).packed, 'little'):08X}:{port:04X}"


def _open_files(process: Path) -> set[str]:
    """What the process's descriptors lead to; nothing once it has gone."""
    try:
        return {str(link.readlink()) for link in (process / "fd").iterdir()}
    except OSError:
        return set()
