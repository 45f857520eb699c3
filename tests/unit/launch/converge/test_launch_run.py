"""The whole launch against an account in memory: order, addresses, reuse, and what stops it."""

import re
import threading
from dataclasses import replace

import pytest

from bakery.cloud.model import Droplet
from bakery.errors import CredentialsError, DeadlineError, LaunchError, UnprocessableError, UsageError
from bakery.launch.base.journal import load_journal
from bakery.launch.base.model import AfterStep, Timings
from bakery.plan.model import Wave
from bakery.wait import SystemClock
from tests.helpers.fake_cloud import Call, Fault, Killed
from tests.helpers.guards import EscapedError
from tests.helpers.launch_harness import CANARY, FINGERPRINT, NAMES, LaunchHarness, addresses, small_plan


def test_a_first_launch_makes_exactly_the_plan(harness: LaunchHarness) -> None:
    result = harness.launch()
    assert harness.cloud.names() == NAMES
    assert sorted(result.created) == NAMES
    assert [d.name for d in result.droplets] == [node.name for node in harness.plan.nodes]
    assert all(d.status == "active" and d.private_ipv4 for d in result.droplets)
    assert harness.cloud.ssh_keys == {}
    assert [vpc.name for vpc in harness.cloud.vpcs.values()] == ["bakery-demo"]
    assert sorted(f.tags[0] for f in harness.cloud.firewalls.values()) == [
        "bakery:demo:role:consul-server", "bakery:demo:role:nomad-client", "bakery:demo:role:nomad-server",
    ]  # fmt: skip


def test_the_order_is_tags_network_key_droplets_key_away(harness: LaunchHarness) -> None:
    harness.launch()
    names = [call.name for call in harness.cloud.mutations]
    assert names == [
        "create_tag", "create_tag", "create_tag", "create_vpc",
        "create_firewall", "create_firewall", "create_firewall",
        "create_ssh_key", *["create_droplet"] * 9, "delete_ssh_key",
    ]  # fmt: skip


def test_firewalls_are_in_force_before_the_first_droplet(harness: LaunchHarness) -> None:
    harness.cloud.firewall_after = 30
    states: list[set[str]] = []

    def watch(number: int, call: Call) -> None:
        if call.name == "create_droplet":
            age = harness.cloud.clock.now()
            states.append({"succeeded" if age >= 30 else "waiting"})

    harness.cloud.fault = watch
    harness.launch()
    assert states == [{"succeeded"}] * 9


def test_each_wave_is_told_the_addresses_of_the_ones_before(harness: LaunchHarness) -> None:
    """Two waves: the first Consul server, then everything else, which joins it."""
    harness.launch()
    first = addresses(harness, "demo-consul-server-1")
    assert harness.joins() == {
        "demo-consul-server-1": "consul= nomad=",
        "demo-consul-server-2": f"consul={first} nomad=",
        "demo-consul-server-3": f"consul={first} nomad=",
        "demo-nomad-server-1": f"consul={first} nomad=",
        "demo-nomad-server-2": f"consul={first} nomad=",
        "demo-nomad-server-3": f"consul={first} nomad=",
        "demo-nomad-client-1": f"consul={first} nomad=",
        "demo-nomad-client-2": f"consul={first} nomad=",
        "demo-nomad-client-3": f"consul={first} nomad=",
    }


def test_a_new_first_server_joins_the_living_ones(harness: LaunchHarness) -> None:
    """Otherwise replacing server 1 would found a second cluster."""
    harness.launch()
    lost = next(d.id for d in harness.cloud.droplets.values() if d.name == "demo-consul-server-1")
    harness.cloud.delete_droplet(lost)
    harness.launch()
    others = addresses(harness, "demo-consul-server-2", "demo-consul-server-3")
    later = [name for name in harness.cloud.names() if re.fullmatch("demo-consul-server-1-[0-9a-f]{4}", name)]
    assert [harness.joins()[name].startswith(f"consul={others} nomad=") for name in later] == [True]


