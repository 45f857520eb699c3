"""The units, judged by systemd itself: valid, without cycles, hardened, and in nobody's way at boot."""

import re
from pathlib import Path

import pytest

from bakery.assets import PACKER, SYSTEMD_UNITS
from bakery.plan.ingress import DRAIN_SECONDS, REQUEST_SECONDS
from bakery.proc import run
from tests.helpers.image_root import CLOUD_INIT, ImageRoot
from tests.helpers.tools import require_tool

pytestmark = pytest.mark.integration

UNITS = sorted(file.name for file in SYSTEMD_UNITS.glob("*.*") if file.suffix in {".service", ".slice", ".timer"})
AGENTS = ["consul.service", "nomad-server.service", "nomad-client.service"]
SERVICES = [*AGENTS, "traefik.service"]
# First boot of a Debian 12 and of a Debian 13 image, and every later boot of either.
BOOTS = [*CLOUD_INIT, None]


@pytest.fixture
def root(tmp_path: Path, request: pytest.FixtureRequest) -> ImageRoot:
    require_tool("systemd-analyze")
    return ImageRoot(tmp_path, cloud_init=getattr(request, "param", "22.4"))


def test_the_units_are_these() -> None:
    assert UNITS == [
        "bakery-dns.service",
        "bakery-firewall.service",
        "bakery-images.service",
        "bakery-images.timer",
        "bakery-nomad.slice",
        "bakery-pause.service",
        "bakery-peers.service",
        "bakery-peers.timer",
        "bakery-seal.service",
        "bakery-tasks.service",
        "consul.service",
        "nomad-client.service",
        "nomad-server.service",
        "traefik-certificates.service",
        "traefik.service",
    ]


@pytest.mark.parametrize("unit", UNITS)
def test_systemd_has_nothing_to_say(root: ImageRoot, unit: str) -> None:
    assert root.verify(unit) == ""


def test_systemd_speaks_up(root: ImageRoot) -> None:
    """Control."""
    root.write(
        "consul.service", "[Service]\nUser=consul\nExecStart=/usr/local/bin/consul\nMemoryDenyWriteExec=yes\n"
    )
    assert "MemoryDenyWriteExec" in root.verify("consul.service")


@pytest.mark.parametrize("root", BOOTS, indirect=True)
def test_no_boot_has_a_cycle(root: ImageRoot) -> None:
    assert root.verify("multi-user.target") == ""


@pytest.mark.parametrize("root", CLOUD_INIT, indirect=True)
def test_a_cycle_is_seen(root: ImageRoot) -> None:
    """Control: the seal without its ordering after multi-user.target waits in a circle."""
    seal = (SYSTEMD_UNITS / "bakery-seal.service").read_text()
    root.write("bakery-seal.service", seal.replace("After=multi-user.target cloud-final", "After=cloud-final"))
    complaint = root.verify("multi-user.target")
    assert "ordering cycle" in complaint
    assert "bakery-seal.service" in complaint


def after_boot(root: ImageRoot, unit: str, milestone: str) -> str:
    """What systemd says when ``unit`` may start only after ``milestone``: a cycle if that waits for the unit."""
    root.write("probe.service", f"[Unit]\nAfter={milestone}\nBefore={unit}\n[Service]\nExecStart=/bin/sh\n")
    root.write(f"{unit}.d/probe.conf", "[Unit]\nWants=probe.service\n")
    return root.verify("multi-user.target")


@pytest.mark.parametrize("root", BOOTS, indirect=True)
@pytest.mark.parametrize("agent", SERVICES)
def test_the_boot_does_not_wait_for_an_agent(root: ImageRoot, agent: str) -> None:
    assert after_boot(root, agent, "multi-user.target") == ""


@pytest.mark.parametrize("root", CLOUD_INIT, indirect=True)
def test_cloud_final_does_not_wait_for_consul(root: ImageRoot) -> None:
    assert after_boot(root, "consul.service", "cloud-final.service") == ""


@pytest.mark.parametrize("root", BOOTS, indirect=True)
def test_a_boot_that_waits_is_seen(root: ImageRoot) -> None:
    """Control: wanted by multi-user.target, the usual way, Consul would hold it up."""
    (root.units / "basic.target.wants/consul.service").unlink()
    wanted = (SYSTEMD_UNITS / "consul.service").read_text().replace("WantedBy=basic", "WantedBy=multi-user")
    root.write("consul.service", wanted)
    root.enable("consul.service")
    assert "ordering cycle" in after_boot(root, "consul.service", "multi-user.target")


