"""Keys, VPCs, firewalls, images and prices, without HTTP."""

from collections.abc import Callable

import pytest

from bakery.emulator.account.catalog import SIZES
from bakery.emulator.account.errors import Conflict, Forbidden, NotFound, Unprocessable
from bakery.emulator.account.keys import fingerprint
from bakery.emulator.account.model import Firewall, FirewallRule, FirewallTargets
from tests.helpers.emulated import ManualClock, add_droplet, make_state, public_key

# made with ssh-keygen -t ed25519, read with ssh-keygen -l -E md5
SSH_KEYGEN_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIL6NCNnrWWSzm1C5XmuyvW15sINMftGVZm1Glzr4AaHF demo"
SSH_KEYGEN_MD5 = "83:ea:40:cd:ed:22:e6:4d:cb:a9:9a:fb:8f:85:13:0d"


def test_the_fingerprint_is_ssh_keygens() -> None:
    assert fingerprint(SSH_KEYGEN_KEY) == SSH_KEYGEN_MD5


@pytest.mark.parametrize(
    "key",
    ["", "ssh-ed25519", "ssh-ed25519 !!!!", "ssh-ed25519 AAAA", "ssh-rsa " + SSH_KEYGEN_KEY.split()[1], "a b c"],
)
def test_lines_that_are_no_public_keys(key: str) -> None:
    with pytest.raises(Unprocessable, match="Key invalid"):
        fingerprint(key)


def test_a_key_goes_by_its_id_and_its_fingerprint() -> None:
    keys = make_state().keys
    key = keys.create("demo", SSH_KEYGEN_KEY)

    assert keys.get(key.id) is keys.get(str(key.id)) is keys.get(SSH_KEYGEN_MD5) is key
    with pytest.raises(Unprocessable, match="SSH Key is already in use on your account"):
        keys.create("again", SSH_KEYGEN_KEY)
    keys.remove(SSH_KEYGEN_MD5)
    assert keys.find(key.id) is None


@pytest.mark.parametrize(
    ("ip_range", "reason"),
    [
        ("10.100.0.0/29", "between /16 and /28"),
        ("10.0.0.0/15", "between /16 and /28"),
        ("8.8.0.0/20", "RFC 1918"),
        ("10.100.0.1/20", "not a valid network"),
        ("nonsense", "not a valid network"),
        ("10.100.8.0/24", "overlaps with another VPC"),
    ],
)
def test_ranges_that_no_vpc_can_have(ip_range: str, reason: str) -> None:
    """https://docs.digitalocean.com/products/networking/vpc/details/limits/."""
    vpcs = make_state().vpcs
    vpcs.create(name="first", description="", region="fra1", ip_range="10.100.0.0/20")

    with pytest.raises(Unprocessable, match=reason):
        vpcs.create(name="second", description="", region="fra1", ip_range=ip_range)


def test_the_first_vpc_of_a_region_is_its_default_and_stays() -> None:
    vpcs = make_state().vpcs
    first = vpcs.create(name="first", description="", region="fra1", ip_range=None)
    second = vpcs.create(name="second", description="", region="fra1", ip_range=None)

    assert (first.default, second.default) == (True, False)
    assert (first.ip_range, second.ip_range) == ("10.116.0.0/20", "10.116.16.0/20")
    with pytest.raises(Forbidden):
        vpcs.remove(first, members=0)
    with pytest.raises(Forbidden):
        vpcs.remove(second, members=1)
    vpcs.remove(second, members=0)
    assert vpcs.all() == [first]


def test_an_account_that_was_used_has_default_vpcs() -> None:
    vpcs = make_state(default_vpcs=True, regions=("fra1", "nyc3")).vpcs

    assert [(vpc.name, vpc.default) for vpc in vpcs.all()] == [("default-fra1", True), ("default-nyc3", True)]


def make_rule(port: str) -> FirewallRule:
    return FirewallRule(protocol="tcp", ports=port, targets=FirewallTargets(addresses=["10.0.0.0/8"]))


def test_a_firewall_waits_before_it_has_succeeded() -> None:
    clock = ManualClock()
    firewalls = make_state(clock, firewall_delay_s=5).firewalls
    firewall = firewalls.create(name="web", inbound=[make_rule("22")], outbound=[], droplet_ids=[], tags=[])

    assert not firewalls.is_settled(firewall)
    clock.advance(5)
    assert firewalls.is_settled(firewall)


@pytest.mark.parametrize(
    ("rules", "droplets", "tags", "accepted"),
    [
        (50, 10, 5, True),
        (51, 0, 0, False),
        (1, 11, 0, False),
        (1, 0, 6, False),
        (0, 0, 0, False),
    ],
)
def test_firewall_limits(*, rules: int, droplets: int, tags: int, accepted: bool) -> None:
    """https://docs.digitalocean.com/products/networking/firewalls/details/limits/."""

    def create() -> Firewall:
        return make_state().firewalls.create(
            name="web",
            inbound=[make_rule(str(port + 1)) for port in range(rules)],
            outbound=[],
            droplet_ids=list(range(droplets)),
            tags=[f"t{number}" for number in range(tags)],
        )

    if accepted:
        assert len(create().inbound) == rules
    else:
        with pytest.raises(Unprocessable):
            create()


def test_firewall_names_are_unique() -> None:
    firewalls = make_state().firewalls
    create: Callable[[], Firewall] = lambda: firewalls.create(  # noqa: E731
        name="web", inbound=[make_rule("22")], outbound=[], droplet_ids=[], tags=[]
    )
    create()
    with pytest.raises(Conflict, match="duplicate name"):
        create()


def test_a_snapshot_needs_the_disk_that_it_came_from() -> None:
    state = make_state()
    droplet, _ = add_droplet(state)
    image = state.images.add_snapshot(9, name="baked", droplet=droplet, disk=25, size=3 * 1024**3)
    state.tags.tag_image(image, ["baked:1"])

    assert (image.min_disk_size, image.size_gigabytes, image.regions) == (25, 3.0, ["fra1"])
    assert (image.distribution, image.public, image.type) == ("Debian", False, "snapshot")
    assert droplet.snapshot_ids == [9]

    state.remove_image(image)
    assert state.images.find(9) is None
    assert state.images.even_deleted(9) is image  # droplets made from it still name it
    assert not state.tags.get("baked:1").image_ids


def test_base_images_cannot_be_removed() -> None:
    state = make_state()
    with pytest.raises(Forbidden):
        state.remove_image(state.images.get("debian-12-x64"))
    with pytest.raises(NotFound):
        state.images.get("debian-12")


def test_prices_are_the_published_ones() -> None:
    """https://www.digitalocean.com/pricing/droplets, basic, regular CPU."""
    assert {slug: (size.price_monthly, size.price_hourly) for slug, size in SIZES.items()} == {
        "s-1vcpu-512mb-10gb": (4, 0.00595),
        "s-1vcpu-1gb": (6, 0.00893),
        "s-1vcpu-2gb": (12, 0.01786),
        "s-2vcpu-2gb": (18, 0.02679),
        "s-2vcpu-4gb": (24, 0.03571),
        "s-4vcpu-8gb": (48, 0.07143),
        "s-8vcpu-16gb": (96, 0.14286),
    }


def test_every_key_of_the_helper_is_another() -> None:
    assert len({fingerprint(public_key(number)) for number in range(20)}) == 20
