"""The whole launch against an account in memory: order, addresses, reuse, and what stops it."""

import re
from dataclasses import replace

import pytest

from bakery.cloud.model import Droplet
from bakery.errors import CredentialsError, DeadlineError, LaunchError, UnprocessableError, UsageError
from bakery.launch.base.model import AfterStep, Timings
from bakery.wait import SystemClock
from tests.helpers.fake_cloud import Call, Fault, Killed
from tests.helpers.guards import EscapedError
from tests.helpers.launch_harness import CANARY, FINGERPRINT, NAMES, LaunchHarness, addresses, small_plan


def test_a_first_launch_makes_exactly_the_plan(bench: LaunchHarness) -> None:
    result = bench.launch()
    assert bench.cloud.names() == NAMES
    assert sorted(result.created) == NAMES
    assert [d.name for d in result.droplets] == [node.name for node in bench.plan.nodes]
    assert all(d.status == "active" and d.private_ipv4 for d in result.droplets)
    assert bench.cloud.ssh_keys == {}
    assert [vpc.name for vpc in bench.cloud.vpcs.values()] == ["bakery-demo"]
    assert sorted(f.tags[0] for f in bench.cloud.firewalls.values()) == [
        "bakery:demo:role:consul-server", "bakery:demo:role:nomad-client", "bakery:demo:role:nomad-server",
    ]  # fmt: skip


def test_the_order_is_tags_network_key_droplets_key_away(bench: LaunchHarness) -> None:
    bench.launch()
    names = [call.name for call in bench.cloud.mutations]
    assert names == [
        "create_tag", "create_tag", "create_tag", "create_vpc",
        "create_firewall", "create_firewall", "create_firewall",
        "create_ssh_key", *["create_droplet"] * 9, "delete_ssh_key",
    ]  # fmt: skip


def test_firewalls_are_in_force_before_the_first_droplet(bench: LaunchHarness) -> None:
    bench.cloud.firewall_after = 30
    states: list[set[str]] = []

    def watch(number: int, call: Call) -> None:
        if call.name == "create_droplet":
            age = bench.cloud.clock.now()
            states.append({"succeeded" if age >= 30 else "waiting"})

    bench.cloud.fault = watch
    bench.launch()
    assert states == [{"succeeded"}] * 9


def test_each_wave_is_told_the_addresses_of_the_ones_before(bench: LaunchHarness) -> None:
    """DESIGN: A consul-server-1; B the other Consul servers and nomad-server-1; C everything else."""
    bench.launch()
    first = addresses(bench, "demo-consul-server-1")
    all_consul = addresses(bench, "demo-consul-server-1", "demo-consul-server-2", "demo-consul-server-3")
    nomad = addresses(bench, "demo-nomad-server-1")
    assert bench.joins() == {
        "demo-consul-server-1": "consul= nomad=",
        "demo-consul-server-2": f"consul={first} nomad=",
        "demo-consul-server-3": f"consul={first} nomad=",
        "demo-nomad-server-1": f"consul={first} nomad=",
        "demo-nomad-server-2": f"consul={all_consul} nomad={nomad}",
        "demo-nomad-server-3": f"consul={all_consul} nomad={nomad}",
        "demo-nomad-client-1": f"consul={all_consul} nomad={nomad}",
        "demo-nomad-client-2": f"consul={all_consul} nomad={nomad}",
        "demo-nomad-client-3": f"consul={all_consul} nomad={nomad}",
    }


def test_a_new_first_server_joins_the_living_ones(bench: LaunchHarness) -> None:
    """Otherwise replacing server 1 would found a second cluster."""
    bench.launch()
    lost = next(d.id for d in bench.cloud.droplets.values() if d.name == "demo-consul-server-1")
    bench.cloud.delete_droplet(lost)
    bench.launch()
    others = addresses(bench, "demo-consul-server-2", "demo-consul-server-3")
    later = [name for name in bench.cloud.names() if re.fullmatch("demo-consul-server-1-[0-9a-f]{4}", name)]
    assert [bench.joins()[name].startswith(f"consul={others} nomad=") for name in later] == [True]


def test_every_droplet_carries_its_tags_from_its_creation(bench: LaunchHarness) -> None:
    bench.launch()
    launch_id = bench.cloud.vpcs[next(iter(bench.cloud.vpcs))].description.split()[-1]
    configs: dict[str, set[str]] = {}
    for droplet in bench.cloud.droplets.values():
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


