"""The adapter to Consul's HTTP API, tested against 1.22.5."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from bakery.agents import identity, locks
from bakery.agents.bootstrap import bootstrap_acl
from bakery.agents.build import read_version
from bakery.agents.handshake import read_dates
from bakery.agents.keyring import compare_keys, read_keys
from bakery.agents.model import (
    AclPolicy,
    AclRole,
    AclToken,
    Autopilot,
    BindingRule,
    CatalogNode,
    CertificateDates,
    GossipKeys,
    JwtAuthMethod,
    ListedToken,
    LockHolder,
    Member,
    NodeIdentity,
    RaftPeer,
    Target,
    TokenGrant,
)
from bakery.agents.monitor import follow
from bakery.agents.raft import read_autopilot, read_min_quorum, read_raft_peers, remove_peer, set_min_quorum
from bakery.agents.transport import JOIN_SECONDS, AgentHttp, read_time, text

# Serf's member states by number (hashicorp/serf serf/serf.go, MemberStatus).
_SERF_STATUS = ("none", "alive", "leaving", "left", "failed")
# hashicorp/consul agent/structs/acl.go, ACLPolicyGlobalManagementID
_GLOBAL_MANAGEMENT = "00000000-0000-0000-0000-000000000001"
_FORBIDDEN, _NOT_FOUND, _FAILED = 403, 404, 500
_KEYRING = "/v1/operator/keyring?local-only=true&relay-factor=2"
LEAVE_SECONDS = 60.0
"""A server answers when it has left: it waits 5 s for its clients to use other servers, up to 5 s until Raft has
removed it, and for gossip (hashicorp/consul agent/consul/server.go, Leave)."""


class Consul:
    """Implements :class:`bakery.agents.interface.ConsulApi`."""

    def __init__(self, target: Target) -> None:
        self._http = AgentHttp(target, product="Consul", token_header="X-Consul-Token")  # noqa: S106 - a header's name
        self._gossip_key = target.gossip_key
        self._target = target

    def certificate(self) -> CertificateDates:
        return read_dates(self._target)

    def leader(self) -> str:
        return self._http.read("/v1/status/leader", text)

    def members(self) -> tuple[Member, ...]:
        return self._http.read("/v1/agent/members", lambda value: tuple(map(_member, value)))

    def catalog_nodes(self) -> tuple[CatalogNode, ...]:
        return self._http.read("/v1/catalog/nodes", lambda value: tuple(map(_catalog_node, value)))

    def passing_nodes(self) -> tuple[str, ...]:
        path = "/v1/health/state/passing?filter=CheckID%20%3D%3D%20%22serfHealth%22"
        return self._http.read(path, lambda value: tuple(row["Node"] for row in value))

    def passing_instances(self, service: str) -> tuple[str, ...]:
        path = f"/v1/health/service/{quote(service, safe='')}?passing"
        return self._http.read(path, lambda value: tuple(row["Node"]["Node"] for row in value))

    def service_tags(self) -> Mapping[str, tuple[str, ...]]:
        return self._http.read(
            "/v1/catalog/services", lambda value: {name: tuple(tags) for name, tags in value.items()}
        )

    def raft_peers(self, *, stale: bool = False) -> tuple[RaftPeer, ...]:
        return read_raft_peers(self._http, stale=stale, short=str)

    def autopilot(self) -> Autopilot:
        return read_autopilot(self._http, short=str)

    def min_quorum(self) -> int:
        return read_min_quorum(self._http)

    def set_min_quorum(self, voters: int) -> bool:
        return set_min_quorum(self._http, voters)

    def transfer_leadership(self, peer_id: str) -> None:
        path = f"/v1/operator/raft/transfer-leader?id={quote(peer_id, safe='')}"
        # hashicorp/raft raft.go, initiateLeadershipTransfer
        self._http.call_unless_done("POST", path, refused=_FAILED, already="cannot transfer leadership to itself")

    def remove_peer(self, peer_id: str) -> None:
        remove_peer(self._http, peer_id)

    def force_leave(self, name: str) -> None:
        # hashicorp/consul agent/consul/server_ce.go, removeFailedNode
        path = f"/v1/agent/force-leave/{quote(name, safe='')}?prune"
        self._http.call_unless_done("PUT", path, refused=_FAILED, already="No node found with name")

    def join(self, addresses: Sequence[str]) -> int:
        # hashicorp/consul agent/agent_endpoint.go, AgentJoin: one address, 500 if it does not answer
        accept = frozenset({_FAILED})
        paths = (f"/v1/agent/join/{quote(address, safe='')}" for address in addresses)
        replies = [self._http.call("PUT", path, accept=accept, read_seconds=JOIN_SECONDS) for path in paths]
        return sum(reply.status != _FAILED for reply in replies)

    def gossip_keys(self) -> GossipKeys:
        """Return the comparison of the members' keys with the expected one.

        Answers come by UDP; each is also relayed through two other members (serf's relay factor). With local-only
        the members of this datacenter are asked, and not its servers again in the pool of all datacenters
        (hashicorp/consul agent/consul/internal_endpoint.go, KeyringOperation).
        """
        return read_keys(self._http, _KEYRING, self._compare_keys)

    def leave(self) -> None:
        self._http.call("PUT", "/v1/agent/leave", read_seconds=LEAVE_SECONDS)

    def follow_log(self, level: str, *, seconds: float | None) -> Iterator[str]:
        path = f"/v1/agent/monitor?loglevel={quote(level, safe='')}"
        return follow(self._http, path, seconds=seconds, answers_at_once=True)

    def deregister_node(self, name: str) -> None:
        self._http.call("PUT", "/v1/catalog/deregister", {"Node": name})

    def bootstrap_acl(self, secret: str) -> bool:
        # hashicorp/consul agent/consul/acl_endpoint.go, ACL.BootstrapTokens
        return bootstrap_acl(
            self._http, "PUT", secret, refused=_FORBIDDEN, already="ACL bootstrap no longer allowed"
        )

    def has_management_token(self) -> bool:
        return self._http.read("/v1/acl/token/self", _is_management, accept=frozenset({_FORBIDDEN, _NOT_FOUND}))

    def accepts_token(self) -> bool:
        refused = frozenset({_FORBIDDEN, _NOT_FOUND})
        return self._http.call("GET", "/v1/acl/token/self", accept=refused).status not in refused

    def denies_anonymous(self) -> bool:
        # Needs agent:read, which the anonymous token has under default_policy "allow" only.
        accept = frozenset({_FORBIDDEN})
        return self._http.call("GET", "/v1/agent/self", anonymous=True, accept=accept).status == _FORBIDDEN

    def put_policy(self, policy: AclPolicy) -> bool:
        accept = frozenset({_NOT_FOUND})
        found = self._http.call("GET", f"/v1/acl/policy/name/{policy.name}", accept=accept)
        body = {"Name": policy.name, "Description": policy.description, "Rules": policy.rules}
        if found.status == _NOT_FOUND:
            self._http.call("PUT", "/v1/acl/policy", body)
            return True
        if all(found.value.get(key) == value for key, value in body.items()):
            return False
        self._http.call("PUT", f"/v1/acl/policy/{found.value['ID']}", body)
        return True

    def delete_policy(self, name: str) -> None:
        path = f"/v1/acl/policy/name/{quote(name, safe='')}"
        found = self._http.call("GET", path, accept=frozenset({_NOT_FOUND}))
        if found.status != _NOT_FOUND:
            self._http.call("DELETE", f"/v1/acl/policy/{found.value['ID']}")

    def list_tokens(self) -> tuple[ListedToken, ...]:
        return self._http.read("/v1/acl/tokens", lambda value: tuple(map(_listed_token, value)))

    def put_token(self, token: AclToken) -> None:
        body = _token_body(token)
        secrets = (token.secret,)
        accept = frozenset({_FAILED})
        reply = self._http.call("PUT", "/v1/acl/token", body, accept=accept, secrets=secrets)
        if reply.status != _FAILED:
            return
        # Creating a token whose accessor exists is refused; an update has another path
        # (hashicorp/consul agent/consul/auth/token_writer.go, Create and Update).
        if "AccessorID is already in use" not in reply.error_text:
            what = f"refused the token of {token.grant.description}"
            raise self._http.error(what=what, details=reply.error_text, status=reply.status)
        self._http.call("PUT", f"/v1/acl/token/{token.accessor}", body, secrets=secrets)

    def delete_token(self, accessor: str) -> None:
        path = f"/v1/acl/token/{quote(accessor, safe='')}"
        deleted = self._http.call_unless_done("DELETE", path, refused=_NOT_FOUND, already="Cannot find token")
        # Consul answers the same if it does not know the token of the request (agent/acl_endpoint.go,
        # ACLTokenDelete).
        if not deleted and not self.has_management_token():
            raise self._http.error(what="does not accept the cluster's management token", status=_NOT_FOUND)

    def put_role(self, role: AclRole) -> bool:
        return identity.put_role(self._http, role)

    def put_auth_method(self, method: JwtAuthMethod) -> bool:
        return identity.put_auth_method(self._http, method)

    def put_binding_rules(self, method: str, rules: Sequence[BindingRule]) -> int:
        return identity.put_binding_rules(self._http, method, rules)

    def jwt_keys(self, method: str) -> tuple[str, ...]:
        return identity.read_jwt_keys(self._http, method)

    def put_key(self, key: str, value: Mapping[str, str]) -> None:
        self._http.call("PUT", f"/v1/kv/{quote(key)}", dict(value), secrets=tuple(value.values()))

    def has_key(self, key: str) -> bool:
        # https://developer.hashicorp.com/consul/api-docs/kv#keys-response: all keys with that prefix
        path = f"/v1/kv/{quote(key)}?keys"
        reply = self._http.call("GET", path, accept=frozenset({_NOT_FOUND}))
        return reply.status != _NOT_FOUND and self._http.parse(reply, f"GET {path}", lambda keys: key in keys)

    def delete_key(self, key: str) -> None:
        # hashicorp/consul agent/consul/fsm/commands_ce.go, applyKVSOperation: an unknown key is not an error.
        self._http.call("DELETE", f"/v1/kv/{quote(key)}")

    def create_session(self, name: str, *, node: str, ttl_seconds: int) -> str:
        return locks.create_session(self._http, name, node=node, ttl_seconds=ttl_seconds)

    def renew_session(self, session: str) -> bool:
        return locks.renew_session(self._http, session)

    def destroy_session(self, session: str) -> None:
        locks.destroy_session(self._http, session)

    def acquire_lock(self, key: str, session: str, holder: str) -> bool:
        return locks.acquire_lock(self._http, key, session, holder)

    def release_lock(self, key: str, session: str) -> bool:
        return locks.release_lock(self._http, key, session)

    def lock_holder(self, key: str) -> LockHolder | None:
        return locks.lock_holder(self._http, key)

    def _compare_keys(self, value: Sequence[Mapping[str, Any]]) -> GossipKeys:
        """Compare the keys of the LAN pool; the reply has one entry per pool.

        Source: agent/structs/structs.go, KeyringResponse.
        """
        (lan,) = (ring for ring in value if not ring["WAN"])
        return compare_keys(lan["Keys"], members=lan["NumNodes"], expected=self._gossip_key)


def _member(row: Mapping[str, Any]) -> Member:
    return Member(
        name=row["Name"],
        address=row["Addr"],
        status=_SERF_STATUS[row["Status"]],
        version=read_version((row.get("Tags") or {}).get("build")),
    )


def _catalog_node(row: Mapping[str, Any]) -> CatalogNode:
    return CatalogNode(name=row["Node"], address=row["Address"])


def _is_management(value: Mapping[str, Any] | None) -> bool:
    if value is None:  # 403 and 404 come with plain text
        return False
    return any(policy["ID"] == _GLOBAL_MANAGEMENT for policy in value.get("Policies") or ())


def _listed_token(row: Mapping[str, Any]) -> ListedToken:
    nodes = row.get("NodeIdentities") or ()
    node = NodeIdentity(node=nodes[0]["NodeName"], datacenter=nodes[0]["Datacenter"]) if nodes else None
    policies = tuple(sorted(policy["Name"] for policy in row.get("Policies") or ()))
    grant = TokenGrant(description=row.get("Description", ""), policies=policies, node=node)
    return ListedToken(accessor=row["AccessorID"], grant=grant, expires=read_time(row.get("ExpirationTime")))


def _token_body(token: AclToken) -> dict[str, Any]:
    node = token.grant.node
    ends = {} if token.seconds is None else {"ExpirationTTL": f"{token.seconds}s"}
    return ends | {
        "AccessorID": token.accessor,
        "SecretID": token.secret,
        "Description": token.grant.description,
        "Policies": [{"Name": name} for name in token.grant.policies],
        "NodeIdentities": [{"NodeName": node.node, "Datacenter": node.datacenter}] if node else [],
        "Local": False,
    }
