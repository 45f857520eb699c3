"""The firewall on the node itself: one nftables table of ours, loaded by bakery-firewall.service.

It admits the ports of the node's kind (:mod:`bakery.plan.ports`), most of them from the VPC alone. Who may come
from outside the VPC is decided by the cloud firewall, which knows the operator's address. The ports that are open
here to every source (8501, 4646, a Consul server's 8600) ask for a client certificate, or answer only what the DNS
token may read.
"""

from collections.abc import Iterable
from ipaddress import IPv4Network

from bakery.plan.ports import BREAK_GLASS, Port, Source, ports_of
from bakery.render.context import RenderContext

METADATA_ADDRESS = "169.254.169.254"
# docker's default bridge and Nomad's.
WORKLOAD_BRIDGES = '{ "docker0", "nomad" }'

# Chains of this table say no more than accept and drop on their own hooks: a drop is final in nftables, an accept
# is not, so docker's and CNI's tables keep their say. `add` before `delete` makes the first load like every other.
_TABLE = """\
# {name} of cluster {cluster}: written by bakery into user-data, loaded by bakery-firewall.service.
# See it at work with: nft list table inet bakery
add table inet bakery
delete table inet bakery

table inet bakery {{
  chain input {{
    type filter hook input priority filter; policy drop;
    ct state established,related accept
    ct state invalid drop
    iifname "lo" accept
    meta l4proto {{ icmp, ipv6-icmp }} accept
    udp sport 67 udp dport 68 accept comment "DHCP"
{rules}
  }}

  # User-data stays readable at this address for the life of the droplet, to root in a host-network container too.
  # cloud-init has read it from the config drive before this table is loaded.
  chain output {{
    type filter hook output priority filter; policy accept;
    ip daddr {metadata} drop
  }}

  chain forward {{
    type filter hook forward priority filter; policy accept;
    ip daddr {metadata} drop
  }}
}}
"""


def host_firewall(context: RenderContext) -> str:
    """The nftables file of ``context``; it replaces the table ``inet bakery`` and touches no other."""
    ports = ports_of(context.kind)
    rules = [*_from_vpc(ports, context.plan.vpc_cidr), *_from_anywhere(ports), *_from_containers(ports)]
    if context.plan.ssh_keys:
        rules += _from_anywhere([BREAK_GLASS])
    return _TABLE.format(
        name=context.name,
        cluster=context.plan.cluster,
        metadata=METADATA_ADDRESS,
        rules="\n".join(f"    {rule}" for rule in rules),
    )


def _from_vpc(ports: Iterable[Port], vpc_cidr: IPv4Network) -> list[str]:
    return [
        _accept(port, f"ip saddr {vpc_cidr} ")
        for port in ports
        if port.opens_to(Source.VPC) and not _is_for_any_source(port)
    ]


def _from_anywhere(ports: Iterable[Port]) -> list[str]:
    return [_accept(port) for port in ports if _is_for_any_source(port)]


def _from_containers(ports: Iterable[Port]) -> list[str]:
    """A container that calls its own host comes with its bridge's address, not the VPC's."""
    return [_accept(port, f"iifname {WORKLOAD_BRIDGES} ") for port in ports if port.opens_to(Source.CONTAINERS)]


def _is_for_any_source(port: Port) -> bool:
    return port.opens_to(Source.ADMIN) or port.any_source_on_host


def _accept(port: Port, source: str = "") -> str:
    return f'{source}{_match(port)} accept comment "{port.name}"'


def _match(port: Port) -> str:
    """nftables takes one protocol by name, and several as a set with a port of the transport header (``th``)."""
    if len(port.protocols) == 1:
        return f"{port.protocols[0]} dport {port.text}"
    return f"meta l4proto {{ {', '.join(port.protocols)} }} th dport {port.text}"
