"""The load balancer and the reserved IP of a cluster: created once, updated, deleted, and never in the way."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest

from bakery.cloud.model import ForwardingRule
from bakery.errors import BakeryError, DeadlineError, LaunchError, UnauthorizedError
from bakery.launch.base.journal import load_journal
from bakery.launch.base.model import AfterStep
from bakery.launch.converge.access import refresh_access
from bakery.launch.converge.ways_in import CHECK
from bakery.operations.collect_garbage import list_orphans
from bakery.plan.tags import address_tag, ingress_tag
from tests.helpers.fake_cloud import Call, FakeCloud, Fault, Killed, fault_at
from tests.helpers.ingress_bench import LETS_ENCRYPT, PASSTHROUGH, PLAIN, RESERVED, ingress_bench, ingress_plan
from tests.helpers.launch_harness import LaunchHarness

pytestmark = pytest.mark.usefixtures("fast_disk")

HTTP = ForwardingRule(entry_protocol="http", entry_port=80, target_protocol="http", target_port=80)
PASSED = ForwardingRule(
    entry_protocol="https", entry_port=443, target_protocol="https", target_port=443, tls_passthrough=True
)
NODES = ["demo-consul-server-1", "demo-ingress-1"]


def kinds(harness: LaunchHarness) -> list[tuple[str, str]]:
    return [(line.sign.value, line.kind) for line in harness.preview().lines]


def test_the_balancer_forwards_to_the_ingress_nodes_and_the_plan_has_its_price(tmp_path: Path) -> None:
    harness = ingress_bench(tmp_path)
    before = harness.preview()
    assert ("+", "balancer") in kinds(harness)
    assert (before.added.monthly, before.total.monthly) == (24.0, 24.0)  # two droplets at 6, and 12

    harness.launch()
    (balancer,) = harness.cloud.balancers.values()
    assert balancer.name.startswith("bakery-demo-ingress-")
    assert (balancer.rules, balancer.health_check) == ((HTTP, PASSED), CHECK)
    assert (balancer.tag, balancer.proxy_protocol, balancer.redirects) == (ingress_tag("demo"), True, False)
    assert balancer.vpc_id in harness.cloud.vpcs
    (ingress,) = (d for d in harness.cloud.droplets.values() if balancer.tag in d.tags)
    assert ingress.name == "demo-ingress-1"
    assert any("203.0.113.250" in line for line in harness.reporter.lines)

    harness.cloud.revive()
    after = harness.preview()
    assert (after.empty, after.added.monthly, after.total.monthly) == (True, 0.0, 24.0)
    harness.launch()
    assert harness.cloud.mutations == []


def test_tls_ends_at_the_balancer_with_a_certificate_for_the_domains(tmp_path: Path) -> None:
    harness = ingress_bench(tmp_path, LETS_ENCRYPT)
    harness.launch()
    (certificate,) = harness.cloud.certificates.values()
    (balancer,) = harness.cloud.balancers.values()
    ended = ForwardingRule(
        entry_protocol="https",
        entry_port=443,
        target_protocol="http",
        target_port=80,
        certificate_id=certificate.id,
    )
    assert certificate.dns_names == ("www.example.com",)
    assert (balancer.rules, balancer.redirects) == ((HTTP, ended), True)
    harness.cloud.revive()
    assert harness.preview().empty

    harness.plan = ingress_plan(LETS_ENCRYPT.replace("www", "app"))
    assert kinds(harness) == [("~", "balancer")]
    harness.launch()
    (fresh,) = harness.cloud.certificates.values()
    (balancer,) = harness.cloud.balancers.values()
    assert (fresh.dns_names, balancer.rules[1].certificate_id) == (("app.example.com",), fresh.id)
    assert harness.preview().empty


def test_a_changed_balancer_is_updated_and_keeps_its_size(tmp_path: Path) -> None:
    harness = ingress_bench(tmp_path)
    harness.launch()
    (number, balancer), *_ = harness.cloud.balancers.items()
    harness.cloud.balancers[number] = replace(balancer, proxy_protocol=False, size_unit=3)
    found = harness.preview()
    assert kinds(harness) == [("~", "balancer")]
    assert (found.added.monthly, found.total.monthly) == (0.0, 48.0)
    harness.launch()
    assert harness.cloud.balancers[number] == replace(balancer, size_unit=3)


@pytest.mark.parametrize(
    ("ingress", "change", "what", "words"),
    [
        (PASSTHROUGH, {"balancer_limit": 0}, "load balancer", "exceed your load balancer limit"),
        (LETS_ENCRYPT, {"managed": ()}, "load balancer", "not managed by DigitalOcean"),
        (RESERVED, {"reserved_limit": 0}, "reserved IP", "reached your reserved IP limit"),
    ],
    ids=["balancers", "domain", "addresses"],
)
def test_what_digitalocean_refuses_is_named_and_the_cluster_forms(
    tmp_path: Path, ingress: str, change: dict[str, object], what: str, words: str
) -> None:
    harness = ingress_bench(tmp_path, ingress)
    for name, value in change.items():
        setattr(harness.cloud, name, value)
    with pytest.raises(LaunchError, match=f"DigitalOcean refused the {what}") as refused:
        harness.launch()
    assert words in str(refused.value.details)
    assert harness.cloud.slots() == NODES
    assert load_journal(harness.paths.journal, "demo").launch_id is None  # the nodes are done

    harness.cloud.revive()
    fresh = FakeCloud()
    for name in change:
        setattr(harness.cloud, name, getattr(fresh, name))
    harness.launch()
    assert len(harness.cloud.balancers) + len(harness.cloud.reserved) == 1


def test_a_balancer_that_does_not_become_active_is_waited_for_by_the_next_launch(tmp_path: Path) -> None:
    harness = ingress_bench(tmp_path)
    harness.cloud.balancer_after = 10_000
    with pytest.raises(DeadlineError, match="load balancer to be active"):
        harness.launch()
    harness.cloud.balancer_after = 0
    harness.cloud.revive()
    harness.launch()
    assert [call.name for call in harness.cloud.mutations] == ["update_firewall"], (
        "direct access ends after the wait"
    )


def test_an_errored_balancer_is_named(tmp_path: Path) -> None:
    harness = ingress_bench(tmp_path)
    harness.launch()
    (number, balancer), *_ = harness.cloud.balancers.items()
    harness.cloud.balancers[number] = replace(balancer, status="errored")
    with pytest.raises(LaunchError, match="is errored"):
        harness.launch()


def test_the_reserved_ip_is_marked_and_follows_the_slot(tmp_path: Path) -> None:
    harness = ingress_bench(tmp_path, RESERVED)
    assert ("+", "address") in kinds(harness)
    harness.launch()
    ((address, reserved),) = harness.cloud.reserved.items()
    assert address_tag("demo", address) in harness.cloud.tags
    by_id = {d.id: d.name for d in harness.cloud.droplets.values()}
    assert by_id[reserved.droplet_id or 0] == "demo-ingress-1"
    harness.cloud.revive()
    assert harness.preview().empty

    harness.paths.journal.unlink()  # the tag is enough
    harness.cloud.delete_droplet(reserved.droplet_id or 0)
    assert kinds(harness) == [("+", "droplet"), ("~", "address")]
    harness.launch()
    ((same, moved),) = harness.cloud.reserved.items()
    assert (same, moved.droplet_id == reserved.droplet_id) == (address, False)
    assert harness.preview().empty


def test_a_reserved_ip_of_the_users_own_stays(tmp_path: Path) -> None:
    harness = ingress_bench(tmp_path, PLAIN)
    harness.launch()
    ingress = next(d for d in harness.cloud.droplets.values() if d.name == "demo-ingress-1")
    harness.cloud.create_reserved_ip(ingress.id)
    harness.cloud.clock.sleep(60)
    harness.plan = ingress_plan(RESERVED)
    assert kinds(harness) == []
    targets = harness.destroy()
    assert targets.reserved_ips == ()
    assert [(kept.kind, kept.name) for kept in targets.not_removed] == [("reserved IP", "203.0.113.240")]
    assert list(harness.cloud.reserved) == ["203.0.113.240"]


@pytest.mark.parametrize("ingress", [PASSTHROUGH, LETS_ENCRYPT, RESERVED])
def test_destroy_leaves_nothing(tmp_path: Path, ingress: str) -> None:
    harness = ingress_bench(tmp_path, ingress)
    harness.launch()
    harness.paths.journal.unlink()
    harness.destroy()
    assert left(harness) == []


def left(harness: LaunchHarness) -> list[object]:
    cloud = harness.cloud
    kinds_of = (cloud.balancers, cloud.certificates, cloud.reserved, cloud.vpcs, cloud.firewalls, cloud.tags)
    return [*cloud.names(), *(key for each in kinds_of for key in each)]


def test_a_balancer_of_another_cluster_is_left_alone(tmp_path: Path) -> None:
    harness = ingress_bench(tmp_path)
    harness.launch()
    (balancer,) = harness.cloud.balancers.values()
    ours = balancer.id
    for name in ("bakery-other-ingress-1a2b3c4d", "bakery-demo-ingress-1a2b3c4d", "web"):
        number = f"lb-{name}"
        harness.cloud.balancers[number] = replace(balancer, id=number, name=name)
    targets = harness.destroy()
    assert [each.id for each in targets.balancers] == [ours]
    # of no launch of this cluster, as far as is known
    assert [kept.name for kept in targets.not_removed] == ["bakery-demo-ingress-1a2b3c4d"]


def test_what_is_no_longer_planned_is_named_and_stays(tmp_path: Path) -> None:
    for number, (ingress, words) in enumerate(
        [(PASSTHROUGH, "load balancer bakery-demo"), (RESERVED, "reserved IP")]
    ):
        harness = ingress_bench(tmp_path / str(number), ingress)
        harness.launch()
        harness.plan = ingress_plan(PLAIN)
        found = harness.preview()
        assert {line.kind for line in found.lines} <= {"firewall"}
        assert words in str(found.later[-1])


@pytest.mark.parametrize("fault", [Fault.KILL_BEFORE, Fault.KILL_AFTER, Fault.LOST_REPLY])
@pytest.mark.parametrize("ingress", [PASSTHROUGH, LETS_ENCRYPT, RESERVED])
def test_struck_at_each_write_the_next_run_makes_exactly_one(tmp_path: Path, ingress: str, fault: Fault) -> None:
    whole = ingress_bench(tmp_path / "whole", ingress)
    whole.launch()
    names = {"create_load_balancer", "create_certificate", "create_reserved_ip", "create_tag"}
    writes = [number for number, call in enumerate(whole.cloud.calls, 1) if call.name in names]
    assert len(writes) >= 3  # control
    for number in writes:
        harness = ingress_bench(tmp_path / f"{number}", ingress)
        harness.cloud.fault = fault_at(number, fault)
        try:
            harness.launch()
        except (Killed, BakeryError):
            harness.cloud.revive()
            harness.launch()
        assert harness.cloud.slots() == NODES
        made = (len(harness.cloud.balancers), len(harness.cloud.certificates), len(harness.cloud.reserved))
        assert made == {PASSTHROUGH: (1, 0, 0), LETS_ENCRYPT: (1, 1, 0), RESERVED: (0, 0, 1)}[ingress]
        harness.cloud.revive()
        harness.launch()
        assert harness.cloud.mutations == []
        harness.destroy()
        assert left(harness) == []


def at_write(number: int) -> Callable[[int, Call], Fault | None]:
    """Killed after the write with this number."""
    writes = count(1)
    return lambda _, call: Fault.KILL_AFTER if call.mutating and next(writes) == number else None


@pytest.mark.parametrize("ingress", [PASSTHROUGH, LETS_ENCRYPT, RESERVED])
def test_killed_at_each_write_of_a_destroy_the_next_one_leaves_nothing(tmp_path: Path, ingress: str) -> None:
    number = 0
    while True:
        number += 1
        harness = ingress_bench(tmp_path / f"{number}", ingress)
        harness.launch()
        harness.cloud.revive()
        harness.cloud.fault = at_write(number)
        try:
            harness.destroy()
        except Killed:
            harness.cloud.revive()
            harness.destroy()
            assert left(harness) == [], number
        else:
            break
    assert number > 8  # control


def test_a_cluster_without_ingress_nodes_needs_no_more_scopes(tmp_path: Path) -> None:
    ways_in = {"list_load_balancers", "list_certificates", "list_reserved_ips"}
    plain, balanced = LaunchHarness(tmp_path / "plain"), ingress_bench(tmp_path / "balanced")
    for harness, expected in ((plain, set()), (balanced, ways_in - {"list_reserved_ips"})):
        harness.launch()
        harness.destroy()
        list_orphans(harness.cloud, now=datetime.now(UTC))
        assert {call.name for call in harness.cloud.calls} & ways_in == expected


def test_a_certificate_that_never_comes_does_not_keep_the_cluster_from_forming(tmp_path: Path) -> None:
    harness = ingress_bench(tmp_path, LETS_ENCRYPT)
    harness.cloud.certificate_after = 10_000
    formed: list[int] = []
    after = (
        AfterStep(title="Access control", run=lambda droplets: formed.append(len(droplets)), forms_cluster=True),
    )
    with pytest.raises(DeadlineError, match="load balancer's certificate"):
        harness.launch(after=after)
    assert formed == [2]
    harness.cloud.certificate_after = 0
    harness.launch()
    assert len(harness.cloud.balancers) == len(harness.cloud.certificates) == 1


def test_a_token_without_the_scope_is_named_and_the_cluster_forms(tmp_path: Path) -> None:
    harness = ingress_bench(tmp_path)

    def forbid(_: int, call: Call) -> Fault | None:
        if call.name == "create_load_balancer":
            raise UnauthorizedError(message="not allowed", details="You do not have permission", status=403)
        return None

    harness.cloud.fault = forbid
    with pytest.raises(LaunchError, match="DigitalOcean refused the load balancer"):
        harness.launch()
    assert harness.cloud.slots() == NODES
    harness.cloud.revive()
    harness.launch()
    assert len(harness.cloud.balancers) == 1


def with_another_domain(folder: Path, *, freed_after: float) -> tuple[LaunchHarness, str]:
    """A launch after a change of the domains; and the certificate for the former ones."""
    harness = ingress_bench(folder, LETS_ENCRYPT)
    harness.launch()
    (old,) = harness.cloud.certificates.values()
    harness.cloud.freed_after = freed_after
    harness.plan = ingress_plan(LETS_ENCRYPT.replace("www", "app"))
    harness.launch()
    return harness, old.id


def test_a_former_certificate_is_deleted_when_the_balancer_has_let_it_go(tmp_path: Path) -> None:
    harness, old = with_another_domain(tmp_path, freed_after=30)
    assert old not in harness.cloud.certificates
    assert len(harness.cloud.certificates) == 1


def test_a_former_certificate_that_stays_in_use_is_named_and_the_launch_succeeds(tmp_path: Path) -> None:
    harness, old = with_another_domain(tmp_path, freed_after=10_000)
    (warning,) = harness.reporter.warnings
    assert "for www.example.com: Make sure the certificate is not in use" in warning
    assert f"doctl compute certificate delete {old}" in warning
    (line,) = harness.preview().later
    assert f"doctl compute certificate delete {old}" in str(line)
    harness.cloud.certificates.pop(old)
    assert harness.preview().later == (), "control"


def test_a_certificate_is_deleted_when_tls_ends_at_the_nodes_by_now(tmp_path: Path) -> None:
    harness = ingress_bench(tmp_path, LETS_ENCRYPT)
    harness.launch()
    harness.plan = ingress_plan(PASSTHROUGH)
    harness.launch()
    assert harness.cloud.certificates == {}


def test_each_step_of_a_load_balancer_is_printed_once(tmp_path: Path) -> None:
    harness = ingress_bench(tmp_path, LETS_ENCRYPT)
    harness.launch()
    steps = [line for line in harness.reporter.lines if line.startswith("Load balancer")]
    assert steps == ["Load balancer", "Load balancer's certificate", "Load balancer's address"]


def public_rules(harness: LaunchHarness) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """Sources of ports 80 and 443 on the ingress nodes: networks, and load balancers."""
    (firewall,) = [each for each in harness.cloud.firewalls.values() if "ingress" in each.name]
    rules = [rule for rule in firewall.inbound if rule.ports in {"80", "443"}]
    return {rule.ports: (rule.addresses, rule.load_balancers) for rule in rules}


OPEN = (("0.0.0.0/0", "::/0"), ())
DIRECT = PASSTHROUGH.replace("passthrough", "passthrough, direct_access: true")


def test_only_the_load_balancer_connects_to_the_ingress_nodes(tmp_path: Path) -> None:
    harness = ingress_bench(tmp_path)
    harness.launch()
    (balancer,) = harness.cloud.balancers
    assert public_rules(harness) == {"80": ((), (balancer,)), "443": ((), (balancer,))}
    harness.cloud.revive()
    harness.launch()
    assert harness.cloud.mutations == []


@pytest.mark.parametrize("ingress", [DIRECT, PLAIN])
def test_others_connect_too_if_the_file_wants_it_or_there_is_no_balancer(tmp_path: Path, ingress: str) -> None:
    harness = ingress_bench(tmp_path, ingress)
    harness.launch()
    assert public_rules(harness) == {"80": OPEN, "443": OPEN}


def test_the_nodes_stay_open_while_there_is_no_balancer(tmp_path: Path) -> None:
    """Otherwise nothing would reach them: it is refused, or errored, or deleted in the control panel."""
    harness = ingress_bench(tmp_path)
    harness.cloud.balancer_limit = 0
    with pytest.raises(LaunchError):
        harness.launch()
    assert public_rules(harness) == {"80": OPEN, "443": OPEN}
    harness.cloud.balancer_limit = 10
    harness.launch()
    (first,) = harness.cloud.balancers
    assert public_rules(harness)["80"] == ((), (first,))

    harness.cloud.balancers.clear()
    assert kinds(harness) == [("~", "firewall"), ("+", "balancer")]
    harness.launch()
    (second,) = harness.cloud.balancers
    assert (public_rules(harness)["80"], second != first) == (((), (second,)), True)


def test_a_launch_that_died_before_it_closed_direct_access_is_finished_by_the_next(tmp_path: Path) -> None:
    harness = ingress_bench(tmp_path)
    harness.cloud.fault = lambda _, call: Fault.KILL_BEFORE if call.name == "update_firewall" else None
    with pytest.raises(Killed):
        harness.launch()
    harness.cloud.revive()
    assert kinds(harness) == [("~", "firewall")]
    harness.launch()
    (balancer,) = harness.cloud.balancers
    assert public_rules(harness)["443"] == ((), (balancer,))


def test_a_new_address_of_the_operator_does_not_open_the_nodes(tmp_path: Path) -> None:
    harness = ingress_bench(tmp_path)
    harness.launch()
    before = public_rules(harness)
    assert len(refresh_access(harness.session(), harness.plan, ("203.0.113.77/32",))) == 1
    assert public_rules(harness) == before
