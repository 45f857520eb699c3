"""Random states of a cluster and its account, one command under random faults, and what must hold then."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import strategies as st

from bakery.cloud.model import Droplet
from bakery.errors import BakeryError, UsageError
from bakery.launch.base.journal import load_journal
from bakery.launch.teardown.destroy_some import destroy_node, destroy_role
from bakery.plan.slots import slot_of
from bakery.plan.tags import launch_tag
from tests.helpers.fake_cloud import Call, FakeCloud, Fault, Killed, fault_at
from tests.helpers.launch_harness import IMAGE, NAMES, SIZES, LaunchHarness
from tests.helpers.launch_strangers import add_strangers
from tests.helpers.launch_sweep import FAULTS

MOST_RUNS = 40
COMMANDS = ("launch", "launch clients", "destroy", "destroy node", "destroy role")


@dataclass(frozen=True)
class Case:
    """Printed, it is the code that makes it again."""

    died_at: int
    """The request at which a first launch died; 0: there was none, 99: it did not."""
    deleted: tuple[str, ...]
    """Behind bakery's back."""
    off: tuple[str, ...]
    stuck: tuple[str, ...]
    """Slots of which the next droplet never becomes active."""
    journal: bool
    """Whether it is still there."""
    lag: int
    """Seconds that lists are behind."""
    command: str
    node: str
    """For "destroy node"; "destroy role" takes its role. Their servers go whatever becomes of a quorum."""
    rate: float
    """How many requests of the command go wrong."""
    seed: int


def _some(names: list[str]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(names), unique=True, max_size=3).map(lambda chosen: tuple(sorted(chosen)))


ALL_OF_A_KIND = [tuple(name for name in NAMES if kind in name) for kind in ("consul-server", "nomad-server")]

CASES = st.builds(
    Case,
    died_at=st.sampled_from([0, 99, *range(1, 34)]),
    deleted=_some(NAMES) | _some(NAMES) | st.sampled_from(ALL_OF_A_KIND),
    off=_some(NAMES),
    stuck=_some(NAMES),
    journal=st.booleans(),
    lag=st.sampled_from([0, 5, 30]),
    command=st.sampled_from(COMMANDS),
    node=st.sampled_from(NAMES),
    rate=st.sampled_from([0, 0.05, 0.2]),
    seed=st.integers(0, 10_000),
)


def check(case: Case, folder: Path) -> None:
    """Run the case; then plain commands, repeated until there is exactly the plan, and until there is nothing.

    Where Consul or Nomad has lost its last server, a launch is refused, and a destroy comes before it.
    """
    harness = LaunchHarness(folder, cloud=FakeCloud(sizes=SIZES, images={IMAGE.id: IMAGE}))
    add_strangers(harness.cloud)
    before = _account(harness.cloud)
    _prepare(harness, case)
    lost = lost_products(harness)
    _disturbed(harness, case)
    if "launch" in case.command:
        assert lost == lost_products(harness), (case, "a launch has begun a product anew")
    assert_valid(harness, before, case)
    harness.cloud.revive()
    if lost := lost_products(harness):
        assert_refused(harness, lost, case)
        _repeat(harness, lambda: _destroy(harness))
    _repeat(harness, harness.launch)
    assert_valid(harness, before, case)
    assert Counter(harness.cloud.slots()) - before["droplets"] == Counter(NAMES), case
    _repeat(harness, lambda: _destroy(harness))
    assert Counter(harness.cloud.names()) == before["droplets"], case
    if case.journal:
        assert _account(harness.cloud) == before, case


def assert_valid(harness: LaunchHarness, before: dict[str, Counter[str]], case: Case) -> None:
    """After any command, whatever went wrong."""
    now = _account(harness.cloud)
    for kind, names in before.items():
        assert not names - now[kind], (case, f"{kind} of others are gone")
    for droplet in _ours(harness.cloud):
        kinds = Counter(tag.split(":")[2] for tag in droplet.tags if tag.count(":") > 1)
        assert kinds == Counter(["role", "slot", "launch", "ca", "gen", "config"]), (case, droplet.tags)
    load_journal(harness.paths.journal, "demo")
    assert_no_name_is_used_again(harness.cloud, case)


def assert_no_name_is_used_again(cloud: FakeCloud, case: Case) -> None:
    """By two droplets of which the cluster may have heard. A destroy of everything begins anew."""
    ours = [droplet.name for droplet in _ever_made(cloud) if cloud.came_up(droplet.id)]
    again = [name for name, uses in Counter(ours).items() if uses > 1]
    assert not again, (case, again)


