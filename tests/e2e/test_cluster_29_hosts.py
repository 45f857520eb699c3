"""What protects a node against what runs on it: kernel settings, units, and no server without its firewall."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.helpers.cluster_e2e import Cluster

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

CLIENT = "demo-nomad-client-1"
SERVER = "demo-consul-server-3"
# Those that each droplet has for itself. Of the others the emulator's kernel has one value for this machine and
# all droplets: tests/unit/bake/test_bake_kernel_settings.py reads them in the file.
SETTINGS = {
    "ipv4/conf/all/accept_source_route": "0",
    "ipv4/conf/all/accept_redirects": "0",
    "ipv4/conf/all/secure_redirects": "0",
    "ipv4/conf/all/send_redirects": "0",
    "ipv4/tcp_syncookies": "1",
    "ipv6/conf/all/accept_redirects": "0",
}
FORWARDING = "ipv4/ip_forward"
# The overall exposure that systemd 252 counts on a droplet, of 10.
EXPOSURE = {"consul": 1.5, "nomad-client": 7.2, "containerd": 7.7, "docker": 7.6}


@pytest.mark.parametrize("node", [CLIENT, SERVER])
def test_the_kernels_settings_are_in_force(cluster: Cluster, node: str) -> None:
    read = " ".join(f"/proc/sys/net/{key}" for key in SETTINGS)
    assert cluster.inside(node, f"cat {read}").stdout.split() == list(SETTINGS.values())
    # Control: a network namespace that systemd-sysctl has not seen.
    plain = cluster.inside(node, f"unshare --net cat {read}").stdout.split()
    assert plain != list(SETTINGS.values())


def test_clients_still_forward_for_containers(cluster: Cluster) -> None:
    assert cluster.inside(CLIENT, f"cat /proc/sys/net/{FORWARDING}").stdout == "1\n"


def test_no_setting_reaches_the_machine_below(cluster: Cluster) -> None:
    """The emulator's droplets share its kernel: what is not a network's own is read-only for them."""
    options = cluster.inside(CLIENT, "awk '$2 == \"/proc/sys\" { print $4 }' /proc/mounts").stdout
    assert options.startswith("ro,")


def test_the_units_are_restricted(cluster: Cluster) -> None:
    said = cluster.inside(CLIENT, f"systemd-analyze security --no-pager {' '.join(EXPOSURE)}").stdout
    found = dict(re.findall(r"Overall exposure level for (\S+)\.service: ([0-9.]+)", said))
    assert {name: float(value) <= EXPOSURE[name] for name, value in found.items()} == dict.fromkeys(EXPOSURE, True)


# A process of root with no capability, or with that of tasks alone, gives its files to a script check of an exec
# task, which is root too (ptrace(2), "Ptrace access mode checking").
OF_ROOT = """
systemctl list-unit-files --type=service --no-legend | cut --delimiter=" " --fields=1 | grep --invert-match @ |
  xargs systemctl show --property=Id,LoadState,User,DynamicUser,CapabilityBoundingSet
"""


def like_a_task(cluster: Cluster) -> list[str]:
    """The services of root, on a client, whose processes have no capability that a task cannot have."""
    units = [
        dict(line.split("=", 1) for line in block.splitlines())
        for block in cluster.inside(CLIENT, OF_ROOT).stdout.strip().split("\n\n")
    ]
    found = {  # a unit is listed under its other names too
        unit["Id"]
        for unit in units
        if (unit["LoadState"], unit["User"] in {"", "root"}, unit["DynamicUser"]) == ("loaded", True, "no")
        and not set(unit["CapabilityBoundingSet"].split()) - {"cap_net_bind_service"}
    }
    return sorted(found)


def test_a_process_of_root_has_a_capability_that_no_task_has(cluster: Cluster) -> None:
    """Of the distribution's units too. Control: with the one that the bake masks."""
    assert like_a_task(cluster) == []
    cluster.inside(CLIENT, "systemctl unmask systemd-localed.service")
    try:
        assert like_a_task(cluster) == ["systemd-localed.service"]
    finally:
        cluster.inside(CLIENT, "systemctl mask systemd-localed.service")


def test_no_program_is_setuid_or_setgid(cluster: Cluster) -> None:
    """The search of packer/scripts/hygiene.sh, which fails the bake. Control: it finds one that was made."""
    look = "find / -xdev -type f -perm /6000"
    assert cluster.inside(SERVER, look).stdout == ""
    made = "/opt/setgid"
    cluster.inside(SERVER, f"cp /bin/true {made}; chmod g+s {made}")
    try:
        assert cluster.inside(SERVER, look).stdout == f"{made}\n"
    finally:
        cluster.inside(SERVER, f"rm {made}")


def test_there_is_no_sudo(cluster: Cluster) -> None:
    assert cluster.inside(CLIENT, "command -v sudo; command -v nft").stdout == "/usr/sbin/nft\n"


@contextmanager
def spoiled_firewall(cluster: Cluster, command: str) -> Iterator[None]:
    """Run ``command`` on the firewall's file of the server, and stop its agent: one requires the other."""
    file = "/etc/bakery/firewall.nft"
    cluster.inside(SERVER, f"cp -a {file} /run/kept; {command} {file}; systemctl stop bakery-firewall")
    try:
        yield
    finally:
        cluster.inside(SERVER, f"mv /run/kept {file}; systemctl restart bakery-firewall consul")
        cluster.wait_healthy()


@contextmanager
def unit_without(cluster: Cluster, lines: str) -> Iterator[None]:
    """The unit of the server's Consul agent without the lines that begin so."""
    unit = "/etc/systemd/system/consul.service"
    cluster.inside(SERVER, f"cp {unit} /run/unit; sed -i /^{lines}/d {unit}; systemctl daemon-reload")
    try:
        yield
    finally:
        cluster.inside(SERVER, f"mv /run/unit {unit}; systemctl daemon-reload")


START = "systemctl start consul"


def test_a_server_does_not_start_when_nft_fails(cluster: Cluster) -> None:
    with spoiled_firewall(cluster, "echo nonsense >>"):
        assert cluster.inside(SERVER, "systemctl is-active consul", check=False).returncode != 0
        refused = cluster.inside(SERVER, START, check=False)
        assert refused.returncode != 0
        assert "dependency job for consul.service failed" in refused.stderr
        # Control: the same unit as it was, which only starts after the firewall.
        with unit_without(cluster, "Requires=bakery-firewall"):
            assert cluster.inside(SERVER, START).returncode == 0


@pytest.mark.parametrize("command", [": >", "rm"])
def test_a_server_does_not_start_without_the_file_of_the_firewall(cluster: Cluster, command: str) -> None:
    with spoiled_firewall(cluster, command):
        refused = cluster.inside(SERVER, START, check=False)
        assert refused.returncode != 0
        assert "Assertion failed on job for consul.service" in refused.stderr
        # Control: without this line it starts, because the unit of the firewall is skipped.
        with unit_without(cluster, "Assert"):
            assert cluster.inside(SERVER, START).returncode == 0
