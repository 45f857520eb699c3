"""How bakery recognises resources of a cluster that cannot have tags: by a launch id in the name or description.

Droplets, images and volumes can have tags; VPCs, firewalls and SSH keys cannot
(https://docs.digitalocean.com/reference/api/digitalocean/#tag/Tags).
"""

import re
import secrets
from collections.abc import Iterable

_ID = "[0-9a-f]{8}"
_LABEL = "[a-z](?:[a-z0-9-]*[a-z0-9])?"
_KEY_NAME = re.compile(rf"bakery-(?P<cluster>{_LABEL})-launch-(?P<launch>{_ID})")
_VPC_DESCRIPTION = re.compile(rf"bakery cluster (?P<cluster>{_LABEL}), launch (?P<launch>{_ID})")


_BALANCER_NAME = re.compile(rf"bakery-(?P<cluster>{_LABEL})-ingress-(?P<launch>{_ID})")


def new_launch_id() -> str:
    """Return eight random hexadecimal digits."""
    return secrets.token_hex(4)


def firewall_name(planned: str, launch_id: str) -> str:
    """Return the name of the firewall that a launch creates for the planned firewall ``planned``."""
    return f"{planned}-{launch_id}"


def launch_of_firewall(name: str, planned: Iterable[str]) -> str | None:
    """Return the launch id in a firewall's name; None unless the rest is one of the ``planned`` names."""
    for base in planned:
        if match := re.fullmatch(rf"{re.escape(base)}-({_ID})", name):
            return match[1]
    return None


def key_name(cluster: str, launch_id: str) -> str:
    """Return the name of the temporary SSH key of a launch."""
    return f"bakery-{cluster}-launch-{launch_id}"


def launch_of_key(name: str, cluster: str | None = None) -> str | None:
    """Return the launch id in the name of a temporary SSH key.

    Return None for any other name, and for a key of another cluster if ``cluster`` is given.
    """
    return _launch(_KEY_NAME.fullmatch(name), cluster)


def cluster_of_key(name: str) -> str | None:
    """Return the cluster in the name of a temporary SSH key; None for any other name."""
    match = _KEY_NAME.fullmatch(name)
    return match["cluster"] if match else None


def vpc_description(cluster: str, launch_id: str) -> str:
    """Return the description of the VPC that a launch creates."""
    return f"bakery cluster {cluster}, launch {launch_id}"


def launch_of_vpc(description: str, cluster: str) -> str | None:
    """Return the launch id in the description of a VPC of the cluster; None for any other description."""
    return _launch(_VPC_DESCRIPTION.fullmatch(description), cluster)


def balancer_name(cluster: str, launch_id: str) -> str:
    """Return the name of the load balancer that a launch creates, and of its certificate."""
    return f"bakery-{cluster}-ingress-{launch_id}"


def launch_of_balancer(name: str, cluster: str) -> str | None:
    """Return the launch id in the name of a load balancer or certificate of the cluster; None for others."""
    return _launch(_BALANCER_NAME.fullmatch(name), cluster)


def cluster_of_balancer(name: str) -> str | None:
    """Return the cluster in the name of a load balancer or certificate; None for any other name."""
    match = _BALANCER_NAME.fullmatch(name)
    return match["cluster"] if match else None


def _launch(match: re.Match[str] | None, cluster: str | None) -> str | None:
    if match is None or cluster not in (None, match["cluster"]):
        return None
    return match["launch"]
