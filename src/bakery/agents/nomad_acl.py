"""Nomad's ACL policies and tokens, and the namespaces that they are for."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from bakery.agents.model import AclPolicy, ListedToken, TokenGrant
from bakery.agents.transport import AgentHttp, read_time, text

_BAD_REQUEST, _NOT_FOUND = 400, 404
_DEFAULT_LONGEST_S = 24 * 3600
"""hashicorp/nomad nomad/config.go, ACLTokenMaxExpirationTTL."""


def has_namespace(http: AgentHttp, name: str) -> bool:
    """Return whether the namespace exists."""
    accept = frozenset({_NOT_FOUND})
    return http.call("GET", f"/v1/namespace/{quote(name, safe='')}", accept=accept).status != _NOT_FOUND


def longest_token_seconds(http: AgentHttp) -> int:
    """Return the asked server's limit; the configuration that it shows has 0 for the default."""
    return http.read("/v1/agent/self", _longest) or _DEFAULT_LONGEST_S


def put_policy(http: AgentHttp, policy: AclPolicy) -> None:
    """Create or update the policy."""
    body = {"Name": policy.name, "Description": policy.description, "Rules": policy.rules}
    http.call("POST", f"/v1/acl/policy/{policy.name}", body)


def list_tokens(http: AgentHttp) -> tuple[ListedToken, ...]:
    """Return all tokens, without their secrets."""
    return http.read("/v1/acl/tokens", lambda value: tuple(map(_listed, value)))


def create_token(http: AgentHttp, grant: TokenGrant, *, seconds: int) -> str:
    """Create a client token and return its secret. Nomad refuses a token whose UUIDs the caller chose."""
    body = {
        "Name": grant.description,
        "Type": "client",
        "Policies": list(grant.policies),
        "ExpirationTTL": f"{seconds}s",
    }
    reply = http.call("POST", "/v1/acl/token", body)
    return http.parse(reply, "POST /v1/acl/token", lambda value: text(value["SecretID"]))


def delete_token(http: AgentHttp, accessor: str) -> None:
    """Delete the token."""
    # hashicorp/nomad nomad/acl_endpoint.go, DeleteTokens
    path = f"/v1/acl/token/{quote(accessor, safe='')}"
    http.call_unless_done("DELETE", path, refused=_BAD_REQUEST, already="nonexistent token")


def _longest(value: Mapping[str, Any]) -> int:
    return int(value["config"]["ACL"]["TokenMaxExpirationTTL"]) // 1_000_000_000


def _listed(row: Mapping[str, Any]) -> ListedToken:
    grant = TokenGrant(description=row["Name"], policies=tuple(sorted(row["Policies"] or ())))
    return ListedToken(accessor=row["AccessorID"], grant=grant, expires=read_time(row.get("ExpirationTime")))
