"""What the API tells of guests that stop by themselves, and of orders that only machines with links can take."""

import pytest

from tests.helpers.emulated import emulated

pytestmark = pytest.mark.integration


def test_a_guest_that_stops_by_itself_is_off_and_can_be_started() -> None:
    with emulated() as api:
        droplet_id = api.active()["id"]
        api.machines.stop_by_itself(droplet_id)
        api.settle()
        assert api.droplet(droplet_id)["status"] == "off"
        assert api.act(droplet_id, "power_on")["status"] == "completed"
        assert api.droplet(droplet_id)["status"] == "active"


def test_a_guest_that_stops_during_an_action_is_off_after_it() -> None:
    with emulated() as api:
        droplet_id = api.active()["id"]
        api.machines.delay("snapshot", 0.3)
        api.post(f"/v2/droplets/{droplet_id}/actions", {"type": "snapshot", "name": "x"})
        api.machines.stop_by_itself(droplet_id)
        api.settle()
        assert api.droplet(droplet_id)["status"] == "off"


def test_a_guest_that_was_started_again_meanwhile_is_active() -> None:
    with emulated() as api:
        droplet_id = api.active()["id"]
        api.machines.delay("reboot", 0.3)
        api.post(f"/v2/droplets/{droplet_id}/actions", {"type": "reboot"})
        api.machines.stop_by_itself(droplet_id)
        api.settle()
        assert api.droplet(droplet_id)["status"] == "active"


@pytest.mark.parametrize(("outcome", "what"), [("unbootable", "boot"), ("unconfigured", "cloud-init")])
def test_a_guest_can_be_spoilt_to_order(outcome: str, what: str) -> None:
    with emulated() as api:
        order = {"action": "create", "outcome": outcome}
        assert api.post("/_emulator/faults", order).status_code == 201
        droplet = api.active()
        assert (droplet["status"], api.machines.boot_faults) == ("active", [(droplet["id"], what)])
        api.active()
        assert len(api.machines.boot_faults) == 1  # control: only what was ordered
        assert api.post("/_emulator/faults", {**order, "action": "snapshot"}).status_code == 422


@pytest.mark.parametrize(
    "order",
    [{}, {"loss": 2}, {"loss": -0.1}, {"loss": True}, {"delay_s": "1"}, {"partition_s": 3601}, {"colour": 1}],
)
def test_an_impairment_that_makes_no_sense_is_refused(order: dict[str, object]) -> None:
    with emulated() as api:
        droplet_id = api.active()["id"]
        assert api.post(f"/_emulator/droplets/{droplet_id}/impairment", order).status_code == 422


def test_droplets_in_memory_have_no_links() -> None:
    with emulated() as api:
        droplet_id = api.active()["id"]
        answer = api.post(f"/_emulator/droplets/{droplet_id}/impairment", {"loss": 0.5})
        assert (answer.status_code, "has no links" in answer.text) == (422, True)
        assert api.post("/_emulator/droplets/1/impairment", {"loss": 0.5}).status_code == 404
