"""One case of the process sweeps each: strike a real bakery somewhere, run it again, look at the whole account."""

import re
import signal
from collections import Counter
from pathlib import Path

from bakery.config.paths import StatePaths, state_paths
from bakery.credentials.store import find_bundle
from bakery.emulator.faults.table import Moment
from bakery.launch.base.journal import load_journal
from tests.helpers.launch_harness import NAMES
from tests.helpers.launch_processes import DESTROY, EXIT_CODES, LAUNCH, Account, Forker, Lab, lab

ROLES = ("consul-server", "nomad-client", "nomad-server")
PLAIN_TAGS = (
    "bakery:demo",
    *(f"bakery:demo:role:{role}" for role in ROLES),
    *(f"bakery:demo:slot:{role}-{index}" for role in ROLES for index in (1, 2, 3)),
)


def strike_launch(
    forker: Forker, folder: Path, number: int, moment: Moment, by: signal.Signals
) -> tuple[bool, list[float]]:
    """Whether there was such a request, and the seconds until the process answered the signal."""
    with lab(folder, forker) as place:
        before = place.account()
        struck = place.strike(LAUNCH, number, moment, by)
        assert_readable(place)
        place.run(LAUNCH)
        assert_exactly_the_plan(before, place.account())
        return struck, place.seconds


def strike_destroy(
    forker: Forker, folder: Path, number: int, moment: Moment, by: signal.Signals
) -> tuple[bool, list[float]]:
    with lab(folder, forker) as place:
        before = place.account()
        place.run(LAUNCH)
        struck = place.strike(DESTROY, number, moment, by)
        assert_readable(place)
        place.run(DESTROY)
        assert place.account() == before
        return struck, place.seconds


def die_at_a_write(
    forker: Forker, folder: Path, argv: tuple[str, ...], number: int, *, by: signal.Signals = signal.SIGKILL
) -> bool:
    """False if the run has no such write."""
    with lab(folder, forker) as place:
        before = place.account()
        if argv == DESTROY:
            place.run(LAUNCH)
        running = place.start(argv, die_at=number, die_by=by)
        code = running.wait()
        assert code in (0, EXIT_CODES[by]), running.text
        assert_readable(place)
        if by != signal.SIGKILL:
            assert list(paths_of(place).folder.glob(".*.tmp")) == []
        place.run(argv)
        if argv == DESTROY:
            assert place.account() == before
        else:
            assert_exactly_the_plan(before, place.account())
        assert_no_temporary_files_but_of_the_dead(place)
        return code != 0


def paths_of(place: Lab) -> StatePaths:
    return state_paths(place.folder / "bakery.yaml", "demo")


def assert_readable(place: Lab) -> None:
    """Whatever is on disk is whole: each of these raises for half a file."""
    find_bundle(paths_of(place))
    load_journal(paths_of(place).journal, "demo")


def assert_no_temporary_files_but_of_the_dead(place: Lab) -> None:
    """A file under a temporary name never takes the place of a finished one, and is private."""
    for left in paths_of(place).folder.glob(".*.tmp"):
        assert left.stat().st_mode & 0o077 == 0, left


def assert_exactly_the_plan(before: Account, after: Account) -> None:
    assert_one_droplet_in_each_slot(before, after)
    assert _new(before.vpcs, after.vpcs) == ["bakery-demo"]
    firewalls = [re.sub("-[0-9a-f]{8}$", "", name) for name in _new(before.firewalls, after.firewalls)]
    assert firewalls == [f"demo-{role}" for role in ROLES]
    assert after.keys == before.keys
    assert after.images == before.images
    kinds = Counter(re.sub("[0-9a-f]{8,}$", "*", tag) for tag in _new(before.tags, after.tags))
    hashed = [f"bakery:demo:{kind}:*" for kind in ("ca", "launch")] + ["bakery:demo:config:*"] * len(ROLES)
    assert kinds == Counter([*PLAIN_TAGS, "bakery:demo:gen:1", *hashed])


def assert_one_droplet_in_each_slot(before: Account, after: Account) -> None:
    """Each under a name of its own: the slot's, or that and four digits."""
    assert _new(before.slots, after.slots) == NAMES
    names = _new(before.droplets, after.droplets)
    assert [re.sub("(?<=-[1-3])-[0-9a-f]{4}$", "", name) for name in names] == NAMES


def _new(before: list[str], after: list[str]) -> list[str]:
    """What came; nothing may have gone."""
    assert not Counter(before) - Counter(after), "something of others is gone"
    return sorted((Counter(after) - Counter(before)).elements())
