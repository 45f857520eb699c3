"""Listening sockets, apart from the server so that checks of a port load no web server."""

import errno
import socket

from bakery.errors import EmulatorError
from bakery.hints import Command, Hint

_BACKLOG = 1024


def listen(host: str, port: int) -> socket.socket:
    """Return a listening TCP socket; ``port`` 0 means any free port.

    Raises:
        EmulatorError: the port is taken, or the address is not one of this machine.
    """
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
        sock.listen(_BACKLOG)
    except OSError as error:
        sock.close()
        raise _cannot_listen(host, port, error) from None
    return sock


def _cannot_listen(host: str, port: int, error: OSError) -> EmulatorError:
    if error.errno == errno.EADDRINUSE:
        message = f"port {port} on {host} is already in use"
        return EmulatorError(
            message=message, hint=Hint("choose another: ", Command("emulator up", "--port", "PORT"))
        )
    message = f"cannot listen on {host}, port {port}"
    return EmulatorError(message=message, details=error.strerror)
