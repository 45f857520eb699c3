"""The condition that all gossip is encrypted with the cluster's keys only."""

from bakery.agents.model import GossipKeys
from bakery.observe.gather import Answer, Facts
from bakery.observe.model import Condition, ConditionState
from bakery.observe.verdict import judged, unknown
from bakery.plan.model import ClusterPlan

NAME = "keyrings"


def keyrings(plan: ClusterPlan, facts: Facts) -> Condition:
    """Check that Consul's members and Nomad's servers have exactly the gossip keys of the cluster's credentials.

    Any member can change the keys of all members. With another key, no new node can join.
    """
    asked = {"Consul": facts.consul.keys} | ({"Nomad": facts.nomad.keys} if plan.nomad_servers else {})
    error = next((answer.error for answer in asked.values() if answer.value is None), "")
    if error:
        return unknown(NAME, error)
    faults = {product: _faults(product, answer) for product, answer in asked.items()}
    wrong = [product for product, found in faults.items() if found]
    silent = [text for product, answer in asked.items() if (text := _silence(product, answer))]
    if silent and not wrong:
        message = f"not known: {'; '.join(silent)}"
        return Condition(name=NAME, state=ConditionState.UNKNOWN, message=message, blocks=False)
    return judged(
        NAME,
        [fault for found in faults.values() for fault in found],
        f"the gossip keys of {' and '.join(asked)} are the cluster's",
        help_text=_help(plan.cluster, wrong),
    )


def _silence(product: str, answer: Answer[GossipKeys]) -> str:
    """Return the members that did not answer: for example a Nomad server deleted up to 45 s ago.

    Source: memberlist's WAN timing.
    """
    keys = answer.value
    if keys is None or not keys.silent:
        return ""
    count = f"{keys.silent} of {keys.members}"
    return f"{count} members in {product}'s gossip did not answer; one may just have been deleted"


def _faults(product: str, answer: Answer[GossipKeys]) -> list[str]:
    keys = answer.value
    if keys is None or keys.silent:
        return []
    faults = []
    if keys.with_ours < keys.members:
        lacking = keys.members - keys.with_ours
        faults.append(f"{lacking} of {keys.members} {product} members lack the cluster's gossip key")
    if keys.others:
        some = "another gossip key is" if keys.others == 1 else f"{keys.others} other gossip keys are"
        faults.append(f"{some} installed on {product}'s members")
    return faults


def _help(cluster: str, wrong: list[str]) -> str:
    ways = {
        "Consul": "consul keyring -list, -install KEY, -use KEY, then -remove every other key",
        "Nomad": "nomad operator gossip keyring list, install KEY, use KEY, then remove every other key",
    }
    fields = " and ".join(f"{product.lower()}_gossip_key" for product in wrong)
    commands = "; ".join(ways[product] for product in wrong)
    return f"rotate back: {commands}. KEY is {fields} in the credentials of {cluster}"
