"""Ports of this machine."""

import socket


def free_port() -> int:
    """A port on 127.0.0.1 that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port
