"""What passed for healthy and was not: each way in which a cluster lost its quorum, its data or its secrets.

Every case leaves the names right, which is all that was looked at once.
"""

from collections.abc import Callable
from dataclasses import replace

import pytest

from bakery.agents.model import Member
from bakery.errors import AgentError
from bakery.observe.health import observe_cluster
from bakery.observe.model import ClusterReport, ConditionState
from tests.helpers.fake_agents import FakeCluster, healthy_cluster, make_droplet, make_peer

Break = Callable[[FakeCluster], None]
STRANGE = "10.100.0.66"


def _observe(cluster: FakeCluster) -> ClusterReport:
    return observe_cluster(cluster.plan, cluster.droplets, cluster.clients)


def _successor(cluster: FakeCluster, number: int) -> None:
    """The droplet was destroyed and made again: same name, another address; the agents know only the dead one."""
    old = cluster.droplets[number]
    cluster.droplets[number] = replace(old, id=70 + number, private_ipv4=f"10.100.0.{70 + number}")


def _dead_consul_namesake(cluster: FakeCluster) -> None:
    _successor(cluster, 1)


def _dead_nomad_namesake(cluster: FakeCluster) -> None:
    _successor(cluster, 3)


def _dead_client_namesake(cluster: FakeCluster) -> None:
    _successor(cluster, 5)


def _no_vote(cluster: FakeCluster) -> None:
    """A server that has just joined follows and does not count for the quorum."""
    *others, last = cluster.consul.raft
    cluster.consul.raft = (*others, replace(last, voter=False))


def _no_nomad_vote(cluster: FakeCluster) -> None:
    cluster.nomad.raft = (replace(cluster.nomad.raft[0], voter=False),)


def _dead_peer_instead(cluster: FakeCluster) -> None:
    """As many peers as planned, and one of them is the destroyed server."""
    dead = make_peer(Member(name="demo-consul-server-3", address="10.100.0.33", status="failed"))
    cluster.consul.raft = (*cluster.consul.raft[:2], dead)


def _dead_nomad_peer(cluster: FakeCluster) -> None:
    dead = make_peer(Member(name="demo-nomad-server-2", address="10.100.0.44", status="failed"))
    cluster.nomad.raft = (*cluster.nomad.raft, dead)


def _lagging(cluster: FakeCluster) -> None:
    cluster.nomad.lagging = {"demo-nomad-server-1"}


def _left(cluster: FakeCluster) -> None:
    cluster.nomad.pool = (replace(cluster.nomad.pool[0], status="left"),)


def _stranger_client(cluster: FakeCluster) -> None:
    rogue = replace(cluster.nomad.clients[0], id="rogue", name="demo-nomad-client-9", address=STRANGE)
    cluster.nomad.clients = (*cluster.nomad.clients, rogue)


def _stranger_member(cluster: FakeCluster) -> None:
    cluster.consul.pool = (*cluster.consul.pool, Member(name="rogue", address=STRANGE, status="alive"))


def _stranger_server(cluster: FakeCluster) -> None:
    cluster.nomad.pool = (*cluster.nomad.pool, Member(name="rogue", address=STRANGE, status="alive"))


def _key_rotated_away(cluster: FakeCluster) -> None:
    cluster.consul.other_keys, cluster.consul.without_our_key = 1, 6


def _second_nomad_key(cluster: FakeCluster) -> None:
    cluster.nomad.other_keys = 2


def _old_namesake_in_catalog(cluster: FakeCluster) -> None:
    """Consul refuses the successor's entry while the old one passes ("Node name is reserved")."""
    nodes = cluster.consul.catalog
    cluster.consul.catalog = (*nodes[:5], replace(nodes[5], address="10.100.0.96"))


