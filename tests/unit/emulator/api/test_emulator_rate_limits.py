"""The published request limits (https://docs.digitalocean.com/reference/api/digitalocean/, "Rate Limit")."""

from dataclasses import replace

import pytest

from bakery.emulator.account.errors import TooManyRequests
from bakery.emulator.api.rate_limits import RateLimits
from tests.helpers.emulated import SETTINGS, ManualClock

ENFORCED = replace(SETTINGS, rate_limits=True)


def spend(limits: RateLimits, clock: ManualClock, count: int, *, lists_keys: bool = False) -> None:
    for _ in range(count):
        limits.count("t", clock(), lists_keys=lists_keys)


def test_250_requests_a_minute_then_wait() -> None:
    limits, clock = RateLimits(ENFORCED), ManualClock()
    spend(limits, clock, 250)
    clock.advance(20)

    with pytest.raises(TooManyRequests) as refused:
        spend(limits, clock, 1)
    assert refused.value.headers() == {"retry-after": "40"}

    clock.advance(40)
    spend(limits, clock, 250)


def test_5000_requests_an_hour_and_no_retry_after() -> None:
    limits, clock = RateLimits(ENFORCED), ManualClock()
    for _ in range(20):
        spend(limits, clock, 250)
        clock.advance(60)

    with pytest.raises(TooManyRequests) as refused:
        spend(limits, clock, 1)
    assert refused.value.headers() == {}
    assert limits.headers("t", clock())["ratelimit-remaining"] == "0"

    clock.advance(41 * 60)  # 20 minutes were spent above, so the first 500 are an hour old now
    spend(limits, clock, 250)


def test_key_listings_have_their_own_limit() -> None:
    limits, clock = RateLimits(ENFORCED), ManualClock()
    spend(limits, clock, 10, lists_keys=True)

    with pytest.raises(TooManyRequests):
        spend(limits, clock, 1, lists_keys=True)
    spend(limits, clock, 1)


def test_headers_count_down_and_name_when_the_oldest_request_expires() -> None:
    limits, clock = RateLimits(ENFORCED), ManualClock()
    start = int(clock().timestamp())
    spend(limits, clock, 1)
    clock.advance(10)
    spend(limits, clock, 2)

    assert limits.headers("t", clock()) == {
        "ratelimit-limit": "5000",
        "ratelimit-remaining": "4997",
        "ratelimit-reset": str(start + 3600),
    }


def test_limits_that_are_off_refuse_nothing() -> None:
    """Control: the same 300 requests that the enforced limit refuses."""
    limits, clock = RateLimits(SETTINGS), ManualClock()
    spend(limits, clock, 300, lists_keys=True)

    assert limits.headers("t", clock())["ratelimit-remaining"] == "4999"
