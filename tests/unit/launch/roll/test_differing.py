"""What ``plan`` and ``status`` show of a roll: the reasons of each droplet, and one line for many."""

from dataclasses import replace

import pytest

from bakery.cloud.model import Droplet
from bakery.launch.converge.snapshot import unbaked_snapshot
from bakery.launch.roll.differing import because_of, old_lines
from bakery.launch.roll.need import Because, Wanted
from tests.helpers.fake_agents import make_droplet
from tests.helpers.launch_harness import IMAGE, small_plan

NOW = 1_768_000_000.0
"""2026-01-09 23:06:40 UTC."""
WANTED = Wanted(image=IMAGE, generation=2, now=NOW, oldest_days=90)
PLAN = small_plan()
ALL = set(Because)


def _droplets(*changed: str, **changes: object) -> list[Droplet]:
    """The droplets of the plan as they are wanted, but for the changes of those whose role is named."""
    made = []
    for number, node in enumerate(PLAN.nodes, 1):
        droplet = replace(
            make_droplet(number, node.name, (*node.tags, "bakery:demo:gen:2")),
            image_id=IMAGE.id,
            size=node.size,
            created_at="2026-01-09T00:00:00Z",
        )
        made.append(replace(droplet, **changes) if node.role in changed else droplet)  # type: ignore[arg-type]
    return made


@pytest.mark.parametrize(
    ("changes", "reasons"),
    [
        ({}, ()),
        ({"image_id": 5}, (Because.IMAGE,)),
        ({"size": "s-2vcpu-2gb", "created_at": "2025-10-01T23:06:40Z"}, (Because.SIZE, Because.AGE)),
    ],
)
def test_the_reasons_of_a_droplet(changes: dict[str, object], reasons: tuple[Because, ...]) -> None:
    droplet = _droplets("nomad-client", **changes)[-1]
    assert because_of(PLAN, droplet, WANTED) == reasons
    assert because_of(replace(PLAN, nodes=PLAN.nodes[:1]), droplet, WANTED) == (), "not in the plan"


def test_every_droplet_differs_from_a_snapshot_that_is_not_baked() -> None:
    wanted = replace(WANTED, image=unbaked_snapshot("fra1", "bakery:image:new"))
    assert {because_of(PLAN, droplet, wanted) for droplet in _droplets()} == {(Because.IMAGE,)}


@pytest.mark.parametrize(
    ("roles", "changes", "because", "lines"),
    [
        ((), {}, ALL, []),
        (("nomad-client",), {"created_at": "2025-10-01T00:00:00Z"}, ALL,
         ["demo-nomad-client-1, demo-nomad-client-2, demo-nomad-client-3: at least 90 days old;"
          " to replace them one by one: bakery roll"]),
        (("nomad-client", "nomad-server", "consul-server"), {"tags": ("bakery:demo:gen:1",)}, ALL,
         ["9 droplets: secrets older than generation 2; to replace them one by one: bakery roll"]),
        (("nomad-client", "nomad-server", "consul-server"), {"tags": ("bakery:demo:gen:1",)}, {Because.AGE}, []),
        (("nomad-client",), {"image_id": 5}, ALL, []),  # said by the comparison with the cluster file
    ],
)  # fmt: skip
def test_old_droplets_in_one_line(
    roles: tuple[str, ...], changes: dict[str, object], because: set[Because], lines: list[str]
) -> None:
    assert [str(line) for line in old_lines(PLAN, _droplets(*roles, **changes), WANTED, because)] == lines