def test_a_second_run_changes_nothing(bench: LaunchHarness) -> None:
    bench.launch()
    bench.cloud.revive()
    result = bench.launch()
    assert bench.cloud.mutations == []
    assert result.changes.empty
    assert [d.name for d in result.droplets] == [node.name for node in bench.plan.nodes]


def test_a_launch_of_nine_takes_at_most_sixty_requests(bench: LaunchHarness) -> None:
    """With addresses after 10 s and droplets active after 60 s, slower than DigitalOcean usually is."""
    bench.cloud.address_after, bench.cloud.active_after = 10, 60
    bench.launch()
    assert len(bench.cloud.calls) <= 60


def test_droplets_of_one_wave_may_be_asked_for_together(bench: LaunchHarness) -> None:
    bench.launch(workers=8)
    assert bench.cloud.names() == NAMES


def test_not_approved_means_not_touched(bench: LaunchHarness) -> None:
    result = bench.launch(approve=lambda changes: False)
    assert result.created == ()
    assert bench.cloud.mutations == []
    assert not bench.paths.journal.exists()


def test_user_data_that_cannot_be_made_fails_before_anything_is(bench: LaunchHarness) -> None:
    def too_large(node: object, join: object) -> str:
        raise UsageError(message="too large")

    with pytest.raises(UsageError, match="too large"):
        bench.launch(user_data=too_large)
    assert bench.cloud.mutations == []


def test_the_steps_after_get_every_droplet_and_run_in_order(bench: LaunchHarness) -> None:
    seen: list[tuple[str, int]] = []

    def step(title: str) -> AfterStep:
        def run(droplets: tuple[Droplet, ...]) -> None:
            seen.append((title, len(droplets)))

        return AfterStep(title=title, run=run)

    bench.launch(after=[step("access control"), step("health")])
    assert seen == [("access control", 9), ("health", 9)]


def test_droplets_of_another_ca_are_refused(bench: LaunchHarness) -> None:
    bench.launch()
    bench.cloud.revive()
    with pytest.raises(CredentialsError) as caught:
        bench.launch(ca_fingerprint="f" * 64)
    assert caught.value.exit_code == 3
    assert bench.cloud.mutations == []


def test_more_clients_only(bench: LaunchHarness) -> None:
    bench.launch()
    bench.cloud.revive()
    bench.launch(plan=small_plan(clients=5), only_role="nomad-client")
    assert [call.subject for call in bench.cloud.mutations if call.name == "create_droplet"] == [
        "demo-nomad-client-4", "demo-nomad-client-5",
    ]  # fmt: skip


def test_clients_without_servers_name_the_command_to_run_first(bench: LaunchHarness) -> None:
    with pytest.raises(UsageError) as caught:
        bench.launch(only_role="nomad-client")
    assert str(caught.value.hint) == "bakery launch --role consul-server"
    assert caught.value.exit_code == 2
    assert bench.cloud.mutations == []


def test_more_droplets_than_wanted_are_reported_and_kept(bench: LaunchHarness) -> None:
    bench.launch()
    bench.launch(plan=small_plan(clients=1))
    assert bench.cloud.names() == NAMES
    assert [w for w in bench.reporter.warnings if "bakery destroy --node demo-nomad-client-3" in w]


def test_the_operators_new_address_updates_the_firewalls_alone(bench: LaunchHarness) -> None:
    bench.launch()
    bench.cloud.revive()
    bench.launch(admin_cidrs=("203.0.113.99/32",))
    assert [call.name for call in bench.cloud.mutations] == ["update_firewall"] * 2
    rules = [(f.name.rsplit("-", 1)[0], r) for f in bench.cloud.firewalls.values() for r in f.inbound]
    admitting = {(name, rule.protocol, rule.ports) for name, rule in rules if "203.0.113.99/32" in rule.addresses}
    assert admitting == {
        ("demo-consul-server", "tcp", "8501"),
        ("demo-consul-server", "tcp", "8600"),
        ("demo-consul-server", "udp", "8600"),
        ("demo-nomad-server", "tcp", "4646"),
    }
    assert {address for _, rule in rules for address in rule.addresses} == {"10.100.0.0/20", "203.0.113.99/32"}


