"""Two ingress nodes behind DigitalOcean's load balancer: no request is lost while anything behind it changes.

TLS ends at the load balancer, with a certificate for a domain of the account. One further droplet runs the servers
and the service.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from bakery.wait import Pending
from tests.helpers.client_load import ClientLoad
from tests.helpers.cluster_e2e import JOBS, Cluster, wait_for
from tests.helpers.port_scan import open_ports

pytestmark = [pytest.mark.e2e, pytest.mark.e2e_sweep, pytest.mark.timeout(1200)]

REQUESTS = 2000
DOMAIN = "front.test"
HOST = f"www.{DOMAIN}"
FILE = f"""\
version: 1
cluster: front
image: {{nomad: 1.11.3}}
vpc: {{cidr: 10.130.0.0/20}}
roles:
  all-in-one: {{count: 1}}
  ingress: {{count: 2}}
ingress:
  domains: [{HOST}]
  load_balancer: {{certificate: lets-encrypt}}
"""


@dataclass(frozen=True, kw_only=True)
class Front:
    """The cluster, and the address of its load balancer."""

    cluster: Cluster
    address: str

    def load(self) -> ClientLoad:
        return ClientLoad(address=self.address, host=HOST)

    def deploy(self, text: str, shutdown_delay: str = "5s") -> None:
        """Run the service, and wait until every instance is of this version."""
        variables = (f"-var=host={HOST}", f"-var=text={text}", f"-var=shutdown_delay={shutdown_delay}")
        self.cluster.tool("nomad", "job", "run", *variables, str(JOBS / "edge.nomad.hcl"))

    def nodes(self) -> tuple[str, ...]:
        return tuple(droplet.name for droplet in self.cluster.droplets("bakery:front:role:ingress"))


@pytest.fixture(scope="module")
def front(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    work: Path = tmp_path_factory.mktemp("front")
    (work / "bakery.yaml").write_text(FILE)
    made = replace(cluster, work=work)
    assert made.api("POST", "/v2/domains", {"name": DOMAIN}).status == 201
    try:
        made.bakery("build-image", "--local", "--yes")
        made.bakery("launch", "--local", "--yes")
        yield Front(cluster=made, address=made.status()["load_balancer"]["ip"])
    finally:
        made.bakery("destroy", "--local", "--yes", check=False)
        made.api("DELETE", f"/v2/domains/{DOMAIN}")


@pytest.fixture(scope="module")
def service(front: Front) -> None:
    """Version 1 answers through the load balancer."""
    front.deploy("version 1")

    def answers() -> bool | Pending:
        found = front.load().get()
        return True if found == (200, "version 1") else Pending(str(found))

    wait_for(answers, what="version 1", seconds=30, every=0.2)


@pytest.mark.usefixtures("service")
def test_no_request_is_lost_while_the_service_deploys(front: Front) -> None:
    with front.load() as clients:
        clients.wait_until_asked(REQUESTS // 4)
        front.deploy("version 2")
        clients.wait_until_asked(REQUESTS)
    assert clients.lost == []
    assert clients.answers["version 2"] > 0, "control: the deployment was under way"
    assert clients.asked >= REQUESTS


@pytest.mark.usefixtures("service")
def test_control_without_shutdown_delay_some_are_lost(front: Front) -> None:
    front.deploy("version 3", shutdown_delay="0s")
    with front.load() as clients:
        front.deploy("version 4", shutdown_delay="0s")
    assert clients.lost
    front.deploy("version 5")


@pytest.mark.usefixtures("service")
def test_no_request_is_lost_while_an_ingress_node_is_replaced(front: Front) -> None:
    old = front.nodes()[0]
    with front.load() as clients:
        front.cluster.bakery("replace", "--local", "--yes", old)
        clients.wait_until_asked(REQUESTS)
    assert clients.lost == []
    assert clients.asked >= REQUESTS
    assert (len(front.nodes()), old in front.nodes()) == (2, False), "control: it was replaced"


def test_only_the_load_balancer_is_open_from_outside(front: Front) -> None:
    assert open_ports(front.address) == [80, 443]
    for droplet in front.cluster.droplets("bakery:front:role:ingress"):
        assert open_ports(droplet.public) == []


def test_destroy_leaves_nothing_and_gc_finds_nothing(front: Front) -> None:
    def left() -> dict[str, list[Any]]:
        kinds = ("load_balancers", "certificates", "reserved_ips")
        found = {kind: front.cluster.api("GET", f"/v2/{kind}").body[kind] for kind in kinds}
        return {kind: each for kind, each in found.items() if each}

    assert left().keys() == {"load_balancers", "certificates"}, "control"
    front.cluster.bakery("destroy", "--local", "--yes")
    assert left() == {}
    assert "front" not in front.cluster.bakery("gc", "--local", "--older-than", "0", "--json").stdout
