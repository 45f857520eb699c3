"""Random states of a cluster and its account, one command under random faults, and what must hold then."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from hypothesis import strategies as st

from bakery.errors import BakeryError
from bakery.launch.destroy import destroy
from bakery.launch.destroy_some import destroy_node, destroy_role
from bakery.launch.journal import load_journal
from tests.helpers.fake_cloud import Call, FakeCloud, Fault, Killed, fault_at
from tests.helpers.launch_bench import IMAGE, NAMES, SIZES, Bench
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
    """Names of which the next droplet never becomes active."""
    journal: bool
    """Whether it is still there."""
    lag: int
    """Seconds that lists are behind."""
    command: str
    node: str
    rate: float
    """How many requests of the command go wrong."""
    seed: int


def _some(names: list[str]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(names), unique=True, max_size=3).map(lambda chosen: tuple(sorted(chosen)))


CASES = st.builds(
    Case,
    died_at=st.sampled_from([0, 99, *range(1, 34)]),
    deleted=_some(NAMES),
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
    """Run the case; then plain commands, repeated until there is exactly the plan, and until there is nothing."""
    bench = Bench(folder, cloud=FakeCloud(sizes=SIZES, images={IMAGE.id: IMAGE}))
    add_strangers(bench.cloud)
    before = _account(bench.cloud)
    _prepare(bench, case)
    _disturbed(bench, case)
    assert_valid(bench, before, case)
    bench.cloud.revive()
    _repeat(bench, bench.launch)
    assert_valid(bench, before, case)
    assert Counter(bench.cloud.names()) - before["droplets"] == Counter(NAMES), case
    _repeat(bench, lambda: _destroy(bench))
    assert Counter(bench.cloud.names()) == before["droplets"], case
    if case.journal:
        assert _account(bench.cloud) == before, case


def assert_valid(bench: Bench, before: dict[str, Counter[str]], case: Case) -> None:
    """After any command, whatever went wrong."""
    now = _account(bench.cloud)
    for kind, names in before.items():
        assert not names - now[kind], (case, f"{kind} of others are gone")
    ours = [d for d in bench.cloud.droplets.values() if "bakery:demo" in d.tags and bench.cloud.is_there(d.id)]
    for droplet in ours:
        kinds = {tag.split(":")[2] for tag in droplet.tags if tag.count(":") > 1}
        assert kinds == {"role", "launch", "ca"}, (case, droplet.tags)
    load_journal(bench.paths.journal, "demo")


def _account(cloud: FakeCloud) -> dict[str, Counter[str]]:
    return {
        "droplets": Counter(cloud.names()),
        "vpcs": Counter(vpc.name for vpc in cloud.vpcs.values()),
        "firewalls": Counter(firewall.name for firewall in cloud.firewalls.values()),
        "keys": Counter(key.name for key in cloud.ssh_keys.values()),
        "tags": Counter(list(cloud.tags)),
    }


def _prepare(bench: Bench, case: Case) -> None:
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


def _disturbed(bench: Bench, case: Case) -> None:
    dice = random.Random(case.seed)  # noqa: S311 - a test's dice

    def fault(number: int, call: Call) -> Fault | None:
        return dice.choice(FAULTS) if dice.random() < case.rate else None

    bench.cloud.revive()
    bench.cloud.fault = fault
    _once(_command(bench, case))


def _command(bench: Bench, case: Case) -> Callable[[], object]:
    cloud, paths, clock = bench.cloud, bench.paths, bench.cloud.clock
    return {
        "launch": bench.launch,
        "launch clients": lambda: bench.launch(only_role="nomad-client"),
        "destroy": lambda: _destroy(bench),
        "destroy node": lambda: destroy_node(bench.plan, case.node, cloud=cloud, paths=paths, clock=clock),
        "destroy role": lambda: destroy_role(bench.plan, "nomad-client", cloud=cloud, paths=paths, clock=clock),
    }[case.command]


def _destroy(bench: Bench) -> object:
    return destroy(bench.plan, cloud=bench.cloud, paths=bench.paths, clock=bench.cloud.clock)


def _once(run: Callable[[], object]) -> bool:
    """Whether it came to a good end; only bakery's own errors and the process's death may stop it."""
    try:
        run()
    except (BakeryError, Killed):
        return False
    return True


def _repeat(bench: Bench, run: Callable[[], object]) -> None:
    for _ in range(MOST_RUNS):
        bench.cloud.revive()
        if _once(run):
            return
    bench.cloud.revive()
    run()
