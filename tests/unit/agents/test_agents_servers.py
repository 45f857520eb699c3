"""Raft, autopilot, gossip keys and removal over HTTP; answers are as the agents' sources write them."""

import json
from typing import Any

import pytest

from bakery.agents.consul import Consul
from bakery.agents.model import Autopilot, GossipKeys, RaftPeer, ServerHealth
from bakery.agents.nomad import Nomad
from bakery.errors import AgentError
from tests.helpers.agent_wire import OUR_KEY, TOKEN, answer, client_of, put_wire, target

PRODUCTS = pytest.mark.parametrize("product", [Consul, Nomad])
THEIR_KEY = "Q0FOQVJZLWZvcmVpZ24ta2V5LTAxMjM0NTY3ODkwMTI="
NOT_FOUND = 'id "gone" was not found in the Raft configuration'


def _peer_row(node: str, **change: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    row = {"ID": "id1", "Node": node, "Address": "10.100.0.2:8300", "Leader": False, "Voter": True}
    return row | {"ProtocolVersion": "3"} | change


@pytest.mark.parametrize(
    ("product", "name"), [(Consul, "demo-consul-server-1"), (Nomad, "demo-nomad-server-1.global")]
)
def test_raft_peers_have_names_as_bakery_calls_them(product: type[Consul] | type[Nomad], name: str) -> None:
    rows = [
        _peer_row(name, Leader=True),
        _peer_row("(unknown)", ID="id2", Address="10.100.0.3:8300", Voter=False),
    ]
    agent = answer(product, "GET /v1/operator/raft/configuration", 200, {"Servers": rows, "Index": 7})
    assert agent.raft_peers() == (
        RaftPeer(id="id1", name=name.removesuffix(".global"), address="10.100.0.2", voter=True, leader=True),
        RaftPeer(id="id2", name="", address="10.100.0.3", voter=False, leader=False),
    )


@PRODUCTS
def test_without_a_leader_raft_is_read_stale(product: type[Consul] | type[Nomad]) -> None:
    agent = client_of(product)
    wire = put_wire(
        agent,
        {
            "GET /v1/operator/raft/configuration?stale": (200, {"Servers": [_peer_row("a")], "Index": 7}),
            "GET /v1/operator/raft/configuration": (500, "No cluster leader"),
        },
    )
    assert [peer.name for peer in agent.raft_peers(stale=True)] == ["a"]
    assert wire.asked == ["GET /v1/operator/raft/configuration?stale"]
    with pytest.raises(AgentError):
        agent.raft_peers()


def _health_row(name: str, **change: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    row: dict[str, Any] = {"ID": f"id-{name}", "Name": name, "Address": "10.100.0.2:8300", "SerfStatus": "alive"}
    row |= {"Version": "1.22.5", "Leader": False, "LastContact": "12ms", "LastTerm": 2, "LastIndex": 46}
    return row | {"Healthy": True, "Voter": True, "StableSince": "2026-01-01T00:00:00Z"} | change


@PRODUCTS
@pytest.mark.parametrize(("status", "healthy"), [(200, True), (429, False)])
def test_autopilot_answers_429_with_the_same_body(
    product: type[Consul] | type[Nomad],
    status: int,
    healthy: bool,  # noqa: FBT001
) -> None:
    rows = [
        _health_row("b", Healthy=healthy, SerfStatus="alive" if healthy else "failed", Voter=False),
        _health_row("a", Leader=True),
    ]
    body = {"Healthy": healthy, "FailureTolerance": 1, "Servers": rows}
    agent = answer(product, "GET /v1/operator/autopilot/health", status, body)
    leader = ServerHealth(
        id="id-a", name="a", address="10.100.0.2", alive=True, healthy=True, voter=True, leader=True
    )
    other = ServerHealth(
        id="id-b", name="b", address="10.100.0.2", alive=healthy, healthy=healthy, voter=False, leader=False
    )
    assert agent.autopilot() == Autopilot(healthy=healthy, failure_tolerance=1, servers=(leader, other))


@PRODUCTS
def test_autopilot_before_its_first_look_knows_no_server(product: type[Consul] | type[Nomad]) -> None:
    body = {"Healthy": False, "FailureTolerance": 0, "Servers": None}
    agent = answer(product, "GET /v1/operator/autopilot/health", 429, body)
    assert agent.autopilot() == Autopilot(healthy=False, failure_tolerance=0, servers=())


def test_a_rate_limit_is_not_autopilots_answer() -> None:
    """Consul's request limits answer 429 too, in plain text."""
    consul = answer(Consul, "GET /v1/operator/autopilot/health", 429, "rate limit exceeded")
    with pytest.raises(AgentError) as caught:
        consul.autopilot()
    assert caught.value.status == 429


def test_leadership_is_handed_over_in_each_products_words() -> None:
    consul, nomad = Consul(target()), Nomad(target(4646), region="global")
    consul_wire = put_wire(consul, {"POST /v1/operator/raft/transfer-leader?id=id2": (200, {"Success": True})})
    nomad_wire = put_wire(nomad, {"PUT /v1/operator/raft/transfer-leadership?id=id2": (200, {"Noop": False})})
    consul.transfer_leadership("id2")
    nomad.transfer_leadership("id2")
    assert len(consul_wire.asked) == len(nomad_wire.asked) == 1


def test_handing_leadership_to_the_leader_is_no_error() -> None:
    path = "POST /v1/operator/raft/transfer-leader?id=id1"
    answer(Consul, path, 500, "cannot transfer leadership to itself").transfer_leadership("id1")
    with pytest.raises(AgentError):
        answer(Consul, path, 500, "cannot find peer").transfer_leadership("id1")


@PRODUCTS
@pytest.mark.parametrize("told", [NOT_FOUND, f"rpc error: {NOT_FOUND}"])
def test_a_peer_that_is_not_there_is_removed_already(product: type[Consul] | type[Nomad], told: str) -> None:
    answer(product, "DELETE /v1/operator/raft/peer?id=gone", 500, told).remove_peer("gone")


@PRODUCTS
def test_a_peer_is_removed_by_id(product: type[Consul] | type[Nomad]) -> None:
    answer(product, "DELETE /v1/operator/raft/peer?id=id1", 200, "null").remove_peer("id1")


@PRODUCTS
@pytest.mark.parametrize(("status", "told"), [(500, "No cluster leader"), (403, "Permission denied")])
def test_another_refusal_of_a_removal_is_an_error(
    product: type[Consul] | type[Nomad], status: int, told: str
) -> None:
    agent = answer(product, "DELETE /v1/operator/raft/peer?id=id1", status, told)
    with pytest.raises(AgentError) as caught:
        agent.remove_peer("id1")
    assert (caught.value.status, caught.value.details) == (status, told)
    assert f"refused DELETE /v1/operator/raft/peer ({status})" in caught.value.message


def test_a_failed_member_is_struck_by_name() -> None:
    consul, nomad = Consul(target()), Nomad(target(4646), region="global")
    put_wire(consul, {"PUT /v1/agent/force-leave/demo-a-1?prune": (200, "null")})
    put_wire(nomad, {"PUT /v1/agent/force-leave?node=demo-a-1.global&prune=true": (200, "null")})
    consul.force_leave("demo-a-1")
    nomad.force_leave("demo-a-1")


def test_a_member_that_is_not_known_is_struck_already() -> None:
    path = "PUT /v1/agent/force-leave/demo-a-1?prune"
    answer(Consul, path, 500, "agent: No node found with name 'demo-a-1'").force_leave("demo-a-1")
    with pytest.raises(AgentError):
        answer(Consul, path, 500, "timed out broadcasting node removal").force_leave("demo-a-1")


def _ring(keys: dict[str, int], *, wan: bool = False, nodes: int = 9) -> dict[str, Any]:
    return {"WAN": wan, "Datacenter": "demo", "Segment": "", "Keys": keys, "PrimaryKeys": keys, "NumNodes": nodes}


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({OUR_KEY: 9}, GossipKeys(members=9, with_ours=9, others=0)),
        ({OUR_KEY: 9, THEIR_KEY: 1}, GossipKeys(members=9, with_ours=9, others=1)),
        ({OUR_KEY: 8, THEIR_KEY: 9}, GossipKeys(members=9, with_ours=8, others=1)),
        ({THEIR_KEY: 9}, GossipKeys(members=9, with_ours=0, others=1)),
        ({}, GossipKeys(members=9, with_ours=0, others=0)),
    ],
)
def test_gossip_keys_are_compared_and_not_shown(keys: dict[str, int], expected: GossipKeys) -> None:
    wan = _ring({THEIR_KEY: 3}, wan=True, nodes=3)
    consul = answer(Consul, "GET /v1/operator/keyring?local-only=true&relay-factor=2", 200, [wan, _ring(keys)])
    nomad = answer(Nomad, "GET /v1/agent/keyring/list", 200, {"Messages": {}, "Keys": keys, "NumNodes": 9})
    for agent in (consul, nomad):
        assert agent.gossip_keys() == expected
        assert OUR_KEY not in repr(agent.gossip_keys())


