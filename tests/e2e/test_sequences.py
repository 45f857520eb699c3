"""Documented commands one after another on droplets that boot, without a pause: no quorum and no data may be lost.

``make sweep`` runs it as root; CI has a sample of it, in test_cluster_85_replace.py.
"""

import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from subprocess import Popen  # noqa: TID251 - a type

import pytest

from bakery.errors import ExitCode
from bakery.proc import start
from bakery.wait import Pending
from tests.helpers.cluster_e2e import BAKERY, DEMO_JOBS, EMULATOR, PATIENCE, Cluster, Droplet, wait_for
from tests.helpers.kv_writer import KvWriter
from tests.helpers.second_cluster import act, assert_whole, has, put, write_counts
from tests.helpers.servers_e2e import CONSUL, NOMAD, Servers, slot_of
from tests.helpers.service_poller import ServicePoller
from tests.helpers.voter_sampler import VoterSampler
from tests.sweep.figures import Figures

pytestmark = [pytest.mark.sequences, pytest.mark.timeout(3600)]

SEEDS = range(int(os.environ.get("BAKERY_SEQUENCES", "3")))
STEPS = 6


def test_all_nine_are_replaced_without_a_lost_write_or_job(cluster: Cluster, figures: Figures) -> None:
    target = "nine nodes replaced"
    with figures.watch(target):
        figures.tell(target, replace_all_nine(cluster))


def replace_all_nine(cluster: Cluster) -> str:
    servers, began = Servers(cluster), time.monotonic()
    names = sorted(droplet.name for droplet in cluster.droplets("bakery:demo"))
    with KvWriter(cluster, [droplet.public for droplet in servers.droplets(CONSUL)]) as writer:
        for name in names:
            servers.destroy(name)
            servers.launch()
            writer.turn_to([droplet.public for droplet in servers.droplets(CONSUL)])
            assert len(cluster.allocations("web")) == 2
    assert_whole(servers, 3)
    after = sorted(droplet.name for droplet in cluster.droplets("bakery:demo"))
    assert sorted(map(slot_of, after)) == sorted(map(slot_of, names))
    assert not set(names) & set(after)
    assert len(writer.acknowledged) > len(names)  # control: it wrote all the while
    assert writer.lost() == {}
    assert set(cluster.nomad_nodes()) == {name for name in after if "client" in name}
    seconds = (time.monotonic() - began) / len(names)
    writes = f"{len(writer.acknowledged)} writes acknowledged, 0 lost"
    return f"{seconds:.0f} s a node; {writes}, none for {writer.longest_gap:.1f} s at most"


def test_a_roll_of_nine_misses_no_voter_and_loses_no_write(cluster: Cluster, figures: Figures) -> None:
    bar = "a roll of nine"
    with figures.watch(bar):
        figures.tell(bar, roll_all_nine(cluster))


def roll_all_nine(cluster: Cluster) -> str:
    servers, names = Servers(cluster), {droplet.name for droplet in cluster.droplets("bakery:demo")}
    addresses = [droplet.public for droplet in servers.droplets(CONSUL)]
    with KvWriter(cluster, addresses) as writer, VoterSampler(cluster, addresses) as sampler:
        following = threading.Event()
        follower = threading.Thread(target=_follow, args=(servers, writer, sampler, following))
        follower.start()
        began = time.monotonic()
        try:
            cluster.bakery(
                "roll", "--local", "--yes", "--because", "age", "--older-than", "0", "--drain-deadline", "2m",
                seconds=900,
            )  # fmt: skip
        finally:
            seconds = time.monotonic() - began
            following.set()
            follower.join()
    cluster.forget_env()
    assert_whole(servers, 3)
    after = {droplet.name for droplet in cluster.droplets("bakery:demo")}
    assert len(after) == 9
    assert not names & after
    assert len(cluster.allocations("web")) == 2
    assert (min(sampler.counts), max(sampler.counts)) == (3, 4)
    assert writer.lost() == {}
    again = cluster.bakery("roll", "--local", "--yes", "--because", "image")
    assert "nothing to replace" in again.stdout
    writes = f"{len(writer.acknowledged)} writes acknowledged, 0 lost, none for {writer.longest_gap:.1f} s at most"
    return f"{seconds:.0f} s; {len(sampler.counts)} samples, 3 or 4 alive voters; {writes}"


