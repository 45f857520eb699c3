"""The times of the real API: read from an option, drawn from a distribution, the same in every run."""

import statistics

import pytest

from bakery.emulator.account.latency import DIGITALOCEAN, NONE, Latency, TimeName, parse_latency
from bakery.errors import EmulatorError

SECONDS: dict[TimeName, float] = {
    "create": 33, "addresses": 0, "delete": 10, "action": 8, "snapshot": 90, "firewall": 3, "request": 0.25,
}  # fmt: skip
"""By hand, from the table in docs/emulator.md."""


def test_the_profile_has_the_figures_of_the_page() -> None:
    flat = parse_latency("digitalocean,spread=0")
    assert {time: flat.draw(time, "web") for time in SECONDS} == SECONDS
    assert {time: NONE.draw(time, "web") for time in SECONDS} == dict.fromkeys(SECONDS, 0)


def test_a_name_has_the_same_time_in_every_run_and_another_with_another_seed() -> None:
    first = DIGITALOCEAN.draw("create", "demo-consul-server-1")
    assert parse_latency("digitalocean").draw("create", "demo-consul-server-1") == first
    assert DIGITALOCEAN.draw("create", "demo-consul-server-2") != first
    assert parse_latency("digitalocean,seed=2").draw("create", "demo-consul-server-1") != first


def test_the_times_have_the_median_and_the_spread_of_the_profile() -> None:
    drawn = sorted(DIGITALOCEAN.draw("create", f"web-{number}") for number in range(2000))
    assert statistics.median(drawn) == pytest.approx(33, rel=0.03)
    assert drawn[1800] == pytest.approx(33 * 1.38, rel=0.05)  # exp(1.28 * 0.25) = 1.38


@pytest.mark.parametrize(
    ("kind", "time"),
    [("create", "create"), ("snapshot", "snapshot"), ("power_off", "action"), ("transfer", "action")],
)
def test_an_action_has_the_time_of_its_type(kind: str, time: TimeName) -> None:
    assert DIGITALOCEAN.of_action(kind, "web") == DIGITALOCEAN.draw(time, "web")


@pytest.mark.parametrize(
    ("text", "latency"),
    [
        ("none", Latency()),
        ("create=20", Latency(create=20)),
        ("none, request=0.1, seed=7", Latency(request=0.1, seed=7)),
        ("digitalocean", DIGITALOCEAN),
    ],
)
def test_an_option_is_read(text: str, latency: Latency) -> None:
    assert parse_latency(text) == latency


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "--latency: '' is not a profile (none, digitalocean) or NAME=NUMBER"),
        ("aws", "--latency: 'aws' is not a profile (none, digitalocean) or NAME=NUMBER"),
        ("create=20,digitalocean", "--latency: the profile digitalocean comes first"),
        ("digitalocean,digitalocean", "--latency: digitalocean is given twice"),
        ("create=20,create=30", "--latency: create is given twice"),
        ("create=20,spread=3", "--latency: 'spread=3' is not a number from 0 to 2"),
        ("boot=20", "--latency: 'boot=20' names no time"),
        ("create=soon", "--latency: 'create=soon' is not a number from 0 to 3600"),
        ("create=-1", "--latency: 'create=-1' is not a number from 0 to 3600"),
        ("create=nan", "--latency: 'create=nan' is not a number from 0 to 3600"),
        ("create=4000", "--latency: 'create=4000' is not a number from 0 to 3600"),
        ("seed=1.5", "--latency: 'seed=1.5' is not a whole number from 0 to 3600"),
    ],
)
def test_any_other_option_is_refused(text: str, message: str) -> None:
    with pytest.raises(EmulatorError) as caught:
        parse_latency(text)
    assert caught.value.message == message


def test_no_time_is_longer_than_an_hour() -> None:
    """Control: without the limit some of these would be."""
    wide = Latency(create=1000, spread=2)
    times = [wide.draw("create", number) for number in range(200)]
    assert max(times) == 3600
    assert min(times) < 1000
