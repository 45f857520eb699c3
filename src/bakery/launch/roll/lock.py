"""The lock in Consul that a change of a running cluster holds: the lock file is on one machine only.

https://developer.hashicorp.com/consul/docs/dynamic-app-config/sessions
"""

import socket
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress

from bakery.agents.interface import ConsulApi
from bakery.agents.model import LockHolder
from bakery.cloud.model import Droplet
from bakery.errors import AgentError, ChecksFailedError, LockedError
from bakery.hints import Command
from bakery.launch.base.running import consul_api
from bakery.launch.base.session import Session
from bakery.plan.model import ClusterPlan
from bakery.wait import Pending

KEY = "bakery/lock"
TTL_SECONDS = 30
"""Consul ends a session that is not renewed after this time, at the latest after twice the time."""
RENEW_SECONDS = 10.0
DELAY_SECONDS = 30.0
"""How long to wait for a lock that has no holder, twice Consul's lock-delay."""
CHECK_SECONDS = 20.0
"""How long to ask for the holder: for a moment after an election no server answers."""

FindConsul = Callable[[], ConsulApi | None]
"""Returns a Consul server that sees a leader; None if there is none."""


class HeldLock:
    """The lock while it is held. A thread renews its session."""

    def __init__(self, session: Session, consul_session: str, find: FindConsul) -> None:
        self._session = session
        self._id = consul_session
        self._find = find
        self._ended = threading.Event()

    def turn_to(self, find: FindConsul) -> None:
        """Use other servers from now on: those used so far may leave."""
        self._find = find

    def check(self) -> None:
        """Check that the lock is still held. Call this before each step that changes the cluster.

        Raises:
            LockedError: the session has ended; the details name who holds the lock now.
            DeadlineError: no Consul server can be asked.
        """
        found = self._session.wait(self._ask, what=f"Consul to name the holder of {KEY}", seconds=CHECK_SECONDS)
        if found is None or found.session != self._id:
            raise _lost(self._session.cluster, found)

    def renew(self) -> None:
        """Restart the session's TTL every ``RENEW_SECONDS``, until :meth:`release`."""
        while not self._ended.wait(RENEW_SECONDS):
            consul = self._find()
            with suppress(AgentError):
                if consul is not None:
                    consul.renew_session(self._id)

    def release(self) -> None:
        """Release the lock. It ends by itself if Consul does not answer now."""
        self._ended.set()
        consul = self._find()
        with suppress(AgentError):
            if consul is not None:
                consul.release_lock(KEY, self._id)
                consul.destroy_session(self._id)

    def _ask(self) -> LockHolder | Pending | None:
        consul = self._find()
        if consul is None:
            return Pending("no Consul server sees a leader")
        try:
            return consul.lock_holder(KEY)
        except AgentError as error:
            return Pending(error.full_message)


@contextmanager
def consul_lock(session: Session, find: FindConsul, *, leaving: Collection[str]) -> Iterator[HeldLock]:
    """Hold the lock while the block runs. ``leaving`` are names of nodes that the block removes.

    A lock that a dead bakery of this machine and state folder left is taken over: the caller holds the lock file.

    Raises:
        LockedError: another bakery holds the lock; the details name it.
        DeadlineError: the lock has no holder, and Consul does not give it.
        ChecksFailedError: no Consul server sees a leader.
        AgentError: Consul refused.
    """
    consul = find()
    if consul is None:
        message = f"no Consul server of {session.cluster} sees a leader"
        raise ChecksFailedError(message=message, hint=Command("status"))
    holder = _holder(session)
    _take_over(consul, holder)
    names = [node.name for node in consul.catalog_nodes()]
    node = next((name for name in names if name not in leaving), names[0])
    consul_session = consul.create_session("bakery", node=node, ttl_seconds=TTL_SECONDS)
    lock = HeldLock(session, consul_session, find)
    try:
        _acquire(session, consul, consul_session, holder)
        threading.Thread(target=lock.renew, daemon=True).start()
        yield lock
    finally:
        lock.release()


def check_free(session: Session, plan: ClusterPlan, droplets: Collection[Droplet]) -> None:
    """Check that no other bakery changes the cluster: for changes that must be possible without Consul too.

    ``droplets`` are those of the cluster; one of its Consul servers is asked.

    Raises:
        LockedError: one holds the lock; the details name it.
    """
    consul = consul_api(session.running, plan, droplets) if session.running is not None else None
    if consul is None:
        return
    with suppress(AgentError):
        found = consul.lock_holder(KEY)
        if found is not None and found.holder != _holder(session):
            raise _locked(session.cluster, found)


def _holder(session: Session) -> str:
    return f"bakery on {socket.gethostname()}, {session.paths.folder}"


def _take_over(consul: ConsulApi, holder: str) -> None:
    found = consul.lock_holder(KEY)
    if found is not None and found.holder == holder:
        consul.release_lock(KEY, found.session)
        consul.destroy_session(found.session)


def _acquire(session: Session, consul: ConsulApi, consul_session: str, holder: str) -> None:
    """Take the lock. After a session that ended while it held the lock Consul waits 15 s (lock-delay)."""

    def attempt() -> bool | Pending:
        if consul.acquire_lock(KEY, consul_session, holder):
            return True
        found = consul.lock_holder(KEY)
        if found is not None:
            raise _locked(session.cluster, found)
        return Pending("the session of its last holder ended less than 15 seconds ago")

    session.wait(attempt, what=f"Consul to give the lock {KEY}", seconds=DELAY_SECONDS)


def _locked(cluster: str, found: LockHolder) -> LockedError:
    message = f"another bakery changes cluster {cluster}"
    return LockedError(message=message, details=found.holder, hint="wait for it, then run the same command again")


def _lost(cluster: str, found: LockHolder | None) -> LockedError:
    message = f"this bakery has lost its lock {KEY} in Consul, so it changes nothing more in cluster {cluster}"
    if found is None:
        details, hint = "its session ended, and the lock is free now", "run the same command again"
    else:
        details, hint = f"held by: {found.holder}", "wait for it, then run the same command again"
    return LockedError(message=message, details=details, hint=hint)
