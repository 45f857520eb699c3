"""The conditions of a planned load balancer and a planned reserved IP."""

from dataclasses import replace

import pytest

from bakery.cloud.model import LoadBalancer, ReservedIp
from bakery.observe.model import ConditionState
from bakery.observe.ways_in import forwards, is_assigned
from tests.helpers.fake_cloud import FakeCloud

BALANCER = LoadBalancer(
    id="lb-1", name="bakery-demo-ingress-1a2b3c4d", status="active", ip="203.0.113.250", created_at="",
    tag="bakery:demo:ingress", vpc_id="v", rules=(), health_check=None, proxy_protocol=True, redirects=False,
    size_unit=1, droplet_ids=(1,),
)  # fmt: skip
RESERVED = ReservedIp(ip="203.0.113.240", region="fra1", droplet_id=1, locked=False)
NAME = BALANCER.name


@pytest.mark.parametrize(
    ("balancer", "state", "message"),
    [
        (BALANCER, "ok", f"{NAME} is active at 203.0.113.250"),
        (None, "missing", "the load balancer of the cluster file does not exist"),
        (replace(BALANCER, status="new", ip=""), "missing", f"{NAME} is new"),
        (replace(BALANCER, droplet_ids=()), "missing", f"{NAME} forwards to no droplet"),
        (replace(BALANCER, status="errored"), "missing", f"{NAME} is errored"),
    ],
)
def test_a_load_balancer_must_be_active_and_have_droplets(
    balancer: LoadBalancer | None, state: str, message: str
) -> None:
    found = forwards(balancer)
    assert (found.name, found.state.value, found.message) == ("load-balancer", state, message)
    assert found.blocks


def test_an_errored_load_balancer_is_not_mended_by_a_launch_alone() -> None:
    assert forwards(replace(BALANCER, status="errored")).help == (
        "doctl compute load-balancer delete lb-1, and then bakery launch"
    )
    assert forwards(None).help is None, "control: a launch creates it"


def test_a_reserved_ip_must_be_assigned_in_its_slot() -> None:
    cloud = FakeCloud()
    ours, other = (cloud.droplets[cloud.add_droplet(name)] for name in ("demo-ingress-1", "web"))
    held = replace(RESERVED, droplet_id=ours.id)
    assert is_assigned(held, "demo-ingress-1", [ours]).state is ConditionState.OK
    for droplet_id in (None, other.id):
        found = is_assigned(replace(RESERVED, droplet_id=droplet_id), "demo-ingress-1", [ours])
        assert found.message == "203.0.113.240 is not assigned to demo-ingress-1"
    assert is_assigned(None, "demo-ingress-1", [ours]).message == (
        "the reserved IP of the cluster file does not exist"
    )