def test_every_droplet_carries_its_tags_from_its_creation(harness: LaunchHarness) -> None:
    harness.launch()
    launch_id = harness.cloud.vpcs[next(iter(harness.cloud.vpcs))].description.split()[-1]
    configs: dict[str, set[str]] = {}
    for droplet in harness.cloud.droplets.values():
        role, index = droplet.name.removeprefix("demo-").rsplit("-", 1)
        *tags, config = droplet.tags
        assert re.fullmatch("bakery:demo:config:[0-9a-f]{16}", config)
        configs.setdefault(role, set()).add(config)
        assert tags == [
            "bakery:demo", f"bakery:demo:role:{role}", f"bakery:demo:slot:{role}-{index}",
            f"bakery:demo:launch:{launch_id}",
            "bakery:demo:ca:0123456789abcdef", "bakery:demo:gen:1",
        ]  # fmt: skip
    assert [len(found) for found in configs.values()] == [1, 1, 1], "one configuration for each role"


def test_a_second_run_changes_nothing(harness: LaunchHarness) -> None:
    harness.launch()
    harness.cloud.revive()
    result = harness.launch()
    assert harness.cloud.mutations == []
    assert result.changes.empty
    assert [d.name for d in result.droplets] == [node.name for node in harness.plan.nodes]


def test_a_launch_of_nine_takes_at_most_seventy_five_requests(harness: LaunchHarness) -> None:
    """With addresses after 10 s and droplets active after 60 s, slower than DigitalOcean usually is.

    Some forty are polls. DigitalOcean allows 250 requests a minute (docs.digitalocean.com/reference/api).
    """
    harness.cloud.address_after, harness.cloud.active_after = 10, 60
    harness.launch()
    assert len(harness.cloud.calls) <= 75


def test_droplets_of_one_wave_may_be_asked_for_together(harness: LaunchHarness) -> None:
    harness.launch(workers=8)
    assert harness.cloud.names() == NAMES


def test_every_droplet_is_shown_as_active(harness: LaunchHarness) -> None:
    """The first server is active already when it has its address."""
    harness.cloud.address_after = harness.cloud.active_after = 10
    harness.launch()
    assert sorted(name for name, state in harness.reporter.nodes if state == "active") == NAMES


def test_the_requests_of_a_wave_are_started_in_the_order_of_the_plan(harness: LaunchHarness) -> None:
    """Each is recorded just before it is sent; here the record of the first takes longest."""
    recorded: list[list[str]] = []
    pauses = iter(0.01 * left for left in range(len(NAMES), 0, -1))

    def look(number: int, call: Call) -> None:
        if call.name == "create_droplet":
            journal = load_journal(harness.paths.journal, "demo")
            recorded.append([request.what for request in journal.requests])

    def slow_wall() -> float:
        threading.Event().wait(next(pauses, 0.0))
        return harness.cloud.clock.wall()

    harness.cloud.fault = look
    harness.launch(workers=8, wall=slow_wall)
    assert len(recorded) == len(NAMES)
    later = [node.slot for node in harness.plan.nodes if node.wave is Wave.REST]
    for slots in recorded:
        started = [slot for slot in slots if slot in later]
        assert set(started) == set(later[: len(started)])


def test_not_approved_means_not_touched(harness: LaunchHarness) -> None:
    result = harness.launch(approve=lambda changes: False)
    assert result.created == ()
    assert harness.cloud.mutations == []
    assert not harness.paths.journal.exists()


def test_user_data_that_cannot_be_made_fails_before_anything_is(harness: LaunchHarness) -> None:
    def too_large(node: object, join: object) -> str:
        raise UsageError(message="too large")

    with pytest.raises(UsageError, match="too large"):
        harness.launch(user_data=too_large)
    assert harness.cloud.mutations == []


