"""Requests and answers of both agents, with the wire replaced; answers are as the agents' sources write them."""

import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bakery.agents.connect import agent_clients
from bakery.agents.consul import Consul
from bakery.agents.model import (
    AclPolicy,
    AclToken,
    ListedToken,
    Member,
    NodeIdentity,
    NomadNode,
    TlsFiles,
    TokenGrant,
)
from bakery.agents.nomad import Nomad
from bakery.errors import AgentError
from tests.helpers.agent_wire import OUR_KEY, SECRET, TLS, TOKEN, answer, client_of, put_wire, target

LEADER = {Consul: "GET /v1/status/leader", Nomad: "GET /v1/status/leader?stale"}
"""How the leader is asked for."""


def test_consul_members_by_serf_status() -> None:
    rows = [
        {"Name": f"n{i}", "Addr": f"10.0.0.{i}", "Port": 8301, "Tags": tags, "Status": i, "ProtocolCur": 2}
        for i, tags in enumerate(({"build": "1.22.5:7d9a0e4a"}, {"build": "2.0.0-beta1:"}, {"build": "x"}, {}), 1)
    ]
    consul = answer(Consul, "GET /v1/agent/members", 200, rows)
    assert consul.members() == tuple(
        Member(name=f"n{i}", address=f"10.0.0.{i}", status=status, version=version)
        for i, status, version in [
            (1, "alive", "1.22.5"),
            (2, "leaving", "2.0.0"),
            (3, "left", None),
            (4, "failed", None),
        ]
    )


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, {"ID": "x", "AccessorID": "y", "SecretID": "z"}, True),
        (403, "Permission denied: ACL bootstrap no longer allowed (reset index: 13)", False),
    ],
)
def test_consul_bootstrap_is_done_or_was_done(status: int, body: Any, expected: bool) -> None:  # noqa: ANN401, FBT001
    consul = answer(Consul, "PUT /v1/acl/bootstrap", status, body)
    assert consul.bootstrap_acl(SECRET) is expected


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, {"AccessorID": "x", "SecretID": "y"}, True),
        (400, "ACL bootstrap already done (reset index: 7)", False),
    ],
)
def test_nomad_bootstrap_is_done_or_was_done(status: int, body: Any, expected: bool) -> None:  # noqa: ANN401, FBT001
    nomad = answer(Nomad, "POST /v1/acl/bootstrap", status, body)
    assert nomad.bootstrap_acl(SECRET) is expected


@pytest.mark.parametrize("product", [Consul, Nomad])
@pytest.mark.parametrize("status", [400, 401, 403, 500])
def test_another_refusal_of_the_bootstrap_is_an_error(product: type[Consul] | type[Nomad], status: int) -> None:
    agent = client_of(product)
    body = (status, f"something about {SECRET}")
    put_wire(agent, {"PUT /v1/acl/bootstrap": body, "POST /v1/acl/bootstrap": body})
    with pytest.raises(AgentError) as caught:
        agent.bootstrap_acl(SECRET)
    assert caught.value.status == status
    assert caught.value.details == "something about ***"


def test_the_bootstrap_carries_no_token_and_every_other_call_carries_it_in_the_header_only() -> None:
    consul = Consul(target())
    wire = put_wire(
        consul,
        {
            "PUT /v1/acl/bootstrap": (200, {}),
            "GET /v1/agent/self": (403, "no"),
            "GET /v1/status/leader": (200, '"a:1"'),
        },
    )
    consul.bootstrap_acl(SECRET)
    assert consul.denies_anonymous()
    assert consul.leader() == "a:1"
    assert [request.headers.get("X-Consul-Token") for request in wire.requests] == [None, None, TOKEN]
    assert all(TOKEN not in str(request.url) for request in wire.requests)
    assert json.loads(wire.requests[0].body or "") == {"BootstrapSecret": SECRET}


