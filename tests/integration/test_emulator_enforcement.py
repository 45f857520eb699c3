"""The thread that carries firewalls to the machines: how often, how late, and what a failure looks like."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from bakery.emulator.machines.interface import FirewallPolicy
from bakery.wait import Pending, wait_until
from tests.helpers.emulated import SETTINGS, Api, emulated
from tests.helpers.scripted_machines import ScriptedMachines

pytestmark = pytest.mark.integration

FIREWALL = {
    "name": "web",
    "inbound_rules": [{"protocol": "tcp", "ports": "22", "sources": {"addresses": ["0.0.0.0/0"]}}],
}


class Enforcing(ScriptedMachines):
    """Machines that keep what they are told; ``gate`` holds the call."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[FirewallPolicy] = []
        self.gate = threading.Event()
        self.gate.set()
        self.failure: str | None = None

    @property
    def enforces_firewalls(self) -> bool:
        return True

    def enforce(self, policy: FirewallPolicy) -> None:
        assert self.gate.wait(30)
        if self.failure is not None:
            raise RuntimeError(self.failure)
        self.told.append(policy)


@contextmanager
def served(delay: float = 0.0) -> Iterator[tuple[Api, Enforcing]]:
    machines = Enforcing()
    with emulated(replace(SETTINGS, firewall_delay_s=delay), machines=machines) as api:
        try:
            yield api, machines
        finally:
            machines.gate.set()


def firewall_of(api: Api) -> dict[str, object]:
    found: dict[str, object] = api.get("/v2/firewalls").json()["firewalls"][0]
    return found


def wait_status(api: Api, status: str) -> None:
    wait_until(
        lambda: True if firewall_of(api)["status"] == status else Pending(str(firewall_of(api))),
        what=f"the firewall to be {status}",
        seconds=30,
        every=0.02,
    )


def test_a_firewall_waits_until_the_machines_have_it() -> None:
    with served() as (api, machines):
        machines.gate.clear()
        api.post("/v2/firewalls", FIREWALL)
        assert firewall_of(api)["status"] == "waiting"
        machines.gate.set()
        wait_status(api, "succeeded")
        assert len(machines.told) == 1


def test_changes_that_come_together_are_told_together() -> None:
    with served() as (api, machines):
        machines.gate.clear()
        api.post("/v2/firewalls", {**FIREWALL, "tags": []})
        for number in range(20):
            api.post("/v2/firewalls", {**FIREWALL, "name": f"web-{number}"})
        machines.gate.set()
        wait_status(api, "succeeded")
        wait_until(
            lambda: True if len(machines.told[-1].firewalls) == 21 else Pending("not all"), what="all", seconds=30
        )
        assert len(machines.told) <= 3


def test_a_new_droplet_is_guarded_after_the_delay_and_pending_until_then() -> None:
    with served(delay=0.5) as (api, machines):
        api.post("/v2/tags", {"name": "web"})
        api.post("/v2/firewalls", {**FIREWALL, "tags": ["web"]})
        wait_status(api, "succeeded")
        droplet_id = api.active(tags=["web"])["id"]
        firewall = firewall_of(api)
        assert firewall["status"] == "waiting"
        assert firewall["pending_changes"] == [{"droplet_id": droplet_id, "removing": False, "status": "waiting"}]
        assert [binding.droplet_id for binding in machines.told[-1].bindings] == []
        wait_status(api, "succeeded")
        assert [binding.droplet_id for binding in machines.told[-1].bindings] == [droplet_id]
        assert firewall_of(api)["pending_changes"] == []


def test_what_matters_to_no_firewall_tells_nothing() -> None:
    with served() as (api, machines):
        api.active(tags=["web"])
        api.post("/v2/firewalls", FIREWALL)
        wait_status(api, "succeeded")
        assert len(machines.told) == 1


def test_a_table_that_is_refused_is_a_failed_firewall_until_the_next() -> None:
    with served() as (api, machines):
        machines.failure = "nft failed"
        api.post("/v2/firewalls", FIREWALL)
        wait_status(api, "failed")
        machines.failure = None
        api.post("/v2/firewalls", {**FIREWALL, "name": "second"})
        wait_status(api, "succeeded")


def test_machines_in_memory_enforce_nothing_and_say_so() -> None:
    with emulated() as api:
        assert api.get("/_emulator/status").json()["status"]["firewalls_enforced"] is False
        api.post("/v2/firewalls", FIREWALL)
        assert firewall_of(api)["status"] == "succeeded"
    with served() as (api, _):
        assert api.get("/_emulator/status").json()["status"]["firewalls_enforced"] is True