@pytest.fixture
def bystander(cluster: Cluster) -> Iterator[str]:
    """A droplet of the base image in the cluster's VPC: it stays while all nine are replaced."""
    (one, *_) = cluster.droplets("bakery:demo")
    network = cluster.api("GET", f"/v2/droplets/{one.id}").body["droplet"]["vpc_uuid"]
    request = {"name": "bystander", "region": "fra1", "size": "s-1vcpu-1gb", "image": "debian-12-x64"}
    created = cluster.api("POST", "/v2/droplets", request | {"vpc_uuid": network})
    assert created.status == 202, created.body
    try:
        wait_for(lambda: cluster.reads("bystander", "cloud-init status --wait"), what="the bystander to boot")
        yield "bystander"
    finally:
        cluster.api("DELETE", f"/v2/droplets/{created.body['droplet']['id']}")


def roll(cluster: Cluster, *more: str) -> None:
    """Replace every node; with ``--role`` those of one role."""
    words = ("--because", "age", "--older-than", "0", "--drain-deadline", "2m", *more)
    cluster.bakery("roll", "--local", "--yes", *words, seconds=900)
    cluster.forget_env()


def test_a_service_answers_through_a_roll_of_nine(cluster: Cluster, bystander: str, figures: Figures) -> None:
    bar = "a service through a roll of nine"
    with figures.watch(bar):
        dns = [droplet.private for droplet in Servers(cluster).droplets(CONSUL)]
        with ServicePoller(cluster, bystander, dns) as poller:
            roll(cluster)
        assert poller.asked > 15 * poller.seconds  # control: it asked all the while
        assert poller.failed == []
        figures.tell(bar, f"{poller.asked} requests in {poller.seconds:.0f} s, 0 failed")


def test_a_service_answers_through_a_roll_of_the_clients(cluster: Cluster, figures: Figures) -> None:
    bar = "a service through a roll of the clients"
    with figures.watch(bar):
        polled = poll_through_a_roll(cluster)
        assert polled.asked > 15 * polled.seconds  # control: it asked all the while
        assert polled.failed == []
        unsafe = poll_through_a_roll(cluster, "--no-drain")
        assert unsafe.failed != []  # control of the poller, and the price of the option
        figures.tell(
            bar,
            f"{polled.asked} requests in {polled.seconds:.0f} s, 0 failed;"
            f" with `--no-drain` {len(unsafe.failed)} of {unsafe.asked} failed",
        )


def poll_through_a_roll(cluster: Cluster, *more: str) -> ServicePoller:
    """Poll ``web`` from a Nomad server while all clients are replaced, until it runs on the new ones."""
    with ServicePoller(cluster, cluster.in_slot("demo-nomad-server-1").name) as poller:
        roll(cluster, "--role", "nomad-client", *more)
        wait_for(partial(web_runs, cluster), what="web to run on the new clients")
    return poller


def _follow(servers: Servers, writer: KvWriter, sampler: VoterSampler, ended: threading.Event) -> None:
    """Turn the writer and the sampler to the servers that are there, as a client with service discovery does."""
    while not ended.wait(2.0):
        there = [droplet.public for droplet in servers.droplets(CONSUL) if droplet.public]
        writer.turn_to(there)
        sampler.turn_to(there)


def test_with_the_old_node_first_the_sampler_misses_a_voter(cluster: Cluster) -> None:
    """Control: destroy and launch, as without ``replace``."""
    servers = Servers(cluster)
    old = min(servers.names(CONSUL) - {servers.leader(CONSUL)})
    staying = [droplet.public for droplet in servers.droplets(CONSUL) if droplet.name != old]
    with VoterSampler(servers.cluster, staying) as sampler:
        servers.destroy(old)
        servers.launch()
    assert min(sampler.counts) == 2


@pytest.mark.parametrize("product", [CONSUL, NOMAD])
def test_from_one_server_to_three_to_five_and_back_to_three(
    second: Callable[[str, str], Servers], figures: Figures, product: str
) -> None:
    target = f"1, 3, 5 and 3 {product.capitalize()} servers"
    with figures.watch(target):
        grow_and_shrink(second, product)
        figures.tell(target, "as promised")