@pytest.mark.parametrize(("status", "denied"), [(403, True), (200, False)])
def test_anonymous_is_denied_or_not(status: int, denied: bool) -> None:  # noqa: FBT001
    assert answer(Consul, "GET /v1/agent/self", status, {}).denies_anonymous() is denied
    assert answer(Nomad, "GET /v1/nodes?per_page=1", status, []).denies_anonymous() is denied


MANAGEMENT_POLICY = {"ID": "00000000-0000-0000-0000-000000000001", "Name": "global-management"}


@pytest.mark.parametrize(
    ("body", "explained"), [("ACL not found", True), ("ACL token not found", True), ("Permission denied", False)]
)
def test_a_token_that_is_unknown_there_is_explained(body: str, explained: bool) -> None:  # noqa: FBT001
    with pytest.raises(AgentError) as caught:
        answer(Consul, "GET /v1/agent/members", 403, body).members()
    details = str(caught.value.details)
    assert details.startswith(body)
    assert details.endswith("or the ACLs belong to other credentials") is explained


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, {"AccessorID": "a", "Policies": [MANAGEMENT_POLICY]}, True),
        (200, {"AccessorID": "a", "Policies": [{"ID": "p1", "Name": "global-management"}]}, False),
        (200, {"AccessorID": "a", "Policies": None}, False),
        (403, "token does not exist: ACL not found", False),
        (404, "Supplied token does not exist", False),
    ],
)
def test_consul_knows_our_token_or_not(status: int, body: Any, expected: bool) -> None:  # noqa: ANN401, FBT001
    consul = answer(Consul, "GET /v1/acl/token/self", status, body)
    assert consul.has_management_token() is expected
    assert consul.accepts_token() is (status == 200)


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, {"AccessorID": "a", "Type": "management"}, True),
        (200, {"AccessorID": "a", "Type": "client"}, False),
        (403, "ACL token not found", False),
    ],
)
def test_nomad_knows_our_token_or_not(status: int, body: Any, expected: bool) -> None:  # noqa: ANN401, FBT001
    nomad = answer(Nomad, "GET /v1/acl/token/self", status, body)
    assert nomad.has_management_token() is expected
    itself = answer(Nomad, "GET /v1/acl/token/self?stale=true", status, body)
    assert itself.accepts_token() is (status == 200)


POLICY = AclPolicy(name="bakery-dns", description="d", rules='node_prefix "" { policy = "read" }')
KEPT = {"ID": "p1", "Name": "bakery-dns", "Description": "d", "Rules": POLICY.rules}


@pytest.mark.parametrize(
    ("found", "changed", "last"),
    [
        ((404, "Cannot find policy"), True, "PUT /v1/acl/policy"),
        ((200, KEPT), False, "GET /v1/acl/policy/name/bakery-dns"),
        ((200, KEPT | {"Rules": ""}), True, "PUT /v1/acl/policy/p1"),
    ],
)
def test_a_policy_is_made_kept_or_corrected(found: tuple[int, Any], changed: bool, last: str) -> None:  # noqa: FBT001
    consul = Consul(target())
    wire = put_wire(
        consul,
        {
            "GET /v1/acl/policy/name/bakery-dns": found,
            "PUT /v1/acl/policy": (200, KEPT),
            "PUT /v1/acl/policy/p1": (200, KEPT),
        },
    )
    assert consul.put_policy(POLICY) is changed
    assert wire.asked[-1] == last


GRANT = TokenGrant(description="d", policies=("p",), node=NodeIdentity(node="demo-a-1", datacenter="demo"))
ACL_TOKEN = AclToken(accessor="acc", secret=SECRET, grant=GRANT)


def test_a_token_that_exists_is_updated_under_its_own_path() -> None:
    consul = Consul(target())
    wire = put_wire(
        consul,
        {
            "PUT /v1/acl/token": (500, "Invalid Token: AccessorID is already in use"),
            "PUT /v1/acl/token/acc": (200, {}),
        },
    )
    consul.put_token(ACL_TOKEN)
    assert wire.asked == ["PUT /v1/acl/token", "PUT /v1/acl/token/acc"]
    assert json.loads(wire.requests[1].body or "") == {
        "AccessorID": "acc",
        "SecretID": SECRET,
        "Description": "d",
        "Policies": [{"Name": "p"}],
        "NodeIdentities": [{"NodeName": "demo-a-1", "Datacenter": "demo"}],
        "Local": False,
    }


