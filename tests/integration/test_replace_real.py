"""Nodes are replaced in a cluster of real Consul and Nomad servers; only the droplets are in memory.

A droplet that is created is a server of both products on a loopback address of its own; one that is deleted is
killed.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import pytest

from bakery.agents.interface import AclApi, ConsulApi
from bakery.agents.transport import AgentHttp
from bakery.cloud.model import Droplet, DropletRequest, Image
from bakery.config.model import Kind, Role
from bakery.errors import AgentError, LockedError
from bakery.launch.acl.ensure import AclRequest, ensure_acls
from bakery.launch.acl.policies import token_accessors
from bakery.launch.base.consul_lock import KEY, consul_lock
from bakery.launch.base.running import Running
from bakery.launch.base.session import Session
from bakery.launch.roll.model import Replaced, ReplaceRequest
from bakery.operations.replace_node import replace_node
from bakery.plan.model import ClusterPlan
from bakery.wait import Pending
from tests.helpers.fake_agents import make_droplet
from tests.helpers.fake_cloud import FakeCloud
from tests.helpers.launch_harness import IMAGE, PUBLIC_KEY, SIZES, launch_request
from tests.helpers.real_servers import SECONDS, RealServers, eventually, running_servers
from tests.helpers.state import paths_in

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

T = TypeVar("T")
# Below pytest's own limit, so that a failure names what is not healthy.
FIT_SECONDS = 150.0
ROLE = Role(name="server", kind=Kind.SERVER, count=3, size="s-1vcpu-1gb", node_pool="default")


@dataclass
class RealCloud(FakeCloud):
    """An account whose droplets are real servers."""

    servers: RealServers | None = None

    def _create(self, request: DropletRequest) -> Droplet:
        made = super()._create(request)
        assert self.servers is not None
        number = len(self.droplets)
        self.servers.join = number - 1  # the newest of those that run
        address = self.servers.address(number)
        self.droplets[made.id] = replace(
            made, status="active", public_ipv4=address, private_ipv4=address, region="fra1"
        )
        self.servers.start_consul(request.name, address, server=True)
        self.servers.start_nomad(request.name, address, {"server": self.servers._nomad_server(None)})
        return self.droplets[made.id]

    def delete_droplet(self, droplet_id: int) -> None:
        super().delete_droplet(droplet_id)
        assert self.servers is not None
        self.end(self.droplets[droplet_id].name)

    def end(self, name: str) -> None:
        """Kill the node's agents."""
        assert self.servers is not None
        for product in ("consul", "nomad"):
            if (product, name) in self.servers.processes:
                self.servers.end(product, name)


@dataclass
class Lab:
    """The cluster, and the commands of its operator."""

    servers: RealServers
    cloud: RealCloud
    plan: ClusterPlan
    folder: Path
    keys: Iterator[int] = field(default_factory=lambda: iter(range(100)))

    @property
    def there(self) -> list[Droplet]:
        return [droplet for droplet in self.cloud.droplets.values() if self.cloud.is_there(droplet.id)]

    def replace(self, name: str, *, lost: bool = False) -> Replaced:
        launch = launch_request(IMAGE, key=f"{PUBLIC_KEY}-{next(self.keys)}", plan=self.plan)
        request = ReplaceRequest(
            launch=launch, write_tokens=self._write_tokens, lost=lost, fit_seconds=FIT_SECONDS
        )
        done = replace_node(self.session, request, name, lambda checked: True)
        assert done is not None
        return done

    @property
    def session(self) -> Session:
        bundle = self.servers.bundle
        running = Running(clients=self.servers.clients, tokens_of=lambda name: token_accessors(bundle, name))
        return Session(cloud=self.cloud, cluster="demo", paths=paths_in(self.folder), running=running)

    def agent(self, product: str) -> AclApi:
        """A server that stays: the one that was created last."""
        address = str(self.there[-1].public_ipv4)
        clients = self.servers.clients
        return clients.consul(address) if product == "consul" else clients.nomad(address)

    def servers_at(self, droplet: Droplet) -> tuple[AclApi, AclApi]:
        """Both servers of one droplet."""
        clients, address = self.servers.clients, str(droplet.public_ipv4)
        return clients.consul(address), clients.nomad(address)

    def leader(self, product: str) -> str:
        (name,) = [peer.name for peer in asked(self.agent(product).raft_peers) if peer.leader]
        return name

    def _write_tokens(self, plan: ClusterPlan, droplets: tuple[Droplet, ...]) -> None:
        addresses = tuple(str(droplet.public_ipv4) for droplet in droplets)
        request = AclRequest(
            plan=plan, roles=(ROLE,), bundle=self.servers.bundle, droplets=droplets, consul_servers=addresses,
            nomad_servers=addresses,
        )  # fmt: skip
        ensure_acls(request, self.servers.clients, seconds=SECONDS)