def grow_and_shrink(second: Callable[[str, str], Servers], product: str) -> None:
    other = NOMAD if product == CONSUL else CONSUL
    counts = f"{product}-server: {{}}, {other}-server: 1, nomad-client: 1"
    servers = second("grow", counts.format(1))
    servers.launch()
    put(servers, "before")
    refused = servers.destroy(f"grow-{product}-server-1", check=False)
    assert refused.returncode == ExitCode.USAGE
    assert "there is no other voter" in refused.stderr
    for count in (3, 5):
        write_counts(servers, counts.format(count))
        servers.launch()
        servers.destroy(servers.leader(product))
        servers.launch()
        assert_whole(servers, count, (product,))
    write_counts(servers, counts.format(3))
    for index in (5, 4):
        servers.destroy(f"grow-{product}-server-{index}")
    servers.launch()
    assert_whole(servers, 3, (product,))
    assert has(servers, "before")


def test_servers_of_both_on_one_droplet_are_replaced(
    second: Callable[[str, str], Servers], figures: Figures
) -> None:
    target = "servers of both on one droplet"
    with figures.watch(target):
        replace_servers_of_both(second)
        figures.tell(target, "as promised")


def replace_servers_of_both(second: Callable[[str, str], Servers]) -> None:
    servers = second("pair", "server: 3, nomad-client: 1")
    servers.launch()
    put(servers, "before")
    for index in (2, 3, 1):
        servers.destroy(f"pair-server-{index}")
        refused = servers.destroy(min(servers.names(CONSUL)), "--dry-run", check=False)
        assert refused.returncode == ExitCode.USAGE
        servers.launch()
        assert_whole(servers, 3)
    assert has(servers, "before")


def test_one_droplet_that_is_everything_grows_is_replaced_and_shrinks(
    second: Callable[[str, str], Servers],
) -> None:
    servers = second("small", "all-in-one: 1")
    cluster = servers.cluster
    servers.launch()
    put(servers, "before")
    cluster.tool("nomad", "job", "run", str(DEMO_JOBS / "web.nomad.hcl"))
    (only,) = servers.droplets(CONSUL)
    act(cluster, only, "reboot")
    scale(servers, "all-in-one=3")
    assert_whole(servers, 3)
    leader = servers.leader(NOMAD)
    servers.replace(leader)
    assert_whole(servers, 3)
    assert len(cluster.allocations("web")) == 2
    scale(servers, "all-in-one=1", "--accept-single")
    assert_whole(servers, 1)
    assert cluster.nomad_nodes() == dict.fromkeys(servers.names(NOMAD), "ready")
    assert len(cluster.allocations("web")) == 2
    assert has(servers, "before")


def scale(servers: Servers, *words: str) -> None:
    servers.cluster.bakery("scale", "--local", "--yes", *words)
    servers.cluster.forget_env()


def test_what_the_control_panel_deleted_is_replaced_and_forgotten(cluster: Cluster, figures: Figures) -> None:
    target, servers = "leaders deleted in the control panel", Servers(cluster)
    with figures.watch(target):
        for product in (CONSUL, NOMAD):
            gone = servers.leader(product)
            assert cluster.api("DELETE", f"/v2/droplets/{cluster.droplet(gone).id}").status == 204
            cluster.forget_env()
            began = time.monotonic()
            servers.launch()
            figures.tell(target, f"{product.capitalize()} whole again after {time.monotonic() - began:.0f} s")
            assert_whole(servers, 3, (product,))
            assert gone not in servers.members(product)


def test_a_lost_quorum_is_not_replaced_by_an_empty_cluster(second: Callable[[str, str], Servers]) -> None:
    """All servers of one product go behind bakery's back."""
    servers = second("lost", "consul-server: 1, nomad-server: 1, nomad-client: 1")
    servers.launch()
    (only,) = servers.droplets(NOMAD)
    assert servers.cluster.api("DELETE", f"/v2/droplets/{only.id}").status == 204
    refused = servers.launch(check=False)
    assert refused.returncode == ExitCode.USAGE
    assert "the last Nomad server of cluster lost is gone" in refused.stderr


def test_one_server_of_each_is_rebooted_and_grows(second: Callable[[str, str], Servers], figures: Figures) -> None:
    target = "one server of each, rebooted, then three"
    with figures.watch(target):
        servers = second("single", "consul-server: 1, nomad-server: 1, nomad-client: 1")
        servers.launch()
        put(servers, "before")
        (only,) = servers.droplets(CONSUL)
        act(servers.cluster, only, "reboot")
        write_counts(servers, "consul-server: 3, nomad-server: 3, nomad-client: 2")
        servers.launch()
        assert_whole(servers, 3)
        assert has(servers, "before")
        figures.tell(target, "as promised")