def test_a_refused_token_does_not_show_its_secret() -> None:
    consul = answer(Consul, "PUT /v1/acl/token", 500, f"no such policy for {SECRET}")
    with pytest.raises(AgentError) as caught:
        consul.put_token(ACL_TOKEN)
    assert SECRET not in repr(caught.value)
    assert caught.value.details == "no such policy for ***"


def test_tokens_are_listed_without_their_secrets() -> None:
    rows = [
        {
            "AccessorID": "acc",
            "SecretID": SECRET,
            "Description": "d",
            "Policies": [{"ID": "1", "Name": "p"}],
            "NodeIdentities": [{"NodeName": "demo-a-1", "Datacenter": "demo"}],
        },
        {"AccessorID": "bare", "SecretID": SECRET, "Description": ""},
    ]
    listed = answer(Consul, "GET /v1/acl/tokens", 200, rows).list_tokens()
    assert listed == (
        ListedToken(accessor="acc", grant=GRANT),
        ListedToken(accessor="bare", grant=TokenGrant(description="")),
    )
    assert SECRET not in repr(listed)


@pytest.mark.parametrize("leader", ["10.0.0.1:4647", ""])
def test_nomad_is_asked_for_the_leader_that_the_server_itself_sees(leader: str) -> None:
    assert answer(Nomad, "GET /v1/status/leader?stale", 200, json.dumps(leader)).leader() == leader


def test_nomad_members_lose_their_region() -> None:
    tags = {"region": "global", "role": "nomad", "build": "1.11.3"}
    row = {"Name": "demo-nomad-server-1.global", "Addr": "10.0.0.4", "Port": 4648, "Status": "alive", "Tags": tags}
    nomad = answer(Nomad, "GET /v1/agent/members", 200, {"ServerName": "x", "Members": [row]})
    assert nomad.members() == (
        Member(name="demo-nomad-server-1", address="10.0.0.4", status="alive", version="1.11.3"),
    )


def _node_row(number: int, status: str = "ready") -> dict[str, Any]:
    drivers = {
        "docker": {"Detected": True, "Healthy": True},
        "exec": {"Detected": True, "Healthy": False},
        "qemu": {"Detected": False, "Healthy": False},
    }
    row = {"ID": f"id{number}", "Name": f"n{number}", "Address": "10.0.0.9", "Status": status, "Version": "1.11.3"}
    return row | {"SchedulingEligibility": "eligible", "Drivers": drivers}


def test_nomad_nodes_are_read_once_each_until_they_see_consul() -> None:
    nomad = Nomad(target(4646), region="global")
    wire = put_wire(
        nomad,
        {
            "GET /v1/nodes": (200, [_node_row(1), _node_row(2), _node_row(3, "down")]),
            "GET /v1/node/id1": (200, {"Attributes": {"consul.version": "1.22.5"}}),
            "GET /v1/node/id2": (200, {"Attributes": {}}),
        },
    )
    first = nomad.nodes()
    assert [node.consul_version for node in first] == ["1.22.5", None, None]
    assert first[0] == NomadNode(
        id="id1",
        name="n1",
        address="10.0.0.9",
        status="ready",
        eligible=True,
        consul_version="1.22.5",
        drivers={"docker": True, "exec": False},
        version="1.11.3",
    )
    wire.requests.clear()
    wire.answers["GET /v1/node/id2"] = (200, json.dumps({"Attributes": {"consul.version": "1.22.5"}}))
    assert [node.consul_version for node in nomad.nodes()] == ["1.22.5", "1.22.5", None]
    assert wire.asked == ["GET /v1/nodes", "GET /v1/node/id2"]
    wire.requests.clear()
    nomad.nodes()
    assert wire.asked == ["GET /v1/nodes"]


