"""The units, judged by systemd itself: valid, without cycles, hardened, and in nobody's way at boot."""

from pathlib import Path

import pytest

from bakery.assets import SYSTEMD_UNITS
from bakery.proc import run
from tests.helpers.image_root import CLOUD_INIT, ImageRoot
from tests.helpers.tools import require_tool

pytestmark = pytest.mark.integration

UNITS = sorted(file.name for file in SYSTEMD_UNITS.glob("*.*") if file.suffix in {".service", ".timer"})
AGENTS = ["consul.service", "nomad-server.service", "nomad-client.service"]
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
        "bakery-pause.service",
        "bakery-peers.service",
        "bakery-peers.timer",
        "bakery-seal.service",
        "bakery-tasks.service",
        "consul.service",
        "nomad-client.service",
        "nomad-server.service",
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
@pytest.mark.parametrize("agent", AGENTS)
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
@pytest.mark.parametrize("unit", ["bakery-firewall.service", *AGENTS, "ssh.service"])
def test_it_waits_for_the_files(root: ImageRoot, stage: str, unit: str) -> None:
    """Placed before the stage of cloud-init that writes files, each of these would wait in a circle."""
    root.write(f"{stage}.d/probe.conf", f"[Unit]\nAfter={unit}\n")
    assert "ordering cycle" in root.verify("multi-user.target")


@pytest.mark.parametrize("unit", [*AGENTS, "ssh.service"])
def test_nothing_starts_before_the_firewall(root: ImageRoot, unit: str) -> None:
    root.write("bakery-firewall.service.d/probe.conf", f"[Unit]\nAfter={unit}\n")
    assert "ordering cycle" in root.verify("multi-user.target")


def test_nomad_does_not_wait_for_consul(root: ImageRoot) -> None:
    """Control in the other direction: Consul may come after Nomad."""
    root.write("consul.service.d/probe.conf", "[Unit]\nAfter=nomad-server.service nomad-client.service\n")
    assert root.verify("multi-user.target") == ""


@pytest.mark.parametrize(
    "unit", ["bakery-dns.service", "consul.service", "nomad-server.service", "bakery-peers.service"]
)
def test_exposure(unit: str, tmp_path: Path) -> None:
    """At most 2.5 of 10, as `systemd-analyze security` counts."""
    assert exposed(SYSTEMD_UNITS / unit) == 0


def test_exposure_without_hardening(tmp_path: Path) -> None:
    """Control: the same unit without the lines after its first empty one in [Service]."""
    require_tool("systemd-analyze")
    text = (SYSTEMD_UNITS / "consul.service").read_text()
    start = text.index("UMask=")
    (tmp_path / "consul.service").write_text(text[:start] + text[text.index("[Install]") :])
    assert exposed(tmp_path / "consul.service") != 0


def exposed(unit: Path) -> int:
    analyze = require_tool("systemd-analyze")
    return run([analyze, "security", "--offline=true", "--threshold=25", unit], check=False).returncode


@pytest.mark.parametrize("unit", UNITS)
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
    }
    assert conditions[unit] in (SYSTEMD_UNITS / unit).read_text().splitlines()


@pytest.mark.parametrize("agent", AGENTS)
def test_agents_try_for_ever(agent: str) -> None:
    lines = (SYSTEMD_UNITS / agent).read_text().splitlines()
    assert {"TimeoutStartSec=infinity", "StartLimitIntervalSec=0", "Restart=on-failure", "Type=notify"} <= set(
        lines
    )
