"""The condition that every member of the cluster is one of its droplets."""

import shlex
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

from bakery.agents.model import Member, NomadNode
from bakery.cloud.model import Droplet
from bakery.hints import Command
from bakery.observe.gather import Answer, Facts
from bakery.observe.model import Condition
from bakery.observe.verdict import judged, plain, unknown
from bakery.plan.model import ClusterPlan, Node
from bakery.plan.tags import cluster_tag, role_tag

NAME = "strangers"
One = TypeVar("One", Member, NomadNode)
# "consul keyring" could change the key, but later nodes of bakery have the bundle's key, and would not join.
_LEAKED_KEY = (
    "a member knows the gossip key, which a running cluster keeps: make another cluster (init, launch), move the"
    " jobs there, and destroy this one"
)


_SILENT = ("down", "disconnected")
"""States of a Nomad client without a heartbeat. Nomad lists one for a day (node_gc_threshold)."""


def strangers(plan: ClusterPlan, facts: Facts) -> Condition:
    """Check that every member, server and client that is alive is a droplet with the cluster's tag.

    A Raft peer is also a member, and is reported as one. Members that failed or left are not reported: they are
    harmless. A silent Nomad client may have read secrets before. It is named if it has the name of a droplet whose
    client is another, since names are not used again. Where only introduced clients register, it is also named if
    it has no droplet; the cluster is healthy then, because a droplet may have been deleted by other means.
    """
    error = _unasked(plan, facts)
    if error:
        return unknown(NAME, error)
    planned = {node.name for node in plan.nodes}
    members = _not_ours(_present(facts.consul.members.value), facts.droplets, planned)
    of_servers = _droplets_of(plan, facts, lambda node: node.kind.is_nomad_server)
    servers = _not_ours(_present(facts.nomad.members.value), of_servers, planned)
    nodes = facts.nomad.nodes.value or ()
    homes = _droplets_of(plan, facts, lambda node: node.kind.is_nomad_client)
    clients = _not_ours([node for node in nodes if node.status not in _SILENT], homes, planned)
    doubles = _doubles(nodes, facts.droplets, homes, strict=plan.introduces_clients)
    gone = _without_droplet(nodes, facts.droplets, homes, planned) if plan.introduces_clients else []
    faults = [
        *_named("Consul member", members),
        *_named("Nomad server", servers),
        *_named("Nomad client", clients),
        *(f"{_called(one)} is not the client of the droplet with that name" for one in doubles),
        *(f"{_called(one)} has no droplet" for one in gone),
    ]
    known = _help(cluster_tag(plan.cluster), members, servers, clients) if members or servers or clients else ""
    helps = (known, _help_doubles(doubles), _help_gone(gone))
    condition = judged(
        NAME,
        faults,
        "every member, server and client is a droplet of the cluster",
        help_text=". ".join(text for text in helps if text),
    )
    return replace(condition, blocks=len(faults) > len(gone) or not faults)


def _droplets_of(plan: ClusterPlan, facts: Facts, runs: Callable[[Node], bool]) -> tuple[Droplet, ...]:
    """Return the droplets of nodes for which ``runs`` is true, and those without a known role."""
    by_name = {node.name: node for node in plan.nodes}
    by_role = {role_tag(plan.cluster, node.role): node for node in plan.nodes}

    def node_of(droplet: Droplet) -> Node | None:
        of_its_role = (by_role[tag] for tag in droplet.tags if tag in by_role)
        return by_name.get(droplet.name) or next(of_its_role, None)

    return tuple(droplet for droplet in facts.droplets if (node := node_of(droplet)) is None or runs(node))


def _doubles(
    nodes: Iterable[NomadNode], droplets: Sequence[Droplet], of_clients: Sequence[Droplet], *, strict: bool
) -> list[NomadNode]:
    """Return silent clients that have the name of a droplet, except the droplet's own.

    Its own has its address, on a droplet that runs a client; of two with that address, it is the one that is not
    silent. A droplet that was rebuilt has two, but not if only introduced clients register (``strict``): a client
    is introduced once.
    """
    names = {droplet.name for droplet in droplets}
    homes = {(droplet.name, droplet.private_ipv4) for droplet in of_clients}
    own: set[tuple[str, str]] = set()
    found = []
    for node in sorted(nodes, key=lambda node: node.status in _SILENT):
        place = (node.name, node.address)
        if place in homes and place not in own:
            own.add(place)
        elif node.name in names and node.status in _SILENT and (strict or place not in homes):
            found.append(node)
    return found


