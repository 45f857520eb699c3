"""Bad links as nftables and tc have them, and partitions that end."""

import pytest

from bakery.cli.emulator_impair import DELAY, LOSS, PARTITION, RATE, Flag, _value
from bakery.emulator.machines.interface import Impairment
from bakery.emulator.network.impairments import Impairments, delay_words, ruleset
from bakery.errors import UsageError


def lines_of(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines()]


def test_loss_and_rate_are_rules_of_both_ways() -> None:
    """1 % is 100 of 10,000; 10 Mbit/s are 1,250,000 bytes a second, of which a tenth may come at once."""
    lines = lines_of(ruleset({7: Impairment(loss=0.01, rate=10_000_000)}, {}))
    assert lines.count("numgen random mod 10000 < 100 drop") == 2
    assert lines.count("limit rate over 1250000 bytes/second burst 125000 bytes drop") == 2
    for way in ("from", "to"):
        verdicts = f'"p7" : jump droplet_7_{way}, "v7" : jump droplet_7_{way}'
        assert f"map impaired_{way} {{ type ifname : verdict; elements = {{ {verdicts} }} }}" in lines


def test_a_low_rate_still_lets_whole_packets_pass() -> None:
    assert "limit rate over 1000 bytes/second burst 15000 bytes drop" in lines_of(
        ruleset({7: Impairment(rate=8000)}, {})
    )


def test_what_only_delays_needs_no_rule() -> None:
    assert "droplet_7" not in ruleset({7: Impairment(delay_s=0.1)}, {})


def test_a_partition_is_left_alone_when_another_droplet_is_impaired() -> None:
    """The kernel gets what is left of it, and nothing once it is over."""
    now = [100.0]
    impairments = Impairments(now=lambda: now[0])
    impairments.set(7, Impairment(partition_s=60))
    assert '"p7" timeout 60000ms, "v7" timeout 60000ms' in impairments.ruleset()
    now[0] += 45
    impairments.set(8, Impairment(loss=0.5))
    assert '"p7" timeout 15000ms' in impairments.ruleset()
    now[0] += 15
    assert "timeout 1" not in impairments.ruleset()


def test_a_deleted_droplet_is_not_impaired() -> None:
    impairments = Impairments()
    impairments.set(7, Impairment(loss=1, delay_s=0.5))
    assert impairments.delay_of(7) == 0.5
    assert impairments.drop(7)
    assert not impairments.drop(7)
    assert "p7" not in impairments.ruleset()
    assert impairments.delay_of(7) == 0


def test_delays_as_tc_takes_them() -> None:
    """tc-netem(8)."""
    assert delay_words("p7", 0.015) == ["qdisc", "replace", "dev", "p7", "root", "netem", "delay", "15000us"]
    assert delay_words("p7", 0) == ["qdisc", "delete", "dev", "p7", "root"]


@pytest.mark.parametrize(
    ("text", "flag", "value"),
    [
        ("1%", LOSS, 0.01),
        ("2.5", LOSS, 0.025),
        ("100%", LOSS, 1),
        ("15ms", DELAY, 0.015),
        ("15", DELAY, 0.015),
        ("2m", PARTITION, 120),
        ("60m", PARTITION, 3600),
        ("10Mbit", RATE, 10_000_000),
    ],
)
def test_amounts_with_units(text: str, flag: Flag, value: float) -> None:
    assert _value(text, flag) == pytest.approx(value)


@pytest.mark.parametrize(
    ("text", "flag", "most"),
    [("200%", LOSS, "100%"), ("11s", DELAY, "10s"), ("2000gbit", RATE, "100gbit"), ("61m", PARTITION, "60m")],
)
def test_too_much_is_said_in_the_flag_s_own_words(text: str, flag: Flag, most: str) -> None:
    with pytest.raises(UsageError, match=f"^{flag.name} {text} is above the limit of {most}") as caught:
        _value(text, flag)
    assert caught.value.hint == f"for example: {flag.name} {flag.example}"


@pytest.mark.parametrize("text", ["", "-1%", "one", "1mbit", "1 %"])
def test_amounts_that_are_none(text: str) -> None:
    with pytest.raises(UsageError, match="is not a number with a known unit"):
        _value(text, LOSS)