CAUSES: dict[str, tuple[Break, dict[str, str]]] = {
    "a Consul server's dead namesake": (
        _dead_consul_namesake,
        {
            "consul-members": "demo-consul-server-2: alive at 10.100.0.2, and its droplet is at 10.100.0.71",
            "consul-peers": "demo-consul-server-2: no Raft peer of Consul; "
            "stranger demo-consul-server-2 at 10.100.0.2 is a Raft peer",
            "consul-catalog": "demo-consul-server-2: Consul's catalog has it at 10.100.0.2, "
            "its droplet is at 10.100.0.71",
            "strangers": "Consul member demo-consul-server-2 at 10.100.0.2 is not a droplet of the cluster",
        },
    ),
    "a Nomad server's dead namesake": (
        _dead_nomad_namesake,
        {
            "consul-members": "demo-nomad-server-1: alive at 10.100.0.4, and its droplet is at 10.100.0.73",
            "nomad-servers": "demo-nomad-server-1: alive at 10.100.0.4, and its droplet is at 10.100.0.73",
            "nomad-peers": "demo-nomad-server-1: no Raft peer of Nomad; "
            "stranger demo-nomad-server-1 at 10.100.0.4 is a Raft peer",
            "consul-catalog": "demo-nomad-server-1: Consul's catalog has it at 10.100.0.4, "
            "its droplet is at 10.100.0.73",
            "strangers": "Consul member demo-nomad-server-1 at 10.100.0.4 is not a droplet of the cluster; "
            "Nomad server demo-nomad-server-1 at 10.100.0.4 is not a droplet of the cluster",
        },
    ),
    "a Nomad client's dead namesake": (
        _dead_client_namesake,
        {
            "consul-members": "demo-nomad-client-2: alive at 10.100.0.6, and its droplet is at 10.100.0.75",
            "consul-catalog": "demo-nomad-client-2: Consul's catalog has it at 10.100.0.6, "
            "its droplet is at 10.100.0.75",
            "nomad-clients": "demo-nomad-client-2: ready at 10.100.0.6, its droplet is at 10.100.0.75",
            "strangers": "Consul member demo-nomad-client-2 at 10.100.0.6 is not a droplet of the cluster; "
            "Nomad client demo-nomad-client-2 at 10.100.0.6 is not a droplet of the cluster",
        },
    ),
    "a Consul server without a vote": (
        _no_vote,
        {"consul-peers": "demo-consul-server-3: a Raft peer that does not vote yet"},
    ),
    "a Nomad server without a vote": (
        _no_nomad_vote,
        {"nomad-peers": "demo-nomad-server-1: a Raft peer that does not vote yet"},
    ),
    "a dead Consul peer in a planned one's place": (
        _dead_peer_instead,
        {
            "consul-peers": "demo-consul-server-3: no Raft peer of Consul; "
            "dead peer demo-consul-server-3 at 10.100.0.33",
            "consul-autopilot": "Consul's autopilot says unhealthy: demo-consul-server-3 at 10.100.0.33",
        },
    ),
    "a dead Nomad peer": (
        _dead_nomad_peer,
        {
            "nomad-peers": "dead peer demo-nomad-server-2 at 10.100.0.44",
            "nomad-autopilot": "Nomad's autopilot says unhealthy: demo-nomad-server-2 at 10.100.0.44",
        },
    ),
    "a Nomad server that lags behind": (
        _lagging,
        {
            "nomad-peers": "demo-nomad-server-1: unhealthy according to Nomad's autopilot",
            "nomad-autopilot": "Nomad's autopilot says unhealthy: demo-nomad-server-1 at 10.100.0.4",
        },
    ),
    "a Nomad server that left and is still a peer": (
        _left,
        {
            "nomad-servers": "demo-nomad-server-1: left",
            "nomad-peers": "demo-nomad-server-1: unhealthy according to Nomad's autopilot",
            "nomad-autopilot": "Nomad's autopilot says unhealthy: demo-nomad-server-1 at 10.100.0.4",
        },
    ),
    "a stranger among the Nomad clients": (
        _stranger_client,
        {"strangers": "Nomad client demo-nomad-client-9 at 10.100.0.66 is not a droplet of the cluster"},
    ),
    "a stranger among the Consul members": (
        _stranger_member,
        {"strangers": "Consul member rogue at 10.100.0.66 is not a droplet of the cluster"},
    ),
    "a stranger among the Nomad servers": (
        _stranger_server,
        {"strangers": "Nomad server rogue at 10.100.0.66 is not a droplet of the cluster"},
    ),
    "Consul's gossip key rotated away": (
        _key_rotated_away,
        {
            "keyrings": "6 of 6 Consul members lack the cluster's gossip key; "
            "another gossip key is installed on Consul's members"
        },
    ),
    "further gossip keys in Nomad": (
        _second_nomad_key,
        {"keyrings": "2 other gossip keys are installed on Nomad's members"},
    ),
    "the namesake's entry in Consul's catalog": (
        _old_namesake_in_catalog,
        {
            "consul-catalog": "demo-nomad-client-2: Consul's catalog has it at 10.100.0.96, "
            "its droplet is at 10.100.0.6"
        },
    ),
}


