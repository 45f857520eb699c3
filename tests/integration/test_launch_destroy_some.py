"""``bakery destroy --node`` and ``--role`` as processes: exactly those droplets, among strangers so named."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.helpers.launch_processes import DESTROY, LAUNCH, Forker, Lab, forker, lab

pytestmark = pytest.mark.integration

# Nobody answers at the addresses of droplets in memory.
DESTROY_SOME = ("destroy", "--yes", "--no-drain")


@pytest.fixture(scope="module")
def hand() -> Iterator[Forker]:
    with forker() as running:
        yield running


@pytest.fixture
def place(tmp_path: Path, hand: Forker) -> Iterator[Lab]:
    """A launched cluster of the test's own."""
    with lab(tmp_path, hand) as place:
        place.run(LAUNCH)
        yield place


@pytest.fixture(scope="module")
def unchanged(tmp_path_factory: pytest.TempPathFactory, hand: Forker) -> Iterator[Lab]:
    """A launched cluster for the tests of commands that change nothing, which each of them checks."""
    with lab(tmp_path_factory.mktemp("unchanged"), hand) as place:
        place.run(LAUNCH)
        yield place


def _refused(place: Lab, *arguments: str) -> str:
    before = place.account()
    running = place.start((*DESTROY_SOME, *arguments))
    assert running.wait() == 2, running.text
    assert place.account() == before
    return running.text


def test_a_role_goes_and_comes_back(place: Lab) -> None:
    """A stranger has a droplet named demo-nomad-client-1, too."""
    before = place.account()
    place.run((*DESTROY_SOME, "--role", "nomad-client"))
    gone = Counter(before.droplets) - Counter(place.account().droplets)
    assert gone == Counter(["demo-nomad-client-1", "demo-nomad-client-2", "demo-nomad-client-3"])
    assert place.account().firewalls == before.firewalls
    place.run(LAUNCH)
    after = place.account()
    assert after.slots == before.slots
    assert not (Counter(after.droplets) - Counter(before.droplets)).keys() & gone.keys(), "their names are used up"


def test_a_node_goes(place: Lab) -> None:
    before = place.account()
    name = "demo-nomad-server-2"
    place.run((*DESTROY_SOME, "--node", name, "--accept-quorum-loss", name))
    gone = Counter(before.droplets) - Counter(place.account().droplets)
    assert gone == Counter(["demo-nomad-server-2"])


@pytest.mark.parametrize(
    "arguments",
    [
        ("--node", "demo-consul-server-2"),
        ("--node", "demo-consul-server-2", "--dry-run"),
    ],
)
def test_a_server_whose_quorum_cannot_be_asked_is_refused(unchanged: Lab, arguments: tuple[str, ...]) -> None:
    text = _refused(unchanged, *arguments)
    asked = "whether Consul would keep its quorum without demo-consul-server-2 cannot be asked"
    assert f"error: {asked}: no server of it sees a leader\n" in text
    assert "to destroy it all the same: --accept-quorum-loss demo-consul-server-2\n" in text


def test_the_name_of_another_server_does_not_insist(unchanged: Lab) -> None:
    text = _refused(unchanged, "--node", "demo-consul-server-2", "--accept-quorum-loss", "demo-consul-server-1")
    assert "error: --accept-quorum-loss demo-consul-server-1: that droplet is not to be destroyed\n" in text


def test_all_servers_of_a_role_are_insisted_on_one_by_one(place: Lab) -> None:
    """Those that were not named are in the refusal; what is left cannot be launched again, only destroyed."""
    before = place.account()
    first, *others = (f"demo-consul-server-{index}" for index in (1, 2, 3))
    role = ("--role", "consul-server", "--accept-quorum-loss", first)
    assert "without demo-consul-server-2, demo-consul-server-3 cannot be asked" in _refused(place, *role)
    named = [word for name in others for word in ("--accept-quorum-loss", name)]
    place.run((*DESTROY_SOME, *role, *named))
    running = place.start(LAUNCH)
    assert running.wait() == 2, running.text
    assert "the last Consul server of cluster demo is gone, and Consul's data with it" in running.text
    assert "bakery destroy; bakery launch" in running.text
    place.run(DESTROY)
    place.run(LAUNCH)
    assert place.account().slots == before.slots


def test_the_roles_of_another_cluster_are_unknown(unchanged: Lab) -> None:
    assert "cluster demo has no droplet of a role 'server'" in _refused(unchanged, "--role", "server")


def test_a_node_or_a_role_not_both(unchanged: Lab) -> None:
    assert "--node and --role cannot be combined" in _refused(unchanged, "--role", "x", "--node", "y")


def test_a_dry_run_shows_and_changes_nothing(unchanged: Lab) -> None:
    before = unchanged.account()
    running = unchanged.run((*DESTROY_SOME, "--role", "nomad-client", "--dry-run"))
    assert running.text.count("droplet demo-nomad-client-") == 3
    assert unchanged.account() == before


def test_a_protected_cluster_stays(unchanged: Lab) -> None:
    protected = replace(unchanged, cluster_file=f"{unchanged.cluster_file}protect: true\n")
    assert "cluster demo is protected" in _refused(protected)
    assert "cluster demo is protected" in _refused(protected, "--role", "nomad-client")
