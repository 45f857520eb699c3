"""Changes of small clusters that meet trouble: a canary that never comes, a quorum at risk, a client that was off.

``make sweep`` runs these as root, on droplets that boot, beside test_sequences.py.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from bakery.config.defaults import TESTED_NOMAD_VERSION
from bakery.errors import ExitCode
from bakery.proc import Completed
from bakery.toolchain.find import find_local_tool
from bakery.toolchain.model import ToolName, places_from_environment
from bakery.wait import Pending
from tests.helpers.cluster_e2e import Droplet, wait_for
from tests.helpers.second_cluster import act, assert_whole, has, put
from tests.helpers.servers_e2e import CONSUL, Servers, slot_of
from tests.sweep.figures import Figures

pytestmark = [pytest.mark.sequences, pytest.mark.timeout(1800)]

Second = Callable[[str, str], Servers]
PARTITION = "600s"
EARLIER_NOMAD = "1.11.2"
IMPATIENT = {"BAKERY_DEADLINE_FACTOR": "0.15"}
"""45 s for a new node instead of five minutes."""


def _droplets(servers: Servers) -> tuple[Droplet, ...]:
    return servers.cluster.droplets(f"bakery:{servers.name}")


def _names(servers: Servers) -> set[str]:
    return {droplet.name for droplet in _droplets(servers)}


def _roll(servers: Servers, *more: str, impatient: bool = False) -> Completed:
    words = ("roll", "--local", "--yes", "--because", "age", "--older-than", "0", "--drain-deadline", "2m", *more)
    done = servers.cluster.bakery(*words, check=False, env=IMPATIENT if impatient else {}, seconds=900)
    servers.cluster.forget_env()
    return done


@contextmanager
def _successors_cut_off(servers: Servers) -> Iterator[None]:
    """No packet reaches a droplet that is created meanwhile."""
    old, ended = _names(servers), threading.Event()

    def cut() -> None:
        while not ended.wait(0.2):
            for name in _names(servers) - old:
                servers.cluster.bakery("emulator", "impair", "--partition", PARTITION, name, check=False)
                return

    cutter = threading.Thread(target=cut)
    cutter.start()
    try:
        yield
    finally:
        ended.set()
        cutter.join()


def test_a_canary_that_never_comes_leaves_every_old_droplet(second: Second, figures: Figures) -> None:
    target = "a canary that never comes"
    with figures.watch(target):
        servers = second("canary", "server: 3, nomad-client: 1")
        servers.launch()
        put(servers, "canary")
        before = {droplet.id for droplet in _droplets(servers)}
        with _successors_cut_off(servers):
            rolled = _roll(servers, impatient=True)
        assert rolled.returncode == ExitCode.DEADLINE, rolled.stderr
        assert "0 of 4 nodes are replaced" in rolled.stderr
        (canary,) = [droplet for droplet in _droplets(servers) if droplet.id not in before]
        assert before < {droplet.id for droplet in _droplets(servers)}
        assert has(servers, "canary")
        servers.destroy(canary.name)
        servers.launch()
        assert_whole(servers, 3)
        assert {droplet.id for droplet in _droplets(servers)} == before
        figures.tell(target, "exit 6, four old droplets untouched")


def test_a_quorum_at_risk_is_not_touched(second: Second, figures: Figures) -> None:
    target = "a roll with a server down"
    with figures.watch(target):
        servers = second("risk", "server: 3, nomad-client: 1")
        servers.launch()
        before = {droplet.id for droplet in _droplets(servers)}
        (down,) = [droplet for droplet in _droplets(servers) if droplet.name == "risk-server-3"]
        act(servers.cluster, down, "power_off")
        _wait_for(servers, down.name, "off")
        refused = _roll(servers)
        assert refused.returncode == ExitCode.CHECKS, refused.stderr
        assert "risk-server-3: droplet is off" in refused.stderr
        assert {droplet.id for droplet in _droplets(servers)} == before
        assert len(servers.voters(CONSUL)) == 3, "autopilot keeps the server that is down"
        act(servers.cluster, down, "power_on")
        servers.launch()
        assert_whole(servers, 3)
        figures.tell(target, "exit 7, nothing touched, healthy after power on")


def test_a_client_that_was_off_joins_servers_that_are_all_new(second: Second, figures: Figures) -> None:
    """It knows the address of the other client alone."""
    target = "a client that was off while every server was replaced"
    with figures.watch(target):
        servers = second("away", "server: 3, nomad-client: 2")
        servers.launch()
        put(servers, "away")
        old = servers.names(CONSUL)
        (client,) = [droplet for droplet in _droplets(servers) if droplet.name == "away-nomad-client-2"]
        act(servers.cluster, client, "power_off")
        _wait_for(servers, client.name, "off")
        for name in sorted(old):
            servers.destroy(name)
            servers.launch("--deadline", "20", check=False)  # ends with exit 6: the client is off
            wait_for(lambda: _all_vote(servers), what="three voters")
        assert not servers.names(CONSUL) & old
        act(servers.cluster, client, "power_on")
        servers.launch()
        assert_whole(servers, 3)
        assert client.id in {droplet.id for droplet in _droplets(servers)}
        assert has(servers, "away")
        figures.tell(target, "joins by itself")


def test_a_cluster_of_bakery_0_1_is_found_grown_replaced_and_destroyed(second: Second, figures: Figures) -> None:
    """Its droplets have neither slot nor generation tags, and their names are their slots."""
    target = "a cluster of bakery 0.1"
    with figures.watch(target):
        servers = second("older", "server: 3, nomad-client: 1")
        servers.launch()
        put(servers, "older")
        strip_new_tags(servers)
        unchanged = servers.launch()
        assert "4 droplets, 0 new" in unchanged.stderr
        servers.cluster.bakery("scale", "--local", "--yes", "nomad-client=2", seconds=600)
        servers.replace("older-server-2")
        servers.replace("older-nomad-client-1", "--drain-deadline", "2m")
        assert_whole(servers, 3)
        assert sorted(map(slot_of, _names(servers))) == [
            "older-nomad-client-1", "older-nomad-client-2", "older-server-1", "older-server-2", "older-server-3",
        ]  # fmt: skip
        assert has(servers, "older")
        servers.cluster.bakery("destroy", "--local", "--yes")
        assert _names(servers) == set()
        figures.tell(target, "found, grown, replaced, destroyed")


def test_nomad_of_an_earlier_version_is_upgraded(second: Second, figures: Figures) -> None:
    """Its program is not part of the toolchain: where nobody has built it, this is skipped."""
    if find_local_tool(ToolName.NOMAD, EARLIER_NOMAD, places=places_from_environment()) is None:
        pytest.skip(
            f"Nomad {EARLIER_NOMAD} is not in the cache: toolchain/ builds Nomad {TESTED_NOMAD_VERSION} only"
        )
    target = "an upgrade of Nomad"
    with figures.watch(target):
        servers = second("hop", "consul-server: 1, nomad-server: 1, nomad-client: 1")
        file = servers.cluster.work / "bakery.yaml"
        file.write_text(file.read_text().replace(f"nomad: {TESTED_NOMAD_VERSION}", f"nomad: {EARLIER_NOMAD}"))
        servers.cluster.bakery("build-image", "--local", "--yes", seconds=600)
        servers.launch()
        assert _nomad_versions(servers) == {EARLIER_NOMAD}
        put(servers, "hop")
        words = ("upgrade", "--local", "--yes", "--nomad", TESTED_NOMAD_VERSION)
        servers.cluster.bakery(*words, seconds=900)
        servers.cluster.forget_env()
        assert _nomad_versions(servers) == {TESTED_NOMAD_VERSION}
        assert f"nomad: {TESTED_NOMAD_VERSION}" in file.read_text()
        assert_whole(servers, 1)
        assert has(servers, "hop")
        back = servers.cluster.bakery("upgrade", "--local", "--yes", "--nomad", EARLIER_NOMAD, check=False)
        assert back.returncode == ExitCode.USAGE
        assert f"servers cannot be changed back to {EARLIER_NOMAD}" in back.stderr
        figures.tell(target, f"{EARLIER_NOMAD} to {TESTED_NOMAD_VERSION}: whole, the data stays, no way back")


def _nomad_versions(servers: Servers) -> set[str]:
    """Those that the agents of servers and clients report."""
    members = servers.cluster.nomad_json("server", "members", "-json")
    clients = servers.cluster.nomad_json("node", "status", "-json")
    return {member["Tags"]["build"] for member in members} | {client["Version"] for client in clients}


def strip_new_tags(servers: Servers) -> None:
    """Remove from the account the tags that bakery 0.1 did not make."""
    tags = {tag for droplet in _droplets(servers) for tag in droplet.tags}
    for tag in sorted(tags):
        if ":slot:" in tag or ":gen:" in tag:
            assert servers.cluster.api("DELETE", f"/v2/tags/{tag}").status == 204


def _all_vote(servers: Servers) -> bool | Pending:
    voters, names = servers.voters(CONSUL), servers.names(CONSUL)
    return True if voters == names and len(names) == 3 else Pending(f"{len(voters & names)} of {len(names)}")


def _wait_for(servers: Servers, name: str, status: str) -> None:
    def reached() -> bool | Pending:
        now = {droplet.name: droplet.status for droplet in _droplets(servers)}.get(name)
        return True if now == status else Pending(f"{name} is {now}")

    wait_for(reached, what=f"{name} to be {status}", every=0.5)
