"""What workload identity asks over HTTP: Nomad's keys; Consul's role, auth method and binding rules."""

import json
from base64 import urlsafe_b64encode
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bakery.agents.consul import Consul
from bakery.agents.model import AclRole, BindingRule, JwtAuthMethod, SigningKey
from bakery.agents.nomad import Nomad
from bakery.errors import AgentError
from tests.helpers.agent_wire import answer, put_wire, target

PUBLIC = generate_private_key(public_exponent=65537, key_size=2048).public_key()
PEM = PUBLIC.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def _base64url(number: int) -> str:
    raw = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return urlsafe_b64encode(raw).decode().rstrip("=")


def _jwk(key_id: str) -> dict[str, str]:
    numbers = PUBLIC.public_numbers()
    made = {"use": "sig", "kty": "RSA", "kid": key_id, "alg": "RS256"}
    return made | {"n": _base64url(numbers.n), "e": _base64url(numbers.e)}


def _nomad(keys: list[dict[str, str]], states: dict[str, str]) -> Nomad:
    nomad = Nomad(target(4646), region="global")
    rows = [{"KeyID": key_id, "State": state, "Algorithm": "aes256-gcm"} for key_id, state in states.items()]
    put_wire(
        nomad,
        {
            "GET /v1/operator/keyring/keys": (200, rows),
            "GET /.well-known/jwks.json": (200, {"keys": keys}),
        },
    )
    return nomad


def test_nomads_keys_become_pem_with_the_active_one_marked() -> None:
    ed25519 = {"use": "sig", "kty": "OKP", "kid": "old", "alg": "EdDSA", "crv": "Ed25519", "x": "AAAA"}
    states = {"b": "active", "a": "inactive", "old": "inactive", "p": "prepublished"}
    nomad = _nomad([_jwk("b"), _jwk("a"), ed25519, _jwk("p")], states)
    assert nomad.signing_keys() == (
        SigningKey(id="a", pem=PEM, active=False),
        SigningKey(id="b", pem=PEM, active=True),
        SigningKey(id="p", pem=PEM, active=False),
    )


def test_before_there_is_a_keyring_there_is_no_key() -> None:
    assert _nomad([], {}).signing_keys() == ()


@pytest.mark.parametrize("key", [{"kid": "a"}, {"kid": "a", "kty": "RSA", "n": "AQAB"}, _jwk("a") | {"n": "AQAB"}])
def test_a_key_that_cannot_be_read_is_an_error_and_no_traceback(key: dict[str, str]) -> None:
    with pytest.raises(AgentError) as caught:
        _nomad([key], {"a": "active"}).signing_keys()
    assert "in a form that bakery cannot read" in caught.value.message


ROLE = AclRole(name="nomad-tasks", description="d", policies=("p",))
ROLE_ROW = {"ID": "r1", "Name": "nomad-tasks", "Description": "d", "Policies": [{"ID": "1", "Name": "p"}]}


@pytest.mark.parametrize(
    ("found", "changed", "last"),
    [
        ((404, "role does not exist"), True, "PUT /v1/acl/role"),
        ((200, ROLE_ROW), False, "GET /v1/acl/role/name/nomad-tasks"),
        ((200, ROLE_ROW | {"Policies": None}), True, "PUT /v1/acl/role/r1"),
    ],
)
def test_a_role_is_made_kept_or_corrected(found: tuple[int, Any], changed: bool, last: str) -> None:  # noqa: FBT001
    consul = Consul(target())
    answers: dict[str, tuple[int, Any]] = {
        "GET /v1/acl/role/name/nomad-tasks": found,
        "PUT /v1/acl/role": (200, ROLE_ROW),
        "PUT /v1/acl/role/r1": (200, ROLE_ROW),
    }
    wire = put_wire(consul, answers)
    assert consul.put_role(ROLE) is changed
    assert wire.asked[-1] == last


