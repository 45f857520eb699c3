"""The adapter to Nomad's HTTP API, tested against 1.11.3."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from bakery.agents.bootstrap import bootstrap_acl
from bakery.agents.model import Member, NomadNode, Target
from bakery.agents.transport import PARALLEL, AgentHttp, text
from bakery.errors import AgentError

_BAD_REQUEST, _FORBIDDEN, _NOT_FOUND, _FAILED = 400, 403, 404, 500


class Nomad:
    """Implements :class:`bakery.agents.interface.NomadApi`.

    It remembers the ``consul.version`` of nodes that have one: only the others are read again in the next poll.
    """

    def __init__(self, target: Target) -> None:
        self._http = AgentHttp(target, product="Nomad", token_header="X-Nomad-Token")  # noqa: S106 - a header's name
        self._consul_versions: dict[str, str] = {}

    def leader(self) -> str:
        try:
            return self._http.read("/v1/status/leader", text)
        except AgentError as error:
            # hashicorp/nomad nomad/structs/errors.go, errNoLeader
            if error.status == _FAILED and "No cluster leader" in (error.details or ""):
                return ""
            raise

    def members(self) -> tuple[Member, ...]:
        return self._http.read("/v1/agent/members", lambda value: tuple(map(_member, value["Members"])))

    def nodes(self) -> tuple[NomadNode, ...]:
        listed = self._http.read("/v1/nodes", lambda value: tuple(map(_node, value)))
        self._read_consul_versions([node.id for node in listed if node.status == "ready"])
        return tuple(replace(node, consul_version=self._consul_versions.get(node.id)) for node in listed)

    def bootstrap_acl(self, secret: str) -> bool:
        # hashicorp/nomad nomad/acl_endpoint.go, ACL.Bootstrap
        return bootstrap_acl(
            self._http, "POST", secret, refused=_BAD_REQUEST, already="ACL bootstrap already done"
        )

    def has_management_token(self) -> bool:
        return self._http.read("/v1/acl/token/self", _is_management, accept=frozenset({_FORBIDDEN, _NOT_FOUND}))

    def denies_anonymous(self) -> bool:
        accept = frozenset({_FORBIDDEN})
        return self._http.call("GET", "/v1/nodes?per_page=1", anonymous=True, accept=accept).status == _FORBIDDEN

    def drain(self, node_id: str, *, seconds: int) -> None:
        # https://developer.hashicorp.com/nomad/api-docs/nodes#drain-node: Deadline is in nanoseconds
        spec = {"Deadline": seconds * 1_000_000_000, "IgnoreSystemJobs": False}
        self._http.call("POST", f"/v1/node/{node_id}/drain", {"DrainSpec": spec, "MarkEligible": False})

    def _read_consul_versions(self, nodes: Sequence[str]) -> None:
        """The list lacks attributes but for ``os.name`` (hashicorp/nomad nomad/structs/structs.go, Node.Stub)."""
        unread = [node for node in nodes if node not in self._consul_versions]
        with ThreadPoolExecutor(max_workers=PARALLEL) as pool:
            for node, version in zip(unread, pool.map(self._consul_version, unread), strict=True):
                if version:
                    self._consul_versions[node] = version

    def _consul_version(self, node: str) -> str | None:
        return self._http.read(f"/v1/node/{node}", _version_attribute, accept=frozenset({_NOT_FOUND}))


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
    )


def _version_attribute(value: Mapping[str, Any] | None) -> str | None:
    version = ((value or {}).get("Attributes") or {}).get("consul.version")
    return None if version is None else str(version)


def _member(row: Mapping[str, Any]) -> Member:
    region = row["Tags"].get("region", "global")
    return Member(name=row["Name"].removesuffix(f".{region}"), address=row["Addr"], status=row["Status"])


def _is_management(value: Mapping[str, Any] | None) -> bool:
    return value is not None and value["Type"] == "management"  # 403 and 404 come with plain text
