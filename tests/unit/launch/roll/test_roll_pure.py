"""Which nodes a roll replaces, in which order, and what it says of the work on them."""

from dataclasses import replace

import pytest

from bakery.cloud.model import Droplet
from bakery.config.model import Kind
from bakery.launch.roll.need import Because, Need, Wanted, find_needs
from bakery.launch.roll.order import in_roll_order
from bakery.plan.tags import config_tag
from bakery.render.digest import config_digest
from tests.helpers.clusters import make_node
from tests.helpers.fake_agents import make_droplet
from tests.helpers.launch_harness import IMAGE, small_plan

NOW = 1_768_000_000.0
"""2026-01-09 23:06:40 UTC."""
WANTED = Wanted(image=IMAGE, generation=2, now=NOW, oldest_days=90)


def _droplets(**changes: object) -> list[Droplet]:
    """The droplets of the small plan as they are wanted, but for the changes of demo-nomad-client-2."""
    made = []
    for number, node in enumerate(small_plan().nodes, 1):
        droplet = replace(
            make_droplet(number, node.name, (*node.tags, "bakery:demo:gen:2")),
            image_id=IMAGE.id,
            size=node.size,
            created_at="2026-01-09T00:00:00Z",
        )
        made.append(replace(droplet, **changes) if node.name == "demo-nomad-client-2" else droplet)  # type: ignore[arg-type]
    return made


TAGS = ("bakery:demo", "bakery:demo:role:nomad-client", "bakery:demo:slot:nomad-client-2")


@pytest.mark.parametrize(
    ("because", "changes", "reasons"),
    [
        (Because.IMAGE, {"image_id": 5, "image_name": "older"}, ("snapshot older, not bakery-snapshot",)),
        (Because.SIZE, {"size": "s-2vcpu-2gb"}, ("size s-2vcpu-2gb, not s-1vcpu-1gb",)),
        (Because.SECRETS, {"tags": (*TAGS, "bakery:demo:gen:1")}, ("secrets of generation 1, not 2",)),
        (Because.SECRETS, {"tags": TAGS}, ("secrets of generation 1, not 2",)),
        (
            Because.CONFIG,
            {"tags": (*TAGS, "bakery:demo:gen:2", "bakery:demo:config:0123456789abcdef")},
            ("configured differently from a new droplet",),
        ),
        (Because.AGE, {"created_at": "2025-10-01T23:06:40Z"}, ("100 days old",)),
    ],
)
def test_a_droplet_that_differs_is_replaced(
    because: Because, changes: dict[str, object], reasons: tuple[str, ...]
) -> None:
    (need,) = find_needs(small_plan(), _droplets(**changes), WANTED, because=set(Because))
    assert (need.node.slot, need.reasons) == ("demo-nomad-client-2", reasons)
    others = set(Because) - {because}
    assert find_needs(small_plan(), _droplets(**changes), WANTED, because=others) == ()
    assert (
        find_needs(small_plan(), _droplets(**changes), WANTED, because=set(Because), roles={"consul-server"}) == ()
    )


def test_a_droplet_with_the_tag_of_its_configuration_does_not_differ() -> None:
    """Nor does a droplet of a bakery without such a tag: it is among those of the other tests."""
    node = next(node for node in small_plan().nodes if node.name == "demo-nomad-client-2")
    tag = config_tag("demo", config_digest(small_plan(), node))
    droplets = _droplets(tags=(*TAGS, "bakery:demo:gen:2", tag))
    assert find_needs(small_plan(), droplets, WANTED, because=set(Because)) == ()


def test_nothing_differs() -> None:
    assert find_needs(small_plan(), _droplets(), WANTED, because=set(Because)) == ()


def test_a_droplet_that_the_roll_created_is_younger_than_the_roll() -> None:
    younger = replace(WANTED, oldest_days=0)
    assert len(find_needs(small_plan(), _droplets(), younger, because={Because.AGE})) == 9
    made = _droplets(created_at="2026-01-10T00:00:00Z")
    assert len(find_needs(small_plan(), made, younger, because={Because.AGE})) == 8


def test_an_unfinished_replacement_is_finished_by_the_roll() -> None:
    successor = make_droplet(77, "demo-nomad-client-2-7f3a", (*TAGS, "bakery:demo:replaces:8"))
    droplets = _droplets()
    old = next(droplet for droplet in droplets if droplet.name == "demo-nomad-client-2")
    successor = replace(successor, tags=(*TAGS, f"bakery:demo:replaces:{old.id}"))
    (need,) = find_needs(small_plan(), [*droplets, successor], WANTED, because=set())
    assert (need.droplet, need.reasons) == (old, ("its replacement is unfinished",))


def _need(kind: Kind, index: int, number: int) -> Need:
    node = make_node(kind, index)
    return Need(node=node, droplet=make_droplet(number, node.name, node.tags), reasons=("x",))


CONSUL = [_need(Kind.CONSUL_SERVER, index, index) for index in (1, 2, 3)]
NOMAD = [_need(Kind.NOMAD_SERVER, index, 3 + index) for index in (1, 2, 3)]
CLIENTS = [_need(Kind.NOMAD_CLIENT, index, 6 + index) for index in (1, 2)]
BOTH = [_need(Kind.SERVER, index, 10 + index) for index in (1, 2, 3)]
ALL = [_need(Kind.ALL_IN_ONE, index, 13 + index) for index in (1, 2, 3)]


@pytest.mark.parametrize(
    ("needs", "leaders", "order"),
    [
        ([*CLIENTS, *NOMAD, *CONSUL], {"10.100.0.1", "10.100.0.5"}, [2, 3, 1, 4, 6, 5, 7, 8]),
        ([*CONSUL, *NOMAD, *CLIENTS], {"10.100.0.3", "10.100.0.6"}, [1, 2, 3, 4, 5, 6, 7, 8]),
        ([*CLIENTS, *BOTH], {"10.100.0.11", "10.100.0.12"}, [13, 11, 12, 7, 8]),
        ([*CLIENTS, *ALL], {"10.100.0.15"}, [14, 16, 15, 7, 8]),
        ([CONSUL[0], *CLIENTS], {"10.100.0.1"}, [1, 7, 8]),
        ([*CLIENTS], {"10.100.0.7"}, [7, 8]),
        ([], set(), []),
    ],
    ids=[
        "leaders first in the plan",
        "leaders last",
        "servers of both",
        "all in one",
        "only the leader",
        "clients",
        "nothing",
    ],
)
def test_servers_before_clients_and_leaders_last(needs: list[Need], leaders: set[str], order: list[int]) -> None:
    assert [need.droplet.id for need in in_roll_order(needs, leaders)] == order
