"""Gossip keys: what the members have, compared with what they should have. No key leaves this module."""

from collections.abc import Mapping

from bakery.agents.model import GossipKeys


def compare_keys(installed: Mapping[str, int], *, members: int, expected: str) -> GossipKeys:
    """``installed``: for each key how many members have it (hashicorp/serf serf/keymanager.go, KeyResponse)."""
    others = sum(1 for key in installed if key != expected)
    return GossipKeys(members=members, with_ours=installed.get(expected, 0), others=others)
