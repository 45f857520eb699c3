"""The lock in Consul that a change of a running cluster holds: the lock file is on one machine only.

https://developer.hashicorp.com/consul/docs/dynamic-app-config/sessions
"""

import socket
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress

from bakery.agents.interface import ConsulApi
from bakery.errors import AgentError, LockedError
from bakery.launch.base.session import Session

KEY = "bakery/lock"
TTL_SECONDS = 30
"""Consul ends a session that is not renewed after this time, at the latest after twice the time."""
RENEW_SECONDS = 10.0


@contextmanager
def consul_lock(session: Session, consul: ConsulApi, *, leaving: Collection[str]) -> Iterator[None]:
    """Hold the lock while the block runs. ``leaving`` are names of nodes that the block removes.

    A lock that a dead bakery of this machine and state folder left is taken over: the caller holds the lock file.

    Raises:
        LockedError: another bakery holds the lock; the details name it.
        AgentError: Consul refused.
    """
    holder = f"bakery on {socket.gethostname()}, {session.paths.folder}"
    _take_over(consul, holder)
    names = [node.name for node in consul.catalog_nodes()]
    node = next((name for name in names if name not in leaving), names[0])
    consul_session = consul.create_session("bakery", node=node, ttl_seconds=TTL_SECONDS)
    ended = threading.Event()
    renewing = threading.Thread(target=_renew, args=(consul, consul_session, ended), daemon=True)
    try:
        if not consul.acquire_lock(KEY, consul_session, holder):
            raise _locked(session.cluster, consul)
        renewing.start()
        yield
    finally:
        ended.set()
        # The lock ends by itself if Consul does not answer now.
        with suppress(AgentError):
            consul.release_lock(KEY, consul_session)
            consul.destroy_session(consul_session)


def _take_over(consul: ConsulApi, holder: str) -> None:
    found = consul.lock_holder(KEY)
    if found is not None and found.holder == holder:
        consul.release_lock(KEY, found.session)
        consul.destroy_session(found.session)


def _locked(cluster: str, consul: ConsulApi) -> LockedError:
    found = consul.lock_holder(KEY)
    message = f"another bakery changes cluster {cluster}"
    details = found.holder if found is not None else f"its lock {KEY} in Consul ended less than 15 seconds ago"
    return LockedError(message=message, details=details, hint="wait for it, then run the same command again")


def _renew(consul: ConsulApi, consul_session: str, ended: threading.Event) -> None:
    while not ended.wait(RENEW_SECONDS):
        with suppress(AgentError):
            consul.renew_session(consul_session)
