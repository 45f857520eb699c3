"""Queries Consul and Nomad of a running cluster, also during an election, when for seconds there is no leader."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TypeVar

from bakery.cloud.model import Droplet
from bakery.errors import AgentError, DeadlineError
from bakery.launch.base.running import Reached, reach
from bakery.launch.base.session import Session
from bakery.plan.model import ClusterPlan
from bakery.wait import Pending, deadline_factor

T = TypeVar("T")

ELECTION_SECONDS = 20.0
"""How long to wait for a leader. With raft_multiplier 1 an election takes a second or two; a busy machine needs
longer."""
LOG_SECONDS = 5.0
"""How long a server may refuse (403) a valid token: it looks tokens up in its own state, which may be behind the
leader's, and an unknown one is answered "Permission denied" (hashicorp/nomad nomad/auth/auth.go, Authenticate)."""
_FORBIDDEN = 403


def persist(session: Session, call: Callable[[], T], *, what: str, seconds: float = ELECTION_SECONDS) -> T:
    """Return what ``call`` returns. Repeat it while it raises an AgentError that may pass.

    A request that is forbidden is repeated for ``LOG_SECONDS`` only.

    ``call`` may be repeated without harm. ``what`` is what the agents are to do, for the progress line.

    Raises:
        AgentError: the agents refused for good, or still fail after ``seconds``.
    """
    last: AgentError | None = None
    begun = session.clock.now()

    def may_pass(error: AgentError) -> bool:
        is_behind = error.status == _FORBIDDEN and session.clock.now() - begun < LOG_SECONDS * deadline_factor()
        return is_behind or error.may_pass

    def attempt() -> T | Pending:
        nonlocal last
        last = None
        try:
            return call()
        except AgentError as error:
            if not may_pass(error):
                raise
            last = error
            return Pending(error.full_message)

    try:
        return session.retry(attempt, what=what, seconds=seconds, every=1.0)
    except DeadlineError:
        if last is None:  # a wait inside the call
            raise
        raise last from None


def reach_now(session: Session, plan: ClusterPlan, droplets: Iterable[Droplet]) -> Reached:
    """Find a server of each product that sees a leader; none without the cluster's credentials."""
    return Reached() if session.running is None else reach(session.running, plan, droplets)


def reach_patiently(session: Session, plan: ClusterPlan, droplets: Iterable[Droplet]) -> Reached:
    """Find a server of each product as :func:`reach_now`, and wait while the servers of one elect a leader.

    Servers that do not answer elect none. After ``ELECTION_SECONDS`` return what is reached: a product without a
    leader may be why the command runs.
    """
    asked, found = tuple(droplets), Reached()

    def look() -> bool | Pending:
        nonlocal found
        found = reach_now(session, plan, asked)
        waited_for = sorted(found.electing - session.leaderless)
        return Pending(f"no server of {' and '.join(waited_for)} sees a leader") if waited_for else True

    with suppress(DeadlineError):
        session.wait(look, what="Consul and Nomad to have a leader", seconds=ELECTION_SECONDS, every=1.0)
    session.leaderless.update(found.electing)
    return found