def test_a_droplet_that_never_comes_up_is_named_and_alone_replaced(bench: LaunchHarness) -> None:
    bench.cloud.stuck = {"demo-nomad-client-2"}
    with pytest.raises(DeadlineError) as caught:
        bench.launch()
    assert caught.value.message.startswith("demo-nomad-client-2: ")
    assert caught.value.hint == "run the same command again: it replaces only demo-nomad-client-2"
    assert len(bench.cloud.names()) == 9
    stuck = next(d.id for d in bench.cloud.droplets.values() if d.name == "demo-nomad-client-2")
    bench.cloud.revive()
    bench.launch()
    touched = [(c.name, c.subject) for c in bench.cloud.mutations if "droplet" in c.name]
    assert touched == [("delete_droplet", str(stuck)), ("create_droplet", "demo-nomad-client-2")]
    assert bench.cloud.names() == NAMES


def test_a_droplet_of_a_killed_run_that_never_came_up_is_replaced(bench: LaunchHarness) -> None:
    """The killed run could not mark it; its age in the journal says enough. A young one is waited for."""
    bench.cloud.stuck = {"demo-nomad-client-2"}
    bench.cloud.fault = lambda number, call: Fault.KILL_AFTER if call.name == "delete_ssh_key" else None
    with pytest.raises(Killed):
        bench.launch()
    bench.cloud.revive()
    assert bench.preview().replaced == ()
    bench.cloud.clock.sleep(3600)
    assert [droplet.name for droplet in bench.preview().replaced] == ["demo-nomad-client-2"]
    assert bench.cloud.mutations == []
    bench.launch()
    assert bench.cloud.names() == NAMES


ABSENT = "demo-nomad-client-2"


def never_healthy(_: tuple[Droplet, ...]) -> None:
    message = "demo is not healthy"
    raise DeadlineError(message=message)


def launch_that_misses(bench: LaunchHarness, *names: str) -> None:
    health = AfterStep(title="Health", run=never_healthy)
    with pytest.raises(DeadlineError):
        bench.launch(after=[health], find_not_joined=lambda _: frozenset(names))
    bench.cloud.revive()


def test_a_droplet_that_never_joined_is_named_and_only_it_is_replaced(bench: LaunchHarness) -> None:
    launch_that_misses(bench, ABSENT)
    assert bench.reporter.warnings == [f"{ABSENT} never joined; unless it does, the next launch replaces it"]
    missed = next(d.id for d in bench.cloud.droplets.values() if d.name == ABSENT)
    assert bench.preview().replaced == (), "nobody says that it has still not joined"

    result = bench.launch(find_not_joined=lambda _: frozenset({ABSENT}))

    (line,) = result.changes.lines
    assert (line.sign, line.details) == ("-/+", "s-1vcpu-1gb, the one before never joined")
    assert result.changes.added.monthly == 0.0
    touched = [(c.name, c.subject) for c in bench.cloud.mutations if "droplet" in c.name]
    assert touched == [("delete_droplet", str(missed)), ("create_droplet", ABSENT)]
    bench.cloud.revive()
    bench.launch(find_not_joined=lambda _: frozenset({ABSENT}))
    assert bench.cloud.mutations == [], "the mark went with the droplet"


def test_a_droplet_that_joined_late_after_all_is_kept(bench: LaunchHarness) -> None:
    launch_that_misses(bench, ABSENT)
    bench.launch(find_not_joined=lambda _: frozenset())
    assert bench.cloud.mutations == []
    bench.launch(find_not_joined=lambda _: frozenset({ABSENT}))
    assert bench.cloud.mutations == [], "a launch that ended well forgot the mark"


def test_only_what_the_unfinished_launch_made_is_replaced(bench: LaunchHarness) -> None:
    """An old droplet may hold data; Consul forgets a member that was away for three days."""
    bench.launch()
    bench.cloud.clock.sleep(3600)
    bench.launch()
    bench.cloud.revive()
    launch_that_misses(bench, ABSENT)
    bench.launch(find_not_joined=lambda _: frozenset({ABSENT}))
    assert bench.cloud.mutations == []


def test_a_droplet_that_came_up_late_after_all_is_kept(bench: LaunchHarness) -> None:
    bench.cloud.active_after = 700
    with pytest.raises(DeadlineError):
        bench.launch()
    bench.cloud.clock.sleep(200)
    bench.cloud.revive()
    bench.launch()
    assert bench.cloud.mutations == []


