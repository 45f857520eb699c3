"""Serves the emulator's applications: uvicorn in a thread, on a listening socket."""

import socket
import threading
from typing import Any

import uvicorn
from starlette.applications import Starlette

from bakery.wait import Pending, wait_until

_START_S = 20.0
_STOP_S = 5


class RunningServer:
    """An application that is served on one socket until :meth:`stop`."""

    def __init__(self, app: Starlette, sock: socket.socket) -> None:
        """Serve on ``sock``, a listening socket of any network namespace; :meth:`stop` closes it.

        Raises:
            DeadlineError: the server did not start.
        """
        host, port = sock.getsockname()[:2]
        self.url = f"http://{host}:{port}"
        # without it every answer on a kept connection waits 40 ms for the client's delayed ACK
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sock = sock
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                loop="asyncio",
                http="httptools",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=75,  # seconds; a client may pause that long between two requests
                timeout_graceful_shutdown=_STOP_S,
            )
        )
        self._thread = threading.Thread(target=self._run, name=f"serve {self.url}", daemon=True)
        self._thread.start()
        wait_until(self._started, what=f"the server at {self.url} to start", seconds=_START_S, every=0.01)

    def stop(self) -> None:
        """Finish the running requests, then close all connections and the socket. Idempotent."""
        self._server.should_exit = True
        self._thread.join(timeout=2 * _STOP_S)
        self._sock.close()

    def _run(self) -> None:
        self._server.run(sockets=[self._sock])

    def _started(self) -> Any:  # noqa: ANN401 - the value does not matter, only that it is not Pending
        return True if self._server.started else Pending("it has not started")
