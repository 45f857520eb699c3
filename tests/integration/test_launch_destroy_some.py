"""``bakery destroy --node`` and ``--role`` as processes: exactly those droplets, among strangers so named."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.launch_processes import LAUNCH, Forker, Lab, forker, lab

pytestmark = pytest.mark.integration

# Nobody answers at the addresses of droplets in memory.
DESTROY_SOME = ("destroy", "--yes", "--no-drain")


@pytest.fixture(scope="module")
def hand() -> Iterator[Forker]:
    with forker() as running:
        yield running


@pytest.fixture
def place(tmp_path: Path, hand: Forker) -> Iterator[Lab]:
    with lab(tmp_path, hand) as place:
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
    assert place.account().droplets == before.droplets


def test_a_node_goes(place: Lab) -> None:
    before = place.account()
    place.run((*DESTROY_SOME, "--node", "demo-nomad-server-2"))
    gone = Counter(before.droplets) - Counter(place.account().droplets)
    assert gone == Counter(["demo-nomad-server-2"])


def test_what_would_end_a_quorum_is_refused(place: Lab) -> None:
    assert "Consul would have 0 of 3 servers and no quorum" in _refused(place, "--role", "consul-server")


def test_the_roles_of_another_cluster_are_unknown(place: Lab) -> None:
    assert "cluster demo has no droplet of a role 'server'" in _refused(place, "--role", "server")


def test_a_node_or_a_role_not_both(place: Lab) -> None:
    assert "--node and --role are two different orders" in _refused(place, "--role", "x", "--node", "y")


def test_a_dry_run_shows_and_changes_nothing(place: Lab) -> None:
    before = place.account()
    running = place.run((*DESTROY_SOME, "--role", "nomad-client", "--dry-run"))
    assert running.text.count("droplet demo-nomad-client-") == 3
    assert place.account() == before


def test_a_protected_cluster_stays(place: Lab) -> None:
    place.cluster_file += "protect: true\n"
    assert "cluster demo is protected" in _refused(place)
    assert "cluster demo is protected" in _refused(place, "--role", "nomad-client")
