"""Droplets that reboot come back by themselves, and their user-data does not come back with them."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from bakery.emulator.machines.nspawn import ORDERLY_SECONDS
from bakery.wait import Pending, wait_until
from tests.helpers.bridged_job import bridged, find_tasks, wait_reached
from tests.helpers.cluster_e2e import JOBS, PATIENCE, Cluster

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

CLIENT = "demo-nomad-client-2"
SERVER = "demo-consul-server-2"
AGENTS = {CLIENT: "consul nomad-client", SERVER: "consul"}
PLAIN = "plain"
CANARY = "e2e-canary-7f1c"
METADATA = "curl --silent --fail --max-time 5 http://169.254.169.254/metadata/v1/user-data"


def reboot(cluster: Cluster, name: str) -> None:
    """Reboot through the API, and wait until the droplet runs a new boot and its agents have joined."""
    before = cluster.inside(name, "cat /proc/sys/kernel/random/boot_id").stdout
    action = cluster.api("POST", f"/v2/droplets/{cluster.droplet(name).id}/actions", {"type": "reboot"})
    assert action.status == 201

    def booted() -> bool | Pending:
        now = cluster.reads(name, "cat /proc/sys/kernel/random/boot_id")
        if isinstance(now, Pending) or now in before:
            return Pending(f"{name} has not booted again")
        return True

    wait_until(booted, what=f"{name} to boot again", seconds=PATIENCE, every=0.5)
    # Type=notify: active means joined. The cluster, asked at once, may still tell of the time before.
    active = f"systemctl is-active {AGENTS[name]}"
    wait_until(lambda: cluster.reads(name, active), what=f"the agents of {name}", seconds=PATIENCE)


def holders(cluster: Cluster, name: str, *folders: str) -> list[str]:
    """The files below ``folders`` that hold a private key, a token, a gossip key or user-data.

    Not the seed: in the emulator it stands for the config drive, a block device of which the hypervisor keeps the
    content; that only root reads it is checked apart.
    """
    return cluster.inside(
        name, f"python3 - {' '.join(folders)} <<'PYTHON'\n{_HOLDERS}\nPYTHON"
    ).stdout.splitlines()


_HOLDERS = """
import json, pathlib, sys
config = pathlib.Path("/etc/consul.d/consul.json")
secrets = ["PRIVATE KEY", "#cloud-config", "e2e-canary-7f1c"]
if config.exists():
    consul = json.loads(config.read_text())
    secrets += [consul["encrypt"], *consul["acl"]["tokens"].values()]
for folder in map(pathlib.Path, sys.argv[1:]):
    for file in sorted(folder.rglob("*")):
        if not file.is_file() or file.is_symlink() or "/var/lib/cloud/seed" in str(file):
            continue
        content = file.read_bytes()
        if any(secret.encode() in content for secret in secrets):
            print(file)
