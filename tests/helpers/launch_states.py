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
    bench = LaunchHarness(folder, cloud=FakeCloud(sizes=SIZES, images={IMAGE.id: IMAGE}))
    add_strangers(bench.cloud)
    before = _account(bench.cloud)
    _prepare(bench, case)
    lost = lost_products(bench)
    _disturbed(bench, case)
    if "launch" in case.command:
        assert lost == lost_products(bench), (case, "a launch has begun a product anew")
    assert_valid(bench, before, case)
    bench.cloud.revive()
    if lost := lost_products(bench):
        assert_refused(bench, lost, case)
        _repeat(bench, lambda: _destroy(bench))
    _repeat(bench, bench.launch)
    assert_valid(bench, before, case)
    assert Counter(bench.cloud.slots()) - before["droplets"] == Counter(NAMES), case
    _repeat(bench, lambda: _destroy(bench))
    assert Counter(bench.cloud.names()) == before["droplets"], case
    if case.journal:
        assert _account(bench.cloud) == before, case


def assert_valid(bench: LaunchHarness, before: dict[str, Counter[str]], case: Case) -> None:
    """After any command, whatever went wrong."""
    now = _account(bench.cloud)
    for kind, names in before.items():
        assert not names - now[kind], (case, f"{kind} of others are gone")
    for droplet in _ours(bench.cloud):
        kinds = Counter(tag.split(":")[2] for tag in droplet.tags if tag.count(":") > 1)
        assert kinds == Counter(["role", "slot", "launch", "ca", "gen", "config"]), (case, droplet.tags)
    load_journal(bench.paths.journal, "demo")
    assert_no_name_is_used_again(bench.cloud, case)


def assert_no_name_is_used_again(cloud: FakeCloud, case: Case) -> None:
    """By two droplets of which the cluster may have heard. A destroy of everything begins anew."""
    ours = [droplet.name for droplet in _ever_made(cloud) if cloud.came_up(droplet.id)]
    again = [name for name, uses in Counter(ours).items() if uses > 1]
    assert not again, (case, again)


def lost_products(bench: LaunchHarness) -> list[str]:
    """Those that no launch may begin anew: all their servers are gone, and droplets are left that knew them."""
    unfinished = launch_tag("demo", load_journal(bench.paths.journal, "demo").launch_id or "none")
    ours = _ours(bench.cloud)
    if all(unfinished in droplet.tags for droplet in ours):
        return []

    def has_server(product: str, droplets: list[Droplet]) -> bool:
        return any(f"bakery:demo:role:{product}-server" in droplet.tags for droplet in droplets)

    products = ("consul", "nomad")
    return [p for p in products if has_server(p, _ever_made(bench.cloud)) and not has_server(p, ours)]


def assert_refused(bench: LaunchHarness, lost: list[str], case: Case) -> None:
    """By its message; nothing is made or removed."""
    named = lost[0].capitalize()
    with pytest.raises(UsageError, match=f"the last {named} server of cluster demo is gone, and {named}'s data"):
        bench.launch()
    assert bench.cloud.mutations == [], case


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


def _prepare(bench: LaunchHarness, case: Case) -> None:
    cloud = bench.cloud
    cloud.lag = case.lag
    if case.died_at:
        cloud.fault = fault_at(len(cloud.calls) + case.died_at, Fault.KILL_AFTER)
        _once(bench.launch)
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
        bench.paths.journal.unlink(missing_ok=True)


def _disturbed(bench: LaunchHarness, case: Case) -> None:
    dice = random.Random(case.seed)  # noqa: S311 - a test's dice

    def fault(number: int, call: Call) -> Fault | None:
        return dice.choice(FAULTS) if dice.random() < case.rate else None

    bench.cloud.revive()
    bench.cloud.fault = fault
    _once(_command(bench, case))


def _command(bench: LaunchHarness, case: Case) -> Callable[[], object]:
    cloud = bench.cloud
    role = case.node.removeprefix("demo-").rpartition("-")[0]
    there = [d for d in cloud.droplets.values() if "bakery:demo" in d.tags and cloud.is_there(d.id)]
    node = frozenset(d.name for d in there if slot_of(d, "demo") == case.node)
    whole_role = frozenset(d.name for d in there if f"bakery:demo:role:{role}" in d.tags)
    return {
        "launch": bench.launch,
        "launch clients": lambda: bench.launch(only_role="nomad-client"),
        "destroy": lambda: _destroy(bench),
        "destroy node": lambda: destroy_node(bench.session(), bench.removal(accept_quorum_loss=node), case.node),
        "destroy role": lambda: destroy_role(bench.session(), bench.removal(accept_quorum_loss=whole_role), role),
    }[case.command]


def _destroy(bench: LaunchHarness) -> object:
    return bench.destroy()


def _once(run: Callable[[], object]) -> bool:
    """Whether it came to a good end; only bakery's own errors and the process's death may stop it."""
    try:
        run()
    except (BakeryError, Killed):
        return False
    return True


def _repeat(bench: LaunchHarness, run: Callable[[], object]) -> None:
    for _ in range(MOST_RUNS):
        bench.cloud.revive()
        if _once(run):
            return
    bench.cloud.revive()
    run()
