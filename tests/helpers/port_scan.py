"""The TCP ports of an address that are open from this machine."""

import socket
from concurrent.futures import ThreadPoolExecutor

SECONDS = 2.0
PORTS = (
    *range(1, 1024), 4646, 4647, 4648, 8080, 8082, 8300, 8301, 8302, 8500, 8501, 8502, 8503, 8600, 20000,
)  # fmt: skip
"""Every port below 1024, those of the agents and of Traefik's health, and a dynamic one."""


def open_ports(address: str) -> list[int]:
    """Return the open ports among :data:`PORTS`, ascending."""

    def is_open(port: int) -> bool:
        try:
            socket.create_connection((address, port), SECONDS).close()
        except OSError:
            return False
        return True

    with ThreadPoolExecutor(max_workers=256) as pool:
        return [port for port, found in zip(PORTS, pool.map(is_open, PORTS), strict=True) if found]
