"""Names and durations of issued credentials on the command line."""

from datetime import timedelta

import click
import pytest

from bakery.cli.person import Duration, PersonName


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1m", timedelta(minutes=1)), ("90m", timedelta(minutes=90)), ("24h", timedelta(days=1)),
     ("30d", timedelta(days=30))],
)  # fmt: skip
def test_a_duration_is_read(text: str, expected: timedelta) -> None:
    assert Duration().convert(text, None, None) == expected


@pytest.mark.parametrize("text", ["", "24", "0h", "-1h", "1.5h", "24 h", "1s", "1w", "1h30m", "99999999d"])
def test_no_other_duration_is(text: str) -> None:
    with pytest.raises(click.BadParameter):
        Duration().convert(text, None, None)


@pytest.mark.parametrize("text", ["ci", "anna-2", "a", "a" * 40])
def test_a_name_is_a_label(text: str) -> None:
    assert PersonName().convert(text, None, None) == text


@pytest.mark.parametrize("text", ["", "..", "Anna", "2nd", "a/b", "a b", "a-", "a" * 41, "a\n"])
def test_no_other_name_is(text: str) -> None:
    with pytest.raises(click.BadParameter):
        PersonName().convert(text, None, None)