def test_the_steps_after_get_every_droplet_and_run_in_order(harness: LaunchHarness) -> None:
    seen: list[tuple[str, int]] = []

    def step(title: str) -> AfterStep:
        def run(droplets: tuple[Droplet, ...]) -> None:
            seen.append((title, len(droplets)))

        return AfterStep(title=title, run=run)

    harness.launch(after=[step("access control"), step("health")])
    assert seen == [("access control", 9), ("health", 9)]


def test_droplets_of_another_ca_are_refused(harness: LaunchHarness) -> None:
    harness.launch()
    harness.cloud.revive()
    with pytest.raises(CredentialsError) as caught:
        harness.launch(ca_fingerprint="f" * 64)
    assert caught.value.exit_code == 3
    assert harness.cloud.mutations == []


def test_more_clients_only(harness: LaunchHarness) -> None:
    harness.launch()
    harness.cloud.revive()
    harness.launch(plan=small_plan(clients=5), only_role="nomad-client")
    assert [call.subject for call in harness.cloud.mutations if call.name == "create_droplet"] == [
        "demo-nomad-client-4", "demo-nomad-client-5",
    ]  # fmt: skip


def test_clients_without_servers_name_the_command_to_run_first(harness: LaunchHarness) -> None:
    with pytest.raises(UsageError) as caught:
        harness.launch(only_role="nomad-client")
    assert str(caught.value.hint) == "bakery launch --role consul-server"
    assert caught.value.exit_code == 2
    assert harness.cloud.mutations == []


def test_more_droplets_than_wanted_are_reported_and_kept(harness: LaunchHarness) -> None:
    harness.launch()
    harness.launch(plan=small_plan(clients=1))
    assert harness.cloud.names() == NAMES
    assert [w for w in harness.reporter.warnings if "bakery destroy --node demo-nomad-client-3" in w]


def test_the_operators_new_address_updates_the_firewalls_alone(harness: LaunchHarness) -> None:
    harness.launch()
    harness.cloud.revive()
    harness.launch(admin_cidrs=("203.0.113.99/32",))
    assert [call.name for call in harness.cloud.mutations] == ["update_firewall"] * 2
    rules = [(f.name.rsplit("-", 1)[0], r) for f in harness.cloud.firewalls.values() for r in f.inbound]
    admitting = {(name, rule.protocol, rule.ports) for name, rule in rules if "203.0.113.99/32" in rule.addresses}
    assert admitting == {
        ("demo-consul-server", "tcp", "8501"),
        ("demo-consul-server", "tcp", "8600"),
        ("demo-consul-server", "udp", "8600"),
        ("demo-nomad-server", "tcp", "4646"),
    }
    assert {address for _, rule in rules for address in rule.addresses} == {"10.100.0.0/20", "203.0.113.99/32"}


def test_a_droplet_that_never_comes_up_is_named_and_alone_replaced(harness: LaunchHarness) -> None:
    harness.cloud.stuck = {"demo-nomad-client-2"}
    with pytest.raises(DeadlineError) as caught:
        harness.launch()
    assert caught.value.message.startswith("demo-nomad-client-2: ")
    assert caught.value.hint == "run the same command again: it replaces only demo-nomad-client-2"
    assert len(harness.cloud.names()) == 9
    stuck = next(d.id for d in harness.cloud.droplets.values() if d.name == "demo-nomad-client-2")
    harness.cloud.revive()
    harness.launch()
    touched = [(c.name, c.subject) for c in harness.cloud.mutations if "droplet" in c.name]
    assert touched == [("delete_droplet", str(stuck)), ("create_droplet", "demo-nomad-client-2")]
    assert harness.cloud.names() == NAMES


