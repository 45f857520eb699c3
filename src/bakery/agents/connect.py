"""Create the API clients of one cluster's agents, one per address."""

from functools import cache

from bakery.agents.consul import Consul
from bakery.agents.interface import AgentClients, ConsulApi
from bakery.agents.model import Target, TlsFiles
from bakery.agents.nomad import Nomad


def agent_clients(
    *,
    consul_port: int,
    consul_server_name: str,
    consul_tls: TlsFiles,
    consul_token: str,
    consul_gossip_key: str,
    nomad_port: int,
    nomad_server_name: str,
    nomad_client_name: str,
    nomad_region: str,
    nomad_tls: TlsFiles,
    nomad_token: str,
    nomad_gossip_key: str,
) -> AgentClients:
    """Return factories of clients that verify the agents' certificates against the three names.

    The caller gives ports, names and region, because this room does not depend on plan or credentials. Each
    target has one client in this process, so that its connections and cached answers are reused.
    """

    def consul(address: str) -> ConsulApi:
        return _consul(
            Target(
                address=address,
                port=consul_port,
                server_name=consul_server_name,
                tls=consul_tls,
                token=consul_token,
                gossip_key=consul_gossip_key,
            )
        )

    def nomad_at(address: str, name: str) -> Nomad:
        return _nomad(
            Target(
                address=address,
                port=nomad_port,
                server_name=name,
                tls=nomad_tls,
                token=nomad_token,
                gossip_key=nomad_gossip_key,
            ),
            region=nomad_region,
        )

    return AgentClients(
        consul=consul,
        nomad=lambda address: nomad_at(address, nomad_server_name),
        nomad_client=lambda address: nomad_at(address, nomad_client_name),
    )


@cache
def _consul(target: Target) -> Consul:
    return Consul(target)


@cache
def _nomad(target: Target, *, region: str) -> Nomad:
    return Nomad(target, region=region)
