"""Compare the members' gossip keys with the expected key. No key leaves this module."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from bakery.agents.model import GossipKeys
from bakery.agents.transport import AgentHttp

_FAILED = 500
# hashicorp/serf serf/keymanager.go, handleKeyRequest: if one member does not answer, no keys are returned.
_SILENT = re.compile(r"(\d+)/(\d+) nodes reported success")


def read_keys(http: AgentHttp, path: str, parse: Callable[[Any], GossipKeys]) -> GossipKeys:
    """Return the parsed keyring list at ``path``, or only the number of members that did not answer."""
    reply = http.call("GET", path, accept=frozenset({_FAILED}))
    if reply.status != _FAILED:
        return http.parse(reply, f"GET {path}", parse)
    found = _SILENT.search(reply.error_text)
    if found is None:
        raise http.refusal(path, reply.error_text, status=_FAILED)
    answered, members = int(found[1]), int(found[2])
    return GossipKeys(members=members, with_ours=0, others=0, silent=members - answered)


def compare_keys(installed: Mapping[str, int], *, members: int, expected: str) -> GossipKeys:
    """Compare the ``installed`` keys, each with its number of members.

    Source: hashicorp/serf serf/keymanager.go, KeyResponse.
    """
    others = sum(1 for key in installed if key != expected)
    return GossipKeys(members=members, with_ours=installed.get(expected, 0), others=others)
