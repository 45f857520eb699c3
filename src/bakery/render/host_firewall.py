"""The host firewall: one nftables table on the node, loaded by bakery-firewall.service.

It admits the ports of the node's kind (:mod:`bakery.plan.ports`), most of them only from the VPC. For sources
outside the VPC the cloud firewall decides, because only bakery knows the operator's address. The ports that are
open here to every source are 8501 and 4646, which require a client certificate, 8600 of a Consul server, which
answers only what the DNS token may read, and those that the cluster file opens to everyone.
"""

from collections.abc import Iterable
from ipaddress import IPv4Network

from bakery.plan.ports import BREAK_GLASS, Port, Source, opened_ports, ports_of
from bakery.render.context import RenderContext

METADATA_ADDRESS = "169.254.169.254"
# docker's default bridge and Nomad's.
WORKLOAD_BRIDGES = '{ "docker0", "nomad" }'

# Nomad accepts every packet to its bridge (hashicorp/nomad client/allocrunner/networking_bridge_linux.go,
# ensureForwardingRules), so a host with a route to the node would reach ports of tasks that are not published.
# Packets to a published port have passed a DNAT of Nomad's or docker's before.
_TO_CONTAINERS = f"""\
    iifname != {WORKLOAD_BRIDGES} oifname {WORKLOAD_BRIDGES} ct state new ct status & dnat == 0 drop
"""

# In nftables a drop is final, but an accept is not: docker's and CNI's tables still filter what this table
# accepts. `add` before `delete` lets the first load work like every later one.
_TABLE = """\
# {name} of cluster {cluster}: written by bakery into user-data, loaded by bakery-firewall.service.
# To see it: nft list table inet bakery
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

  # The metadata service serves user-data at this address for the life of the droplet, also to root in a container
  # with the host's network. cloud-init reads it from the config drive before this table is loaded.
  chain output {{
    type filter hook output priority filter; policy accept;
    ip daddr {metadata} drop
  }}

  chain forward {{
    type filter hook forward priority filter; policy accept;
    ip daddr {metadata} drop
{forward}  }}
}}
"""


def host_firewall(context: RenderContext) -> str:
    """Return the nftables file of a node. It replaces the table ``inet bakery`` and changes no other table."""
    ports = (*ports_of(context.kind), *opened_ports(context.role, context.kind, context.settings))
    open_to_all = [port for port in ports if _is_for_any_source(port)]
    limited = [port for port in ports if not _is_for_any_source(port)]
    rules = [
        *_from_vpc(limited, context.plan.vpc_cidr),
        *_from_networks(limited),
        *_from_anywhere(open_to_all),
        *_from_containers(limited),
    ]
    if context.plan.ssh_keys:
        rules += _from_anywhere([BREAK_GLASS])
    return _TABLE.format(
        name=context.name,
        cluster=context.plan.cluster,
        metadata=METADATA_ADDRESS,
        rules="\n".join(f"    {rule}" for rule in rules),
        forward=_TO_CONTAINERS if context.kind.is_nomad_client else "",
    )


def _from_vpc(ports: Iterable[Port], vpc_cidr: IPv4Network) -> list[str]:
    return [_accept(port, f"ip saddr {vpc_cidr} ") for port in ports if port.opens_to(Source.VPC)]


def _from_networks(ports: Iterable[Port]) -> list[str]:
    return [
        _accept(port, f"{'ip6' if ':' in network else 'ip'} saddr {network} ")
        for port in ports
        for network in port.networks
    ]


def _from_anywhere(ports: Iterable[Port]) -> list[str]:
    return [_accept(port) for port in ports]


def _from_containers(ports: Iterable[Port]) -> list[str]:
    """Return the rules for containers: their packets to the host have an address of the bridge, not of the VPC."""
    return [_accept(port, f"iifname {WORKLOAD_BRIDGES} ") for port in ports if port.opens_to(Source.CONTAINERS)]


def _is_for_any_source(port: Port) -> bool:
    return port.opens_to(Source.ADMIN) or port.any_source_on_host or port.opens_to_everyone


def _accept(port: Port, source: str = "") -> str:
    return f'{source}{_match(port)} accept comment "{port.name}"'


def _match(port: Port) -> str:
    """Return the match of a port: one protocol by name, or a set of them with the transport header (``th``)."""
    if len(port.protocols) == 1:
        return f"{port.protocols[0]} dport {port.text}"
    return f"meta l4proto {{ {', '.join(port.protocols)} }} th dport {port.text}"