def _without_droplet(
    nodes: Iterable[NomadNode], droplets: Sequence[Droplet], of_clients: Sequence[Droplet], planned: set[str]
) -> list[NomadNode]:
    """Return silent clients with another name than the droplets have, except those of nodes made by hand.

    A registered client may change its name and its address at any time (shown by test_introduction_real.py).
    """
    names = {droplet.name for droplet in droplets}
    by_hand = {droplet.private_ipv4 for droplet in of_clients if droplet.name not in planned}
    silent = (node for node in nodes if node.status in _SILENT)
    return [node for node in silent if node.name not in names and node.address not in by_hand]


def _unasked(plan: ClusterPlan, facts: Facts) -> str:
    answers: list[Answer[tuple[Member, ...]] | Answer[tuple[NomadNode, ...]]] = [facts.consul.members]
    if plan.nomad_servers:
        answers += [facts.nomad.members, facts.nomad.nodes]
    return next((answer.error for answer in answers if answer.value is None), "")


def _present(members: tuple[Member, ...] | None) -> list[Member]:
    """Return the members that have not ended. Who holds the gossip key can put any into the state "leaving"."""
    return [member for member in members or () if member.status not in ("failed", "left")]


def _not_ours(found: Iterable[One], droplets: Sequence[Droplet], planned: set[str]) -> list[One]:
    """Return the entries that do not match one of ``droplets``. Each droplet matches one entry.

    A planned droplet matches by name and address, another droplet of the cluster by address. Members choose their
    names themselves, so a second entry at a droplet's address, or another name at a planned node's address, is a
    stranger.
    """
    by_name = {(droplet.name, droplet.private_ipv4) for droplet in droplets}
    by_address = {droplet.private_ipv4 for droplet in droplets if droplet.name not in planned}
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


def _called(one: NomadNode) -> str:
    return f"Nomad client {plain(one.name)} at {plain(one.address)}, which is {plain(one.status)},"


def _help_doubles(found: Sequence[NomadNode]) -> str:
    if not found:
        return ""
    names = dict.fromkeys(one.name for one in found)
    replaced = "; ".join(str(Command("replace", plain(name))) for name in names)
    purged = "; ".join(_commands(found, _purge))
    return (
        "another holder of the node's user-data may have registered that client, and have its tokens:"
        f" {replaced}; then {purged}. Then: it can have read the secrets of the jobs: change them"
    )


def _help_gone(found: Sequence[NomadNode]) -> str:
    if not found:
        return ""
    launched = Command("launch")
    return (
        f"if its droplet was deleted by other means than bakery, {launched} removes what Nomad knows of it; if"
        " not, it can have read the secrets of the jobs: change them"
    )


def _purge(one: NomadNode) -> str:
    return f"nomad operator api -X POST /v1/node/{_quoted(one.id)}/purge"


def _help(tag: str, members: Sequence[Member], servers: Sequence[Member], clients: Sequence[NomadNode]) -> str:
    """Return what to do, with the commands that remove a stranger after its machine is destroyed."""
    reasons = []
    if clients:
        reasons.append("a Nomad client can read the secrets of the jobs: change them")
    if members or servers:
        reasons.append(_LEAKED_KEY)
    commands = [
        *_commands(clients, _purge),
        *_commands(servers, lambda one: f"nomad server force-leave -prune {_quoted(one.name)}.global"),
        *_commands(members, lambda one: f"consul force-leave -prune {_quoted(one.name)}"),
    ]
    yours = f"if it is yours, give its droplet the tag {tag}"
    return f"{yours}; if not, destroy that machine, then {'; '.join(commands)}. Then: {'; '.join(reasons)}"


def _commands(found: Iterable[One], command: Callable[[One], str]) -> list[str]:
    return [command(one) for one in found]


def _quoted(text: str) -> str:
    return shlex.quote(plain(text))
