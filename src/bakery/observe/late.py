"""What an observation lacked and time usually brings. One request each shows whether it has come since."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from bakery.agents.interface import AclApi, AgentClients, NomadApi
from bakery.agents.model import NomadNode
from bakery.errors import AgentError
from bakery.observe.conditions import client_fault
from bakery.observe.gather import Facts, ServerFacts, api_address
from bakery.plan.model import ClusterPlan

Api = TypeVar("Api", bound=AclApi)


class Late:
    """The Nomad clients that ``facts`` lack, and the autopilots that say unhealthy.

    Autopilot checks every two seconds. Its first check, at the election, finds each server unhealthy that has not
    stored the new leader's first entry yet (hashicorp/raft-autopilot, types.go, isHealthy: LastTerm).
    """

    def __init__(self, plan: ClusterPlan, facts: Facts, clients: AgentClients) -> None:
        self._plan, self._facts = plan, facts
        self._checks: list[Callable[[], bool]] = []
        known = facts.nomad.nodes.value
        # If Nomad did not list its clients, more than clients is missing.
        if known is not None and self._lacks_clients(known):
            self._ask_leader(facts.nomad, clients.nomad, self._has_clients)
        if _is_unhealthy(facts.consul):
            self._ask_leader(facts.consul, clients.consul, _is_healthy)
        if _is_unhealthy(facts.nomad):
            self._ask_leader(facts.nomad, clients.nomad, _is_healthy)

    @property
    def exist(self) -> bool:
        """Whether there are any."""
        return bool(self._checks)

    def have_come(self) -> bool:
        """Ask the leaders whether all are there now; False if a leader does not answer. Reads only."""
        try:
            return all(check() for check in self._checks)
        except AgentError:
            return False

    def _ask_leader(self, asked: ServerFacts, connect: Callable[[str], Api], check: Callable[[Api], bool]) -> None:
        leader = self._facts.droplet_at((asked.leader.value or "").rpartition(":")[0])
        if leader is None:
            self._checks.append(lambda: False)
        else:
            self._checks.append(partial(_check, connect, api_address(leader), check))

    def _has_clients(self, nomad: NomadApi) -> bool:
        return not self._lacks_clients(nomad.nodes())

    def _lacks_clients(self, known: Sequence[NomadNode]) -> bool:
        return any(
            client_fault(node.name, self._facts.address(node.name), known) is not None
            for node in self._plan.nomad_clients
        )


def _check(connect: Callable[[str], Api], address: str, check: Callable[[Api], bool]) -> bool:
    return check(connect(address))


def _is_unhealthy(asked: ServerFacts) -> bool:
    return asked.autopilot.value is not None and not asked.autopilot.value.healthy


def _is_healthy(api: AclApi) -> bool:
    return api.autopilot().healthy
