"""A slot stays, a name belongs to one droplet: what tells them apart."""

from dataclasses import dataclass

import pytest

from bakery.plan.slots import as_running, in_plan_order, later_name, slot_of
from tests.helpers.clusters import make_plan


@dataclass(frozen=True)
class Droplet:
    name: str
    tags: tuple[str, ...] = ()


@pytest.mark.parametrize(
    ("droplet", "slot"),
    [
        (Droplet("demo-gpu-1-2", ("bakery:demo", "bakery:demo:slot:gpu-1-2")), "demo-gpu-1-2"),
        (Droplet("demo-gpu-1-7f3a", ("bakery:demo:slot:gpu-1",)), "demo-gpu-1"),
        (Droplet("demo-gpu-1", ("bakery:demo", "bakery:demo:role:gpu")), "demo-gpu-1"),
        (Droplet("pool-x7", ("bakery:other:slot:gpu-1",)), "pool-x7"),
    ],
    ids=["first", "later", "of bakery 0.1", "another cluster's tag"],
)
def test_the_slot_of_a_droplet(droplet: Droplet, slot: str) -> None:
    assert slot_of(droplet, "demo") == slot


def test_a_later_name_is_the_slot_and_four_digits_of_the_launch() -> None:
    assert later_name("demo-consul-server-1", "7f3a9c21") == "demo-consul-server-1-7f3a"


def test_the_running_plan_has_the_names_of_its_droplets_and_of_two_in_one_slot_the_first() -> None:
    droplets = (
        Droplet("demo-consul-server-2-7f3a", ("bakery:demo:slot:consul-server-2",)),
        Droplet("demo-consul-server-2-0000", ("bakery:demo:slot:consul-server-2",)),
        Droplet("demo-nomad-client-9", ("bakery:demo:slot:nomad-client-9",)),
    )
    plan = as_running(make_plan(consul=2, nomad=1), droplets)
    assert {node.slot: node.name for node in plan.nodes if node.name != node.slot} == {
        "demo-consul-server-2": "demo-consul-server-2-7f3a"
    }


def test_droplets_in_the_order_of_the_plan() -> None:
    """The API lists them in the order in which they were made, which a launch does not settle."""
    names = ["x", "demo-nomad-client-1", "demo-consul-server-3", "demo-nomad-server-1"]
    names += ["demo-consul-server-1", "a"]
    ordered = in_plan_order(make_plan(), [Droplet(name) for name in names])
    assert [droplet.name for droplet in ordered] == [
        "demo-consul-server-1",
        "demo-consul-server-3",
        "demo-nomad-server-1",
        "demo-nomad-client-1",
        "a",
        "x",
    ]
