"""Consul's side of workload identity: a role, an auth method and its binding rules.

https://developer.hashicorp.com/consul/api-docs/acl/auth-methods, .../acl/binding-rules, .../acl/roles
"""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from bakery.agents.model import AclRole, BindingRule, JwtAuthMethod
from bakery.agents.transport import AgentHttp

_NOT_FOUND = 404
_ALGORITHMS = ["RS256"]
"""Nomad signs with RSA keys by this algorithm only (hashicorp/nomad nomad/structs/keyring.go, PubKeyAlgRS256)."""


def put_role(http: AgentHttp, role: AclRole) -> bool:
    """Create or update the role with that name; return whether it changed."""
    found = http.call("GET", f"/v1/acl/role/name/{quote(role.name)}", accept=frozenset({_NOT_FOUND}))
    body = {"Name": role.name, "Description": role.description, "Policies": [{"Name": n} for n in role.policies]}
    if found.status == _NOT_FOUND:
        http.call("PUT", "/v1/acl/role", body)
        return True
    if http.parse(found, "GET /v1/acl/role", _role) == role:
        return False
    http.call("PUT", f"/v1/acl/role/{found.value['ID']}", body)
    return True


def put_auth_method(http: AgentHttp, method: JwtAuthMethod) -> bool:
    """Create or update the auth method with that name; return whether it changed."""
    path = _method_path(method.name)
    found = http.call("GET", path, accept=frozenset({_NOT_FOUND}))
    body = _method_body(method)
    if found.status == _NOT_FOUND:
        http.call("PUT", "/v1/acl/auth-method", body)
        return True
    if http.parse(found, f"GET {path}", lambda value: _is_written(value, body)):
        return False
    http.call("PUT", path, body)
    return True


def read_jwt_keys(http: AgentHttp, method: str) -> tuple[str, ...]:
    """Return the PEM keys of an auth method; empty without the method, and if it reads its keys from a URL."""
    return http.read(_method_path(method), _public_keys, accept=frozenset({_NOT_FOUND}))


def put_binding_rules(http: AgentHttp, method: str, rules: Iterable[BindingRule]) -> int:
    """Create or update the rules of the auth method; return how many changed. Other rules stay as they are."""
    path = f"/v1/acl/binding-rules?authmethod={quote(method, safe='')}"
    rows = http.read(path, lambda value: {row["Description"]: row for row in value})
    written = 0
    for rule in rules:
        body = _rule_body(method, rule)
        row = rows.get(rule.description)
        if row is None:
            http.call("PUT", "/v1/acl/binding-rule", body)
        elif any(row.get(key, "") != value for key, value in body.items()):
            http.call("PUT", f"/v1/acl/binding-rule/{row['ID']}", body)
        else:
            continue
        written += 1
    return written


def _role(row: Mapping[str, Any]) -> AclRole:
    policies = tuple(sorted(policy["Name"] for policy in row.get("Policies") or ()))
    return AclRole(name=row["Name"], description=row.get("Description", ""), policies=policies)


def _method_path(name: str) -> str:
    return f"/v1/acl/auth-method/{quote(name, safe='')}"


def _is_written(found: Mapping[str, Any], body: Mapping[str, Any]) -> bool:
    """Return whether the method is as in ``body`` and its tokens do not expire.

    A token ends with its task, by Nomad. If it expired before, Nomad could not renew it (hashicorp/nomad#24354).
    """
    return not found.get("MaxTokenTTL") and all(found.get(key) == value for key, value in body.items())


def _method_body(method: JwtAuthMethod) -> dict[str, Any]:
    return {
        "Name": method.name,
        "Type": "jwt",
        "Description": method.description,
        "TokenLocality": "local",
        "Config": {
            "BoundAudiences": [method.audience],
            "JWTSupportedAlgs": _ALGORITHMS,
            "ClaimMappings": {claim: claim for claim in method.claims},
            "JWTValidationPubKeys": list(method.public_keys),
        },
    }


def _public_keys(value: Mapping[str, Any] | None) -> tuple[str, ...]:
    return tuple((value or {}).get("Config", {}).get("JWTValidationPubKeys") or ())  # 404 comes with plain text


def _rule_body(method: str, rule: BindingRule) -> dict[str, Any]:
    return {
        "AuthMethod": method,
        "Description": rule.description,
        "BindType": rule.bind_type,
        "BindName": rule.bind_name,
        "Selector": rule.selector,
    }