def test_a_droplet_of_a_killed_run_that_never_came_up_is_replaced(harness: LaunchHarness) -> None:
    """The killed run could not mark it; its age in the journal says enough. A young one is waited for."""
    harness.cloud.stuck = {"demo-nomad-client-2"}
    harness.cloud.fault = lambda number, call: Fault.KILL_AFTER if call.name == "delete_ssh_key" else None
    with pytest.raises(Killed):
        harness.launch()
    harness.cloud.revive()
    assert harness.preview().replaced == ()
    harness.cloud.clock.sleep(3600)
    assert [droplet.name for droplet in harness.preview().replaced] == ["demo-nomad-client-2"]
    assert harness.cloud.mutations == []
    harness.launch()
    assert harness.cloud.names() == NAMES


ABSENT = "demo-nomad-client-2"


def never_healthy(_: tuple[Droplet, ...]) -> None:
    message = "demo is not healthy"
    raise DeadlineError(message=message)


def launch_that_misses(harness: LaunchHarness, *names: str) -> None:
    health = AfterStep(title="Health", run=never_healthy)
    with pytest.raises(DeadlineError):
        harness.launch(after=[health], find_not_joined=lambda _: frozenset(names))
    harness.cloud.revive()


def test_a_droplet_that_never_joined_is_named_and_only_it_is_replaced(harness: LaunchHarness) -> None:
    launch_that_misses(harness, ABSENT)
    assert harness.reporter.warnings == [f"{ABSENT} never joined; unless it does, the next launch replaces it"]
    missed = next(d.id for d in harness.cloud.droplets.values() if d.name == ABSENT)
    assert harness.preview().replaced == (), "nobody says that it has still not joined"

    result = harness.launch(find_not_joined=lambda _: frozenset({ABSENT}))

    (line,) = result.changes.lines
    assert (line.sign, line.details) == ("-/+", "s-1vcpu-1gb, the one before never joined")
    assert result.changes.added.monthly == 0.0
    touched = [(c.name, c.subject) for c in harness.cloud.mutations if "droplet" in c.name]
    assert touched == [("delete_droplet", str(missed)), ("create_droplet", ABSENT)]
    harness.cloud.revive()
    harness.launch(find_not_joined=lambda _: frozenset({ABSENT}))
    assert harness.cloud.mutations == [], "the mark went with the droplet"


def test_a_droplet_that_joined_late_after_all_is_kept(harness: LaunchHarness) -> None:
    launch_that_misses(harness, ABSENT)
    harness.launch(find_not_joined=lambda _: frozenset())
    assert harness.cloud.mutations == []
    harness.launch(find_not_joined=lambda _: frozenset({ABSENT}))
    assert harness.cloud.mutations == [], "a launch that ended well forgot the mark"


def test_only_what_the_unfinished_launch_made_is_replaced(harness: LaunchHarness) -> None:
    """An old droplet may hold data; Consul forgets a member that was away for three days."""
    harness.launch()
    harness.cloud.clock.sleep(3600)
    harness.launch()
    harness.cloud.revive()
    launch_that_misses(harness, ABSENT)
    harness.launch(find_not_joined=lambda _: frozenset({ABSENT}))
    assert harness.cloud.mutations == []


def test_a_droplet_that_came_up_late_after_all_is_kept(harness: LaunchHarness) -> None:
    harness.cloud.active_after = 700
    with pytest.raises(DeadlineError):
        harness.launch()
    harness.cloud.clock.sleep(200)
    harness.cloud.revive()
    harness.launch()
    assert harness.cloud.mutations == []


@pytest.mark.parametrize("name", ["demo-nomad-client-1", "demo-consul-server-2"])
def test_a_switched_off_droplet_is_reported_once_and_not_replaced(harness: LaunchHarness, name: str) -> None:
    harness.launch()
    number = next(n for n, d in harness.cloud.droplets.items() if d.name == name)
    harness.cloud.droplets[number] = replace(harness.cloud.droplets[number], status="off")
    harness.cloud.revive()
    harness.launch()
    assert harness.cloud.mutations == []
    assert harness.reporter.warnings.count(f"{name} is switched off") == 1


