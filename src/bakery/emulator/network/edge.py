"""The addresses and nftables rules of load balancers, reserved IPs and the name server, as text."""

from collections.abc import Iterable

from bakery.emulator.network.model import EdgePolicy
from bakery.emulator.network.plan import RESOLVERS, NetworkPlan
from bakery.emulator.network.rules import BALANCERS, elements

TABLE = "inet edge"


def ruleset(plan: NetworkPlan, policy: EdgePolicy) -> str:
    """Return the input of ``nft -f`` that replaces the rules of the edge.

    The traffic of a reserved IP arrives at the anchor address of its droplet, as at DigitalOcean. Droplets' DNS
    queries are led to the emulator's name server only if the account has domains.
    """
    pairs = [f"{address} : {anchor}" for address, anchor in policy.reserved]
    ports = [f"{each.address} . {listener.port}" for each in policy.balancers for listener in each.listeners]
    lines = [
        f"table {TABLE}",
        f"delete table {TABLE}",
        f"table {TABLE} {{",
        f"  map reserved {{ type ipv4_addr : ipv4_addr; {elements(pairs)} }}",
        "  chain prerouting {",
        "    type nat hook prerouting priority dstnat - 5; policy accept;",
        "    dnat ip to ip daddr map @reserved",
    ]
    if policy.zones:
        resolvers = ", ".join(RESOLVERS)
        lines.append(
            f"    ip daddr {{ {resolvers} }} meta l4proto {{ tcp, udp }} th dport 53 dnat ip to {plan.gateway}"
        )
    lines += ["  }", "}", f"flush set {BALANCERS}"]
    if ports:
        lines.append(f"add element {BALANCERS} {{ {', '.join(ports)} }}")
    return "\n".join(lines) + "\n"


def addresses(policy: EdgePolicy) -> set[str]:
    """Return the addresses that the router itself has for the load balancers."""
    return {address for each in policy.balancers for address in (each.address, each.source)}


def address_commands(verb: str, wanted: Iterable[str]) -> list[str]:
    """Return ``ip -batch`` lines, run inside the router; ``verb`` is ``replace`` or ``delete``."""
    return [f"addr {verb} {address}/32 dev lo" for address in sorted(wanted)]