@pytest.mark.parametrize("cause", CAUSES)
def test_it_is_not_healthy_and_the_culprit_is_named(cause: str) -> None:
    breakage, expected = CAUSES[cause]
    cluster = healthy_cluster()
    assert _observe(cluster).healthy, "control"
    breakage(cluster)
    report = _observe(cluster)
    assert not report.healthy
    assert {unmet.name: unmet.message for unmet in report.missing} == expected
    assert {unmet.state for unmet in report.missing} == {ConditionState.MISSING}


def test_a_server_beyond_the_plan_is_named_as_a_droplet_of_ours() -> None:
    cluster = healthy_cluster()
    member = Member(name="demo-consul-server-4", address="10.100.0.40", status="alive")
    cluster.droplets.append(make_droplet(40, member.name, ("bakery:demo", "bakery:demo:role:consul-server")))
    cluster.consul.pool = (*cluster.consul.pool, member)
    cluster.consul.raft = (*cluster.consul.raft, make_peer(member))
    report = _observe(cluster)
    assert {unmet.name: unmet.message for unmet in report.missing} == {
        "consul-peers": "droplet demo-consul-server-4 is not in the plan, but is a Raft peer"
    }
    assert (report.nodes[-1].consul, report.nodes[-1].consul_voter) == ("alive", True)


def test_a_peer_of_another_name_at_a_planned_address_is_not_the_planned_one() -> None:
    cluster = healthy_cluster()
    other = Member(name="somebody", address="10.100.0.3", status="alive")
    cluster.consul.pool = (*cluster.consul.pool, other)
    cluster.consul.raft = (*cluster.consul.raft[:2], make_peer(other))
    report = _observe(cluster)
    assert {unmet.name: unmet.message for unmet in report.missing} == {
        "consul-peers": "demo-consul-server-3: the Raft peer at 10.100.0.3 is called somebody",
        "strangers": "Consul member somebody at 10.100.0.3 is not a droplet of the cluster",
    }


def test_fewer_servers_than_the_file_wants_are_not_enough() -> None:
    """A launch of one role judges the nodes that exist; Raft must have all servers of the file even so."""
    cluster = healthy_cluster()
    gone = cluster.droplets.pop(2)
    cluster.plan = replace(cluster.plan, nodes=tuple(n for n in cluster.plan.nodes if n.name != gone.name))
    cluster.consul.raft, address = cluster.consul.raft[:2], gone.private_ipv4
    cluster.consul.pool = tuple(m for m in cluster.consul.pool if m.address != address)
    report = _observe(cluster)
    assert [unmet.message for unmet in report.missing] == ["2 of 3 planned Consul servers exist"]


def test_a_member_that_says_it_leaves_is_a_stranger() -> None:
    """Who has the gossip key can put its member into that state for good; Consul's catalog keeps it as passing."""
    cluster = healthy_cluster()
    stranger = Member(name="demo-nomad-server-7", address=STRANGE, status="leaving")
    cluster.consul.pool = (*cluster.consul.pool, stranger)
    assert not _observe(cluster).healthy


@pytest.mark.parametrize("status", ["failed", "left"])
def test_members_that_are_gone_are_no_strangers(status: str) -> None:
    cluster = healthy_cluster()
    gone = Member(name="demo-nomad-server-7", address=STRANGE, status=status)
    cluster.consul.pool = (*cluster.consul.pool, gone)
    cluster.nomad.pool = (*cluster.nomad.pool, gone)
    assert _observe(cluster).healthy


