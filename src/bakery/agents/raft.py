"""Raft and autopilot: Consul and Nomad use the same libraries, and answer in the same form.

hashicorp/consul agent/operator_endpoint.go, agent/structs/operator.go;
hashicorp/nomad command/agent/operator_endpoint.go, nomad/structs/operator.go.
"""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from bakery.agents.model import Autopilot, RaftPeer, ServerHealth
from bakery.agents.transport import AgentHttp

# Both answer 429 if autopilot is not healthy, with the same body as for 200 (OperatorServerHealth).
_UNHEALTHY = 429
_OK, _FAILED = 200, 500
# The name that both give to a peer whose address no member has (RaftGetConfiguration).
_NO_MEMBER = "(unknown)"

_AUTOPILOT = "/v1/operator/autopilot/configuration"
_TRIES = 3

ShortName = Callable[[str], str]
"""Return a member's name without Nomad's region, as the plan has it."""


def read_raft_peers(http: AgentHttp, *, stale: bool, short: ShortName) -> tuple[RaftPeer, ...]:
    """Return the Raft configuration; with ``stale`` the asked server's copy."""
    path = "/v1/operator/raft/configuration" + ("?stale" if stale else "")
    return http.read(path, lambda value: tuple(_peer(row, short) for row in value["Servers"]))


def read_autopilot(http: AgentHttp, *, short: ShortName) -> Autopilot:
    """Return the servers' health, sorted by name."""
    accept = frozenset({_UNHEALTHY})
    return http.read("/v1/operator/autopilot/health", lambda value: _autopilot(value, short), accept=accept)


def read_min_quorum(http: AgentHttp) -> int:
    """Return autopilot's MinQuorum."""
    return http.read(_AUTOPILOT, _min_quorum)


def set_min_quorum(http: AgentHttp, voters: int) -> bool:
    """Send every setting back as read: PUT replaces all of them. ``cas`` refuses the write if one has changed.

    hashicorp/consul agent/operator_endpoint.go and hashicorp/nomad command/agent/operator_endpoint.go,
    OperatorAutopilotConfiguration.
    """
    for _ in range(_TRIES):
        reply = http.call("GET", _AUTOPILOT)
        if http.parse(reply, f"GET {_AUTOPILOT}", _min_quorum) == voters:
            return False
        settings = {**reply.value, "MinQuorum": voters}
        index = http.parse(reply, f"GET {_AUTOPILOT}", lambda value: int(value["ModifyIndex"]))
        if http.call("PUT", f"{_AUTOPILOT}?cas={index}", settings).value is True:
            return True
    what = f"refused autopilot's new settings: another client changed them {_TRIES} times"
    raise http.error(what=what, status=_OK)


def remove_peer(http: AgentHttp, peer_id: str) -> None:
    """Remove a peer by id: Nomad accepts no address, and an earlier server may have had the same address."""
    path = f"/v1/operator/raft/peer?id={quote(peer_id, safe='')}"
    http.call_unless_done("DELETE", path, refused=_FAILED, already="was not found in the Raft configuration")


def _min_quorum(value: Mapping[str, Any]) -> int:
    return int(value["MinQuorum"])


def _peer(row: Mapping[str, Any], short: ShortName) -> RaftPeer:
    name = "" if row["Node"] == _NO_MEMBER else short(row["Node"])
    return RaftPeer(
        id=row["ID"], name=name, address=_host(row["Address"]), voter=row["Voter"], leader=row["Leader"]
    )


def _autopilot(value: Mapping[str, Any], short: ShortName) -> Autopilot:
    servers = [_server(row, short) for row in value["Servers"] or ()]  # null until autopilot's first check
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
    """Return ``10.100.0.2`` of ``10.100.0.2:8300``."""
    return address.rpartition(":")[0]