@pytest.mark.parametrize("address", ["a..b", "x" * 64, "a b", "[", ""])
def test_an_address_that_cannot_be_one_is_an_answer_of_nobody(address: str, tmp_path: Path) -> None:
    for name in ("ca.pem", "cert.pem", "key.pem"):
        (tmp_path / name).touch()
    tls = TlsFiles(ca=tmp_path / "ca.pem", certificate=tmp_path / "cert.pem", key=tmp_path / "key.pem")
    with pytest.raises(AgentError) as caught:
        Consul(replace(target(), address=address, tls=tls)).leader()
    assert caught.value.status == 0
    assert caught.value.message == f"Consul at {address}:8501 cannot be reached"


@pytest.mark.parametrize("status", [301, 302, 307])
def test_a_redirect_is_refused_and_not_followed(status: int) -> None:
    consul = Consul(target())
    wire = put_wire(consul, {"GET /v1/status/leader": (status, "")})
    with pytest.raises(AgentError) as caught:
        consul.leader()
    assert caught.value.status == status
    assert len(wire.requests) == 1


@pytest.mark.parametrize("body", ["null", "<html>", "{}"])
@pytest.mark.parametrize("product", [Consul, Nomad])
def test_what_is_no_address_is_no_leader(product: type[Consul] | type[Nomad], body: str) -> None:
    with pytest.raises(AgentError):
        answer(product, LEADER[product], 200, body).leader()


@pytest.mark.parametrize("body", ["<html>", "[{}]", "null", '[{"Name": "a", "Addr": "b", "Status": 99}]'])
def test_an_answer_of_another_shape_is_an_error_of_ours(body: str) -> None:
    with pytest.raises(AgentError) as caught:
        answer(Consul, "GET /v1/agent/members", 200, body).members()
    assert "in a form that bakery cannot read" in caught.value.message


def test_an_error_carries_what_the_agent_said_without_our_token(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    consul = answer(Consul, "GET /v1/catalog/nodes", 403, f"token {TOKEN} lacks node:read\n")
    with pytest.raises(AgentError) as caught:
        consul.catalog_nodes()
    assert caught.value == AgentError(
        message="Consul at 198.18.0.1:8501 refused GET /v1/catalog/nodes (403)",
        details="token *** lacks node:read",
        status=403,
    )
    assert TOKEN not in caplog.text
    assert TOKEN not in repr(target())


def test_missing_certificate_files_are_an_error_of_ours() -> None:
    with pytest.raises(AgentError) as caught:
        Consul(target()).leader()
    assert caught.value.status == 0
    assert "ca.pem" in str(caught.value.details)


def test_an_address_keeps_its_client() -> None:
    clients = agent_clients(
        consul_port=8501,
        consul_server_name="server.demo.consul",
        nomad_port=4646,
        nomad_server_name="server.global.nomad",
        nomad_client_name="client.global.nomad",
        nomad_region="global",
        consul_tls=TLS,
        consul_token=TOKEN,
        nomad_tls=TLS,
        nomad_token=TOKEN,
        consul_gossip_key=OUR_KEY,
        nomad_gossip_key=OUR_KEY,
    )
    assert clients.nomad("198.18.0.4") is clients.nomad("198.18.0.4")
    assert clients.consul("198.18.0.4") is not clients.consul("198.18.0.5")


def test_a_drain_is_asked_for_in_nanoseconds_and_seen_in_the_list() -> None:
    """https://developer.hashicorp.com/nomad/api-docs/nodes#drain-node; Node.Stub has "Drain"."""
    nomad = Nomad(target(4646), region="global")
    wire = put_wire(
        nomad,
        {
            "POST /v1/node/id-1/drain": (200, {"NodeModifyIndex": 1}),
            "GET /v1/nodes": (200, [_node_row(1, "down") | {"Drain": True}]),
        },
    )
    nomad.drain("id-1", seconds=60)
    assert json.loads(wire.requests[0].body or b"") == {
        "DrainSpec": {"Deadline": 60_000_000_000, "IgnoreSystemJobs": False},
        "MarkEligible": False,
    }
    assert [node.draining for node in nomad.nodes()] == [True]