METHOD = JwtAuthMethod(name="m", description="d", audience="consul.io", claims=("c",), public_keys=("PEM",))
CONFIG = {
    "BoundAudiences": ["consul.io"],
    "JWTSupportedAlgs": ["RS256"],
    "ClaimMappings": {"c": "c"},
    "JWTValidationPubKeys": ["PEM"],
}
METHOD_ROW = {
    "Name": "m", "Type": "jwt", "Description": "d", "TokenLocality": "local", "Config": CONFIG, "CreateIndex": 7,
}  # fmt: skip


@pytest.mark.parametrize(
    ("found", "changed", "last"),
    [
        ((404, "auth-method not found"), True, "PUT /v1/acl/auth-method"),
        ((200, METHOD_ROW), False, "GET /v1/acl/auth-method/m"),
        ((200, METHOD_ROW | {"MaxTokenTTL": "1h0m0s"}), True, "PUT /v1/acl/auth-method/m"),
        (
            (200, METHOD_ROW | {"Config": CONFIG | {"JWTValidationPubKeys": ["OLD"]}}),
            True,
            "PUT /v1/acl/auth-method/m",
        ),
        ((200, METHOD_ROW | {"Config": CONFIG | {"JWKSURL": "https://x"}}), True, "PUT /v1/acl/auth-method/m"),
    ],
)
def test_an_auth_method_is_made_kept_or_corrected(
    found: tuple[int, Any],
    changed: bool,  # noqa: FBT001
    last: str,
) -> None:
    consul = Consul(target())
    answers: dict[str, tuple[int, Any]] = {
        "GET /v1/acl/auth-method/m": found,
        "PUT /v1/acl/auth-method": (200, METHOD_ROW),
        "PUT /v1/acl/auth-method/m": (200, METHOD_ROW),
    }
    wire = put_wire(consul, answers)
    assert consul.put_auth_method(METHOD) is changed
    assert wire.asked[-1] == last
    if changed:
        body = json.loads(wire.requests[-1].body or "")
        assert body["Config"] == CONFIG
        assert "MaxTokenTTL" not in body


@pytest.mark.parametrize(
    ("status", "body", "keys"),
    [
        (200, METHOD_ROW, ("PEM",)),
        (200, METHOD_ROW | {"Config": {"JWKSURL": "https://x"}}, ()),
        (404, "auth-method not found", ()),
    ],
)
def test_the_keys_of_an_auth_method(status: int, body: Any, keys: tuple[str, ...]) -> None:  # noqa: ANN401
    assert answer(Consul, "GET /v1/acl/auth-method/m", status, body).jwt_keys("m") == keys


def _rule(description: str, selector: str = "") -> BindingRule:
    return BindingRule(description=description, bind_type="role", bind_name="r", selector=selector)


def test_of_binding_rules_only_those_that_differ_are_written() -> None:
    consul = Consul(target())
    row = {"AuthMethod": "m", "BindType": "role", "BindName": "r"}
    rows = [
        row | {"ID": "1", "Description": "same"},
        row | {"ID": "2", "Description": "differs", "Selector": "old"},
        row | {"ID": "3", "Description": "of the user", "BindName": "x"},
    ]
    answers: dict[str, tuple[int, Any]] = {
        "GET /v1/acl/binding-rules?authmethod=m": (200, rows),
        "PUT /v1/acl/binding-rule": (200, {}),
        "PUT /v1/acl/binding-rule/2": (200, {}),
    }
    wire = put_wire(consul, answers)
    assert consul.put_binding_rules("m", [_rule("same"), _rule("differs", "new"), _rule("missing")]) == 2
    assert wire.asked == [
        "GET /v1/acl/binding-rules?authmethod=m",
        "PUT /v1/acl/binding-rule/2",
        "PUT /v1/acl/binding-rule",
    ]
    assert json.loads(wire.requests[1].body or "") == row | {"Description": "differs", "Selector": "new"}
