"""The table of certificates, and the days that are left."""

from datetime import UTC, datetime, timedelta

import pytest

from bakery.credentials.inspect import describe
from bakery.credentials.model import CertificateSummary
from bakery.credentials.store import create_bundle

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_the_cas_are_described() -> None:
    ten = datetime(2036, 2, 27, 12, tzinfo=UTC)
    assert describe(create_bundle("demo", now=NOW)) == (
        CertificateSummary(name="Consul CA", not_after=ten),
        CertificateSummary(name="Nomad CA", not_after=ten),
    )


@pytest.mark.parametrize(
    ("ahead", "left"),
    [(timedelta(days=30), 30), (timedelta(hours=23), 0), (timedelta(0), 0), (timedelta(seconds=-1), -1)],
)
def test_days_left_are_whole_days(ahead: timedelta, left: int) -> None:
    assert CertificateSummary(name="x", not_after=NOW + ahead).days_left(NOW) == left
