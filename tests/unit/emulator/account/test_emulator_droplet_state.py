"""Droplets, their actions and their tags, without HTTP."""

import pytest

from bakery.emulator.account.errors import NotFound, PendingEvent, Unprocessable
from bakery.emulator.work.machine_spec import machine_spec
from tests.helpers.emulated import ManualClock, add_droplet, make_state


def test_a_droplet_starts_new_with_an_unfinished_create_action() -> None:
    droplet, action = add_droplet(make_state())

    assert (droplet.status, droplet.active_at, droplet.pending_action) == ("new", None, action.id)
    assert (action.type, action.status, action.completed_at) == ("create", "in-progress", None)


def test_one_action_at_a_time() -> None:
    state = make_state()
    droplet, create = add_droplet(state)

    with pytest.raises(PendingEvent, match="Droplet already has a pending event"):
        state.droplets.start_action(droplet, "shutdown")

    state.droplets.finish_action(droplet, create)
    state.droplets.start_action(droplet, "shutdown")


def test_an_action_takes_its_times_from_the_clock() -> None:
    clock = ManualClock()
    state = make_state(clock)
    droplet, action = add_droplet(state)
    clock.advance(7)
    state.droplets.finish_action(droplet, action, errored=True)

    assert action.completed_at is not None
    assert (action.completed_at - action.started_at).total_seconds() == 7
    assert action.status == "errored"


def test_tags_find_droplets_and_forget_those_that_are_gone() -> None:
    state = make_state()
    first, _ = add_droplet(state, name="a", tags=("bakery:demo", "role:x"))
    second, _ = add_droplet(state, name="b", tags=("Bakery:Demo",))

    tag = state.tags.get("bakery:demo")
    assert list(tag.droplet_ids) == [first.id, second.id]
    assert second.tags == ["bakery:demo"]  # the first spelling stays

    state.remove_droplet(first)
    assert list(tag.droplet_ids) == [second.id]


def test_a_removed_tag_leaves_no_trace() -> None:
    state = make_state()
    droplet, _ = add_droplet(state, tags=("one", "two"))

    state.remove_tag("ONE")

    assert droplet.tags == ["two"]
    with pytest.raises(NotFound):
        state.tags.get("one")


@pytest.mark.parametrize("name", ["", "a.b", "a/b", "a=b", "a b", "ä", "a" * 256])
def test_names_that_cannot_be_tags(name: str) -> None:
    """The pattern of OpenAPI, resources/tags/models/tag.yml."""
    with pytest.raises(Unprocessable):
        make_state().tags.ensure(name)


def test_the_account_has_a_droplet_limit() -> None:
    state = make_state(droplet_limit=2)
    vpc = state.vpcs.default_of("fra1")
    add_droplet(state)

    state.droplets.check_room(1, vpc)
    with pytest.raises(Unprocessable, match="exceed your droplet limit"):
        state.droplets.check_room(2, vpc)


def test_a_machine_is_told_what_its_droplet_is() -> None:
    state = make_state(vendor_data="#cloud-config\n")
    vpc = state.vpcs.create(name="v", description="", region="fra1", ip_range="10.100.0.0/20")
    droplet, _ = add_droplet(state, tags=("x",))

    spec = machine_spec(state, droplet)

    assert (spec.droplet_id, spec.name, spec.image) == (droplet.id, "web-1", "debian-12-x64")
    assert (spec.memory, spec.vcpus, spec.disk) == (1024, 1, 25)
    assert (spec.region, spec.tags, spec.vpc_id) == ("fra1", ("x",), vpc.id)
    assert spec.user_data == "#cloud-config\n# canary-user-data\n"
    assert spec.vendor_data == "#cloud-config\n"
    assert spec.public is not None
    assert spec.anchor is not None
    assert (spec.public.address, spec.public.netmask) == ("198.18.0.10", "255.254.0.0")
    assert spec.public.gateway == "198.18.0.1"
    assert (spec.anchor.address, spec.anchor.netmask, spec.anchor.mac) == (
        "10.17.0.2",
        "255.255.0.0",
        spec.public.mac,
    )
    assert (spec.private.address, spec.private.netmask) == ("10.100.0.2", "255.255.240.0")
    assert spec.private.mac != spec.public.mac


def test_a_private_droplets_vpc_address_is_on_eth0() -> None:
    state = make_state()
    droplet, _ = add_droplet(state, public=False)

    spec = machine_spec(state, droplet)

    assert (spec.public, spec.anchor) == (None, None)
    assert spec.private.mac.startswith("02:00:")


def test_user_data_hides_in_repr() -> None:
    state = make_state()
    droplet, _ = add_droplet(state)

    assert "canary-user-data" in (droplet.user_data or "")
    assert "canary-user-data" not in repr(droplet) + repr(machine_spec(state, droplet))