def _with_client(*, strict: bool = False, **change: str) -> FakeCluster:
    """A healthy cluster with one client more: a copy of the first, with these differences."""
    cluster = healthy_cluster()
    cluster.plan = replace(cluster.plan, introduces_clients=strict)
    one = replace(cluster.nomad.clients[0], **{"id": "other", "status": "down", **change})  # type: ignore[arg-type]
    cluster.nomad.clients = (*cluster.nomad.clients, one)
    return cluster


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("status", ["down", "disconnected"])
def test_a_silent_client_with_the_name_of_a_droplet_is_named(status: str, *, strict: bool) -> None:
    """A thief who fetched the node's introduction first registers one, reads, and falls silent."""
    report = _observe(_with_client(strict=strict, address=STRANGE, status=status))
    assert not report.healthy
    assert [unmet.message for unmet in report.missing] == [
        f"Nomad client demo-nomad-client-1 at 10.100.0.66, which is {status}, "
        "is not the client of the droplet with that name"
    ]
    assert _help(report) == (
        "another holder of the node's user-data may have registered that client, and have its tokens: "
        "bakery replace demo-nomad-client-1; then nomad operator api -X POST /v1/node/other/purge. "
        "Then: it can have read the secrets of the jobs: change them"
    )


def test_so_is_one_that_came_while_the_droplets_own_client_did_not() -> None:
    cluster = _with_client(strict=True, address=STRANGE)
    cluster.nomad.clients = cluster.nomad.clients[1:]
    assert [unmet.name for unmet in _observe(cluster).missing] == ["nomad-clients", "strangers"]


@pytest.mark.parametrize(("strict", "healthy"), [(True, False), (False, True)])
def test_a_silent_one_that_claims_the_droplets_address_is_named_where_a_client_registers_once(
    *, strict: bool, healthy: bool
) -> None:
    """Control: elsewhere the droplet may have been rebuilt, and its client has a new id."""
    assert _observe(_with_client(strict=strict, address="10.100.0.5")).healthy is healthy


def test_a_client_that_registers_and_sends_no_heartbeat_is_a_stranger() -> None:
    report = _observe(_with_client(address=STRANGE, status="initializing"))
    assert [unmet.name for unmet in report.missing] == ["strangers"]


@pytest.mark.parametrize("strict", [False, True])
def test_a_client_that_boots_again_is_no_stranger(*, strict: bool) -> None:
    """It keeps its id. The condition of the clients says that it is down."""
    cluster = _with_client(strict=strict)
    cluster.nomad.clients = cluster.nomad.clients[1:]
    assert [unmet.name for unmet in _observe(cluster).missing] == ["nomad-clients"]


@pytest.mark.parametrize("strict", [False, True])
def test_a_silent_client_without_a_droplet_is_named_where_only_introduced_ones_register(*, strict: bool) -> None:
    """It fails nothing: a droplet that was deleted by hand leaves one too, and so does an autoscale pool."""
    report = _observe(_with_client(strict=strict, name="demo-nomad-client-9", address=STRANGE))
    assert report.healthy
    named = "Nomad client demo-nomad-client-9 at 10.100.0.66, which is down, has no droplet"
    assert [unmet.message for unmet in report.missing] == ([named] if strict else [])
    if strict:
        assert _help(report) == (
            "if its droplet was deleted by other means than bakery, bakery launch removes what Nomad knows of it; "
            "if not, it can have read the secrets of the jobs: change them"
        )


def test_a_silent_client_is_named_by_its_name_and_not_by_the_address_that_it_claims() -> None:
    """Control: the client of a node made by hand has a name of its own, and the address of a droplet."""
    (named,) = _observe(_with_client(strict=True, name="rogue", address="10.100.0.5")).missing
    assert named.message == "Nomad client rogue at 10.100.0.5, which is down, has no droplet"
    by_hand = _with_client(strict=True, name="handmade", address="10.100.0.40")
    by_hand.droplets.append(make_droplet(40, "panel-droplet", ("bakery:demo", "bakery:demo:role:nomad-client")))
    assert _observe(by_hand).missing == ()


def test_a_node_made_by_hand_is_ours_by_its_droplets_address() -> None:
    cluster = healthy_cluster()
    cluster.droplets.append(make_droplet(40, "panel-droplet", ("bakery:demo", "bakery:demo:role:nomad-client")))
    member = Member(name="handmade", address="10.100.0.40", status="alive")
    cluster.consul.pool = (*cluster.consul.pool, member)
    cluster.nomad.clients = (
        *cluster.nomad.clients,
        replace(cluster.nomad.clients[0], id="40", name="handmade", address="10.100.0.40"),
    )
    report = _observe(cluster)
    assert report.healthy
    assert (report.nodes[-1].consul, report.nodes[-1].nomad) == ("alive", "ready")
    cluster.droplets.pop()
    assert [unmet.name for unmet in _observe(cluster).missing] == ["strangers"], "control: without the tag"


