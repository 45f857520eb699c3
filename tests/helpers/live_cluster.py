"""Consul and Nomad in memory whose members are the droplets of a FakeCloud, as they come and go."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from bakery.agents.interface import AgentClients, ConsulApi, NomadApi
from bakery.agents.model import CatalogNode, Member, NomadNode
from bakery.cloud.model import Droplet
from bakery.config.defaults import CONSUL_VERSION, NOMAD_VERSION
from bakery.launch.base.running import Running
from bakery.plan.ingress import SERVICE
from bakery.plan.tags import cluster_of, ingress_tag
from tests.helpers.fake_agents import FakeCluster, FakeConsul, FakeNomad, make_peer
from tests.helpers.fake_cloud import FakeCloud
from tests.helpers.launch_harness import small_plan

THIEF = "10.100.0.66"
"""The address of a thief in the VPC."""


@dataclass
class LiveCluster:
    """A droplet that is there is an alive member, and a voter on a server. One deleted or off has failed."""

    cloud: FakeCloud
    consul: FakeConsul = field(default_factory=lambda: FakeConsul(leader_address=""))
    nomad: FakeNomad = field(default_factory=lambda: FakeNomad(leader_address=""))
    deleted_tokens: list[str] = field(default_factory=list)
    notices: bool = True
    """Whether the pools have found out whose droplets are gone."""
    ends_drains: bool = True
    """Whether a drain is complete at once."""
    versions: dict[int | None, tuple[str, str]] = field(default_factory=dict)
    """Versions of Consul and Nomad by the id of the snapshot; the default ones of every other."""
    keeps_out: Callable[[Droplet], bool] = lambda droplet: False
    """Which droplets run without agents that join."""
    strict: bool = False
    """Whether Nomad registers a client only once its introduction is in Consul, which the client then deletes."""
    robbed: set[str] = field(default_factory=set)
    """Clients whose next introduction a thief fetches first; he registers a client of that name, which falls
    silent."""
    left: set[str] = field(default_factory=set)
    """Public addresses whose Consul agent has left and ended."""
    _known: set[int] = field(default_factory=set)
    _not_introduced: set[int] = field(default_factory=set)
    _follows: bool = False

    def __post_init__(self) -> None:
        self.consul.on_call = self.nomad.on_call = self._follow

    @property
    def running(self) -> Running:
        return Running(
            clients=AgentClients(
                consul=self._consul_at, nomad=self._nomad_at, nomad_client=self._as_cluster().clients.nomad_client
            ),
            tokens_of=lambda name: (f"agent of {name}", f"nomad of {name}"),
        )

    def names(self, product: str) -> list[str]:
        """The names of the product's members, whatever their state."""
        self._follow()
        return sorted(member.name for member in (self.consul if product == "consul" else self.nomad).pool)

    def _consul_at(self, address: str) -> ConsulApi:
        self._follow()
        return self._as_cluster().clients.consul(address)

    def _nomad_at(self, address: str) -> NomadApi:
        self._follow()
        return self._as_cluster().clients.nomad(address)

    def _as_cluster(self) -> FakeCluster:
        there = list(self._there().values())
        dead = {d.public_ipv4 or "" for d in self.cloud.droplets.values() if d.id not in self._there()}
        off = {d.public_ipv4 or "" for d in there if d.status == "off"}
        droplets = list(self.cloud.droplets.values())
        return FakeCluster(
            plan=small_plan(), droplets=droplets, consul=self.consul, nomad=self.nomad, unreachable=dead | off,
            without_consul=self.left,
        )  # fmt: skip

    def _there(self) -> dict[int, Droplet]:
        ours = {i: d for i, d in self.cloud.droplets.items() if "bakery:demo" in d.tags}
        return {i: d for i, d in ours.items() if self.cloud.is_there(i)}

    def _follow(self) -> None:
        if self._follows:  # what follows below asks the agents too
            return
        self._follows = True
        self._catch_up()
        self._end_drains()
        self._follows = False

    def _catch_up(self) -> None:
        there = self._there()
        for number, droplet in there.items():
            if number not in self._known and not self.keeps_out(droplet):
                self._known.add(number)
                self._join(droplet)
        self._register()
        for number in self._known if self.notices else ():
            droplet = self.cloud.droplets[number]
            if number not in there or droplet.status == "off":
                self._lose(droplet)

    def _end_drains(self) -> None:
        if self.ends_drains:
            self.nomad.end_drains()

    def _join(self, droplet: Droplet) -> None:
        consul, nomad = self.versions.get(droplet.image_id, (CONSUL_VERSION, NOMAD_VERSION))
        member = Member(name=droplet.name, address=droplet.private_ipv4 or "", status="alive", version=consul)
        self.consul.pool += (member,)
        self.consul.catalog += (CatalogNode(name=member.name, address=member.address),)
        self.consul.passing += (droplet.name,)
        if ingress_tag(cluster_of(droplet.tags) or "") in droplet.tags:
            self.consul.instances = {**(self.consul.instances or {}), droplet.name: (SERVICE,)}
        peer = make_peer(member)
        if runs("consul", droplet.name):
            self.consul.raft += (peer,)
            if not self.consul.leader_address:
                self.consul.transfer_leadership(peer.id)
        if runs("nomad", droplet.name):
            self.nomad.pool += (replace(member, version=nomad),)
            self.nomad.raft += (peer,)
            if not self.nomad.leader_address:
                self.nomad.transfer_leadership(peer.id)
        if "-client-" in droplet.name or "-all-in-one-" in droplet.name:
            self._not_introduced.add(droplet.id)

    def _register(self) -> None:
        for number in sorted(self._not_introduced):
            droplet = self.cloud.droplets[number]
            if droplet.name in self.robbed:
                self._rob(droplet)
            introduced = self.consul.keys.pop(f"bakery/introduction/{droplet.name}", None)
            if introduced or not self.strict:
                self._not_introduced.remove(number)
                consul, nomad = self.versions.get(droplet.image_id, (CONSUL_VERSION, NOMAD_VERSION))
                self.nomad.clients += (_client(droplet, consul, nomad),)

    def _rob(self, droplet: Droplet) -> None:
        if self.consul.keys.pop(f"bakery/introduction/{droplet.name}", None):
            self.robbed.remove(droplet.name)
            rogue = replace(_client(droplet, CONSUL_VERSION, NOMAD_VERSION), id="rogue", address=THIEF)
            self.nomad.clients += (replace(rogue, status="down"),)

    def _lose(self, droplet: Droplet) -> None:
        address = droplet.private_ipv4 or ""
        for agent in (self.consul, self.nomad):
            if any(member.address == address and member.status == "alive" for member in agent.pool):
                agent.fail(address)


