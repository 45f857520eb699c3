"""Raft and autopilot, which Consul and Nomad answer in the same form: they share the libraries.

hashicorp/consul agent/operator_endpoint.go, agent/structs/operator.go;
hashicorp/nomad command/agent/operator_endpoint.go, nomad/structs/operator.go.
"""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from bakery.agents.model import Autopilot, RaftPeer, ServerHealth
from bakery.agents.transport import AgentHttp

# Both answer 429 when autopilot is not healthy, with the same body as for 200 (OperatorServerHealth).
_UNHEALTHY = 429
_FAILED = 500
# What both put where no member has the peer's address (RaftGetConfiguration).
_NO_MEMBER = "(unknown)"

ShortName = Callable[[str], str]
"""A member's name as bakery calls the node: without Nomad's region."""


def read_raft_peers(http: AgentHttp, *, stale: bool, short: ShortName) -> tuple[RaftPeer, ...]:
    path = "/v1/operator/raft/configuration" + ("?stale" if stale else "")
    return http.read(path, lambda value: tuple(_peer(row, short) for row in value["Servers"]))


def read_autopilot(http: AgentHttp, *, short: ShortName) -> Autopilot:
    accept = frozenset({_UNHEALTHY})
    return http.read("/v1/operator/autopilot/health", lambda value: _autopilot(value, short), accept=accept)


def remove_peer(http: AgentHttp, peer_id: str) -> None:
    """By id: Nomad refuses the address, and an address may have had another server before."""
    path = f"/v1/operator/raft/peer?id={quote(peer_id, safe='')}"
    http.call_unless_done("DELETE", path, refused=_FAILED, already="was not found in the Raft configuration")


def _peer(row: Mapping[str, Any], short: ShortName) -> RaftPeer:
    name = "" if row["Node"] == _NO_MEMBER else short(row["Node"])
    return RaftPeer(
        id=row["ID"], name=name, address=_host(row["Address"]), voter=row["Voter"], leader=row["Leader"]
    )


def _autopilot(value: Mapping[str, Any], short: ShortName) -> Autopilot:
    servers = [_server(row, short) for row in value["Servers"] or ()]  # null until autopilot's first look
    return Autopilot(
        healthy=value["Healthy"],
        failure_tolerance=value["FailureTolerance"],
        servers=tuple(sorted(servers, key=lambda server: (server.name, server.id))),
    )


def _server(row: Mapping[str, Any], short: ShortName) -> ServerHealth:
    return ServerHealth(
        id=row["ID"],
        name=short(row["Name"]),
        address=_host(row["Address"]),
        alive=row["SerfStatus"] == "alive",
        healthy=row["Healthy"],
        voter=row["Voter"],
        leader=row["Leader"],
    )


def _host(address: str) -> str:
    """``10.100.0.2`` of ``10.100.0.2:8300``."""
    return address.rpartition(":")[0]
