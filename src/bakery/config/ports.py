"""The port numbers that bakery uses, and the ports that the cluster file opens (``roles.NAME.ports``).

Who listens on a number, and who may connect, is in :mod:`bakery.plan.ports`.
"""

import re
from collections.abc import Iterator, Sequence

from bakery.config.findings import FieldPath, Finding, dotted, quoted
from bakery.config.model import OpenPort
from bakery.config.networks import parse_network

SSH, DNS = 22, 53
CONSUL_RPC, CONSUL_GOSSIP, CONSUL_HTTPS, CONSUL_GRPC, CONSUL_DNS = 8300, 8301, 8501, 8503, 8600
NOMAD_HTTPS, NOMAD_RPC, NOMAD_GOSSIP = 4646, 4647, 4648
HTTP, HTTPS, PING = 80, 443, 8082
"""Of ingress nodes. The last is that of Traefik's health endpoint."""
FIRST_DYNAMIC, LAST_DYNAMIC = 20000, 32000
"""Nomad's default range of ports for tasks."""

TAKEN = {
    SSH: "SSH",
    DNS: "the node's DNS",
    CONSUL_RPC: "Consul's RPC and Raft",
    CONSUL_GOSSIP: "Consul's gossip",
    8302: "Consul's gossip between datacenters",
    8500: "Consul's API without TLS",
    CONSUL_HTTPS: "Consul's API",
    8502: "Consul's gRPC API without TLS",
    CONSUL_GRPC: "Consul's gRPC API",
    CONSUL_DNS: "Consul's DNS",
    NOMAD_HTTPS: "Nomad's API",
    NOMAD_RPC: "Nomad's RPC and Raft",
    NOMAD_GOSSIP: "Nomad's gossip",
}
"""Ports that the cluster file cannot open, with their users. Those that bakery does not use are refused as well: a
job that listens there could be taken for an agent
(https://developer.hashicorp.com/consul/docs/reference/architecture/ports)."""
ANYWHERE = ("0.0.0.0/0", "::/0")
MAX_PORTS = 30
"""Ports of one role. They share a cloud firewall, which has at most 50 rules, with those of bakery
(https://docs.digitalocean.com/products/networking/firewalls/details/limits/)."""

_EXAMPLES = "such as 80/tcp, 8080/tcp from vpc, or 5000/udp from 203.0.113.0/24"
_PORT = re.compile(r"(?P<number>0|[1-9][0-9]*)/(?P<protocol>\S+)(?:\s+from\s+(?P<sources>\S.*?))?\s*")


def parse_port(text: str) -> OpenPort | tuple[str, str]:
    """Return the port in ``text``; else what is wrong, to follow the field's name, and a hint.

    The form is ``NUMBER/PROTOCOL``, or ``NUMBER/PROTOCOL from SOURCE …`` with ``vpc`` or networks as sources.
    Without a source everyone may connect.
    """
    found = _PORT.fullmatch(text)
    if found is None:
        return f" {quoted(text)} is not a port with its protocol", _EXAMPLES
    number, protocol = int(found["number"][:6]), found["protocol"]
    problem = _number_problem(number) or _protocol_problem(protocol)
    if problem is not None:
        return problem
    sources = found["sources"].split() if found["sources"] else list(ANYWHERE)
    for source in sources:
        reason = None if source == "vpc" else parse_network(source)
        if isinstance(reason, str):
            hint = 'write vpc, or a network such as 203.0.113.0/24; without "from" everyone may connect'
            return f": the source must be vpc or a network in CIDR form: {reason}", hint
    networks = tuple(dict.fromkeys(source for source in sources if source != "vpc"))
    return OpenPort(number=number, protocol=protocol, vpc="vpc" in sources, networks=networks)


def port_findings(path: FieldPath, ports: Sequence[str]) -> Iterator[Finding]:
    """Yield what is wrong with the list of ports at ``path``."""
    seen: set[tuple[int, str]] = set()
    for index, text in enumerate(ports):
        at = (*path, index)
        port = parse_port(text)
        if not isinstance(port, OpenPort):
            yield Finding(path=at, message=f"{dotted(at)}{port[0]}", hint=port[1])
            continue
        if (port.number, port.protocol) in seen:
            message = f"{dotted(at)}: {port.number}/{port.protocol} is given twice"
            hint = f"keep one of them; several sources follow each other: {port.number}/{port.protocol} from vpc"
            yield Finding(path=at, message=message, hint=f"{hint} 203.0.113.0/24")
        seen.add((port.number, port.protocol))
    if len(ports) > MAX_PORTS:
        message = f"{dotted(path)} has {len(ports)} ports, a firewall of DigitalOcean's has room for {MAX_PORTS}"
        yield Finding(path=path, message=message, hint="put a proxy in front of the jobs", at_key=True)


def _number_problem(number: int) -> tuple[str, str] | None:
    if not 1 <= number <= 65535:
        return ": a port is from 1 to 65535", _EXAMPLES
    if number in TAKEN:
        return f": port {number} is {TAKEN[number]}", "let the job listen on another port"
    if FIRST_DYNAMIC <= number <= LAST_DYNAMIC:
        reason = f": port {number} is one of the dynamic ports that Nomad gives to jobs"
        hint = f"choose one outside {FIRST_DYNAMIC}-{LAST_DYNAMIC}; the VPC reaches that range without this line"
        return reason, hint
    return None


def _protocol_problem(protocol: str) -> tuple[str, str] | None:
    if protocol in ("tcp", "udp"):
        return None
    return f": the protocol must be tcp or udp, not {quoted(protocol)}", _EXAMPLES
