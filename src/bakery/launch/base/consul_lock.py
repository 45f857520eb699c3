"""The lock in Consul that a change of a running cluster holds: the lock file is on one machine only.

https://developer.hashicorp.com/consul/docs/dynamic-app-config/sessions
"""

import socket
import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from bakery.agents.interface import ConsulApi
from bakery.agents.model import LockHolder
from bakery.cloud.model import Droplet
from bakery.errors import AgentError, ChecksFailedError, DeadlineError, LockedError
from bakery.hints import Command, Hint
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
NO_LEADER = "no Consul server sees a leader"
RELEASE_SECONDS = 5.0
CHECK_SECONDS = 20.0
"""How long to ask for the holder: for a moment after an election no server answers."""

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

FindConsul = Callable[[], ConsulApi | None]
"""Returns a Consul server that sees a leader; None if there is none."""


class HeldLock:
    """The lock while it is held. A thread renews its session."""

    def __init__(self, session: Session, find: FindConsul, leaving: Collection[str]) -> None:
        self._session = session
        self._find = find
        self._leaving = leaving
        self._id = ""
        self._ended = threading.Event()

    def acquire(self) -> None:
        """Take the lock (:func:`consul_lock`), and keep its session."""
        what = f"Consul to give the lock {KEY}"
        try:
            self._session.wait(self._attempt, what=what, seconds=DELAY_SECONDS)
        except DeadlineError as error:
            if error.details == NO_LEADER:
                message = f"no Consul server of {self._session.cluster} sees a leader"
                raise ChecksFailedError(message=message, hint=Command("status")) from None
            raise
        threading.Thread(target=self._renew, daemon=True).start()

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

    def check_if_led(self) -> None:
        """Check as :meth:`check`, if a Consul server sees a leader: a launch is possible without one.

        Raises:
            LockedError: as for :meth:`check`.
        """
        with suppress(DeadlineError):
            self.check()

    def release(self) -> None:
        """Release the lock. It ends by itself if Consul does not take that within seconds."""
        self._ended.set()
        if self._id:
            with suppress(AgentError, DeadlineError):
                self._session.retry(self._give, what=f"Consul to take {KEY} back", seconds=RELEASE_SECONDS)

    def _renew(self) -> None:
        """Restart the session's TTL every ``RENEW_SECONDS``, until :meth:`release`."""
        while not self._ended.wait(RENEW_SECONDS):
            consul = self._find()
            with suppress(AgentError):
                if consul is not None:
                    consul.renew_session(self._id)

    def _give(self) -> bool | Pending:
        consul = self._find()
        if consul is None:
            return Pending(NO_LEADER)
        try:
            consul.release_lock(KEY, self._id)
            consul.destroy_session(self._id)
        except AgentError as error:
            return Pending(error.full_message)
        return True

    def _attempt(self) -> bool | Pending:
        consul = self._find()
        if consul is None:
            return Pending(NO_LEADER)
        try:
            return self._take(consul)
        except AgentError as error:
            if not error.may_pass:
                raise
            return Pending(error.full_message)

    def _take(self, consul: ConsulApi) -> bool | Pending:
        """Take the lock if it is free. After a session that ended while it held it Consul waits (lock-delay)."""
        holder, found = _holder(self._session), consul.lock_holder(KEY)
        if found is not None and found.session != self._id:
            if found.holder != holder:
                raise _locked(self._session.cluster, found)
            # Of a bakery that died: the caller has the lock file.
            consul.release_lock(KEY, found.session)
            consul.destroy_session(found.session)
        if not self._id:
            # Of an alive member: a launch removes dead nodes from the catalog, and their sessions end with them.
            names = [member.name for member in consul.members() if member.status == "alive"]
            node = next((name for name in names if name not in self._leaving), names[0])
            self._id = consul.create_session("bakery", node=node, ttl_seconds=TTL_SECONDS)
        if consul.acquire_lock(KEY, self._id, holder):
            return True
        found = consul.lock_holder(KEY)
        if found is not None:
            raise _locked(self._session.cluster, found)
        return Pending("the session of its last holder ended less than 15 seconds ago")

    def _ask(self) -> LockHolder | Pending | None:
        consul = self._find()
        if consul is None:
            return Pending(NO_LEADER)
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
        DeadlineError: Consul does not give the lock, or fails.
        ChecksFailedError: no Consul server sees a leader.
        AgentError: Consul refused.
    """
    lock = HeldLock(session, find, leaving)
    try:
        lock.acquire()
        yield lock
    finally:
        lock.release()


@contextmanager
def lock_if_led(session: Session, find: FindConsul, *, leaving: Collection[str]) -> Iterator[HeldLock | None]:
    """Hold the lock as :func:`consul_lock`, if Consul has a leader and knows our token; else yield None.

    For a launch and a destroy, which must be possible without that too.

    Raises:
        LockedError, DeadlineError: as for :func:`consul_lock`.
    """
    with ExitStack() as held:
        lock = None
        if find() is not None:
            with suppress(AgentError):
                lock = held.enter_context(consul_lock(session, find, leaving=leaving))
        yield lock


def consul_finder(session: Session, plan: ClusterPlan, droplets: Iterable[Droplet]) -> FindConsul:
    """Return how to find a Consul server among ``droplets``; without the cluster's credentials it finds none."""
    running, asked = session.running, tuple(droplets)
    return lambda: None if running is None else consul_api(running, plan, asked)


def check_free(session: Session, consul: ConsulApi | None) -> None:
    """Check that no other bakery changes the cluster, if a Consul server can be asked.

    Raises:
        LockedError: one holds the lock; the details name it.
    """
    if consul is None:
        return
    with suppress(AgentError):
        found = consul.lock_holder(KEY)
        if found is not None and found.holder != _holder(session):
            raise _locked(session.cluster, found)


def _holder(session: Session) -> str:
    return f"bakery on {socket.gethostname()}{_boot()}, {session.paths.folder}"


def _boot() -> str:
    """Return the start of Linux's boot id in brackets: two machines may have the same host name and folders.

    After a reboot the lock of a bakery that died is not taken over; it ends by itself within a minute.
    """
    try:
        return f" (boot {BOOT_ID.read_text(encoding='ascii')[:8]})"
    except OSError:
        return ""


def _locked(cluster: str, found: LockHolder) -> LockedError:
    message = f"another bakery changes cluster {cluster}"
    wait = "wait for it, then run the same command again; to stop it before its next step: "
    return LockedError(
        message=message, details=found.holder, hint=Hint(wait, Command("consul", "kv", "delete", KEY))
    )


def _lost(cluster: str, found: LockHolder | None) -> LockedError:
    message = f"this bakery has lost its lock {KEY} in Consul, so it changes nothing more in cluster {cluster}"
    if found is None:
        details, hint = "its session ended or the lock was deleted; it is free now", "run the same command again"
    else:
        details, hint = f"held by: {found.holder}", "wait for it, then run the same command again"
    return LockedError(message=message, details=details, hint=hint)
