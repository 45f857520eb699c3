"""Which addresses droplets get."""

import pytest

from bakery.emulator.account.addresses import AddressPool, mac
from bakery.emulator.account.errors import Unprocessable
from tests.helpers.emulated import add_droplet, make_state


def test_the_network_its_gateway_and_the_broadcast_are_never_given() -> None:
    pool = AddressPool("10.100.0.0/29")

    assert [pool.take() for _ in range(5)] == [
        "10.100.0.2",
        "10.100.0.3",
        "10.100.0.4",
        "10.100.0.5",
        "10.100.0.6",
    ]
    with pytest.raises(Unprocessable):
        pool.take()


def test_reserved_addresses_are_never_given() -> None:
    pool = AddressPool("10.100.0.0/29", reserved=("10.100.0.3",), first="10.100.0.3")

    assert [pool.take() for _ in range(4)] == ["10.100.0.4", "10.100.0.5", "10.100.0.6", "10.100.0.2"]
    assert pool.free == 0


def test_a_freed_address_is_used_again_last() -> None:
    pool = AddressPool("10.100.0.0/29")
    first = pool.take()
    pool.release(first)

    assert [pool.take() for _ in range(5)][-1] == first


def test_a_freed_address_is_used_at_once_where_that_is_asked_for() -> None:
    pool = AddressPool("10.100.0.0/29", reserved=("10.100.0.3",), reuse=True)
    assert [pool.take() for _ in range(3)] == ["10.100.0.2", "10.100.0.4", "10.100.0.5"]
    pool.release("10.100.0.4")
    assert [pool.take() for _ in range(2)] == ["10.100.0.4", "10.100.0.6"]
    with pytest.raises(Unprocessable):
        pool.take()
    pool.release("10.100.0.2")
    pool.mark_taken("10.100.0.2")
    assert pool.free == 0


@pytest.mark.parametrize(("reuse", "address"), [(False, "10.100.0.4"), (True, "10.100.0.2")])
def test_the_address_of_a_deleted_droplet_goes_to_the_next_or_not(*, reuse: bool, address: str) -> None:
    """By default it does not, so that what still knows the old droplet is not met by accident."""
    state = make_state(reuse_vpc_addresses=reuse)
    vpc = state.vpcs.create(name="v", description="", region="fra1", ip_range="10.100.0.0/20")
    first, _ = add_droplet(state, vpc=vpc)
    add_droplet(state, vpc=vpc)
    state.remove_droplet(first)
    state.droplets.left(first)
    later, _ = add_droplet(state, vpc=vpc)
    assert later.private_address == address


def test_macs_are_local_unicast_and_follow_from_the_droplet() -> None:
    assert mac(400_000_001, 0) == "02:00:17:d7:84:01"  # 400000001 is 0x17d78401
    assert mac(400_000_001, 1) == "02:01:17:d7:84:01"


def test_a_droplet_gets_a_public_an_anchor_and_a_private_address() -> None:
    state = make_state()
    state.vpcs.create(name="v", description="", region="fra1", ip_range="10.100.0.0/20")

    droplet, _ = add_droplet(state)

    assert droplet.public_address == "198.18.0.10"
    assert droplet.anchor_address == "10.17.0.2"
    assert droplet.private_address == "10.100.0.2"
    for address in ("198.18.0.10", "10.17.0.2", "10.100.0.2"):
        assert state.droplets.find_by_address(address) is droplet


def test_a_private_droplet_has_the_vpc_address_alone() -> None:
    state = make_state()

    droplet, _ = add_droplet(state, public=False)

    assert (droplet.public_address, droplet.anchor_address) == (None, None)
    assert state.droplets.find_by_address(droplet.private_address) is droplet


def test_addresses_stay_taken_until_the_machine_is_gone() -> None:
    state = make_state()
    vpc = state.vpcs.create(name="v", description="", region="fra1", ip_range="10.100.0.0/28")
    droplet, _ = add_droplet(state, vpc=vpc)
    free = state.vpcs.pool(vpc.id).free

    state.remove_droplet(droplet)
    assert state.vpcs.pool(vpc.id).free == free
    assert state.droplets.members(vpc.id) == [droplet]

    state.droplets.left(droplet)
    assert state.vpcs.pool(vpc.id).free == free + 1
    assert state.droplets.members(vpc.id) == []
    assert state.droplets.find_by_address(droplet.private_address) is None


def test_there_must_be_room_in_the_vpc_for_all() -> None:
    state = make_state()
    vpc = state.vpcs.create(name="v", description="", region="fra1", ip_range="10.100.0.0/28")

    state.droplets.check_room(13, vpc)  # 16 less network, gateway and broadcast
    with pytest.raises(Unprocessable, match=r"10\.100\.0\.0/28"):
        state.droplets.check_room(14, vpc)