def test_a_refused_droplet_ends_the_launch_and_leaves_no_key(harness: LaunchHarness) -> None:
    harness.cloud.refused = {"demo-consul-server-2"}
    with pytest.raises(UnprocessableError) as caught:
        harness.launch()
    assert caught.value.hint == "run the same command again: it continues from here"
    assert harness.cloud.ssh_keys == {}
    harness.cloud.refused = set()
    harness.cloud.revive()
    before = harness.cloud.clock.now()
    harness.launch(timings=Timings(settle=1000))
    assert harness.cloud.names() == NAMES
    assert harness.cloud.clock.now() - before < 1000, "a refused create must not be waited for"


def test_an_api_that_never_answers_clearly_ends_in_a_launch_error(harness: LaunchHarness) -> None:
    harness.cloud.fault = lambda number, call: Fault.FAIL if call.name == "create_droplet" else None
    with pytest.raises(LaunchError) as caught:
        harness.launch()
    assert caught.value.message == "cannot create demo-consul-server-1"
    assert len([c for c in harness.cloud.calls if c.name == "create_droplet"]) == 5


def test_the_users_vpc_of_the_same_name_is_used(harness: LaunchHarness) -> None:
    vpc = harness.cloud.add_vpc("bakery-demo", ip_range="10.100.0.0/20", description="mine")
    harness.launch()
    assert {d.vpc_id for d in harness.cloud.droplets.values()} == {vpc.id}
    assert list(harness.cloud.vpcs) == [vpc.id]


def test_an_interrupt_takes_the_key_away_and_the_next_run_goes_on(harness: LaunchHarness) -> None:
    def interrupt(number: int, call: Call) -> None:
        if call.subject == "demo-consul-server-2":
            raise KeyboardInterrupt

    harness.cloud.fault = interrupt
    with pytest.raises(KeyboardInterrupt):
        harness.launch()
    assert harness.cloud.ssh_keys == {}
    harness.cloud.revive()
    harness.launch()
    assert harness.cloud.names() == NAMES


def test_breakglass_keys_are_found_by_name_id_or_fingerprint(harness: LaunchHarness) -> None:
    key = harness.cloud.add_key("laptop", fingerprint="aa:bb:cc")
    for wanted in ("laptop", str(key.id), "aa:bb:cc"):
        assert harness.launch(
            plan=replace(harness.plan, ssh_keys=(wanted,)), approve=lambda c: False
        ).changes.new_nodes
    with pytest.raises(UsageError, match="no SSH key 'phone'"):
        harness.launch(plan=replace(harness.plan, ssh_keys=("phone",)))


def test_no_user_data_in_journal_or_warnings(harness: LaunchHarness) -> None:
    harness.cloud.fault = lambda number, call: Fault.LOST_REPLY if call.name == "create_droplet" else None
    harness.launch()
    assert CANARY in next(iter(harness.cloud.user_data.values())), "control: the canary is in the user-data"
    assert CANARY not in harness.paths.journal.read_text()
    assert CANARY not in "".join(harness.reporter.warnings)
    assert FINGERPRINT not in harness.paths.journal.read_text()
    assert harness.paths.journal.stat().st_mode & 0o777 == 0o600


def test_a_launch_waits_on_the_clock_that_it_is_given(harness: LaunchHarness) -> None:
    """For a droplet that never comes up it waits ten minutes, which pass at once."""
    harness.cloud.stuck = {"demo-nomad-client-2"}
    with pytest.raises(DeadlineError):
        harness.launch()
    assert harness.cloud.clock.now() >= 600


def test_on_the_clock_of_the_machine_it_would_sleep(harness: LaunchHarness) -> None:
    """Control: the guard of the unit tests sees the first sleep."""
    harness.cloud.stuck = {"demo-nomad-client-2"}
    with pytest.raises(EscapedError, match="tried to sleep"):
        harness.launch(clock=SystemClock())
