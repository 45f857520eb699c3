"""The condition that every member of the cluster is one of its droplets."""

import shlex
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from bakery.agents.model import Member, NomadNode
from bakery.observe.gather import Answer, Facts
from bakery.observe.model import Condition
from bakery.observe.verdict import judged, plain, unknown
from bakery.plan.model import ClusterPlan
from bakery.plan.tags import cluster_tag

NAME = "strangers"
One = TypeVar("One", Member, NomadNode)
# "consul keyring" could change the key, but later nodes of bakery have the bundle's key, and would not join.
_LEAKED_KEY = (
    "a member knows the gossip key, which a running cluster keeps: make another cluster (init, launch), move the"
    " jobs there, and destroy this one"
)


def strangers(plan: ClusterPlan, facts: Facts) -> Condition:
    """Check that every member, server and client that is alive is a droplet with the cluster's tag.

    A Raft peer is also a member, and is reported as one. Members that failed or left and clients that are down are
    no strangers: they are harmless.
    """
    error = _unasked(plan, facts)
    if error:
        return unknown(NAME, error)
    planned = {node.name for node in plan.nodes}
    members = _not_ours(_alive(facts.consul.members.value), facts, planned)
    servers = _not_ours(_alive(facts.nomad.members.value), facts, planned)
    ready = [node for node in facts.nomad.nodes.value or () if node.status == "ready"]
    clients = _not_ours(ready, facts, planned)
    faults = [
        *_named("Consul member", members),
        *_named("Nomad server", servers),
        *_named("Nomad client", clients),
    ]
    return judged(
        NAME,
        faults,
        "every member, server and client is a droplet of the cluster",
        help_text=_help(cluster_tag(plan.cluster), members, servers, clients),
    )


def _unasked(plan: ClusterPlan, facts: Facts) -> str:
    answers: list[Answer[tuple[Member, ...]] | Answer[tuple[NomadNode, ...]]] = [facts.consul.members]
    if plan.nomad_servers:
        answers += [facts.nomad.members, facts.nomad.nodes]
    return next((answer.error for answer in answers if answer.value is None), "")


def _alive(members: tuple[Member, ...] | None) -> list[Member]:
    return [member for member in members or () if member.status == "alive"]


def _not_ours(found: Iterable[One], facts: Facts, planned: set[str]) -> list[One]:
    """Return the entries that do not match a droplet. Each droplet matches one entry.

    A planned droplet matches by name and address, another droplet of the cluster by address. Members choose their
    names themselves, so a second entry at a droplet's address, or another name at a planned node's address, is a
    stranger.
    """
    by_name = {(droplet.name, droplet.private_ipv4) for droplet in facts.droplets}
    by_address = {droplet.private_ipv4 for droplet in facts.droplets if droplet.name not in planned}
    matched: set[str] = set()
    strange = []
    for one in sorted(found, key=lambda one: (one.name, one.address) not in by_name):
        known = (one.name, one.address) in by_name or one.address in by_address
        if known and one.address not in matched:
            matched.add(one.address)
        else:
            strange.append(one)
    return strange


def _named(what: str, found: Iterable[Member | NomadNode]) -> list[str]:
    return [f"{what} {plain(one.name)} at {plain(one.address)} is not a droplet of the cluster" for one in found]


def _help(tag: str, members: Sequence[Member], servers: Sequence[Member], clients: Sequence[NomadNode]) -> str:
    """Return what to do, with the commands that remove a stranger after its machine is destroyed."""
    reasons = []
    if clients:
        reasons.append("a Nomad client can read the secrets of the jobs: change them")
    if members or servers:
        reasons.append(_LEAKED_KEY)
    commands = [
        *_commands(clients, lambda one: f"nomad operator api -X POST /v1/node/{_quoted(one.id)}/purge"),
        *_commands(servers, lambda one: f"nomad server force-leave -prune {_quoted(one.name)}.global"),
        *_commands(members, lambda one: f"consul force-leave -prune {_quoted(one.name)}"),
    ]
    yours = f"if it is yours, give its droplet the tag {tag}"
    return f"{yours}; if not, destroy that machine, then {'; '.join(commands)}. Then: {'; '.join(reasons)}"


def _commands(found: Iterable[One], command: Callable[[One], str]) -> list[str]:
    return [command(one) for one in found]


def _quoted(text: str) -> str:
    return shlex.quote(plain(text))
