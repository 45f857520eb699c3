"""Consul's sessions, and the locks that sessions hold.

https://developer.hashicorp.com/consul/api-docs/session, https://developer.hashicorp.com/consul/api-docs/kv
"""

import json
from base64 import b64decode
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from bakery.agents.model import LockHolder
from bakery.agents.transport import UNREADABLE, AgentHttp

_NOT_FOUND = 404


def create_session(http: AgentHttp, name: str, *, node: str, ttl_seconds: int) -> str:
    """Create a session without health checks, and return its id.

    By default the check serfHealth would end the session if the node briefly fails it
    (agent/session_endpoint.go, fixupEmptySessionChecks).
    """
    body = {"Name": name, "Node": node, "TTL": f"{ttl_seconds}s", "Behavior": "release", "Checks": []}
    reply = http.call("PUT", "/v1/session/create", body)
    return http.parse(reply, "PUT /v1/session/create", lambda value: str(value["ID"]))


def renew_session(http: AgentHttp, session: str) -> bool:
    """Restart the session's TTL; return False if the session has ended."""
    return http.call_unless_done(
        "PUT", f"/v1/session/renew/{quote(session, safe='')}", refused=_NOT_FOUND, already="not found"
    )


def destroy_session(http: AgentHttp, session: str) -> None:
    """End the session."""
    # agent/consul/session_endpoint.go, Apply: an unknown session is not an error.
    http.call("PUT", f"/v1/session/destroy/{quote(session, safe='')}")


def acquire_lock(http: AgentHttp, key: str, session: str, holder: str) -> bool:
    """Lock ``key`` for the session; return whether the session holds the lock."""
    return _change(http, key, f"acquire={quote(session, safe='')}", {"holder": holder})


def release_lock(http: AgentHttp, key: str, session: str) -> bool:
    """Release the lock; return False if the session does not hold it."""
    return _change(http, key, f"release={quote(session, safe='')}", {})


def lock_holder(http: AgentHttp, key: str) -> LockHolder | None:
    """Return the holder of the lock; None if it is free."""
    return http.read(_path(key), _holder, accept=frozenset({_NOT_FOUND}))


def _change(http: AgentHttp, key: str, query: str, value: dict[str, Any]) -> bool:
    """Set the key's value, with ``query`` on its lock; return whether it was set.

    Source: agent/kvs_endpoint.go, KVSPut.
    """
    reply = http.call("PUT", f"{_path(key)}?{query}", value)
    if isinstance(reply.value, bool):
        return reply.value
    raise http.error(what=f"answered PUT {_path(key)} {UNREADABLE}", status=reply.status)


def _holder(value: Sequence[Mapping[str, Any]] | None) -> LockHolder | None:
    """Return the holder; None for an entry without a session: its lock was released, or the session has ended."""
    entry = value[0] if value else {}
    session = entry.get("Session")
    if not session:
        return None
    return LockHolder(session=session, holder=_text(entry["Value"]))


def _text(encoded: str | None) -> str:
    """Return the ``holder`` that :func:`acquire_lock` wrote; empty if another program holds the lock."""
    try:
        return str(json.loads(b64decode(encoded or ""))["holder"])
    except (ValueError, KeyError, TypeError):
        return ""


def _path(key: str) -> str:
    return f"/v1/kv/{quote(key)}"
