"""The adapter to Nomad's HTTP API, tested against 1.11.3."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from bakery.agents import nomad_acl
from bakery.agents.allocations import read_allocation, read_listed_allocation
from bakery.agents.bootstrap import bootstrap_acl
from bakery.agents.build import read_version
from bakery.agents.handshake import read_dates
from bakery.agents.jobs import read_job_status
from bakery.agents.jwks import read_signing_keys
from bakery.agents.keyring import compare_keys, read_keys
from bakery.agents.model import (
    AclPolicy,
    Allocation,
    Autopilot,
    CertificateDates,
    Evaluation,
    GossipKeys,
    JobStatus,
    ListedToken,
    Member,
    NomadNode,
    RaftPeer,
    Resources,
    SigningKey,
    Target,
    TokenGrant,
)
from bakery.agents.monitor import follow, read_journal
from bakery.agents.placement import read_evaluation, read_free_resources
from bakery.agents.raft import read_autopilot, read_min_quorum, read_raft_peers, remove_peer, set_min_quorum
from bakery.agents.transport import JOIN_SECONDS, PARALLEL, AgentHttp, text

_JOBS = 500
"""Jobs that one list has at most."""
_BAD_REQUEST, _FORBIDDEN, _NOT_FOUND, _FAILED = 400, 403, 404, 500


class Nomad:
    """Implements :class:`bakery.agents.interface.NomadApi`.

    ``region`` is Nomad's region, which Nomad appends to its servers' names. The client caches the
    ``consul.version`` of nodes that have one, so that a later poll reads only the other nodes.
    """

    def __init__(self, target: Target, *, region: str) -> None:
        self._http = AgentHttp(target, product="Nomad", token_header="X-Nomad-Token")  # noqa: S106 - a header's name
        self._gossip_key = target.gossip_key
        self._target = target
        self._suffix = f".{region}"
        self._consul_versions: dict[str, str] = {}

    def certificate(self) -> CertificateDates:
        return read_dates(self._target)

    def leader(self) -> str:
        # Without "stale" a server that sees no leader keeps the request for 5 s (hashicorp/nomad nomad/rpc.go,
        # getLeaderForRPC; nomad/config.go, RPCHoldTimeout).
        return self._http.read("/v1/status/leader?stale", text)

    def members(self) -> tuple[Member, ...]:
        return self._http.read("/v1/agent/members", lambda value: tuple(map(self._member, value["Members"])))

    def nodes(self) -> tuple[NomadNode, ...]:
        listed = self._http.read("/v1/nodes", lambda value: tuple(map(_node, value)))
        self._read_consul_versions([node.id for node in listed if node.status == "ready"])
        return tuple(replace(node, consul_version=self._consul_versions.get(node.id)) for node in listed)

    def raft_peers(self, *, stale: bool = False) -> tuple[RaftPeer, ...]:
        return read_raft_peers(self._http, stale=stale, short=self._short)

    def autopilot(self) -> Autopilot:
        return read_autopilot(self._http, short=self._short)

    def min_quorum(self) -> int:
        return read_min_quorum(self._http)

    def set_min_quorum(self, voters: int) -> bool:
        return set_min_quorum(self._http, voters)

    def transfer_leadership(self, peer_id: str) -> None:
        """Transfer leadership; Nomad ignores the leader's own id.

        Source: nomad/operator_endpoint.go, TransferLeadershipToPeer.
        """
        self._http.call("PUT", f"/v1/operator/raft/transfer-leadership?id={quote(peer_id, safe='')}")

    def remove_peer(self, peer_id: str) -> None:
        remove_peer(self._http, peer_id)

    def force_leave(self, name: str) -> None:
        """Remove a gossip member; Nomad accepts unknown names (command/agent/agent_endpoint.go)."""
        self._http.call("PUT", f"/v1/agent/force-leave?node={quote(f'{name}{self._suffix}', safe='')}&prune=true")

    def join(self, addresses: Sequence[str]) -> int:
        # hashicorp/nomad command/agent/agent_endpoint.go, AgentJoinRequest: it checks no token
        query = "&".join(f"address={quote(address, safe='')}" for address in addresses)
        seconds = JOIN_SECONDS * len(addresses)
        reply = self._http.call("PUT", f"/v1/agent/join?{query}", read_seconds=seconds)
        return self._http.parse(reply, "PUT /v1/agent/join", lambda value: int(value["num_joined"]))

    def gossip_keys(self) -> GossipKeys:
        # hashicorp/nomad command/agent/agent_endpoint.go, KeyringOperationRequest
        def compare(value: Mapping[str, Any]) -> GossipKeys:
            return compare_keys(value["Keys"], members=value["NumNodes"], expected=self._gossip_key)

        return read_keys(self._http, "/v1/agent/keyring/list", compare)

    def bootstrap_acl(self, secret: str) -> bool:
        # hashicorp/nomad nomad/acl_endpoint.go, ACL.Bootstrap
        return bootstrap_acl(
            self._http, "POST", secret, refused=_BAD_REQUEST, already="ACL bootstrap already done"
        )

    def has_management_token(self) -> bool:
        return self._http.read("/v1/acl/token/self", _is_management, accept=frozenset({_FORBIDDEN, _NOT_FOUND}))

    def accepts_token(self) -> bool:
        # Stale, or a follower passes the question on to the leader, and says nothing of what it knows itself.
        refused = frozenset({_FORBIDDEN, _NOT_FOUND})
        return self._http.call("GET", "/v1/acl/token/self?stale=true", accept=refused).status not in refused

    def denies_anonymous(self) -> bool:
        accept = frozenset({_FORBIDDEN})
        return self._http.call("GET", "/v1/nodes?per_page=1", anonymous=True, accept=accept).status == _FORBIDDEN

    def create_introduction(self, *, name: str, pool: str) -> str:
        # hashicorp/nomad command/agent/acl_endpoint.go, ACLCreateClientIntroductionTokenRequest; the servers'
        # configuration has the life of the token.
        path = "/v1/acl/identity/client-introduction-token"
        reply = self._http.call("PUT", path, {"NodeName": name, "NodePool": pool})
        return self._http.parse(reply, f"PUT {path}", lambda value: text(value["JWT"]))

    def drain(self, node_id: str, *, seconds: int) -> None:
        # https://developer.hashicorp.com/nomad/api-docs/nodes#drain-node: Deadline is in nanoseconds
        spec = {"Deadline": seconds * 1_000_000_000, "IgnoreSystemJobs": False}
        self._http.call("POST", f"{_path(node_id)}/drain", {"DrainSpec": spec, "MarkEligible": False})

    def set_ineligible(self, node_id: str) -> None:
        # https://developer.hashicorp.com/nomad/api-docs/nodes#toggle-node-eligibility
        body = {"NodeID": node_id, "Eligibility": "ineligible"}
        self._http.call("POST", f"{_path(node_id)}/eligibility", body)

    def set_eligible(self, node_id: str) -> None:
        # hashicorp/nomad nomad/state/state_store.go, updateNodeDrainImpl: no drain and eligible, in one write.
        self._http.call("POST", f"{_path(node_id)}/drain", {"DrainSpec": None, "MarkEligible": True})

    def cancel_drain(self, node_id: str) -> None:
        self._http.call("POST", f"{_path(node_id)}/drain", {"DrainSpec": None, "MarkEligible": False})

    def purge(self, node_id: str) -> None:
        # hashicorp/nomad nomad/node_endpoint.go, deregister
        self._http.call_unless_done("POST", f"{_path(node_id)}/purge", refused=_FAILED, already="node not found")

    def allocations(self, node_id: str) -> tuple[Allocation, ...]:
        return self._http.read(f"{_path(node_id)}/allocations", lambda value: tuple(map(read_allocation, value)))

    def job_allocations(self, job: str, namespace: str) -> tuple[Allocation, ...]:
        path = _job_path(job, "allocations", namespace)
        return self._http.read(path, lambda value: tuple(map(read_listed_allocation, value)))

    def evaluations(self, job: str, namespace: str) -> tuple[Evaluation, ...]:
        path = _job_path(job, "evaluations", namespace)
        return self._http.read(path, lambda value: tuple(map(read_evaluation, value)))

    def job_statuses(self) -> tuple[JobStatus, ...]:
        path = f"/v1/jobs/statuses?namespace=*&per_page={_JOBS}"
        return self._http.read(path, lambda value: tuple(map(read_job_status, value or ())))

    def free_resources(self) -> dict[str, Resources]:
        nodes = self._http.read("/v1/nodes?resources=true", list)
        path = "/v1/allocations?resources=true&namespace=*"
        return self._http.read(path, lambda value: read_free_resources(nodes, value))

    def host_volumes(self, node_id: str) -> tuple[str, ...]:
        # Nomad before 1.10 has no dynamic host volumes, and answers null.
        path = f"/v1/volumes?type=host&namespace=*&node_id={quote(node_id, safe='')}"
        return self._http.read(path, lambda value: tuple(sorted(row["Name"] for row in value or ())))

    def signing_keys(self) -> tuple[SigningKey, ...]:
        return read_signing_keys(self._http)

    def follow_log(self, level: str, *, seconds: float | None, client: str | None = None) -> Iterator[str]:
        node = "" if client is None else f"&node_id={quote(client, safe='')}"
        path = f"/v1/agent/monitor?plain=true&log_level={quote(level, safe='')}{node}"
        return follow(self._http, path, seconds=seconds, answers_at_once=False)

    def read_journal(self, unit: str, *, seconds: int, follow: bool, client: str | None = None) -> Iterator[str]:
        # hashicorp/nomad command/agent/agent_endpoint.go, AgentMonitorExport
        node = "" if client is None else f"&node_id={quote(client, safe='')}"
        query = f"service_name={quote(unit, safe='')}&logs_since={seconds}s&follow={str(follow).lower()}"
        return read_journal(self._http, f"/v1/agent/monitor/export?plain=true&{query}{node}", follow=follow)

    def has_namespace(self, name: str) -> bool:
        return nomad_acl.has_namespace(self._http, name)

    def longest_token_seconds(self) -> int:
        return nomad_acl.longest_token_seconds(self._http)

    def put_policy(self, policy: AclPolicy) -> None:
        nomad_acl.put_policy(self._http, policy)

    def list_tokens(self) -> tuple[ListedToken, ...]:
        return nomad_acl.list_tokens(self._http)

    def create_token(self, grant: TokenGrant, *, seconds: int) -> str:
        return nomad_acl.create_token(self._http, grant, seconds=seconds)

    def delete_token(self, accessor: str) -> None:
        nomad_acl.delete_token(self._http, accessor)

    def _member(self, row: Mapping[str, Any]) -> Member:
        version = read_version((row.get("Tags") or {}).get("build"))
        return Member(name=self._short(row["Name"]), address=row["Addr"], status=row["Status"], version=version)

    def _short(self, name: str) -> str:
        """Return the name without the region: Nomad's members are called NAME.REGION."""
        return name.removesuffix(self._suffix)

    def _read_consul_versions(self, nodes: Sequence[str]) -> None:
        """Read the versions node by node: the list of nodes does not have it.

        Source: hashicorp/nomad nomad/structs/structs.go, Node.Stub.
        """
        unread = [node for node in nodes if node not in self._consul_versions]
        with ThreadPoolExecutor(max_workers=PARALLEL) as pool:
            for node, version in zip(unread, pool.map(self._consul_version, unread), strict=True):
                if version:
                    self._consul_versions[node] = version

    def _consul_version(self, node: str) -> str | None:
        return self._http.read(_path(node), _version_attribute, accept=frozenset({_NOT_FOUND}))