def runs(product: str, name: str) -> bool:
    """Whether a node of that name is a server of the product."""
    return f"-{product}-server-" in name or name.startswith(("demo-server-", "demo-all-in-one-"))


def _client(droplet: Droplet, consul: str, nomad: str) -> NomadNode:
    return NomadNode(
        id=f"id-{droplet.id}",
        name=droplet.name,
        address=droplet.private_ipv4 or "",
        status="ready",
        eligible=True,
        consul_version=consul,
        drivers={"docker": True, "exec": True},
        version=nomad,
        datacenter="demo",
    )


FORGOTTEN = {
    "nomad-server-1": ["nomad force_leave", "consul force_leave"],
    "nomad-client-1": ["consul force_leave", "nomad purge"],
    "consul-server-2": ["consul force_leave"],
}
"""The calls that remove a node of this slot, in the order that saves time: Nomad's pool forgets a server first."""


def calls_in_order(live: LiveCluster) -> list[str]:
    """Return the list into which both products write their calls from now on, such as ``nomad purge``."""
    seen: list[str] = []
    live.consul.calls = _Told("consul", seen)
    live.nomad.calls = _Told("nomad", seen)
    return seen


class _Told(list[str]):
    """The calls of one agent, which also go into the common list ``seen``."""

    def __init__(self, product: str, seen: list[str]) -> None:
        super().__init__()
        self._product, self._seen = product, seen

    def append(self, call: str) -> None:
        self._seen.append(f"{self._product} {call.partition(' ')[0]}")
        super().append(call)
