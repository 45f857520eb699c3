"""What is said of requests to the API: each pause once, each request with -v."""

import pytest

from bakery.cli.api_progress import ApiProgress
from bakery.cloud.watch import Exchange, Retry
from bakery.console import Console
from tests.helpers.fake_cloud import FakeClock

BUSY = Retry(reason="the API answered 503", number=2, most=4, seconds=4)
SENT = Exchange(method="GET", path="/v2/droplets?tag_name=bakery:demo", status=200, seconds=0.0123)


def progress_of(*, verbose: bool = False, quiet: bool = False) -> tuple[ApiProgress, FakeClock]:
    clock = FakeClock()
    return ApiProgress(Console(verbose=verbose, quiet=quiet), now=clock.now), clock


def test_a_retry_is_said_with_reason_and_pause(capsys: pytest.CaptureFixture[str]) -> None:
    progress_of()[0].retrying(BUSY)
    assert capsys.readouterr() == ("", "    the API answered 503; retry 2 of 4 in 4 s\n")


def test_the_same_line_is_not_said_at_each_look(capsys: pytest.CaptureFixture[str]) -> None:
    """Threads and polls meet the same refusal; after half a minute it is news again."""
    progress, clock = progress_of()
    for _ in range(10):
        progress.retrying(BUSY)
        clock.sleep(2)
    assert capsys.readouterr().err.count("retry 2") == 1
    clock.sleep(30)
    progress.retrying(BUSY)
    assert capsys.readouterr().err.count("retry 2") == 1


def test_the_own_limit_is_said_too(capsys: pytest.CaptureFixture[str]) -> None:
    progress, _ = progress_of()
    progress.holding(0.3)
    progress.holding(41.2)
    expected = "    waiting 41 s: the token's requests of this minute are used up\n"
    assert capsys.readouterr().err == expected


def test_requests_are_traced_only_when_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    progress_of()[0].answered(SENT)
    progress_of(verbose=True, quiet=True)[0].answered(SENT)
    assert capsys.readouterr().err == ""
    progress, _ = progress_of(verbose=True)
    progress.answered(SENT)
    progress.answered(Exchange(method="POST", path="/v2/droplets", status=0, seconds=20))
    assert capsys.readouterr().err == (
        "    GET /v2/droplets?tag_name=bakery:demo: 200, 12 ms\n    POST /v2/droplets: no answer, 20000 ms\n"
    )


def test_quiet_means_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    progress_of(quiet=True)[0].retrying(BUSY)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("date", "now", "skew"),
    [
        ("Thu, 01 Jan 1970 00:01:40 GMT", 100.4, 0.4),
        ("Thu, 01 Jan 1970 00:01:40 GMT", 460.0, 360.0),
        ("Thu, 01 Jan 1970 00:01:40 GMT", 40.0, -60.0),
        ("", 40.0, None),
        ("yesterday", 40.0, None),
    ],
)
def test_the_clock_is_compared_with_the_date_of_an_answer(
    monkeypatch: pytest.MonkeyPatch, date: str, now: float, skew: float | None
) -> None:
    monkeypatch.setattr("time.time", lambda: now)
    progress, _ = progress_of()
    progress.answered(Exchange(method="GET", path="/v2/account", status=200, seconds=0.1, date=date))
    assert progress.skew_seconds == (None if skew is None else pytest.approx(skew))
