"""The order of a roll: unfinished ones, Consul servers, Nomad servers, clients; of servers the leader last. Pure.

HashiCorp: "Most problems occur due to either failing to upgrade the leader last or failing to wait for a follower
agent to catch up" (https://developer.hashicorp.com/consul/docs/upgrade/instructions/general).
"""

from collections.abc import Collection, Iterable

from bakery.launch.roll.need import UNFINISHED, Need


def in_roll_order(needs: Iterable[Need], leaders: Collection[str | None]) -> tuple[Need, ...]:
    """Return the nodes in the order in which they are replaced.

    ``needs`` are in the plan's order, which nodes of one rank keep. ``leaders`` are the VPC addresses of the
    leaders of Consul and Nomad. A server of both products counts as a Consul server. An unfinished replacement is
    first: with its successor the cluster has one droplet more already.
    """

    def rank(need: Need) -> tuple[bool, int, bool]:
        kind = need.node.kind
        group = 0 if kind.is_consul_server else 1 if kind.is_nomad_server else 2
        leads = group < 2 and need.droplet.private_ipv4 in leaders
        return need.reasons != UNFINISHED, group, leads

    return tuple(sorted(needs, key=rank))
