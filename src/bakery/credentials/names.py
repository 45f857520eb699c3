"""The names that Consul and Nomad look for in each other's certificates."""

from bakery.config.model import Kind

NOMAD_REGION = "global"
"""Nomad's own region, whatever DigitalOcean's is."""


def consul_server_name(cluster: str) -> str:
    """The name in every Consul server's certificate, which whoever connects to one checks."""
    return f"server.{cluster}.consul"


def nomad_server_name() -> str:
    """The name in every Nomad server's certificate, which whoever connects to one checks."""
    return f"server.{NOMAD_REGION}.nomad"


def consul_names(cluster: str, kind: Kind) -> tuple[str, ...]:
    """Names of a node's Consul leaf certificate; ``verify_server_hostname`` wants the server's
    (Consul docs, agent configuration, tls)."""
    return (consul_server_name(cluster) if kind.is_consul_server else f"client.{cluster}.consul",)


def nomad_names(kind: Kind) -> tuple[str, ...]:
    """Names of a node's Nomad leaf certificate (Nomad docs, agent configuration, tls).

    Servers add the name that Consul's DNS gives them: Consul fetches the keys for workload identities from there.
    """
    if kind.is_nomad_server:
        return (nomad_server_name(), "nomad.service.consul")
    return (f"client.{NOMAD_REGION}.nomad",)


def consul_operator_names(cluster: str) -> tuple[str, ...]:
    """Names of the operator's certificate for Consul, as ``consul tls cert create -cli`` chooses them."""
    return (f"cli.{cluster}.consul",)


def nomad_operator_names() -> tuple[str, ...]:
    """Names of the operator's certificate for Nomad, as ``nomad tls cert create -cli`` chooses them."""
    return (f"cli.{NOMAD_REGION}.nomad",)
