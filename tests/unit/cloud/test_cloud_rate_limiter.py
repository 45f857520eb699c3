"""The rate limiter on a fake clock, against DigitalOcean's published limits."""

import pytest

from bakery.cloud.rate_limiter import RateLimiter
from bakery.errors import RateLimitedError
from tests.helpers.fake_cloud import FakeClock


def _limiter(clock: FakeClock, *, per_minute: int = 240, patience: float = 120) -> RateLimiter:
    return RateLimiter(clock, per_minute=per_minute, patience=patience, wall=clock.wall)


def test_never_more_than_the_limit_in_any_minute() -> None:
    clock = FakeClock()
    limiter = _limiter(clock)
    sent = []
    for _ in range(1000):
        limiter.acquire()
        sent.append(clock.now())
        clock.sleep(0.01)
    busiest = max(sum(1 for other in sent if at <= other < at + 60) for at in sent)
    assert busiest <= 240


def test_a_few_requests_do_not_wait() -> None:
    clock = FakeClock()
    limiter = _limiter(clock)
    for _ in range(60):
        limiter.acquire()
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
def test_a_429_makes_the_next_request_wait(headers: dict[str, str], pause: float) -> None:
    clock = FakeClock()
    limiter = _limiter(clock)
    limiter.back_off(headers)
    limiter.acquire()
    assert clock.now() == pytest.approx(pause)


def test_patience_ends_before_an_hour_of_waiting() -> None:
    clock = FakeClock()
    limiter = _limiter(clock)
    limiter.back_off({"ratelimit-reset": str(1_700_000_000 + 1800)})
    with pytest.raises(RateLimitedError) as caught:
        limiter.acquire()
    assert caught.value.hint == "run the same command again in 1800 s"
    assert clock.now() == 0
