"""The account's cloud firewalls as one nftables table of the router's, as text.

Both ways are closed once a firewall is bound to a droplet, on the public side and in the VPC; several firewalls
add up; an established connection stays (https://docs.digitalocean.com/products/networking/firewalls/).
"""

from collections.abc import Iterable
from ipaddress import IPv4Network, collapse_addresses, ip_network

from bakery.emulator.network.model import AllowRule, FirewallBinding, FirewallPolicy
from bakery.emulator.network.plan import router_interfaces
from bakery.emulator.network.rules import elements

TABLE = "inet cloud"
_EVERYWHERE = IPv4Network("0.0.0.0/0")

# These chains run after the router's own, and see only packets that those accept. The rules match the original
# destination, because the router has replaced the address of name servers by then. Load balancers and the name
# server are on the router itself: it sends their connections to droplets, and receives those of droplets to them.
_HOOKS = """\
  chain outbound {
    type filter hook forward priority filter + 10; policy accept;
    ct state established,related accept
    iifname vmap @outbound_of
  }
  chain inbound {
    type filter hook forward priority filter + 20; policy accept;
    ct state established,related accept
    oifname vmap @inbound_of
  }
  chain from_router {
    type filter hook output priority filter + 20; policy accept;
    ct state established,related accept
    meta l4proto { tcp, udp } oifname vmap @inbound_of
  }
  chain to_router {
    type filter hook input priority filter + 20; policy accept;
    ct state established,related accept
    ip daddr 169.254.169.254 accept
    meta l4proto { tcp, udp } iifname vmap @outbound_of
  }
"""


def ruleset(policy: FirewallPolicy) -> str:
    """Return the input of ``nft -f`` that replaces all enforced firewalls by these."""
    groups = {name: f"group_{number}" for number, name in enumerate(policy.groups)}
    lines = [f"table {TABLE}", f"delete table {TABLE}", f"table {TABLE} {{"]
    for name, addresses in policy.groups.items():
        lines.append(f"  set {groups[name]} {{ type ipv4_addr; {elements(dict.fromkeys(addresses))} }}")
    for number, firewall in enumerate(policy.firewalls):
        lines += _chain(f"firewall_{number}_in", _rules(firewall.inbound, "ip saddr", groups))
        lines += _chain(f"firewall_{number}_out", _rules(firewall.outbound, "ct original ip daddr", groups))
    for binding in policy.bindings:
        lines += _binding(binding, "in")
        lines += _binding(binding, "out")
    for way, name in (("in", "inbound_of"), ("out", "outbound_of")):
        lines.append(f"  map {name} {{ type ifname : verdict; {elements(_verdicts(policy.bindings, way))} }}")
    return "\n".join(lines) + "\n" + _HOOKS + "}\n"


def _binding(binding: FirewallBinding, way: str) -> list[str]:
    jumps = [f"jump firewall_{number}_{way}" for number in binding.firewalls]
    return _chain(f"droplet_{binding.droplet_id}_{way}", [*jumps, "drop"])


def _verdicts(bindings: Iterable[FirewallBinding], way: str) -> list[str]:
    return [
        f'"{interface}" : jump droplet_{binding.droplet_id}_{way}'
        for binding in bindings
        for interface in router_interfaces(binding.droplet_id)
    ]


def _chain(name: str, rules: Iterable[str]) -> list[str]:
    return [f"  chain {name} {{", *(f"    {rule}" for rule in rules), "  }"]


def _rules(allowed: Iterable[AllowRule], address: str, groups: dict[str, str]) -> list[str]:
    return [f"{_service(each)}{peer} accept" for each in allowed for peer in _peers(each, address, groups)]


def _service(allowed: AllowRule) -> str:
    if allowed.protocol == "icmp" or allowed.ports == "0":
        return f"meta l4proto {allowed.protocol}"
    return f"{allowed.protocol} dport {allowed.ports}"


def _peers(allowed: AllowRule, address: str, groups: dict[str, str]) -> list[str]:
    """Return the address matches of a rule, one empty match for 0.0.0.0/0."""
    networks = [ip_network(text, strict=False) for text in allowed.networks]
    merged = list(collapse_addresses(each for each in networks if isinstance(each, IPv4Network)))
    if _EVERYWHERE in merged:
        return [""]
    found = [f" {address} {{ {', '.join(str(network) for network in merged)} }}"] if merged else []
    return found + [f" {address} @{groups[name]}" for name in allowed.groups]
