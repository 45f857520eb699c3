"""Several operators at once on one account, request by request in an order that a seed decides."""

import random
import re
import shutil
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bakery.errors import BakeryError, LaunchError, LockedError
from tests.helpers.fake_cloud import Call, FakeCloud, no_fault
from tests.helpers.launch_harness import IMAGE, NAMES, SIZES, LaunchHarness, small_plan


class Turns:
    """One player runs at a time, from one request to its next; the dice choose who."""

    def __init__(self, players: int, seed: int) -> None:
        self._dice = random.Random(seed)  # noqa: S311 - a test's dice
        self._changed = threading.Condition()
        self._players = players
        self._waiting: set[int] = set()
        self._running: int | None = None

    def wait(self, player: int) -> None:
        """Give the turn away and wait for the next."""
        with self._changed:
            self._waiting.add(player)
            self._choose(player)
            self._changed.wait_for(lambda: self._running == player)
            self._waiting.remove(player)

    def leave(self, player: int) -> None:
        """This player is done."""
        with self._changed:
            self._players -= 1
            self._choose(player)

    def _choose(self, player: int) -> None:
        if self._running == player:
            self._running = None
        if self._running is None and self._waiting and len(self._waiting) == self._players:
            self._running = self._dice.choice(sorted(self._waiting))
            self._changed.notify_all()


class TurnTaker:
    """The account as one operator sees it: each request waits for its turn."""

    def __init__(self, cloud: FakeCloud, turns: Turns, player: int) -> None:
        self._cloud = cloud
        self._turns = turns
        self._player = player

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._cloud, name)

        def in_turn(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - stands in for anything
            self._turns.wait(self._player)
            return method(*arguments, **named)

        return in_turn


@dataclass
class Operator:
    """One person's machine, or one of two terminals on it."""

    harness: LaunchHarness
    number: int
    outcome: BakeryError | None = None


@dataclass
class Race:
    """Launches of one cluster at once."""

    folder: Path
    seed: int
    lag: float = 0
    same_machine: bool = False
    cloud: FakeCloud = field(init=False)
    operators: list[Operator] = field(init=False)

    def __post_init__(self) -> None:
        self.cloud = FakeCloud(sizes=SIZES, images={IMAGE.id: IMAGE}, lag=self.lag)
        folders = [self.folder / ("one" if self.same_machine else f"{number}") for number in range(2)]
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
        self.operators = [Operator(LaunchHarness(folder, cloud=self.cloud), n) for n, folder in enumerate(folders)]

    def share_state(self) -> None:
        """The second machine gets a copy of what the first one knows."""
        source = self.operators[0].harness.paths.root
        if source.exists():
            shutil.copytree(source, self.operators[1].harness.paths.root, dirs_exist_ok=True)

    def run(self, fault: Callable[[int, Call], Any] = no_fault) -> None:
        """Both at once, each to its end, good or bad."""
        self.cloud.fault = fault
        turns = Turns(len(self.operators), self.seed)
        threads = [
            threading.Thread(target=self._launch, args=(operator, turns), daemon=True)
            for operator in self.operators
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=60)
            assert not thread.is_alive(), self.seed

    def rerun(self) -> None:
        """One after the other, undisturbed."""
        for operator in self.operators:
            self.cloud.revive()
            operator.harness.launch()

    def _launch(self, operator: Operator, turns: Turns) -> None:
        cloud = TurnTaker(self.cloud, turns, operator.number)
        try:
            operator.harness.launch(cloud=cloud)
        except BakeryError as error:
            operator.outcome = error
        finally:
            turns.leave(operator.number)


def assert_one_cluster(race: Race) -> None:
    assert race.cloud.slots() == NAMES, race.seed
    assert len(set(race.cloud.names())) == len(NAMES), race.seed
    assert len(race.cloud.vpcs) == 1, race.seed
    firewalls = Counter(f.name.rsplit("-", 1)[0] for f in race.cloud.firewalls.values())
    assert firewalls == Counter(f.name for f in small_plan().firewalls), race.seed
    assert race.cloud.ssh_keys == {}, race.seed


def assert_every_join_address_is_alive(race: Race, *, since: int = 0) -> None:
    """Of droplets with ids above ``since``: no droplet was told to join one that lost the race."""
    there = [droplet for droplet in race.cloud.droplets.values() if race.cloud.is_there(droplet.id)]
    alive = {droplet.private_ipv4 for droplet in there}
    for droplet in there:
        told = re.findall(r"10\.100\.0\.\d+", race.cloud.user_data[droplet.id])
        assert droplet.id <= since or set(told) <= alive, (race.seed, droplet.name)


def race_on_one_machine(folder: Path, seed: int) -> int:
    """Both launch from one folder: one cluster, and at most one is told who has the lock. How many were."""
    race = Race(folder, seed, same_machine=True)
    race.run()
    assert_one_cluster(race)
    refused = [operator.outcome for operator in race.operators if operator.outcome is not None]
    assert len(refused) in (0, 1), seed
    for outcome in refused:
        assert isinstance(outcome, LockedError), seed
        assert outcome.message == "another bakery works on cluster demo"
        assert str(outcome.details or "").startswith("process ")
    return len(refused)


def race_for_a_new_cluster(folder: Path, seed: int) -> int:
    """Two machines launch the same new cluster. How many droplets were deleted as duplicates."""
    race = Race(folder, seed, lag=(seed % 3) * 12)
    race.run()
    assert max(Counter(race.cloud.slots()).values()) == 1, seed
    assert any(operator.outcome is None for operator in race.operators), (seed, "neither came to its end")
    race.rerun()
    assert_one_cluster(race)
    assert_every_join_address_is_alive(race)
    return _deleted(race)


def race_to_complete(folder: Path, seed: int) -> int:
    """Two machines launch the third of a cluster that is gone. How many droplets were deleted as duplicates."""
    race = Race(folder, seed, lag=(seed % 3) * 12)
    newest = lose_a_third(race)
    race.cloud.revive()
    race.run()
    for operator in race.operators:
        assert operator.outcome is None or isinstance(operator.outcome, LockedError | LaunchError), seed
    deleted = _deleted(race)
    race.rerun()
    assert_one_cluster(race)
    assert_every_join_address_is_alive(race, since=newest)
    made = [droplet.name for droplet in race.cloud.droplets.values()]
    assert len(set(made)) == len(made), (seed, "those that lost, too, had names of their own")
    race.operators[1].harness.destroy()
    assert (race.cloud.names(), race.cloud.vpcs, race.cloud.firewalls, race.cloud.tags) == ([], {}, {}, {}), seed
    return deleted


def _deleted(race: Race) -> int:
    return len([call for call in race.cloud.calls if call.name == "delete_droplet"])


def lose_a_third(race: Race) -> int:
    """Both know the cluster; a third of it is gone. Returns its highest droplet id."""
    race.operators[0].harness.launch()
    race.share_state()
    for droplet in list(race.cloud.droplets.values()):
        if (droplet.id + race.seed) % 3 == 0:
            race.cloud.delete_droplet(droplet.id)
    return max(race.cloud.droplets)
