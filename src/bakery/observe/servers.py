"""Conditions that Consul and Nomad have in common: a leader, members, Raft voters, autopilot, ACLs."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from bakery.agents.model import Autopilot, Member, RaftPeer, ServerHealth
from bakery.observe.gather import Answer, Facts, ServerFacts
from bakery.observe.model import Condition, ConditionState
from bakery.observe.verdict import judged, plain, unknown
from bakery.plan.model import Node


def has_leader(name: str, product: str, leader: Answer[str]) -> Condition:
    """Check that the product has a leader."""
    if leader.value is None:
        return Condition(
            name=name, state=ConditionState.MISSING, message=f"no {product} leader seen: {leader.error}"
        )
    faults = [] if leader.value else [f"{product} has no leader"]
    return judged(name, faults, f"{product}'s leader is {leader.value}")


def all_members(
    name: str, what: str, nodes: Sequence[Node], members: Answer[tuple[Member, ...]], facts: Facts
) -> Condition:
    """Check that every node is an alive member with its name and its droplet's address."""
    if members.value is None:
        return unknown(name, members.error)
    known = members.value
    faults = [fault for node in nodes if (fault := _member_fault(node.name, facts.address(node.name), known))]
    return judged(name, faults, f"{len(nodes)} of {len(nodes)} {what} alive")


def is_alive(name: str, address: str | None, members: Sequence[Member]) -> bool:
    """Return whether a member with that name and address is alive."""
    return any((one.name, one.address, one.status) == (name, address, "alive") for one in members)


def _member_fault(name: str, address: str | None, members: Sequence[Member]) -> str | None:
    """Return why the node is not an alive member.

    A member at another address is an earlier droplet of that name.
    """
    if is_alive(name, address, members):
        return None
    named = [member for member in members if member.name == name]
    mine = [member for member in named if member.address == address]
    if mine:
        return f"{name}: {mine[0].status}"
    where = f"its droplet is at {address}" if address else "it has no droplet with an address"
    if named:
        return f"{name}: {named[0].status} at {plain(named[0].address)}, and {where}"
    return f"{name}: not a member"


def all_voters(
    name: str,
    product: str,
    nodes: Sequence[Node],
    expect: int,
    asked: ServerFacts,
    facts: Facts,
    successors: Collection[str | None] = (),
) -> Condition:
    """Check that every planned server is a healthy Raft voter at its address, and that no other peer exists.

    ``successors`` are addresses of droplets that take the place of planned ones: they may be peers too.
    """
    missing = _unasked(asked.peers, asked.autopilot, asked.members)
    if missing or asked.peers.value is None or asked.autopilot.value is None or asked.members.value is None:
        return unknown(name, missing)
    view = _RaftView(
        product=product, peers=asked.peers.value, autopilot=asked.autopilot.value, members=asked.members.value
    )
    faults = [f"{node.name}: {fault}" for node in nodes if (fault := view.fault(node.name, facts))]
    expected = {facts.address(node.name) for node in nodes}.union(successors)
    faults += [view.name_other(peer, facts) for peer in view.peers if peer.address not in expected]
    if not faults and len(nodes) != expect:
        faults = [f"{len(nodes)} of {expect} planned {product} servers exist"]
    return judged(name, faults, f"{len(nodes)} of {expect} {product} servers are Raft voters")


@dataclass(frozen=True, kw_only=True)
class _RaftView:
    """Raft according to one product's leader."""

    product: str
    peers: Sequence[RaftPeer]
    autopilot: Autopilot
    members: Sequence[Member]

    def fault(self, name: str, facts: Facts) -> str | None:
        """Return why a planned server is not a healthy voter; None if it is."""
        address = facts.address(name)
        peer = next((peer for peer in self.peers if address and peer.address == address), None)
        if peer is None:
            return f"no Raft peer of {self.product}"
        if not peer.voter:
            return "a Raft peer that does not vote yet"
        health = self._health(peer)
        if health is None:
            return f"{self.product}'s autopilot has not checked it yet"
        if not health.healthy:
            return f"unhealthy according to {self.product}'s autopilot"
        return None if health.name == name else f"the Raft peer at {address} is called {plain(health.name)}"

    def name_other(self, peer: RaftPeer, facts: Facts) -> str:
        """Return a description of a peer that is not a planned server."""
        health = self._health(peer)
        called = plain(peer.name or (health.name if health else ""))
        if not any((one.address, one.status) == (peer.address, "alive") for one in self.members):
            return f"dead peer {called} at {plain(peer.address)}"
        droplet = facts.droplet_at(peer.address)
        if droplet is not None:
            return f"droplet {droplet.name} is not in the plan, but is a Raft peer"
        return f"stranger {called} at {plain(peer.address)} is a Raft peer"

    def _health(self, peer: RaftPeer) -> ServerHealth | None:
        """Return autopilot's health of the peer, by id: by address it could be that of an earlier server."""
        return next((server for server in self.autopilot.servers if server.id == peer.id), None)


def autopilot_agrees(name: str, product: str, autopilot: Answer[Autopilot]) -> Condition:
    """Check that autopilot calls every server healthy."""
    if autopilot.value is None:
        return unknown(name, autopilot.error)
    seen = autopilot.value
    sick = [f"{plain(server.name)} at {plain(server.address)}" for server in seen.servers if not server.healthy]
    faults = (
        []
        if seen.healthy
        else [f"{product}'s autopilot says unhealthy: {', '.join(sick) or 'no server seen yet'}"]
    )
    return judged(
        name, faults, f"{product}'s autopilot says healthy; {seen.failure_tolerance} of the servers may fail"
    )


def acls_closed(name: str, product: str, asked: ServerFacts) -> Condition:
    """Check that the product accepts the management token and denies anonymous requests."""
    token_works, denies_anonymous = asked.token_works, asked.denies_anonymous
    if token_works.value is None or denies_anonymous.value is None:
        return unknown(name, token_works.error or denies_anonymous.error)
    faults = []
    if not token_works.value:
        faults.append(f"{product} does not accept the cluster's management token")
    if not denies_anonymous.value:
        faults.append(f"{product} answers requests without a token")
    return judged(name, faults, f"{product} accepts the management token and denies anonymous requests")


def _unasked(*answers: Answer[tuple[RaftPeer, ...]] | Answer[Autopilot] | Answer[tuple[Member, ...]]) -> str:
    return next((answer.error for answer in answers if answer.value is None), "")
