"""The firewall on the node itself: one nftables table of ours, loaded by bakery-firewall.service.

It admits by VPC and port. Who may come from outside is the cloud firewall's to say, which knows roles and the
operator's address; what is open here to everybody (8501, 4646, a Consul server's 8600) asks for a client
certificate, or answers as little as the DNS token may read.
"""

from bakery.config.model import Kind
from bakery.render.nomad_config import DYNAMIC_PORTS
from bakery.render.subject import Subject

METADATA_ADDRESS = "169.254.169.254"
# docker's default bridge and Nomad's.
WORKLOAD_BRIDGES = '{ "docker0", "nomad" }'

# Chains of this table say no more than accept and drop on their own hooks: a drop is final in nftables, an accept
# is not, so docker's and CNI's tables keep their say. `add` before `delete` makes the first load like every other.
_TABLE = """\
# {subject} of cluster {cluster}: written by bakery into user-data, loaded by bakery-firewall.service.
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


def host_firewall(subject: Subject) -> str:
    """The nftables file of ``subject``; it replaces the table ``inet bakery`` and touches no other."""
    rules = [*_from_vpc(subject), *_from_anywhere(subject.kind), *_from_workloads(subject.kind)]
    if subject.plan.ssh_keys:
        rules.append('tcp dport 22 accept comment "break-glass SSH"')
    return _TABLE.format(
        subject=subject.name,
        cluster=subject.plan.cluster,
        metadata=METADATA_ADDRESS,
        rules="\n".join(f"    {rule}" for rule in rules),
    )


def _from_vpc(subject: Subject) -> list[str]:
    source = f"ip saddr {subject.plan.vpc_cidr}"
    rules = [f'{source} {_both(8301)} accept comment "Consul\'s gossip"']
    if subject.kind.is_consul_server:
        rules.append(f'{source} tcp dport 8300 accept comment "Consul\'s RPC and Raft"')
    if subject.kind.runs_nomad:
        rules.append(f'{source} tcp dport 4647 accept comment "Nomad\'s RPC and Raft"')
    if subject.kind.is_nomad_server:
        rules.append(f'{source} {_both(4648)} accept comment "Nomad\'s gossip"')
    if subject.kind.is_nomad_client:
        rules.append(f'{source} {_both(_dynamic_ports())} accept comment "the jobs\' ports"')
    if not subject.kind.is_consul_server:
        rules.append(f'{source} {_both(8600)} accept comment "Consul\'s DNS"')
    return rules


def _from_anywhere(kind: Kind) -> list[str]:
    rules = []
    if kind.is_consul_server:
        rules.append('tcp dport 8501 accept comment "Consul\'s API"')
        rules.append(f'{_both(8600)} accept comment "Consul\'s DNS"')
    if kind.runs_nomad:
        rules.append('tcp dport 4646 accept comment "Nomad\'s API"')
    return rules


def _from_workloads(kind: Kind) -> list[str]:
    """A container that calls its own host comes with its bridge's address, not the VPC's."""
    if not kind.is_nomad_client:
        return []
    return [
        f'iifname {WORKLOAD_BRIDGES} {_both(8600)} accept comment "Consul\'s DNS"',
        f'iifname {WORKLOAD_BRIDGES} {_both(_dynamic_ports())} accept comment "the jobs\' ports"',
    ]


def _both(ports: int | str) -> str:
    return f"meta l4proto {{ tcp, udp }} th dport {ports}"


def _dynamic_ports() -> str:
    return f"{DYNAMIC_PORTS[0]}-{DYNAMIC_PORTS[1]}"
