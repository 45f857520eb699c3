"""Whether a cluster is healthy apart from some droplets: those that are about to leave it."""

from collections.abc import Collection, Sequence

from bakery.agents.interface import AgentClients
from bakery.cloud.model import Droplet
from bakery.observe.conditions import judge
from bakery.observe.gather import WITHOUT_KEYS, gather
from bakery.observe.identity import NAME as WORKLOAD_IDENTITY
from bakery.observe.keyrings import NAME as KEYRINGS
from bakery.observe.model import Condition, ConditionState
from bakery.observe.servers import has_leader
from bakery.observe.without import without
from bakery.plan.model import ClusterPlan


def unmet_without(
    plan: ClusterPlan,
    judged: ClusterPlan,
    droplets: Sequence[Droplet],
    clients: AgentClients,
    leaving: Collection[Droplet],
) -> tuple[Condition, ...]:
    """Return the conditions of ``judged`` that are not met if ``leaving`` are left out. Reads only.

    ``plan`` has the names of the servers that may be asked, those of ``leaving`` too. Gossip keys are not asked
    for: that takes seconds, and a node with another key does not join. Clients that a user made ineligible do not
    count, nor does a key of Nomad that Consul does not know: a replacement gives Consul the key.
    """
    facts = gather(plan, droplets, clients, keys=WITHOUT_KEYS)
    leaders = [has_leader("consul-leader", "Consul", facts.consul.leader)]
    if plan.nomad_servers:
        leaders.append(has_leader("nomad-leader", "Nomad", facts.nomad.leader))
    found = {each.name: each for each in (*judge(judged, without(facts, leaving)), *leaders)}
    return tuple(each for each in found.values() if _counts(each))


def _counts(condition: Condition) -> bool:
    if condition.state is ConditionState.OK or condition.by_choice or not condition.blocks:
        return False
    return condition.name not in (KEYRINGS, WORKLOAD_IDENTITY)