@pytest.mark.parametrize(
    ("root", "stage"),
    [("22.4", "cloud-init.service"), ("25.1", "cloud-init-network.service")],
    indirect=["root"],
)
@pytest.mark.parametrize("unit", ["bakery-firewall.service", *SERVICES, "ssh.service"])
def test_it_waits_for_the_files(root: ImageRoot, stage: str, unit: str) -> None:
    """Placed before the stage of cloud-init that writes files, each of these would wait in a circle."""
    root.write(f"{stage}.d/probe.conf", f"[Unit]\nAfter={unit}\n")
    assert "ordering cycle" in root.verify("multi-user.target")


@pytest.mark.parametrize("unit", [*SERVICES, "ssh.service"])
def test_nothing_starts_before_the_firewall(root: ImageRoot, unit: str) -> None:
    root.write("bakery-firewall.service.d/probe.conf", f"[Unit]\nAfter={unit}\n")
    assert "ordering cycle" in root.verify("multi-user.target")


def test_nomad_does_not_wait_for_consul(root: ImageRoot) -> None:
    """Control in the other direction: Consul may come after Nomad."""
    root.write("consul.service.d/probe.conf", "[Unit]\nAfter=nomad-server.service nomad-client.service\n")
    assert root.verify("multi-user.target") == ""


# Highest exposure of each unit in tenths, as systemd 252 counts (systemd-analyze(1), "security"). The last three
# run as root, for jobs: docs/task-isolation.md says why they are not lower. The others above 40 run for a second.
EXPOSURE = {
    "bakery-dns.service": 16,
    "bakery-firewall.service": 59,
    "bakery-images.service": 49,
    "bakery-pause.service": 49,
    "bakery-peers.service": 14,
    "bakery-seal.service": 60,
    "bakery-tasks.service": 63,
    "consul.service": 15,
    "nomad-server.service": 15,
    "traefik-certificates.service": 15,
    "traefik.service": 16,
    "nomad-client.service": 72,
    "containerd.service": 77,
    "docker.service": 76,
}
DISTRIBUTIONS = {"containerd.service", "docker.service"}
"""Units of Debian's packages, whose own lines that count are ExecStart and Delegate."""
DROP_INS = PACKER / "files/etc/systemd/system"


def unit_text(name: str) -> str:
    if name not in DISTRIBUTIONS:
        return (SYSTEMD_UNITS / name).read_text()
    packaged = "[Service]\nExecStart=/usr/bin/true\nDelegate=yes\n"
    return packaged + (DROP_INS / f"{name}.d/50-bakery.conf").read_text()


def exposure(tmp_path: Path, name: str, text: str) -> float:
    """The overall exposure of 10 that systemd-analyze counts for a unit with this text."""
    analyze = require_tool("systemd-analyze")
    (tmp_path / name).write_text(text)
    said = run([analyze, "security", "--offline=true", tmp_path / name], check=False)
    (found,) = re.findall(r"Overall exposure level for \S+: ([0-9.]+)", said.stdout + said.stderr)
    return float(found)


def test_every_service_has_its_exposure() -> None:
    assert {name for name in UNITS if name.endswith(".service")} | DISTRIBUTIONS == set(EXPOSURE)


@pytest.mark.parametrize("name", EXPOSURE)
def test_exposure(name: str, tmp_path: Path) -> None:
    assert exposure(tmp_path, name, unit_text(name)) <= EXPOSURE[name] / 10


@pytest.mark.parametrize("name", ["consul.service", "nomad-client.service", "docker.service"])
def test_exposure_without_hardening(name: str, tmp_path: Path) -> None:
    """Control: the same unit without the lines that restrict it."""
    text = unit_text(name)
    start = min(text.index(line) for line in ("AmbientCapabilities=", "CapabilityBoundingSet=") if line in text)
    assert exposure(tmp_path, name, text[:start]) > 9


def test_what_exec_tasks_inherit_gives_their_mounts_to_docker() -> None:
    """Mounts of a unit with a mount namespace of its own would not reach docker: a task's secrets are one."""
    lines = unit_text("nomad-client.service") + unit_text("docker.service") + unit_text("containerd.service")
    options = {line.partition("=")[0] for line in lines.splitlines() if "=" in line and not line.startswith("#")}
    own = {name for name in options if name.startswith(("Private", "Protect", "ReadWritePaths", "ReadOnlyPaths"))}
    assert own == set()


