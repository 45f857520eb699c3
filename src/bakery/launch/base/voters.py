"""Keeps dead servers in Raft: autopilot may remove one only while a server more than planned votes."""

from collections.abc import Iterable

from bakery.cloud.model import Droplet
from bakery.errors import AgentError
from bakery.launch.base.running import reach
from bakery.launch.base.session import Session
from bakery.plan.model import ClusterPlan
from bakery.wait import Pending

KEEP_SECONDS = 20.0


def keep_voters(session: Session, plan: ClusterPlan, droplets: Iterable[Droplet]) -> None:
    """Set MinQuorum of Consul and Nomad to the number of servers in ``plan``. Change nothing if it is set already.

    Without it autopilot removes a server from Raft that is unreachable for some seconds, and the quorum shrinks
    silently. A server above that number, such as a successor, still lets autopilot remove a dead one
    (hashicorp/raft-autopilot reconcile.go, adjudicateRemoval). ``droplets`` are those of the servers to ask.
    Without ``session.running`` nothing is set.

    Raises:
        DeadlineError: no server sees a leader, or none takes the setting.
    """
    running, asked = session.running, tuple(droplets)
    if running is None:
        return

    def attempt() -> bool | Pending:
        reached = reach(running, plan, asked)
        for product, api, servers in (
            ("Consul", reached.consul, plan.consul_servers),
            ("Nomad", reached.nomad, plan.nomad_servers),
        ):
            if not servers:
                continue
            if api is None:
                return Pending(f"no {product} server sees a leader")
            try:
                api.set_min_quorum(len(servers))
            except AgentError as error:
                return Pending(error.full_message)
        return True

    session.retry(attempt, what="autopilot to keep every server", seconds=KEEP_SECONDS, every=1.0)