def test_a_client_is_replaced_three_times(cluster: Cluster, figures: Figures) -> None:
    target, servers, names = "a client replaced three times", Servers(cluster), set()
    with figures.watch(target):
        began = time.monotonic()
        for _ in range(3):
            servers.destroy("demo-nomad-client-1")
            servers.launch()
            (name,) = {each for each in cluster.nomad_nodes() if slot_of(each) == "demo-nomad-client-1"}
            names.add(name)
            assert set(cluster.nomad_nodes().values()) == {"ready"}
        figures.tell(target, f"{(time.monotonic() - began) / 3:.0f} s each")
    assert len(names) == 3


def test_all_droplets_go_off_and_come_back_in_any_order(cluster: Cluster, figures: Figures) -> None:
    target, servers = "all power lost", Servers(cluster)
    with figures.watch(target):
        put(servers, "power")
        droplets = list(cluster.droplets("bakery:demo"))
        allocations = {each["ID"] for each in cluster.allocations("web")}
        for droplet in droplets:
            act(cluster, droplet, "power_off")
        wait_for_status(cluster, "off")
        assert not cluster.status()["healthy"]
        random.Random(1).shuffle(droplets)  # noqa: S311 - a test's dice
        for droplet in droplets:
            act(cluster, droplet, "power_on")
        wait_for_status(cluster, "active")
        began = time.monotonic()
        servers.launch()
        assert_whole(servers, 3)
        assert has(servers, "power")
        assert {each["ID"] for each in cluster.allocations("web")} == allocations
        figures.tell(target, f"healthy {time.monotonic() - began:.0f} s after the last was active")


def test_a_launch_is_killed_and_the_emulator_restarted_in_the_next(
    second: Callable[[str, str], Servers], figures: Figures
) -> None:
    target = "launch killed, then the API away"
    with figures.watch(target):
        servers = second("killed", "server: 3, nomad-client: 1")
        first = begin_launch(servers)
        wait_for(partial(some_droplets, servers, 2), what="two droplets of the launch", every=0.1)
        first.kill()
        first.wait()
        again = begin_launch(servers)
        wait_for(partial(some_droplets, servers, 3), what="three droplets of the launch", every=0.1)
        servers.cluster.bakery("emulator", "restart")
        assert again.wait(timeout=PATIENCE * 3) == ExitCode.DONE
        slots = sorted(slot_of(each.name) for each in servers.cluster.droplets("bakery:killed"))
        assert slots == ["killed-nomad-client-1", "killed-server-1", "killed-server-2", "killed-server-3"]
        assert_whole(servers, 3)
        figures.tell(target, "as promised")


def test_a_cluster_is_destroyed_beside_another(
    cluster: Cluster, second: Callable[[str, str], Servers], figures: Figures
) -> None:
    target = "one of two clusters destroyed"
    with figures.watch(target):
        before = account(cluster)
        other = second("beside", "server: 1, nomad-client: 1")
        other.launch()
        assert account(cluster) != before  # control
        other.cluster.bakery("destroy", "--local", "--yes")
        assert account(cluster) == before
        assert_whole(Servers(cluster), 3)
        figures.tell(target, "as promised")


def test_a_copy_of_a_running_node_is_named(cluster: Cluster, figures: Figures) -> None:
    """A droplet made from a snapshot of it, with its tags, holds its keys and runs nothing."""
    target = "a droplet copied from a node"
    with figures.watch(target):
        original = next(each for each in cluster.droplets("bakery:demo:role:nomad-client"))
        copy = copied(cluster, original)
        try:
            report = cluster.status()
            (condition,) = [each for each in report["conditions"] if each["name"] == "droplets"]
            assert condition["message"] == f"{original.name}: 2 droplets ({original.id}, {copy})"
            assert not report["healthy"]
        finally:
            cluster.api("DELETE", f"/v2/droplets/{copy}")
        figures.tell(target, "status names both")


def test_every_client_of_the_only_role_goes_and_comes_back(cluster: Cluster, figures: Figures) -> None:
    target = "every client destroyed, then a launch"
    with figures.watch(target):
        began = time.monotonic()
        done = cluster.bakery("destroy", "--local", "--yes", "--role", "nomad-client")
        seconds = time.monotonic() - began
        assert "no other Nomad client can take the work" in done.stderr
        Servers(cluster).launch()
        wait_for(partial(web_runs, cluster), what="two allocations of web")
        assert set(cluster.nomad_nodes().values()) == {"ready"}
        figures.tell(target, f"destroyed in {seconds:.0f} s without a wait for a drain; the job came back")