def _path(node_id: str) -> str:
    """Return the node's path.

    The id is quoted: the client chooses it itself (nomad/node_endpoint.go, Register).
    """
    return f"/v1/node/{quote(node_id, safe='')}"


def _job_path(job: str, what: str, namespace: str) -> str:
    """Return a path of the job, whose id may contain slashes."""
    return f"/v1/job/{quote(job, safe='')}/{what}?namespace={quote(namespace, safe='')}"


def _node(row: Mapping[str, Any]) -> NomadNode:
    drivers = row.get("Drivers") or {}
    return NomadNode(
        id=row["ID"],
        name=row["Name"],
        address=row["Address"],
        status=row["Status"],
        eligible=row["SchedulingEligibility"] == "eligible",
        consul_version=None,
        drivers={name: bool(info["Healthy"]) for name, info in drivers.items() if info and info["Detected"]},
        draining=bool(row.get("Drain")),
        version=read_version(row.get("Version")),
        last_drain=(row.get("LastDrain") or {}).get("Status") or "",
        datacenter=row.get("Datacenter") or "",
        pool=row.get("NodePool") or "default",
    )


def _version_attribute(value: Mapping[str, Any] | None) -> str | None:
    version = ((value or {}).get("Attributes") or {}).get("consul.version")
    return None if version is None else str(version)


def _is_management(value: Mapping[str, Any] | None) -> bool:
    return value is not None and value["Type"] == "management"  # 403 and 404 come with plain text