def test_a_silent_member_is_counted_and_the_others_keys_are_withheld() -> None:
    """Both then answer 500 and show no keys."""
    nomad = answer(Nomad, "GET /v1/agent/keyring/list", 500, "3/4 nodes reported success")
    assert nomad.gossip_keys() == GossipKeys(members=4, with_ours=0, others=0, silent=1)
    said = "1 error occurred:\n\t* demo (LAN) error: 8/9 nodes reported success\n\n"
    consul = answer(Consul, "GET /v1/operator/keyring?local-only=true&relay-factor=2", 500, said)
    assert consul.gossip_keys() == GossipKeys(members=9, with_ours=0, others=0, silent=1)


def test_no_gossip_key_is_in_an_error_or_a_repr() -> None:
    told = f"rpc error {OUR_KEY} {TOKEN}"
    nomad = answer(Nomad, "GET /v1/agent/keyring/list", 500, told)
    with pytest.raises(AgentError) as caught:
        nomad.gossip_keys()
    assert caught.value.details == "rpc error *** ***"
    strange = answer(Consul, "GET /v1/operator/keyring?local-only=true&relay-factor=2", 200, [{THEIR_KEY: 1}])
    with pytest.raises(AgentError) as caught:
        strange.gossip_keys()
    assert THEIR_KEY not in repr(caught.value)
    assert OUR_KEY not in repr(target())
    reply = answer(Nomad, "GET /v1/agent/keyring/list", 200, {"Keys": {THEIR_KEY: 1}})._http.call(
        "GET", "/v1/agent/keyring/list"
    )
    assert THEIR_KEY not in repr(reply)


