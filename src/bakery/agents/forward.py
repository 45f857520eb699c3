"""Forward connections from a port on loopback to an agent, for as long as a process runs. A program of its own.

``python -m bakery.agents.forward ADDRESS PORT PID`` takes the listening socket as its stdin, and ends when its
parent, the process PID, has ended. It passes bytes on as they are: TLS is between the caller and the agent.
"""

import os
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress

_CONNECT_SECONDS = 10.0
_LOOK_SECONDS = 0.5
_CHUNK = 65_536


def main(arguments: list[str]) -> None:
    """Forward until the parent has ended."""
    address, port, parent = arguments[0], int(arguments[1]), int(arguments[2])
    with socket.socket(fileno=os.dup(0)) as listener:
        serve(listener, address, port, lambda: os.getppid() == parent)


def serve(listener: socket.socket, address: str, port: int, wanted: Callable[[], bool]) -> None:
    """Forward what connects to ``listener`` while ``wanted`` returns True; it is asked twice a second."""
    listener.settimeout(_LOOK_SECONDS)
    while wanted():
        with suppress(TimeoutError):
            client, _ = listener.accept()
            client.settimeout(None)
            threading.Thread(target=_forward, args=(client, address, port), daemon=True).start()


def _forward(client: socket.socket, address: str, port: int) -> None:
    with client, suppress(OSError), socket.create_connection((address, port), timeout=_CONNECT_SECONDS) as agent:
        agent.settimeout(None)
        back = threading.Thread(target=_copy, args=(agent, client), daemon=True)
        back.start()
        _copy(client, agent)
        back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(_CHUNK):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


if __name__ == "__main__":
    main(sys.argv[1:])