@pytest.mark.parametrize("name", ["demo-nomad-client-1", "rogue"])
def test_a_client_that_claims_the_address_of_one_of_ours_is_a_stranger(name: str) -> None:
    """A client says itself where it is."""
    cluster = healthy_cluster()
    rogue = replace(cluster.nomad.clients[0], id="zz", name=name)
    cluster.nomad.clients = (*cluster.nomad.clients, rogue)
    report = _observe(cluster)
    assert [unmet.message for unmet in report.missing] == [
        f"Nomad client {name} at 10.100.0.5 is not a droplet of the cluster"
    ]


def _help(report: ClusterReport) -> str:
    (unmet,) = report.missing
    assert unmet.help is not None
    return unmet.help


def test_a_strangers_help_says_what_to_do() -> None:
    cluster = healthy_cluster()
    _stranger_client(cluster)
    assert _help(_observe(cluster)) == (
        "if it is yours, give its droplet the tag bakery:demo; if not, destroy that machine, then "
        "nomad operator api -X POST /v1/node/rogue/purge. "
        "Then: a Nomad client can read the secrets of the jobs: change them"
    )
    cluster = healthy_cluster()
    _stranger_member(cluster)
    assert "consul force-leave -prune rogue. Then: a member knows the gossip key, which a running" in _help(
        _observe(cluster)
    )


def test_what_a_stranger_calls_itself_cannot_speak_to_the_terminal_or_the_shell() -> None:
    cluster = healthy_cluster()
    name = "x\x1b[2J; rm -rf ~\n"
    cluster.consul.pool = (*cluster.consul.pool, Member(name=name, address=STRANGE, status="alive"))
    report = _observe(cluster)
    assert report.missing[0].message == (
        "Consul member x?[2J; rm -rf ~? at 10.100.0.66 is not a droplet of the cluster"
    )
    assert "consul force-leave -prune 'x?[2J; rm -rf ~?'" in _help(report)


def test_help_with_keys_names_the_products_commands_and_holds_no_key() -> None:
    cluster = healthy_cluster()
    _second_nomad_key(cluster)
    assert _help(_observe(cluster)) == (
        "rotate back: nomad operator gossip keyring list, install KEY, use KEY, then remove every other key. "
        "KEY is nomad_gossip_key in the credentials of demo"
    )


def test_a_silent_member_leaves_the_keys_unknown_and_does_no_harm() -> None:
    """A Nomad server that was destroyed is asked for up to 45 s more; health must not wait for that."""
    cluster = healthy_cluster()
    cluster.nomad.silent = 1
    report = _observe(cluster)
    assert report.healthy
    assert [(unmet.name, unmet.state, unmet.message) for unmet in report.missing] == [
        (
            "keyrings",
            ConditionState.UNKNOWN,
            "not known: 1 of 2 members in Nomad's gossip did not answer; one may just have been deleted",
        )
    ]
    cluster.nomad.failures["gossip_keys"] = AgentError(message="Nomad refused", status=403)
    assert not _observe(cluster).healthy, "control: no answer at all is another thing"


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("status", ["ready", "down", "disconnected"])
@pytest.mark.parametrize(
    ("name", "address"), [("demo-consul-server-1", "10.100.0.1"), ("demo-nomad-server-1", "10.100.0.4")]
)
def test_a_client_that_calls_itself_like_a_server_is_named(
    *, name: str, address: str, status: str, strict: bool
) -> None:
    """A registered client may change its name and its address: no client runs on that droplet."""
    assert (name, address) in {(droplet.name, droplet.private_ipv4) for droplet in healthy_cluster().droplets}
    report = _observe(_with_client(strict=strict, name=name, address=address, status=status))
    assert "strangers" in [unmet.name for unmet in report.missing]


@pytest.mark.parametrize(("role", "strange"), [("consul-server", True), ("nomad-client", False), ("other", False)])
def test_a_droplet_made_by_hand_has_the_client_of_its_role(*, role: str, strange: bool) -> None:
    cluster = _with_client(name="handmade", address="10.100.0.40", status="ready")
    cluster.droplets.append(make_droplet(40, "panel-droplet", ("bakery:demo", f"bakery:demo:role:{role}")))
    named = [unmet.message for unmet in _observe(cluster).missing if unmet.name == "strangers"]
    assert bool(named) is strange
