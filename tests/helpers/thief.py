"""A person with a copy of one node's whole user-data, against the agents of a RealCluster."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from bakery.agents.model import Target, TlsFiles
from bakery.agents.transport import AgentHttp
from bakery.config.model import Kind
from bakery.credentials.issue import issue_for_node
from bakery.credentials.model import Token
from bakery.errors import AgentError
from bakery.plan.model import Node
from tests.helpers.clusters import make_node
from tests.helpers.nomad_rpc import CONSUL_RAFT, CONSUL_TLS, NOMAD_RAFT, NOMAD_TLS, call, call_consul, keeps_open
from tests.helpers.real_agents import LOOPBACK, RealCluster, write_tls

NUMBER = 7
"""No droplet is that node: only the thief has its user-data."""


def robbed(kind: Kind) -> Node:
    """The planned node whose user-data is stolen."""
    return make_node(kind, NUMBER)


@dataclass(frozen=True, kw_only=True)
class Thief:
    """What the thief has, or the operator, who is the control of each attack."""

    cluster: RealCluster
    consul_tls: TlsFiles
    nomad_tls: TlsFiles | None
    """None if the user-data has no certificate of Nomad's."""
    consul_tokens: Sequence[str]
    nomad_tokens: Sequence[str] = ()
    consul_port: int = 0
    """Of the thief's own Consul agent; 0 for the cluster's server."""
    consul_name: str = "server.demo.consul"
    """In the certificate of that agent."""

    def consul(self, method: str, path: str, body: dict[str, Any] | None = None) -> bool:
        """Return whether a Consul server does it with a token, or with none; a read must find something."""
        return any(self._asks("Consul", token, method, path, body) for token in (*self.consul_tokens, ""))

    def nomad(self, method: str, path: str, body: dict[str, Any] | None = None) -> bool:
        """The same of a Nomad server."""
        return any(self._asks("Nomad", token, method, path, body) for token in (*self.nomad_tokens, ""))

    def rpc(self, method: str, body: dict[str, Any]) -> dict[str, Any]:
        """Call a method of a Nomad server's RPC."""
        assert self.nomad_tls is not None
        return call((LOOPBACK, self.cluster.ports["nomad_rpc"]), self.nomad_tls, method, body)

    def consul_rpc(self, method: str, body: dict[str, Any]) -> dict[str, Any]:
        """Call a method of a Consul server's RPC."""
        return call_consul((LOOPBACK, self.cluster.ports["consul_rpc"]), self.consul_tls, method, body)

    def joins_consuls_raft(self) -> bool:
        address = (LOOPBACK, self.cluster.ports["consul_rpc"])
        return keeps_open(address, self.consul_tls, CONSUL_TLS, CONSUL_RAFT)

    def joins_nomads_raft(self) -> bool:
        address = (LOOPBACK, self.cluster.ports["nomad_rpc"])
        return self.nomad_tls is not None and keeps_open(address, self.nomad_tls, NOMAD_TLS, NOMAD_RAFT)

    def _asks(self, product: str, token: str, method: str, path: str, body: dict[str, Any] | None) -> bool:
        of_consul = product == "Consul"
        tls = self.consul_tls if of_consul else self.nomad_tls
        if tls is None:
            return False
        port = (self.consul_port or self.cluster.consul_port) if of_consul else self.cluster.nomad_port
        name = self.consul_name if of_consul else "server.global.nomad"
        try:
            reply = _api(product, port, name, tls, token).call(method, path, body)
        except AgentError:
            return False
        return reply.value not in ([], {})


@cache
def _api(product: str, port: int, name: str, tls: TlsFiles, token: str) -> AgentHttp:
    """Cached, because each has a connection of its own."""
    target = Target(address=LOOPBACK, port=port, server_name=name, tls=tls, token=token, gossip_key="")
    return AgentHttp(target, product=product, token_header=f"X-{product}-Token")


def thief_of(cluster: RealCluster, kind: Kind, *, introduced: bool = False) -> Thief:
    """Return the thief of a node of that kind, with every secret of user-data (test_render_user_data.py has them).

    With ``introduced`` the cluster introduces its clients, and Nomad's token for Consul is not in the file.
    """
    name = robbed(kind).name
    mine = issue_for_node(cluster.bundle, name=name, kind=kind, now=datetime.now(UTC))
    folder = cluster.folder / f"stolen-{name}"
    nomads = mine.introduction_token if introduced else mine.consul_nomad_token
    tokens: list[Token | None] = [
        mine.consul_agent_token,
        nomads,
        mine.consul_ingress_token,
    ]
    return Thief(
        cluster=cluster,
        consul_tls=write_tls(folder / "consul", mine.consul_ca, mine.consul),
        nomad_tls=write_tls(folder / "nomad", mine.nomad_ca, mine.nomad) if mine.nomad else None,
        consul_tokens=[token.secret for token in tokens if token is not None],
    )


def operator_of(cluster: RealCluster) -> Thief:
    """Return the operator, with the management tokens."""
    return Thief(
        cluster=cluster,
        consul_tls=cluster.consul_tls,
        nomad_tls=cluster.nomad_tls,
        consul_tokens=[cluster.bundle.consul_management.secret],
        nomad_tokens=[cluster.bundle.nomad_management.secret],
    )