def test_a_switched_off_droplet_is_reported_and_not_replaced(bench: LaunchHarness) -> None:
    bench.launch()
    number = next(n for n, d in bench.cloud.droplets.items() if d.name == "demo-nomad-client-1")
    bench.cloud.droplets[number] = replace(bench.cloud.droplets[number], status="off")
    bench.cloud.revive()
    bench.launch()
    assert bench.cloud.mutations == []
    assert "demo-nomad-client-1 is switched off" in bench.reporter.warnings


def test_a_refused_droplet_ends_the_launch_and_leaves_no_key(bench: LaunchHarness) -> None:
    bench.cloud.refused = {"demo-consul-server-2"}
    with pytest.raises(UnprocessableError) as caught:
        bench.launch()
    assert caught.value.hint == "run the same command again: it continues from here"
    assert bench.cloud.ssh_keys == {}
    bench.cloud.refused = set()
    bench.cloud.revive()
    before = bench.cloud.clock.now()
    bench.launch(timings=Timings(settle=1000))
    assert bench.cloud.names() == NAMES
    assert bench.cloud.clock.now() - before < 1000, "a refused create must not be waited for"


def test_an_api_that_never_answers_clearly_ends_in_a_launch_error(bench: LaunchHarness) -> None:
    bench.cloud.fault = lambda number, call: Fault.FAIL if call.name == "create_droplet" else None
    with pytest.raises(LaunchError) as caught:
        bench.launch()
    assert caught.value.message == "cannot create demo-consul-server-1"
    assert len([c for c in bench.cloud.calls if c.name == "create_droplet"]) == 5


def test_the_users_vpc_of_the_same_name_is_used(bench: LaunchHarness) -> None:
    vpc = bench.cloud.add_vpc("bakery-demo", ip_range="10.100.0.0/20", description="mine")
    bench.launch()
    assert {d.vpc_id for d in bench.cloud.droplets.values()} == {vpc.id}
    assert list(bench.cloud.vpcs) == [vpc.id]


def test_an_interrupt_takes_the_key_away_and_the_next_run_goes_on(bench: LaunchHarness) -> None:
    def interrupt(number: int, call: Call) -> None:
        if call.subject == "demo-consul-server-2":
            raise KeyboardInterrupt

    bench.cloud.fault = interrupt
    with pytest.raises(KeyboardInterrupt):
        bench.launch()
    assert bench.cloud.ssh_keys == {}
    bench.cloud.revive()
    bench.launch()
    assert bench.cloud.names() == NAMES


def test_breakglass_keys_are_found_by_name_id_or_fingerprint(bench: LaunchHarness) -> None:
    key = bench.cloud.add_key("laptop", fingerprint="aa:bb:cc")
    for wanted in ("laptop", str(key.id), "aa:bb:cc"):
        assert bench.launch(
            plan=replace(bench.plan, ssh_keys=(wanted,)), approve=lambda c: False
        ).changes.new_nodes
    with pytest.raises(UsageError, match="no SSH key 'phone'"):
        bench.launch(plan=replace(bench.plan, ssh_keys=("phone",)))


def test_no_user_data_in_journal_or_warnings(bench: LaunchHarness) -> None:
    bench.cloud.fault = lambda number, call: Fault.LOST_REPLY if call.name == "create_droplet" else None
    bench.launch()
    assert CANARY in next(iter(bench.cloud.user_data.values())), "control: the canary is in the user-data"
    assert CANARY not in bench.paths.journal.read_text()
    assert CANARY not in "".join(bench.reporter.warnings)
    assert FINGERPRINT not in bench.paths.journal.read_text()
    assert bench.paths.journal.stat().st_mode & 0o777 == 0o600


def test_a_launch_waits_on_the_clock_that_it_is_given(bench: LaunchHarness) -> None:
    """For a droplet that never comes up it waits ten minutes, which pass at once."""
    bench.cloud.stuck = {"demo-nomad-client-2"}
    with pytest.raises(DeadlineError):
        bench.launch()
    assert bench.cloud.clock.now() >= 600


def test_on_the_clock_of_the_machine_it_would_sleep(bench: LaunchHarness) -> None:
    """Control: the guard of the unit tests sees the first sleep."""
    bench.cloud.stuck = {"demo-nomad-client-2"}
    with pytest.raises(EscapedError, match="tried to sleep"):
        bench.launch(clock=SystemClock())
