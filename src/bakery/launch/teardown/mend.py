"""Repairs a running cluster at a launch: ends interrupted drains, and removes nodes whose droplets are deleted."""

import re
from collections.abc import Callable, Iterable
from functools import partial
from itertools import chain

from bakery.agents.interface import AclApi
from bakery.agents.model import Member, NomadNode
from bakery.cloud.model import Droplet
from bakery.errors import AgentError, DeadlineError
from bakery.launch.base.journal_content import Departing
from bakery.launch.base.patience import persist, reach_patiently
from bakery.launch.base.running import Reached
from bakery.launch.base.session import Session
from bakery.launch.teardown.departure import (
    Identity,
    delete_tokens,
    forget_everywhere,
    forget_in_consul,
    forget_in_nomad,
)
from bakery.launch.teardown.drain import end_drains, give_back
from bakery.plan.model import ClusterPlan

_DEAD = {"failed", "left", "down"}
"""States of a dead gossip member and of a dead Nomad client."""


def mend(session: Session, plan: ClusterPlan, droplets: Iterable[Droplet]) -> None:
    """Make drained clients eligible again, and remove dead nodes of this cluster that have no droplet.

    ``droplets`` are all droplets of the cluster. A node with a name that no launch gives, and a node that is
    alive, is not removed: status reports it. A failure causes a warning; the next launch tries again.
    """
    if session.running is None:
        return
    present = tuple(droplets)
    reached = reach_patiently(session, plan, present)
    if reached.nomad is not None:
        end_drains(session, reached.nomad, session.journal.now.drained)
        give_back(session, reached.nomad)
    try:
        remove = partial(_remove_dead, session, plan, reached, present)
        persist(session, remove, what="Consul and Nomad to forget nodes without a droplet")
    except (AgentError, DeadlineError) as error:
        session.reporter.warn(f"nodes whose droplets are gone are still known: {error.full_message}")


def _remove_dead(session: Session, plan: ClusterPlan, reached: Reached, droplets: tuple[Droplet, ...]) -> None:
    consul, nomad = reached.consul, reached.nomad
    _delete_all_tokens(session, plan, reached, droplets)
    _finish_departures(session, plan, reached, droplets)
    if nomad is not None:
        _drop_dead_peers(plan, nomad, droplets)
        for gone in _ours(plan, droplets, chain(_dead(nomad.members()), _dead(nomad.nodes()))):
            forget_in_nomad(session, nomad, gone, reached.nomad_servers)
    if consul is not None:
        _drop_dead_peers(plan, consul, droplets)
        for gone in _ours(plan, droplets, _dead(consul.members())):
            forget_in_consul(session, consul, gone)


def _delete_all_tokens(
    session: Session, plan: ClusterPlan, reached: Reached, droplets: tuple[Droplet, ...]
) -> None:
    """Delete the tokens of all nodes that are gone, before anything is waited for.

    Who holds the gossip key can keep one of them alive in Consul's gossip, or take it out of the lists there.
    Nomad lists a client that is down for a day (hashicorp/nomad nomad/config.go, NodeGCThreshold).
    """
    if reached.consul is None:
        return
    dead = _dead(reached.consul.members()) + (_dead(reached.nomad.nodes()) if reached.nomad else [])
    departed = (Identity(each.name, each.address) for each in _departed(session, droplets))
    for gone in (*_ours(plan, droplets, dead), *departed):
        delete_tokens(session, reached.consul, gone)


def _finish_departures(
    session: Session, plan: ClusterPlan, reached: Reached, droplets: tuple[Droplet, ...]
) -> None:
    """Remove nodes of interrupted removals whose droplets are deleted, with their tokens."""
    if reached.consul is None or (plan.nomad_servers and reached.nomad is None):
        return
    for each in _departed(session, droplets):
        forget_everywhere(session, reached, Identity(each.name, each.address), _done)
        session.journal.record_deleted(each.droplet_id)


def _departed(session: Session, droplets: tuple[Droplet, ...]) -> list[Departing]:
    """Return the interrupted removals whose droplets are deleted."""
    there = {droplet.id for droplet in droplets}
    return [each for each in session.journal.now.departing if each.droplet_id not in there]


def _done(step: Callable[[], None]) -> bool:
    step()
    return True


def _drop_dead_peers(plan: ClusterPlan, api: AclApi, droplets: tuple[Droplet, ...]) -> None:
    """Remove Raft peers of this cluster whose address belongs to no droplet and no alive member.

    A peer that gossip does not know has no name; it counts as one of this cluster.
    """
    there = {droplet.private_ipv4 for droplet in droplets}
    there |= {member.address for member in api.members() if member.status not in _DEAD}
    for peer in api.raft_peers():
        if peer.address not in there and (not peer.name or is_name_of(plan, peer.name)):
            api.remove_peer(peer.id)


def _dead(found: Iterable[Member | NomadNode]) -> list[Identity]:
    return [Identity(one.name, one.address) for one in found if one.status in _DEAD]


def _ours(plan: ClusterPlan, droplets: tuple[Droplet, ...], dead: Iterable[Identity]) -> list[Identity]:
    """Return the dead nodes with a name that a launch of this cluster gives, and without a droplet, each once.

    Names are not used again: a dead node with the name of a droplet, but another address, was never the droplet's.
    It stays, and status reports it: to remove it would delete the droplet's tokens.
    """
    there = {droplet.name for droplet in droplets}
    gone = (one for one in dead if one.name not in there and is_name_of(plan, one.name))
    return list(dict.fromkeys(gone))


def is_name_of(plan: ClusterPlan, name: str) -> bool:
    """Whether a launch of this cluster may have given that name."""
    return bool(re.fullmatch(rf"{re.escape(plan.cluster)}-[a-z][a-z0-9-]*-[0-9]+(-[0-9a-f]{{4}})?", name))