def lost_products(harness: LaunchHarness) -> list[str]:
    """Those that no launch may begin anew: all their servers are gone, and droplets are left that knew them."""
    unfinished = launch_tag("demo", load_journal(harness.paths.journal, "demo").launch_id or "none")
    ours = _ours(harness.cloud)
    if all(unfinished in droplet.tags for droplet in ours):
        return []

    def has_server(product: str, droplets: list[Droplet]) -> bool:
        return any(f"bakery:demo:role:{product}-server" in droplet.tags for droplet in droplets)

    products = ("consul", "nomad")
    return [p for p in products if has_server(p, _ever_made(harness.cloud)) and not has_server(p, ours)]


def assert_refused(harness: LaunchHarness, lost: list[str], case: Case) -> None:
    """By its message; nothing is made or removed."""
    named = lost[0].capitalize()
    with pytest.raises(UsageError, match=f"the last {named} server of cluster demo is gone, and {named}'s data"):
        harness.launch()
    assert harness.cloud.mutations == [], case


def _ours(cloud: FakeCloud) -> list[Droplet]:
    return [droplet for droplet in _ever_made(cloud) if cloud.is_there(droplet.id)]


def _ever_made(cloud: FakeCloud) -> list[Droplet]:
    return [droplet for droplet in cloud.droplets.values() if "bakery:demo" in droplet.tags]


def _account(cloud: FakeCloud) -> dict[str, Counter[str]]:
    return {
        "droplets": Counter(cloud.names()),
        "vpcs": Counter(vpc.name for vpc in cloud.vpcs.values()),
        "firewalls": Counter(firewall.name for firewall in cloud.firewalls.values()),
        "keys": Counter(key.name for key in cloud.ssh_keys.values()),
        "tags": Counter(list(cloud.tags)),
    }


def _prepare(harness: LaunchHarness, case: Case) -> None:
    cloud = harness.cloud
    cloud.lag = case.lag
    if case.died_at:
        cloud.fault = fault_at(len(cloud.calls) + case.died_at, Fault.KILL_AFTER)
        _once(harness.launch)
        cloud.revive()
    for number, droplet in list(cloud.droplets.items()):
        if "bakery:demo" not in droplet.tags:
            continue
        if droplet.name in case.deleted:
            cloud.delete_droplet(number)
        elif droplet.name in case.off:
            cloud.droplets[number] = replace(droplet, status="off")
    cloud.stuck |= set(case.stuck)
    if not case.journal:
        cloud.clock.sleep(case.lag)  # who loses a file in the very seconds of a crash has to look for twins
        harness.paths.journal.unlink(missing_ok=True)


def _disturbed(harness: LaunchHarness, case: Case) -> None:
    dice = random.Random(case.seed)  # noqa: S311 - a test's dice

    def fault(number: int, call: Call) -> Fault | None:
        return dice.choice(FAULTS) if dice.random() < case.rate else None

    harness.cloud.revive()
    harness.cloud.fault = fault
    _once(_command(harness, case))


def _command(harness: LaunchHarness, case: Case) -> Callable[[], object]:
    cloud = harness.cloud
    role = case.node.removeprefix("demo-").rpartition("-")[0]
    there = [d for d in cloud.droplets.values() if "bakery:demo" in d.tags and cloud.is_there(d.id)]
    node = frozenset(d.name for d in there if slot_of(d, "demo") == case.node)
    whole_role = frozenset(d.name for d in there if f"bakery:demo:role:{role}" in d.tags)
    return {
        "launch": harness.launch,
        "launch clients": lambda: harness.launch(only_role="nomad-client"),
        "destroy": lambda: _destroy(harness),
        "destroy node": lambda: destroy_node(
            harness.session(), harness.removal(accept_quorum_loss=node), case.node
        ),
        "destroy role": lambda: destroy_role(
            harness.session(), harness.removal(accept_quorum_loss=whole_role), role
        ),
    }[case.command]


def _destroy(harness: LaunchHarness) -> object:
    return harness.destroy()


def _once(run: Callable[[], object]) -> bool:
    """Whether it came to a good end; only bakery's own errors and the process's death may stop it."""
    try:
        run()
    except (BakeryError, Killed):
        return False
    return True


def _repeat(harness: LaunchHarness, run: Callable[[], object]) -> None:
    for _ in range(MOST_RUNS):
        harness.cloud.revive()
        if _once(run):
            return
    harness.cloud.revive()
    run()
