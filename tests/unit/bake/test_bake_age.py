"""When a snapshot is old, to the day."""

from datetime import UTC, datetime

import pytest

from bakery.bake.snapshot import age_in_days, age_warning, is_old
from bakery.cloud.model import Image

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)


def _image(created_at: str, number: int = 1) -> Image:
    return Image(
        id=number, name=f"bakery-{number}", type="snapshot", status="available", regions=("fra1",), tags=(),
        min_disk_size=25, size_gigabytes=1.5, created_at=created_at,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("created_at", "days", "old"),
    [
        ("2026-03-31T11:59:59Z", 0, False),
        ("2026-03-30T12:00:00Z", 1, False),
        ("2026-03-01T12:00:00Z", 30, False),
        ("2026-02-28T12:00:01Z", 30, False),
        ("2026-02-28T12:00:00Z", 31, True),
        ("2025-03-31T12:00:00Z", 365, True),
        ("2026-04-01T12:00:00Z", 0, False),  # this machine's clock is behind
        ("", None, False),
        ("yesterday", None, False),
        ("2026-02-28T12:00:00", None, False),  # without a time zone
    ],
)
def test_age(created_at: str, days: int | None, *, old: bool) -> None:
    assert (age_in_days(_image(created_at), NOW), is_old(_image(created_at), NOW)) == (days, old)


def test_the_oldest_in_use_is_named() -> None:
    images = [
        _image("2026-01-01T00:00:00Z", 1),
        _image("2025-12-01T00:00:00Z", 2),
        _image("2024-01-01T00:00:00Z", 3),
        _image("2026-03-31T00:00:00Z", 4),
    ]
    warning = age_warning(images, {1, 2, 4, None}, NOW)
    assert str(warning).startswith("nodes run from snapshot bakery-2, which is 120 days old")
    assert age_warning(images, {4}, NOW) is None
    assert age_warning([], {1}, NOW) is None
