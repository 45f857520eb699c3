"""The cloud firewalls' table as text, and what the account's state makes of it."""

from bakery.emulator.account.model import Firewall, FirewallRule, FirewallTargets
from bakery.emulator.account.state import AccountState
from bakery.emulator.machines.interface import AllowRule, FirewallBinding, FirewallPolicy, FirewallRules
from bakery.emulator.network.firewalls import ruleset
from bakery.emulator.work.firewall_sync import policy_of
from tests.helpers.emulated import ManualClock, add_droplet, make_state


def allowed(protocol: str = "tcp", ports: str = "22", *networks: str, groups: tuple[str, ...] = ()) -> AllowRule:
    return AllowRule(protocol=protocol, ports=ports, networks=networks, groups=groups)


def rules_of(entry: AllowRule) -> list[str]:
    """The lines of the one firewall's inbound chain."""
    firewall = FirewallRules(inbound=(entry,), outbound=())
    text = ruleset(FirewallPolicy(firewalls=(firewall,), groups={"tag a": ("198.18.0.10",)}, bindings=()))
    lines = [line.strip() for line in text.splitlines()]
    start = lines.index("chain firewall_0_in {") + 1
    return lines[start : lines.index("}", start)]


def test_rules_as_nftables_has_them() -> None:
    """By hand, from nft(8)."""
    assert rules_of(allowed("tcp", "22", "10.0.0.0/8")) == ["tcp dport 22 ip saddr { 10.0.0.0/8 } accept"]
    assert rules_of(allowed("udp", "8000-9000", "192.0.2.7")) == [
        "udp dport 8000-9000 ip saddr { 192.0.2.7/32 } accept"
    ]
    assert rules_of(allowed("tcp", "0", "0.0.0.0/0", "::/0")) == ["meta l4proto tcp accept"]
    assert rules_of(allowed("icmp", "0", "10.0.0.0/8")) == ["meta l4proto icmp ip saddr { 10.0.0.0/8 } accept"]
    assert rules_of(allowed("tcp", "22", "10.1.0.0/16", "10.0.0.0/8", groups=("tag a",))) == [
        "tcp dport 22 ip saddr { 10.0.0.0/8 } accept",
        "tcp dport 22 ip saddr @group_0 accept",
    ]


def test_a_rule_for_nobody_lets_nobody_in() -> None:
    """IPv6 does not exist between droplets of the emulator, and load balancers do not exist at all."""
    assert rules_of(allowed("tcp", "22", "2001:db8::/32")) == []
    assert rules_of(allowed("tcp", "22")) == []


def test_a_guarded_droplet_is_shut_on_both_sides_and_both_ways() -> None:
    firewalls = (FirewallRules(inbound=(), outbound=()), FirewallRules(inbound=(), outbound=()))
    bindings = (FirewallBinding(droplet_id=7, firewalls=(0, 1)), FirewallBinding(droplet_id=8, firewalls=()))
    text = " ".join(ruleset(FirewallPolicy(firewalls=firewalls, groups={}, bindings=bindings)).split())
    for way in ("in", "out"):
        assert f"chain droplet_7_{way} {{ jump firewall_0_{way} jump firewall_1_{way} drop }}" in text
        assert f"chain droplet_8_{way} {{ drop }}" in text
        for side in ("p7", "v7"):
            assert f'"{side}" : jump droplet_7_{way}' in text
    assert text.startswith("table inet cloud delete table inet cloud table inet cloud {")


def add_firewall(
    state: AccountState, *, source: FirewallTargets | None = None, **bound: list[str] | list[int]
) -> Firewall:
    rule = FirewallRule(protocol="tcp", ports="22", targets=source or FirewallTargets(addresses=["192.0.2.0/24"]))
    whom: dict[str, list[str] | list[int]] = {"droplet_ids": [], "tags": [], **bound}
    name = f"firewall-{len(state.firewalls.all())}"
    return state.firewalls.create(name=name, inbound=[rule], outbound=[], **whom)  # type: ignore[arg-type]


def test_tags_and_ids_stand_for_droplets_and_their_addresses() -> None:
    state = make_state()
    web, _ = add_droplet(state, name="web-1", tags=("Web",))
    private, _ = add_droplet(state, name="db-1", tags=("db",), public=False)
    add_droplet(state, name="open-1")
    add_firewall(state, tags=["db"], source=FirewallTargets(tags=["web"], droplet_ids=[private.id]))
    add_firewall(state, tags=["web"], droplet_ids=[private.id])

    policy = policy_of(state)
    assert policy.bindings == (
        FirewallBinding(droplet_id=private.id, firewalls=(0, 1)),
        FirewallBinding(droplet_id=web.id, firewalls=(1,)),
    )
    assert policy.groups == {
        "tag web": (web.public_address, web.private_address),
        f"droplet {private.id}": (private.private_address,),
    }


def test_a_droplet_that_is_being_removed_is_shut_and_in_no_group() -> None:
    state = make_state()
    droplet, _ = add_droplet(state, tags=("web",))
    add_firewall(state, tags=["web"], source=FirewallTargets(tags=["web"]))
    state.remove_droplet(droplet)
    policy = policy_of(state)
    assert policy.bindings == (FirewallBinding(droplet_id=droplet.id, firewalls=()),)
    assert policy.groups == {"tag web": ()}
    state.droplets.left(droplet)
    assert policy_of(state).bindings == ()


def test_a_new_droplet_with_the_tag_makes_the_firewall_wait() -> None:
    clock = ManualClock()
    state = make_state(clock, firewall_delay_s=5)
    add_droplet(state, name="old", tags=("web",))
    bound, other = add_firewall(state, tags=["web"]), add_firewall(state, droplet_ids=[])
    clock.advance(5)
    assert (state.firewalls.status(bound), state.firewalls.status(other)) == ("succeeded", "succeeded")

    droplet, _ = add_droplet(state, name="new", tags=("WEB",))
    assert (state.firewalls.status(bound), state.firewalls.status(other)) == ("waiting", "succeeded")
    assert (bound.renewed, bound.pending) == (False, {droplet.id: False})
    clock.advance(4)
    state.tags.untag_droplet(droplet, ["web"])
    assert bound.pending == {droplet.id: True}
    clock.advance(4)
    assert state.firewalls.status(bound) == "waiting"
    clock.advance(1)
    assert state.firewalls.status(bound) == "succeeded"


def test_a_firewall_has_succeeded_when_the_machines_enforce_it() -> None:
    state = make_state()
    state.firewalls.in_force = 0
    firewall = add_firewall(state)
    assert state.firewalls.status(firewall) == "waiting"
    state.firewalls.in_force = state.firewalls.revision
    assert state.firewalls.status(firewall) == "succeeded"
    state.firewalls.failure = "nft failed"
    assert state.firewalls.status(firewall) == "failed"


def test_the_table_grows_with_the_droplets_and_no_faster() -> None:
    """Three lines and a jump for each way of each droplet, and the addresses of each in one set."""
    state = make_state()
    for number in range(500):
        add_droplet(state, name=f"web-{number}", tags=("web", f"role-{number % 5}"))
    for role in range(5):
        add_firewall(state, tags=[f"role-{role}"], source=FirewallTargets(tags=["web"]))
    text = ruleset(policy_of(state))
    assert text.count("chain droplet_") == 1000
    assert text.count("\n") < 500 * 8 + 100
    assert text.count("198.18.") == 500
