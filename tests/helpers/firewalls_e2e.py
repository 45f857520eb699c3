"""A droplet whose host firewall, or whose cloud firewall, is open: the controls of tests on ports."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from bakery.wait import Pending, wait_until
from tests.helpers.cluster_e2e import PATIENCE, Cluster

ANYWHERE = {"addresses": ["0.0.0.0/0"]}


@contextmanager
def without_host_firewall(cluster: Cluster, name: str) -> Iterator[None]:
    """The droplet without the table of nftables that its user-data brought."""
    cluster.inside(name, "nft delete table inet bakery")
    try:
        yield
    finally:
        cluster.inside(name, "systemctl reload bakery-firewall")


@contextmanager
def without_cloud_firewall(cluster: Cluster, name: str) -> Iterator[None]:
    """The droplet with a second cloud firewall, which admits every source. The rules of several add up."""
    rules = [{"protocol": protocol, "ports": "0", "sources": ANYWHERE} for protocol in ("tcp", "udp")]
    body = {"name": "control", "droplet_ids": [cluster.droplet(name).id], "inbound_rules": rules}
    made = cluster.api("POST", "/v2/firewalls", body)
    assert made.status == 202, made.body
    path = f"/v2/firewalls/{made.body['firewall']['id']}"

    def in_force() -> bool | Pending:
        status = cluster.api("GET", path).body["firewall"]["status"]
        return True if status == "succeeded" else Pending(status)

    try:
        wait_until(in_force, what="the open firewall", seconds=PATIENCE, every=0.1)
        yield
    finally:
        cluster.api("DELETE", path)


OPEN = {"host": without_host_firewall, "cloud": without_cloud_firewall}
BOTH_KEEP_CLOSED = {"": False, "host": False, "cloud": False, "host, cloud": True}
"""What :func:`reached_without` returns if each of the two firewalls suffices."""


def reached_without(cluster: Cluster, name: str, reaches: Callable[[], bool]) -> dict[str, bool]:
    """Whether a port is reached, by the firewalls of the droplet that are open meanwhile."""
    found = {}
    for without in ((), ("host",), ("cloud",), ("host", "cloud")):
        with ExitStack() as stack:
            for each in without:
                stack.enter_context(OPEN[each](cluster, name))
            found[", ".join(without)] = reaches()
    return found
