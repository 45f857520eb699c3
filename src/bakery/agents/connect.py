"""Makes the clients of one cluster's agents, one per address."""

from functools import cache

from bakery.agents.consul import Consul
from bakery.agents.interface import AgentClients, ConsulApi, NomadApi
from bakery.agents.model import Target, TlsFiles
from bakery.agents.nomad import Nomad

CONSUL_PORT = 8501
NOMAD_PORT = 4646


def agent_clients(
    *,
    datacenter: str,
    consul_tls: TlsFiles,
    consul_token: str,
    consul_gossip_key: str,
    nomad_tls: TlsFiles,
    nomad_token: str,
    nomad_gossip_key: str,
    consul_port: int = CONSUL_PORT,
    nomad_port: int = NOMAD_PORT,
) -> AgentClients:
    """Clients that expect server certificates: ``server.<datacenter>.consul`` and ``server.global.nomad``.

    An address gets one client, however often it is asked for: connections and what is cached stay.
    """

    @cache
    def consul(address: str) -> ConsulApi:
        return Consul(
            Target(
                address=address,
                port=consul_port,
                server_name=f"server.{datacenter}.consul",
                tls=consul_tls,
                token=consul_token,
                gossip_key=consul_gossip_key,
            )
        )

    @cache
    def nomad(address: str) -> NomadApi:
        return Nomad(
            Target(
                address=address,
                port=nomad_port,
                server_name="server.global.nomad",
                tls=nomad_tls,
                token=nomad_token,
                gossip_key=nomad_gossip_key,
            )
        )

    return AgentClients(consul=consul, nomad=nomad)
