"""Impairments of several droplets that are set at once by several threads."""

import threading
from collections.abc import Sequence
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from bakery.emulator.host.record import ResourceRecord
from bakery.emulator.network import router
from bakery.emulator.network.model import Impairment
from bakery.emulator.network.plan import NetworkPlan, VethPair
from bakery.emulator.network.router import Router
from bakery.proc import Completed

PLAN = NetworkPlan(id="ab12", range=IPv4Network("198.18.0.0/15"))
VETHS = (VethPair(guest="eth0", router="p7", mac="02:00:00:00:00:07", addresses=("198.18.0.10",), vpc_id=None),)


class FakeHost:
    """Stands for ``run`` and for nftables: remembers the commands, and the last rules."""

    def __init__(self) -> None:
        self.commands: list[str] = []
        self.ruleset = ""
        self.at_first_nft: threading.Thread | None = None

    def __call__(self, argv: Sequence[str], *, stdin: str = "", check: bool = True) -> Completed:
        self.commands.append(" ".join(argv))
        return Completed(returncode=0, stdout="", stderr="")


class FakeNft:
    """Stands for nftables of the router's namespace."""

    def __init__(self, host: FakeHost) -> None:
        self._host = host

    def run(self, text: str, *, check: bool = True) -> None:
        if self._host.at_first_nft is not None:
            other, self._host.at_first_nft = self._host.at_first_nft, None
            other.start()
            other.join(timeout=0.2)  # it ends in time only if nothing keeps the two apart
        self._host.ruleset = text


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> FakeHost:
    fake = FakeHost()
    monkeypatch.setattr(router, "run", fake)
    monkeypatch.setattr(router, "Nft", lambda _namespace: FakeNft(fake))
    return fake


@pytest.fixture
def one_router(tmp_path: Path) -> Router:
    return Router(PLAN, folder=tmp_path, record=ResourceRecord(tmp_path / "record.jsonl"))


def test_two_impairments_at_once_are_both_in_force(host: FakeHost, one_router: Router) -> None:
    """The older table must not be put into force after the newer one."""
    other = threading.Thread(target=one_router.impair, args=(8, Impairment(loss=0.5)))
    host.at_first_nft = other
    one_router.impair(7, Impairment(loss=0.5))
    other.join()
    assert "droplet_7_to" in host.ruleset
    assert "droplet_8_to" in host.ruleset


def test_a_new_interface_gets_the_delay_of_its_droplet(host: FakeHost, one_router: Router) -> None:
    one_router.impair(7, Impairment(delay_s=0.5))
    host.commands.clear()
    one_router.attach(7, VETHS, ["67.207.67.2"])
    assert any("tc qdisc replace dev p7 root netem delay 500000us" in command for command in host.commands)


def test_a_new_interface_without_a_delay_costs_no_command(host: FakeHost, one_router: Router) -> None:
    one_router.attach(7, VETHS, ["67.207.67.2"])
    assert host.commands  # control: the commands of the attachment itself
    assert not any(" tc " in command or "link show" in command for command in host.commands)


def test_tc_runs_only_where_a_delay_changes(host: FakeHost, one_router: Router) -> None:
    """Each command costs a process, and nine droplets may boot meanwhile."""

    def tc_commands(impairment: Impairment, droplet_id: int = 7) -> list[str]:
        host.commands.clear()
        one_router.impair(droplet_id, impairment)
        return [command.partition(" tc ")[2] for command in host.commands if " tc " in command]

    one_router.attach(7, VETHS, ["67.207.67.2"])
    assert tc_commands(Impairment(loss=0.5)) == []
    delayed = [f"qdisc replace dev {name} root netem delay 500000us" for name in ("p7", "v7")]
    assert tc_commands(Impairment(delay_s=0.5)) == delayed
    removed = [f"qdisc delete dev {name} root" for name in ("p7", "v7")]
    assert tc_commands(Impairment()) == removed
    assert tc_commands(Impairment()) == []
    # A droplet of an earlier process, whose delay is unknown.
    assert tc_commands(Impairment(), droplet_id=8) == ["qdisc delete dev p8 root", "qdisc delete dev v8 root"]