"""


@pytest.fixture(scope="module")
def plain(cluster: Cluster) -> Iterator[str]:
    """A droplet of the plain base image, with user-data and without any of bakery: the control."""
    request = {
        "name": PLAIN,
        "region": "fra1",
        "size": "s-1vcpu-1gb",
        "image": "debian-12-x64",
        "user_data": f"#cloud-config\nwrite_files:\n- {{path: /root/canary, content: {CANARY}}}\n",
    }
    created = cluster.api("POST", "/v2/droplets", request)
    assert created.status == 202
    what = f"cloud-init on {PLAIN}"
    wait_until(lambda: cluster.reads(PLAIN, "cloud-init status --wait"), what=what, seconds=PATIENCE)
    yield PLAIN
    cluster.api("DELETE", f"/v2/droplets/{created.body['droplet']['id']}")


def test_a_plain_droplet_keeps_user_data_and_reaches_the_metadata_service(cluster: Cluster, plain: str) -> None:
    """Control of all that follows: the same questions have another answer where nothing protects."""
    assert CANARY in cluster.inside(plain, METADATA).stdout
    assert "/var/lib/cloud/instances" in "".join(holders(cluster, plain, "/var/lib/cloud"))


def test_a_client_that_reboots_is_ready_again(cluster: Cluster, tmp_path: Path) -> None:
    with bridged(cluster, CLIENT, tmp_path):
        _reboot_with_jobs(cluster)
        wait_reached(cluster, find_tasks(cluster), after="the reboot of its node")


def _reboot_with_jobs(cluster: Cluster) -> None:
    cluster.run_job(JOBS / "lastwords.nomad.hcl", f"node={CLIENT}")
    wait_until(
        lambda: cluster.allocations("lastwords") or Pending("no allocation runs"),
        what="lastwords to run",
        seconds=PATIENCE,
    )
    reboot(cluster, CLIENT)
    cluster.wait_ready(CLIENT)
    cluster.wait_healthy()
    wait_until(
        lambda: True if _runs_there(cluster, "uptime") else Pending("uptime does not run"),
        what=f"uptime to run on {CLIENT} again",
        seconds=PATIENCE,
    )


def _runs_there(cluster: Cluster, job: str) -> bool:
    tasks = cluster.inside(CLIENT, "pgrep --full 'while true; do uptime'", check=False).stdout.split()
    return bool(tasks) and CLIENT in {each["NodeName"] for each in cluster.allocations(job)}


def test_its_tasks_were_told_to_end(cluster: Cluster) -> None:
    """By bakery-tasks.service; Nomad itself leaves them running when its agent stops."""
    assert "told to end" in cluster.inside(CLIENT, "cat /opt/nomad/alloc/*/alloc/lastwords").stdout
    cluster.stop_job("lastwords")


def test_its_tasks_did_not_hold_up_the_shutdown(cluster: Cluster) -> None:
    """A task that ignores SIGTERM (``uptime``, a shell without a trap), left to systemd-shutdown, outlasts the
    emulator's patience: between the last line of one boot and the first of the next lie all its ORDERLY_SECONDS.
    """
    stamp = "--output=short-unix --no-pager --quiet"
    last = cluster.inside(CLIENT, f"journalctl --boot=-1 {stamp} --lines=1").stdout
    first = cluster.inside(CLIENT, f"journalctl --boot=0 {stamp} | head -n 1").stdout
    assert float(first.split()[0]) - float(last.split()[0]) < ORDERLY_SECONDS / 2


def test_a_consul_server_that_reboots_votes_again(cluster: Cluster) -> None:
    reboot(cluster, SERVER)
    cluster.wait_healthy()

    def voters() -> list[str] | Pending:
        state = json.loads(cluster.tool("consul", "operator", "autopilot", "state", "-format=json").stdout)
        found = sorted(each["Name"] for each in state["Servers"].values() if each["Healthy"])
        return found if len(found) == 3 else Pending(f"healthy voters: {found}")

    assert SERVER in wait_until(voters, what="three healthy voters", seconds=PATIENCE)


@pytest.mark.parametrize("name", [CLIENT, SERVER])
def test_after_another_reboot_no_user_data_is_back(cluster: Cluster, name: str) -> None:
    finished = "stat --format=%y /var/lib/cloud/instance/boot-finished"
    before = cluster.inside(name, finished).stdout
    reboot(cluster, name)
    cluster.wait_healthy()
    places = (
        "/var/lib/cloud",
        "/run/cloud-init",
        "/var/tmp",
        "/var/spool",
        "/var/backups",
        "/tmp",
        "/root",
        "/home",
    )
    assert holders(cluster, name, *places) == []
    kept = holders(cluster, name, "/etc/consul.d")
    assert {"/etc/consul.d/consul.json", "/etc/consul.d/tls/agent-key.pem"} <= set(
        kept
    )  # control: where they belong
    assert cluster.inside(name, finished).stdout == before
    journal = "journalctl --no-pager --quiet --unit='cloud-*'"
    assert cluster.inside(name, f"{journal} --boot=0").stdout == ""
    assert "Cloud-init" in cluster.inside(name, journal).stdout  # control: the first boot is in the same journal
    seed = cluster.inside(name, "stat --format='%U %a' /var/lib/cloud/seed/config_drive").stdout
    assert seed == "root 700\n"


def test_docker_restarts_and_the_firewall_is_loaded_again(cluster: Cluster) -> None:
    """The tests that follow ask after that, and after two reboots."""
    cluster.inside(CLIENT, "systemctl restart docker && systemctl reload bakery-firewall")
    chains = cluster.inside(CLIENT, "nft list table inet bakery").stdout
    assert chains.count("ip daddr 169.254.169.254 drop") == 2
    assert "chain DOCKER" in cluster.inside(CLIENT, "nft list ruleset").stdout  # control: docker's are there too


@pytest.mark.parametrize("name", [CLIENT, SERVER])
def test_root_does_not_reach_the_metadata_service(cluster: Cluster, name: str) -> None:
    assert cluster.inside(name, METADATA, check=False).returncode == 28  # curl(1): time-out


def test_an_exec_task_does_not_reach_the_metadata_service(cluster: Cluster) -> None:
    cluster.run_job(JOBS / "metadata.nomad.hcl")
    try:
        assert cluster.output("metadata") == "metadata not reached\nconsul reached\n"
    finally:
        cluster.stop_job("metadata")
