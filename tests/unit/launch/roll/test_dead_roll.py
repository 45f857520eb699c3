"""A roll that died with clients ineligible, then another command: these clients take work again first."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bakery.launch.base.journal import load_journal
from bakery.launch.roll.model import RollRequest
from bakery.launch.roll.need import Because
from bakery.launch.teardown.destroy_some import Removal, destroy_node
from bakery.operations.roll_cluster import roll_cluster
from tests.helpers.fake_cloud import Killed
from tests.helpers.launch_harness import IMAGE
from tests.helpers.roll_harness import RollHarness, roll_harness

NEWER = replace(IMAGE, id=78, name="bakery-newer", created_at="2026-11-20T00:00:00Z")


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RollHarness:
    """A roll of the clients died: the successor of the first is there, and every old client is ineligible."""
    made = roll_harness(tmp_path)
    made.cloud.images[NEWER.id] = NEWER

    def die(*_: object, **__: object) -> None:
        made.cloud.dead = True
        raise Killed

    one = made.request()
    one = replace(one, launch=replace(one.launch, image=NEWER))
    request = RollRequest(replace=one, because=frozenset({Because.IMAGE}), roles=("nomad-client",))
    with monkeypatch.context() as dying:
        dying.setattr(made.live.nomad, "drain", die)
        dying.setattr(made.live.nomad, "set_eligible", die)
        with pytest.raises(Killed):
            roll_cluster(made.session, request, lambda plan: True)
    made.cloud.revive()
    assert _ineligible(made) == ["demo-nomad-client-1", "demo-nomad-client-2", "demo-nomad-client-3"]
    return made


def _ineligible(cluster: RollHarness) -> list[str]:
    names = cluster.cloud.names()
    return sorted(node.name for node in cluster.live.nomad.clients if not node.eligible and node.name in names)


def _destroy(cluster: RollHarness, name: str) -> Removal:
    seen: list[Removal] = []

    def approve(removal: Removal) -> bool:
        seen.append(removal)
        return True

    destroy_node(cluster.session, cluster.harness.removal(), name, approve)
    return seen[0]


def test_to_give_the_successor_up_moves_its_work_to_the_old_clients(cluster: RollHarness) -> None:
    (new,) = [name for name in cluster.cloud.names() if name.startswith("demo-nomad-client-1-")]
    (node,) = [node for node in cluster.live.nomad.clients if node.name == new]
    removal = _destroy(cluster, new)
    assert removal.notes == (f"the work of {new} moves to other clients first (at most 600 s)",)
    assert f"drain {node.id}" in cluster.live.nomad.calls
    assert _ineligible(cluster) == []


OTHERS: dict[str, Callable[[RollHarness], object]] = {
    "destroy a client": lambda cluster: _destroy(cluster, "demo-nomad-client-2"),
    "destroy a server": lambda cluster: _destroy(cluster, "demo-nomad-server-2"),
    "replace": lambda cluster: cluster.replace("demo-nomad-client-1"),
}


@pytest.mark.parametrize("command", OTHERS.values(), ids=OTHERS.keys())
def test_another_command_makes_the_clients_eligible(
    cluster: RollHarness, command: Callable[[RollHarness], object]
) -> None:
    command(cluster)
    assert _ineligible(cluster) == []
    roll = load_journal(cluster.harness.paths.journal, "demo").roll
    assert roll is not None
    assert roll.ineligible == (), "the roll itself is still unfinished"


def test_a_no_changes_nothing(cluster: RollHarness) -> None:
    destroy_node(cluster.session, cluster.harness.removal(), "demo-nomad-client-2", lambda removal: False)
    assert cluster.replace("demo-nomad-client-1", lambda checked: False) is None
    assert len(_ineligible(cluster)) == len(("client 1", "client 2", "client 3"))