def test_an_agent_leaves_a_node_is_deregistered_a_token_deleted() -> None:
    consul = Consul(target())
    wire = put_wire(
        consul,
        {
            "PUT /v1/agent/leave": (200, "null"),
            "PUT /v1/catalog/deregister": (200, "true"),
            "DELETE /v1/acl/token/acc": (200, "true"),
        },
    )
    consul.leave()
    consul.deregister_node("demo-a-1")
    consul.delete_token("acc")
    assert json.loads(wire.requests[1].body or b"") == {"Node": "demo-a-1"}
    assert len(wire.requests) == 3


@pytest.mark.parametrize("knows_us", [True, False])
def test_a_token_that_does_not_exist_is_deleted_already_unless_it_is_ours(knows_us: bool) -> None:  # noqa: FBT001
    """Consul answers 404 "Cannot find token to delete" too if it does not know the token that asks."""
    management = {"AccessorID": "a", "Policies": [{"ID": "00000000-0000-0000-0000-000000000001", "Name": "g"}]}
    consul = Consul(target())
    put_wire(
        consul,
        {
            "DELETE /v1/acl/token/acc": (404, "Cannot find token to delete"),
            "GET /v1/acl/token/self": (200, management) if knows_us else (403, "ACL not found"),
        },
    )
    if knows_us:
        consul.delete_token("acc")
        return
    with pytest.raises(AgentError) as caught:
        consul.delete_token("acc")
    assert caught.value.message.endswith("does not accept the cluster's management token")


def test_a_client_gets_work_again_in_one_write() -> None:
    nomad = Nomad(target(4646), region="global")
    wire = put_wire(nomad, {"POST /v1/node/id-1/drain": (200, {"NodeModifyIndex": 1})})
    nomad.set_eligible("id-1")
    assert json.loads(wire.requests[0].body or b"") == {"DrainSpec": None, "MarkEligible": True}


def test_a_client_is_purged_and_an_unknown_one_was() -> None:
    path = "POST /v1/node/id-1/purge"
    answer(Nomad, path, 200, {"EvalIDs": []}).purge("id-1")
    answer(Nomad, path, 500, "node not found").purge("id-1")
    with pytest.raises(AgentError):
        answer(Nomad, path, 500, "No cluster leader").purge("id-1")