@dataclass
class Sampler:
    """Counts alive voters of both products and writes keys, each 0.2 s, through the servers that are there."""

    lab: Lab
    counts: dict[str, list[int]] = field(default_factory=lambda: {"consul": [], "nomad": []})
    written: list[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> "Sampler":
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(0.2):
            for product, counts in self.counts.items():
                counts.extend(self._voters(product))
            self._write(f"replace/{len(self.written)}")

    def _voters(self, product: str) -> list[int]:
        try:
            servers = self.lab.agent(product).autopilot().servers
        except AgentError:
            return []
        alive = sum(server.voter and server.alive for server in servers)
        return [alive] if alive else []

    def _write(self, key: str) -> None:
        try:
            if self._http().call("PUT", f"/v1/kv/{key}", {"value": key}).value is True:
                self.written.append(key)
        except AgentError:
            return

    def _http(self) -> AgentHttp:
        return self.lab.servers.http("consul", int(str(self.lab.there[-1].public_ipv4).rpartition(".")[2]))

    def lost(self) -> list[str]:
        """Keys that were written and are not there."""
        kept = asked(lambda: self._http().call("GET", "/v1/kv/replace/?keys").value)
        return sorted(set(self.written) - set(kept))


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with _lab(tmp_path_factory.mktemp("replace"), count=3) as running:
        yield running


@pytest.fixture
def only(tmp_path: Path) -> Iterator[Lab]:
    """One server of both products."""
    with _lab(tmp_path, count=1) as running:
        yield running


@contextmanager
def _lab(folder: Path, *, count: int) -> Iterator[Lab]:
    with running_servers(folder, count=count) as servers:
        plan = servers.plan
        image: Image = replace(IMAGE, regions=(plan.region,))
        cloud = RealCloud(servers=servers, sizes=SIZES, images={image.id: image}, active_after=0, address_after=0)
        cloud.add_vpc(plan.vpc_name, ip_range=str(plan.vpc_cidr), region=plan.region)
        for number, node in enumerate(plan.nodes, 1):
            address = servers.address(number)
            droplet = replace(
                make_droplet(number, node.name, node.tags),
                public_ipv4=address,
                private_ipv4=address,
                size=node.size,
            )
            cloud.droplets[number] = droplet
            cloud._born[number] = float("-inf")
            cloud.tags |= dict.fromkeys(node.tags)
        yield Lab(servers, cloud, plan, folder)


def asked(call: Callable[[], T]) -> T:
    """What an agent answers; during an election it is asked again."""

    def attempt() -> T | Pending:
        try:
            return call()
        except AgentError as error:
            if not error.may_pass:
                raise
            return Pending(error.full_message)

    return eventually(attempt, "an agent to answer")


def assert_whole(lab: Lab) -> None:
    """Asked of a server that stayed: every server votes in both products, and no other is known."""
    names = sorted(droplet.name for droplet in lab.there)
    assert len(names) == len(lab.plan.nodes)
    for product in ("consul", "nomad"):
        agent = lab.agent(product)
        assert asked(agent.min_quorum) == len(names)
        assert sorted(peer.name for peer in asked(agent.raft_peers) if peer.voter) == names, product
    for droplet in lab.there:
        for api in lab.servers_at(droplet):
            assert sorted(member.name for member in asked(api.members)) == names, droplet.name
    assert lab.session.journal.now.replacing == ()
    assert not [tag for tag in lab.cloud.tags if ":replaces:" in tag]


@pytest.mark.parametrize("product", ["consul", "nomad"])
def test_a_leader_is_replaced_without_a_missing_voter_or_a_lost_write(lab: Lab, product: str) -> None:
    old = lab.leader(product)
    with Sampler(lab) as sampler:
        done = lab.replace(old)
    assert done.old == old
    assert_whole(lab)
    for counts in sampler.counts.values():
        assert (min(counts), max(counts)) == (3, 4)
    assert len(sampler.written) > 10
    assert sampler.lost() == []


def test_a_holder_whose_session_has_ended_is_stopped(lab: Lab) -> None:
    def consul() -> ConsulApi:
        return lab.servers.clients.consul(str(lab.there[-1].public_ipv4))

    with consul_lock(lab.session, consul, leaving=()) as lock:
        lock.check()  # control
        held = consul().lock_holder(KEY)
        assert held is not None
        consul().destroy_session(held.session)
        with pytest.raises(LockedError, match="has lost its lock bakery/lock in Consul"):
            lock.check()


def test_a_holder_whose_lock_is_deleted_is_stopped_and_the_lock_is_free(lab: Lab) -> None:
    """As the hint of a refusal says: bakery consul kv delete bakery/lock."""

    def consul() -> ConsulApi:
        return lab.servers.clients.consul(str(lab.there[-1].public_ipv4))

    http = lab.servers.http("consul", int(str(lab.there[-1].public_ipv4).rpartition(".")[2]))
    with consul_lock(lab.session, consul, leaving=()) as lock:
        http.call("DELETE", f"/v1/kv/{KEY}")
        with pytest.raises(LockedError, match="has lost its lock bakery/lock in Consul"):
            lock.check()
        with consul_lock(lab.session, consul, leaving=()) as other:
            other.check()


def test_a_server_that_was_killed_is_replaced_as_lost(lab: Lab) -> None:
    dead = lab.there[0].name
    lab.cloud.end(dead)
    done = lab.replace(dead, lost=True)
    assert done.old == dead
    assert_whole(lab)


def test_the_only_server_is_replaced_twice_without_a_lost_write(only: Lab) -> None:
    """At once, so that Nomad's gossip takes the first one for alive when the third one joins."""
    with Sampler(only) as sampler:
        first = only.replace("demo-server-1")
        second = only.replace("demo-server-1")
    assert second.old == first.new
    assert_whole(only)
    for counts in sampler.counts.values():
        assert (min(counts), max(counts)) == (1, 2)
    assert len(sampler.written) > 10
    assert sampler.lost() == []
