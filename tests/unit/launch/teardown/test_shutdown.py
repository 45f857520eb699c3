"""Ingress nodes are shut down before their droplets are deleted, so that their health endpoint fails first."""

from dataclasses import replace
from pathlib import Path

import pytest

from bakery.config.model import Ingress, Kind
from bakery.errors import BakeryError, NotFoundError, UnauthorizedError, UnreachableError
from bakery.launch.teardown.hurt import certificates_anew
from bakery.launch.teardown.removal import remove_nodes
from tests.helpers.clusters import make_node
from tests.helpers.launch_harness import LaunchHarness

NODE = make_node(Kind.INGRESS)
TAGS = ("bakery:demo", "bakery:demo:role:ingress", "bakery:demo:slot:ingress-1", "bakery:demo:ingress")


@pytest.fixture
def harness(tmp_path: Path) -> LaunchHarness:
    """An account with an ingress node and a Nomad client."""
    made = LaunchHarness(tmp_path)
    made.plan = replace(made.plan, nodes=(*made.plan.nodes, NODE))
    made.cloud.add_droplet(NODE.name, tags=TAGS)
    made.cloud.add_droplet("demo-nomad-client-1", tags=("bakery:demo", "bakery:demo:role:nomad-client"))
    return made


def remove(harness: LaunchHarness, name: str, *, lost: bool = False) -> list[str]:
    """Remove that node; return the calls that change a droplet."""
    members = tuple(harness.cloud.droplets.values())
    going = [droplet for droplet in members if droplet.name == name]
    harness.cloud.revive()
    remove_nodes(harness.session(), harness.plan, going, members, lost=lost)
    return [call.name for call in harness.cloud.mutations if call.name.endswith("_droplet")]


def of_the_shutdown(harness: LaunchHarness) -> list[str]:
    """The warnings but that about Consul and Nomad, which nobody can ask here."""
    return [text for text in harness.reporter.warnings if "without the cluster's credentials" not in text]


def test_an_ingress_node_is_shut_down_first(harness: LaunchHarness) -> None:
    assert remove(harness, NODE.name) == ["shut_down_droplet", "delete_droplet"]
    assert of_the_shutdown(harness) == []


def test_other_nodes_are_not(harness: LaunchHarness) -> None:
    assert remove(harness, "demo-nomad-client-1") == ["delete_droplet"]


def test_a_lost_node_is_not_asked(harness: LaunchHarness) -> None:
    assert remove(harness, NODE.name, lost=True) == ["delete_droplet"]


def test_a_node_that_is_off_is_not_asked(harness: LaunchHarness) -> None:
    for number, droplet in harness.cloud.droplets.items():
        harness.cloud.droplets[number] = replace(droplet, status="off")
    assert remove(harness, NODE.name) == ["delete_droplet"]


def test_a_node_that_does_not_shut_down_is_deleted_with_a_warning(harness: LaunchHarness) -> None:
    """20 s in which it takes requests, 10 for those under way, 60 for the system."""
    harness.cloud.hanging = {NODE.name}
    begun = harness.cloud.clock.now()
    assert remove(harness, NODE.name) == ["shut_down_droplet", "delete_droplet"]
    assert of_the_shutdown(harness) == [
        "waited 90 s for demo-ingress-1 to take no more requests; requests under way may be lost"
    ]
    assert 90 <= harness.cloud.clock.now() - begun < 100


@pytest.mark.parametrize(
    ("refusal", "waits"),
    [
        (UnauthorizedError(message="refused", details="You do not have permission", status=403), False),
        (NotFoundError(message="refused", details="not found", status=404), False),
        (UnreachableError(message="no reply"), True),
    ],
)
def test_a_shutdown_that_is_refused_keeps_no_node_from_being_deleted(
    harness: LaunchHarness, refusal: BakeryError, *, waits: bool
) -> None:
    def refuse(droplet_id: int) -> None:
        raise refusal

    harness.cloud.shut_down_droplet = refuse  # type: ignore[method-assign]
    assert remove(harness, NODE.name) == ["delete_droplet"]
    (warning,) = of_the_shutdown(harness)
    assert ("without a shutdown" in warning, "waited 90 s" in warning) == (not waits, waits)


def test_whoever_replaces_a_node_with_acme_certificates_is_told_the_limit(harness: LaunchHarness) -> None:
    acme = Ingress(
        domains=("a.example.com", "b.example.com"), acme_email="ops@example.com", acme_directory="https://x"
    )
    droplets = tuple(harness.cloud.droplets.values())
    assert certificates_anew(harness.plan, droplets) == (), "control: without ACME nothing is lost"
    assert certificates_anew(replace(harness.plan, ingress=acme), droplets) == (
        "demo-ingress-1: its certificates for a.example.com, b.example.com are lost, and its successor requests"
        " new ones; Let's Encrypt issues the same names five times a week",
    )
