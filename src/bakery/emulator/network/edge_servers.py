"""The load balancers and the name server: one event loop in a thread that has entered the router's namespace."""

import asyncio
import threading
from concurrent.futures import Future

from bakery.emulator.host import netns
from bakery.emulator.network.balancer import BalancerServer
from bakery.emulator.network.model import EdgePolicy
from bakery.emulator.network.name_server import NameServer

APPLY_S = 30.0


class EdgeServers:
    """Serves an :class:`EdgePolicy`. The thread starts with the first policy that is not empty."""

    def __init__(self, namespace: str | None, names: NameServer) -> None:
        """``namespace`` None means this process's own. ``names`` does not listen yet."""
        self._namespace = namespace
        self._names = names
        self._balancers: dict[str, BalancerServer] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def apply(self, policy: EdgePolicy) -> dict[str, str]:
        """Serve ``policy`` from now on. Return why load balancers cannot be served, by their id.

        Raises OSError if the name server cannot listen.
        """
        if self._loop is None:
            if policy.is_empty:
                return {}
            self._start()
        assert self._loop is not None  # noqa: S101 - set by _start
        return asyncio.run_coroutine_threadsafe(self._apply(policy), self._loop).result(APPLY_S)

    def close(self) -> None:
        """Close all ports and connections, and end the thread. Idempotent."""
        loop, thread = self._loop, self._thread
        if loop is None or thread is None:
            return
        asyncio.run_coroutine_threadsafe(self._end(), loop).result(APPLY_S)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        self._loop = self._thread = None

    def _start(self) -> None:
        started: Future[asyncio.AbstractEventLoop] = Future()
        self._thread = threading.Thread(target=self._run, args=(started,), name="edge", daemon=True)
        self._thread.start()
        self._loop = started.result(APPLY_S)

    def _run(self, started: "Future[asyncio.AbstractEventLoop]") -> None:
        try:
            if self._namespace is not None:
                netns.enter(self._namespace)
            loop = asyncio.new_event_loop()
        except OSError as error:
            started.set_exception(error)
            return
        started.set_result(loop)
        try:
            loop.run_forever()
        finally:
            loop.run_until_complete(loop.shutdown_asyncgens())  # and closed transports close their sockets
            loop.close()

    async def _end(self) -> None:
        await self._apply(EdgePolicy())
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _apply(self, policy: EdgePolicy) -> dict[str, str]:
        wanted = {balancer.id: balancer for balancer in policy.balancers}
        for balancer_id in self._balancers.keys() - wanted.keys():
            await self._balancers.pop(balancer_id).close()
        failures = {}
        for balancer_id, balancer in wanted.items():
            server = self._balancers.setdefault(balancer_id, BalancerServer(balancer))
            try:
                await server.update(balancer)
            except (OSError, ValueError) as error:
                failures[balancer_id] = str(error)
        self._names.zones = policy.zones
        if policy.zones:
            await self._names.start()
        else:
            self._names.close()
        return failures
