"""Joins nodes to Consul whose user-data has only the address of a server that is gone.

The nodes of a first launch know the first Consul server and no other. If its droplet dies before they have joined
it, they would try that address for ever. A join works in both directions, so a live server joins them.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from bakery.cloud.model import Droplet
from bakery.errors import AgentError
from bakery.launch.base.running import consul_api
from bakery.launch.base.session import Session
from bakery.observe.model import ClusterReport
from bakery.plan.model import ClusterPlan

STRANDED_SECONDS = 20.0
"""How long a node may be active without being a member before it is joined, and before each further join. A node
that boots is not a member either."""
_PARALLEL = 8
_NO_MEMBER = "-"


class Stranded:
    """Remembers since when each active node has not been a member of Consul's gossip pool."""

    def __init__(
        self, session: Session, plan: ClusterPlan, list_droplets: Callable[[], Sequence[Droplet]]
    ) -> None:
        self._session = session
        self._plan = plan
        self._list_droplets = list_droplets
        self._since: dict[str, float] = {}

    def join(self, report: ClusterReport) -> None:
        """Join the nodes of ``report`` that are overdue. A failure is not an error: the nodes may not run yet."""
        now = self._session.clock.now()
        alone = {
            node.name: node.private_ipv4
            for node in report.nodes
            if node.droplet_status == "active" and node.consul == _NO_MEMBER and node.private_ipv4
        }
        self._since = {name: self._since.get(name, now) for name in alone}
        overdue = [name for name in alone if now - self._since[name] >= STRANDED_SECONDS]
        if overdue:
            self._join([alone[name] for name in overdue])
            self._since |= dict.fromkeys(overdue, self._session.clock.now())

    def _join(self, addresses: Sequence[str]) -> None:
        if self._session.running is None:
            return
        consul = consul_api(self._session.running, self._plan, self._list_droplets())
        if consul is None:
            return

        def join(address: str) -> None:
            try:
                consul.join([address])
            except AgentError:
                return

        with ThreadPoolExecutor(max_workers=_PARALLEL) as pool:
            list(pool.map(join, addresses))
