"""The Nomad clients that an observation did not find healthy. One request shows whether they have come since."""

from collections.abc import Sequence

from bakery.agents.interface import AgentClients
from bakery.agents.model import NomadNode
from bakery.errors import AgentError
from bakery.observe.conditions import client_fault
from bakery.observe.gather import Facts, api_address
from bakery.plan.model import ClusterPlan


class LateClients:
    """The planned clients that are not healthy according to ``facts``."""

    def __init__(self, plan: ClusterPlan, facts: Facts, clients: AgentClients) -> None:
        self._plan, self._facts, self._clients = plan, facts, clients
        known = facts.nomad.nodes.value
        self.exist = known is not None and self._some_missing(known)
        """Whether there are any. False if Nomad did not list its clients: then more than clients is missing."""

    def have_come(self) -> bool:
        """Ask Nomad's leader whether all of them are healthy now; False if it does not answer. Reads only."""
        leader = self._facts.droplet_at((self._facts.nomad.leader.value or "").rpartition(":")[0])
        if leader is None:
            return False
        try:
            return not self._some_missing(self._clients.nomad(api_address(leader)).nodes())
        except AgentError:
            return False

    def _some_missing(self, known: Sequence[NomadNode]) -> bool:
        return any(
            client_fault(node.name, self._facts.address(node.name), known) is not None
            for node in self._plan.nomad_clients
        )