@pytest.mark.parametrize(
    "unit",
    ["bakery-dns.service", "consul.service", "nomad-server.service", "nomad-client.service", "traefik.service"],
)
def test_a_unit_that_listens_needs_the_firewall(unit: str) -> None:
    """A start after a firewall that failed is refused: tests/e2e/test_cluster_29_hosts.py."""
    lines = (SYSTEMD_UNITS / unit).read_text().splitlines()
    needed = "AssertFileNotEmpty=/etc/bakery/firewall.nft"
    assert {"Requires=bakery-firewall.service", "After=bakery-firewall.service", needed} <= set(lines)


@pytest.mark.parametrize("unit", [unit for unit in UNITS if unit.endswith(".service")])
def test_a_process_of_root_has_a_capability_that_no_task_has(unit: str) -> None:
    """Otherwise a script check of an exec task, which is root, reads its environment, files and sockets."""
    lines = (SYSTEMD_UNITS / unit).read_text().splitlines()
    has_user = any(line.startswith(("User=", "DynamicUser=yes")) for line in lines)
    listed = [line.partition("=")[2] for line in lines if line.startswith("CapabilityBoundingSet=")]
    all_but_some = all(names.startswith("~") for names in listed)
    assert has_user or all_but_some or set(" ".join(listed).split()) - {"CAP_NET_BIND_SERVICE"}


@pytest.mark.parametrize("unit", [unit for unit in UNITS if unit.endswith(".service")])
def test_its_lines_are_in_the_journal_that_nomad_exports(unit: str) -> None:
    assert "Slice=bakery-nomad.slice" in (SYSTEMD_UNITS / unit).read_text().splitlines()


@pytest.mark.parametrize("unit", [unit for unit in UNITS if not unit.endswith(".slice")])
def test_inert_without_configuration(unit: str) -> None:
    conditions = {
        "bakery-dns.service": "ConditionFileNotEmpty=/etc/bakery/node.json",
        "bakery-firewall.service": "ConditionFileNotEmpty=/etc/bakery/firewall.nft",
        "bakery-images.service": "ConditionFileNotEmpty=/etc/nomad.d/client.json",
        "bakery-images.timer": "ConditionFileNotEmpty=/etc/nomad.d/client.json",
        "bakery-pause.service": "ConditionFileNotEmpty=/etc/nomad.d/client.json",
        "bakery-peers.service": "ConditionFileNotEmpty=/etc/consul.d/consul.json",
        "bakery-peers.timer": "ConditionFileNotEmpty=/etc/consul.d/consul.json",
        "bakery-seal.service": "ConditionPathExists=/etc/bakery/node.json",
        "bakery-tasks.service": "ConditionFileNotEmpty=/etc/nomad.d/client.json",
        "consul.service": "ConditionFileNotEmpty=/etc/consul.d/consul.json",
        "nomad-client.service": "ConditionFileNotEmpty=/etc/nomad.d/client.json",
        "nomad-server.service": "ConditionFileNotEmpty=/etc/nomad.d/server.json",
        "traefik-certificates.service": "ConditionFileNotEmpty=/etc/traefik/domains",
        "traefik.service": "ConditionFileNotEmpty=/etc/traefik/traefik.yml",
    }
    assert conditions[unit] in (SYSTEMD_UNITS / unit).read_text().splitlines()


@pytest.mark.parametrize("agent", AGENTS)
def test_agents_try_for_ever(agent: str) -> None:
    lines = (SYSTEMD_UNITS / agent).read_text().splitlines()
    assert {"TimeoutStartSec=infinity", "StartLimitIntervalSec=0", "Restart=on-failure", "Type=notify"} <= set(
        lines
    )


def test_traefik_has_the_time_to_stop_that_its_configuration_needs() -> None:
    """It starts again after every end, and is ended by force only after both times have passed."""
    lines = (SYSTEMD_UNITS / "traefik.service").read_text().splitlines()
    assert {"StartLimitIntervalSec=0", "Restart=always", "KillSignal=SIGTERM"} <= set(lines)
    (stop,) = [line.removeprefix("TimeoutStopSec=") for line in lines if line.startswith("TimeoutStopSec=")]
    assert DRAIN_SECONDS + REQUEST_SECONDS < int(stop) <= DRAIN_SECONDS + REQUEST_SECONDS + 15


def test_traefik_has_one_capability_and_no_other_way_to_gain_rights() -> None:
    lines = (SYSTEMD_UNITS / "traefik.service").read_text().splitlines()
    assert [line for line in lines if "CAP_" in line] == [
        "AmbientCapabilities=CAP_NET_BIND_SERVICE",
        "CapabilityBoundingSet=CAP_NET_BIND_SERVICE",
    ]
    assert {"User=traefik", "NoNewPrivileges=yes", "ProtectSystem=strict"} <= set(lines)
