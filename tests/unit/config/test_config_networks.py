"""A range for the VPC that nobody uses yet."""

from ipaddress import IPv4Network

import pytest

from bakery.config.networks import free_range


@pytest.mark.parametrize(
    ("taken", "prefix", "free"),
    [
        ((), 20, "10.100.0.0/20"),
        (("10.100.0.0/20",), 20, "10.100.16.0/20"),
        (("10.100.0.0/20", "10.100.16.0/20", "10.100.40.0/24"), 20, "10.100.48.0/20"),
        (("10.100.8.0/28",), 20, "10.100.16.0/20"),
        (("10.100.0.0/16",), 20, "10.101.0.0/20"),
        (("10.100.0.0/20",), 16, "10.101.0.0/16"),
        (("10.100.0.0/20",), 28, "10.100.16.0/28"),
        # 10.128 and up are taken; the search goes on from 10.0. DigitalOcean and its anchors have 10.10 to 10.20.
        (("10.100.0.0/14", "10.104.0.0/13", "10.112.0.0/12", "10.128.0.0/9"), 20, "10.0.0.0/20"),
        (("10.0.0.0/13", "10.8.0.0/15", "10.64.0.0/10", "10.128.0.0/9"), 20, "10.21.0.0/20"),
        (("10.0.0.0/8",), 20, None),
    ],
)
def test_the_first_range_that_is_free(taken: tuple[str, ...], prefix: int, free: str | None) -> None:
    found = free_range((IPv4Network(cidr) for cidr in taken), prefix=prefix)
    assert found == (None if free is None else IPv4Network(free))
