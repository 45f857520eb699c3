"""One ingress node behind a reserved IP: the address stays, and answers, while its node is replaced."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from bakery.wait import Pending
from tests.helpers.client_load import ClientLoad
from tests.helpers.cluster_e2e import JOBS, Cluster, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.e2e_sweep, pytest.mark.timeout(1200)]

HOST = "www.fixed.test"
FILE = """\
version: 1
cluster: fixed
image: {nomad: 1.11.3}
vpc: {cidr: 10.131.0.0/20}
roles:
  all-in-one: {count: 1}
  ingress: {count: 1}
ingress:
  reserved_ip: auto
"""


@dataclass(frozen=True, kw_only=True)
class Fixed:
    """The cluster and its reserved IP."""

    cluster: Cluster
    address: str

    def reserved(self) -> dict[str, str]:
        """The account's reserved IPs, each with the name of its droplet."""
        listed = self.cluster.api("GET", "/v2/reserved_ips").body["reserved_ips"]
        return {each["ip"]: (each["droplet"] or {}).get("name", "") for each in listed}

    def node(self) -> str:
        (found,) = self.cluster.droplets("bakery:fixed:role:ingress")
        return found.name

    def load(self) -> ClientLoad:
        return ClientLoad(address=self.address, host=HOST, tls=False)


@pytest.fixture(scope="module")
def fixed(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fixed]:
    """A service answers at the reserved IP."""
    work: Path = tmp_path_factory.mktemp("fixed")
    (work / "bakery.yaml").write_text(FILE)
    made = replace(cluster, work=work)
    try:
        made.bakery("build-image", "--local", "--yes")
        made.bakery("launch", "--local", "--yes")
        (address,) = (each["ip"] for each in made.api("GET", "/v2/reserved_ips").body["reserved_ips"])
        found = Fixed(cluster=made, address=address)
        made.run_job(JOBS / "edge.nomad.hcl", f"host={HOST}")
        wait_for(lambda: _answers(found), what=f"{address} to answer", seconds=30, every=0.2)
        yield found
    finally:
        made.bakery("destroy", "--local", "--yes", check=False)


def _answers(fixed: Fixed) -> bool | Pending:
    try:
        found = fixed.load().get()
    except OSError as error:
        return Pending(repr(error))
    return True if found == (200, "edge") else Pending(str(found))


def test_the_address_is_that_of_the_ingress_node(fixed: Fixed) -> None:
    assert fixed.reserved() == {fixed.address: fixed.node()}


def test_the_address_answers_through_a_roll(fixed: Fixed) -> None:
    """bakery assigns it to the successor while both nodes run; connections to the old one end with it."""
    old = fixed.node()
    with fixed.load() as clients:
        fixed.cluster.bakery(
            "roll", "--local", "--yes", "--role", "ingress", "--because", "age", "--older-than", "0", seconds=600
        )
        clients.wait_until_asked(clients.asked + 60)
    assert fixed.node() != old, "control: it was replaced"
    assert fixed.reserved() == {fixed.address: fixed.node()}
    assert clients.lost == []


def test_the_address_moves_when_its_node_is_lost(fixed: Fixed) -> None:
    old = fixed.node()
    fixed.cluster.api("DELETE", f"/v2/droplets/{fixed.cluster.droplet(old).id}")
    fixed.cluster.bakery("launch", "--local", "--yes")
    assert fixed.reserved() == {fixed.address: fixed.node()}
    wait_for(lambda: _answers(fixed), what=f"{fixed.address} to answer", seconds=30, every=0.2)


def test_destroy_releases_the_address(fixed: Fixed) -> None:
    assert list(fixed.reserved()) == [fixed.address], "control"
    fixed.cluster.bakery("destroy", "--local", "--yes")
    assert fixed.reserved() == {}
