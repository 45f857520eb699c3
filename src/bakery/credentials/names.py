"""The names that Consul and Nomad verify in each other's certificates."""

from bakery.config.model import Kind

NOMAD_REGION = "global"
"""Nomad's region, which is not DigitalOcean's region."""


def consul_server_name(cluster: str) -> str:
    """Return the name in every Consul server's certificate, which clients verify."""
    return f"server.{cluster}.consul"


def nomad_server_name() -> str:
    """Return the name in every Nomad server's certificate, which clients verify."""
    return f"server.{NOMAD_REGION}.nomad"


def nomad_client_name() -> str:
    """Return the name in every Nomad client's certificate."""
    return f"client.{NOMAD_REGION}.nomad"


def consul_names(cluster: str, kind: Kind) -> tuple[str, ...]:
    """Return the names in a node's Consul leaf certificate.

    ``verify_server_hostname`` requires the server's name (Consul docs, agent configuration, tls).
    """
    return (consul_server_name(cluster) if kind.is_consul_server else f"client.{cluster}.consul",)


def nomad_names(kind: Kind) -> tuple[str, ...]:
    """Return the names in a node's Nomad leaf certificate (Nomad docs, agent configuration, tls).

    Servers also have their name in Consul's DNS, where Consul fetches the keys of workload identities. An agent
    that is a server and a client has one certificate, with the names of both.
    """
    names: tuple[str, ...] = ()
    if kind.is_nomad_server:
        names += (nomad_server_name(), "nomad.service.consul")
    if kind.is_nomad_client:
        names += (nomad_client_name(),)
    return names


def consul_operator_names(cluster: str) -> tuple[str, ...]:
    """Return the names in the operator's certificate for Consul: those of ``consul tls cert create -cli``."""
    return (f"cli.{cluster}.consul",)


def consul_person_names(cluster: str, person: str) -> tuple[str, ...]:
    """Return the names in the Consul certificate that is issued to ``person``."""
    return (f"{person}.cli.{cluster}.consul",)


def nomad_person_names(person: str) -> tuple[str, ...]:
    """Return the names in the Nomad certificate that is issued to ``person``."""
    return (f"{person}.cli.{NOMAD_REGION}.nomad",)


def nomad_operator_names() -> tuple[str, ...]:
    """Return the names in the operator's certificate for Nomad: those of ``nomad tls cert create -cli``."""
    return (f"cli.{NOMAD_REGION}.nomad",)