def wait_for_status(cluster: Cluster, status: str) -> None:
    def reached() -> bool | Pending:
        others = [each.name for each in cluster.droplets("bakery:demo") if each.status != status]
        return Pending(f"not {status}: {', '.join(others)}") if others else True

    wait_for(reached, what=f"every droplet to be {status}", every=0.5)


def some_droplets(servers: Servers, count: int) -> bool | Pending:
    there = len(servers.cluster.droplets(f"bakery:{servers.name}"))
    return True if there >= count else Pending(f"{there} droplets")


def begin_launch(servers: Servers) -> Popen[bytes]:
    environment = {"BAKERY_EMULATOR": EMULATOR, "BAKERY_CLUSTER_FILE": str(servers.cluster.work / "bakery.yaml")}
    words: list[str | Path] = [BAKERY, "launch", "--local", "--yes", "--quiet"]
    return start(words, env=environment, output=servers.cluster.work / "launch.log")


def account(cluster: Cluster) -> dict[str, set[str]]:
    """Names of what a cluster makes, by kind."""
    paths = {"droplets": "", "firewalls": "", "vpcs": "", "tags": "", "account/keys": "ssh_keys"}
    return {
        path: {each["name"] for each in cluster.api("GET", f"/v2/{path}?per_page=200").body[key or path]}
        for path, key in paths.items()
    }


def copied(cluster: Cluster, original: Droplet) -> int:
    """The id of a droplet from a snapshot of ``original``, with its tags."""
    body = {"type": "snapshot", "name": "copy"}
    assert cluster.api("POST", f"/v2/droplets/{original.id}/actions", body).status == 201

    def snapshot() -> int | Pending:
        images = cluster.api("GET", "/v2/images?private=true&per_page=200").body["images"]
        found = [image["id"] for image in images if image["name"] == "copy" and image["status"] == "available"]
        return found[0] if found else Pending("the snapshot is not available")

    image = wait_for(snapshot, what="a snapshot of a running client")
    shown = cluster.api("GET", f"/v2/droplets/{original.id}").body["droplet"]
    wish = {"name": "demo-nomad-client-9", "region": shown["region"]["slug"], "image": image}
    wish |= {"size": shown["size_slug"], "vpc_uuid": shown["vpc_uuid"], "tags": shown["tags"]}
    made = cluster.api("POST", "/v2/droplets", wish)
    assert made.status == 202, made.body
    return int(made.body["droplet"]["id"])


def web_runs(cluster: Cluster) -> bool | Pending:
    running = len(cluster.allocations("web"))
    return True if running == 2 else Pending(f"{running} allocations of web")


@pytest.mark.parametrize("seed", SEEDS)
def test_random_commands_lose_nothing(cluster: Cluster, figures: Figures, seed: int) -> None:
    """Destroy, launch, reboot, launches cut short: in any order, each refused or done, and a launch heals."""
    target = "random commands"
    with figures.watch(target):
        random_commands(cluster, seed)
        figures.tell(target, f"seed {seed}: {STEPS} commands")


def random_commands(cluster: Cluster, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - a test's dice
    servers = Servers(cluster)
    key = f"random-{seed}"
    put(servers, key)
    for _ in range(STEPS):
        droplet = dice.choice(cluster.droplets("bakery:demo"))
        command = dice.choice(("destroy", "destroy", "launch", "launch", "reboot", "impatient"))
        if command == "destroy":
            done = servers.destroy(droplet.name, "--drain-deadline", "1m", check=False)
            assert done.returncode in {ExitCode.DONE, ExitCode.USAGE, ExitCode.DEADLINE}, done.stderr
        elif command == "launch":
            done = servers.launch(check=False)
            assert done.returncode == ExitCode.DONE, done.stderr
        elif command == "impatient":
            servers.launch("--deadline", "5", check=False)
        else:
            cluster.api("POST", f"/v2/droplets/{droplet.id}/actions", {"type": "reboot"})
    servers.launch()
    assert_whole(servers, 3)
    assert has(servers, key)
    assert len(cluster.allocations("web")) == 2
