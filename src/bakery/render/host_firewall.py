"""The host firewall: one nftables table on the node, loaded by bakery-firewall.service.

It admits the ports of the node's kind (:mod:`bakery.plan.ports`), most of them only from the VPC. For sources
outside the VPC the cloud firewall decides, because only bakery knows the operator's address. The ports that are
open here to every source are 8501 and 4646, which require a client certificate, 8600 of a Consul server, which
answers only what its agent's token may read, and those that the cluster file opens to everyone.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from ipaddress import IPv4Network

from bakery.config.model import Kind, RoleSettings
from bakery.plan.ports import BREAK_GLASS, FIRST_DYNAMIC, LAST_DYNAMIC, Port, Source, opened_ports, ports_of
from bakery.render.context import RenderContext

METADATA_ADDRESS = "169.254.169.254"
# docker's default bridge and Nomad's.
WORKLOAD_BRIDGES = '{ "docker0", "nomad" }'

# Nomad accepts every packet to its bridge (hashicorp/nomad client/allocrunner/networking_bridge_linux.go,
# ensureForwardingRules), so a host with a route to the node would reach ports of tasks that are not published.
# Packets to a published port have passed a DNAT of Nomad's or docker's before. A job may publish any port: the one
# that they were sent to must be in the table. A packet that belongs to no connection is not new either
# (conntrack calls it invalid), and its answer would tell an open port from a closed one.
_NOT_OF_A_CONNECTION = "ct state != { established, related }"
_TO_CONTAINERS = f"""\
    iifname != {WORKLOAD_BRIDGES} oifname {WORKLOAD_BRIDGES} {_NOT_OF_A_CONNECTION} jump published
"""
_PUBLISHED = """
  chain published {{
    ct status & dnat == 0 drop
{rules}
    drop
  }}
"""

# A DHCP client needs no rule: its first messages pass on a packet socket, before nftables (systemd,
# src/libsystemd-network/dhcp-network.c), and the reply to a renewal belongs to an established connection.
#
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
{rules}
  }}

  # The metadata service serves user-data at this address as long as the droplet exists. cloud-init reads it from
  # the config drive before this table is loaded.
  chain output {{
    type filter hook output priority filter; policy accept;
    ip daddr {metadata} drop
  }}

  chain forward {{
    type filter hook forward priority filter; policy accept;
    ip daddr {metadata} drop
{forward}  }}
{published}}}
"""


def host_firewall(context: RenderContext) -> str:
    """Return the nftables file of a node. It replaces the table ``inet bakery`` and changes no other table."""
    plan = context.plan
    rules, published = _rules(
        context.role, context.kind, context.settings, plan.vpc_cidr, break_glass=bool(plan.ssh_keys)
    )
    runs_jobs = context.kind.is_nomad_client
    return _TABLE.format(
        name=context.name,
        cluster=plan.cluster,
        metadata=METADATA_ADDRESS,
        rules=rules,
        forward=_TO_CONTAINERS if runs_jobs else "",
        published=_PUBLISHED.format(rules=published) if runs_jobs else "",
    )


@lru_cache(maxsize=64)
def _rules(
    role: str, kind: Kind, settings: RoleSettings, vpc: IPv4Network, *, break_glass: bool
) -> tuple[str, str]:
    """Return the rules for packets to the node, and those for packets to published ports of its containers.

    They are the same for all nodes of a role.
    """
    opened = opened_ports(role, kind, settings)
    ports = (*ports_of(kind), *opened)
    rules = [_accept(source, port, _to(port)) for source, port in (*_hosts(ports, vpc), *_containers(ports))]
    if break_glass:
        rules.append(_accept("", BREAK_GLASS, _to(BREAK_GLASS)))
    of_jobs = (*(port for port in ports if port.numbers == (FIRST_DYNAMIC, LAST_DYNAMIC)), *opened)
    published = [_accept(source, port, _was_to(port)) for source, port in _hosts(of_jobs, vpc)]
    return _lines(rules), _lines(published)


def _lines(rules: Iterable[str]) -> str:
    return "\n".join(f"    {rule}" for rule in rules)


def _hosts(ports: Sequence[Port], vpc_cidr: IPv4Network) -> Iterator[tuple[str, Port]]:
    """Yield the match of a source, empty for all of them, and the port that other hosts may connect to from it."""
    limited = [port for port in ports if not _is_for_any_source(port)]
    yield from ((f"ip saddr {vpc_cidr} ", port) for port in limited if port.opens_to(Source.VPC))
    for port in limited:
        yield from ((f"{'ip6' if ':' in network else 'ip'} saddr {network} ", port) for network in port.networks)
    yield from (("", port) for port in ports if _is_for_any_source(port))


def _containers(ports: Sequence[Port]) -> Iterator[tuple[str, Port]]:
    """Yield the same for containers: their packets to the host have an address of the bridge, not of the VPC."""
    for port in ports:
        if port.opens_to(Source.CONTAINERS) and not _is_for_any_source(port):
            yield f"iifname {WORKLOAD_BRIDGES} ", port


def _is_for_any_source(port: Port) -> bool:
    return port.opens_to(Source.ADMIN) or port.any_source_on_host or port.opens_to_everyone


def _accept(source: str, port: Port, match: str) -> str:
    return f'{source}{match} accept comment "{port.name}"'


def _to(port: Port) -> str:
    """Return the match of a port: one protocol by name, or a set of them with the transport header (``th``)."""
    if len(port.protocols) == 1:
        return f"{port.protocols[0]} dport {port.text}"
    return f"meta l4proto {{ {', '.join(port.protocols)} }} th dport {port.text}"


def _was_to(port: Port) -> str:
    """Return the match of the port that a packet was sent to before a DNAT."""
    protocols = port.protocols[0] if len(port.protocols) == 1 else f"{{ {', '.join(port.protocols)} }}"
    return f"meta l4proto {protocols} ct original proto-dst {port.text}"
