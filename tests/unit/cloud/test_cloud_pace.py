"""Client-side pacing on a fake clock, against DigitalOcean's published limits."""

import pytest

from bakery.cloud.pace import Pace
from bakery.errors import RateLimitedError
from tests.helpers.fake_cloud import FakeClock


def _pace(clock: FakeClock, *, per_minute: int = 240, patience: float = 120) -> Pace:
    return Pace(clock, per_minute=per_minute, patience=patience, wall=clock.wall)


def test_never_more_than_the_limit_in_any_minute() -> None:
    clock = FakeClock()
    pace = _pace(clock)
    sent = []
    for _ in range(1000):
        pace.wait_turn()
        sent.append(clock.now())
        clock.sleep(0.01)
    busiest = max(sum(1 for other in sent if at <= other < at + 60) for at in sent)
    assert busiest <= 240


def test_a_few_requests_do_not_wait() -> None:
    clock = FakeClock()
    pace = _pace(clock)
    for _ in range(60):
        pace.wait_turn()
    assert clock.now() == 0


@pytest.mark.parametrize(
    ("headers", "pause"),
    [
        ({"retry-after": "17"}, 17),
        ({"retry-after": "0"}, 1),
        ({"retry-after": "soon", "ratelimit-reset": "1700000040"}, 40),
        ({"ratelimit-reset": "1700000040"}, 40),
        ({"ratelimit-reset": "1600000000"}, 1),
        ({"retry-after": "nan"}, 5),
        ({"retry-after": "-3"}, 5),
        ({}, 5),
    ],
)
def test_a_429_holds_the_next_request_back(headers: dict[str, str], pause: float) -> None:
    clock = FakeClock()
    pace = _pace(clock)
    pace.hold(headers)
    pace.wait_turn()
    assert clock.now() == pytest.approx(pause)


def test_patience_ends_before_an_hour_of_waiting() -> None:
    clock = FakeClock()
    pace = _pace(clock)
    pace.hold({"ratelimit-reset": str(1_700_000_000 + 1800)})
    with pytest.raises(RateLimitedError) as caught:
        pace.wait_turn()
    assert caught.value.hint == "run the same command again in 1800 s"
    assert clock.now() == 0
