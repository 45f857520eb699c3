"""Gossip keys: what the members have, compared with what they should have. No key leaves this module."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from bakery.agents.model import GossipKeys
from bakery.agents.transport import AgentHttp
from bakery.errors import AgentError

_FAILED = 500
# hashicorp/serf serf/keymanager.go, handleKeyRequest: with one silent member the keys of all are withheld.
_SILENT = re.compile(r"(\d+)/(\d+) nodes reported success")


def read_keys(http: AgentHttp, path: str, parse: Callable[[Any], GossipKeys]) -> GossipKeys:
    """The answer of the keyring list at ``path``, or how many members kept silent."""
    reply = http.call("GET", path, accept=frozenset({_FAILED}))
    if reply.status != _FAILED:
        return http.parse(reply, f"GET {path}", parse)
    found = _SILENT.search(reply.error_text)
    if found is None:
        message = f"{http.name} refused GET {path.partition('?')[0]} ({_FAILED})"
        raise AgentError(message=message, details=reply.error_text or None, status=_FAILED)
    answered, members = int(found[1]), int(found[2])
    return GossipKeys(members=members, with_ours=0, others=0, silent=members - answered)


def compare_keys(installed: Mapping[str, int], *, members: int, expected: str) -> GossipKeys:
    """``installed``: for each key how many members have it (hashicorp/serf serf/keymanager.go, KeyResponse)."""
    others = sum(1 for key in installed if key != expected)
    return GossipKeys(members=members, with_ours=installed.get(expected, 0), others=others)
