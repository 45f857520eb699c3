"""How bakery recognises what it made where there are no tags: names and descriptions that carry a launch id.

Droplets, images and volumes can be tagged, VPCs, firewalls and SSH keys cannot
(https://docs.digitalocean.com/reference/api/digitalocean/#tag/Tags).
"""

import re
import secrets
from collections.abc import Iterable

_ID = "[0-9a-f]{8}"
_LABEL = "[a-z](?:[a-z0-9-]*[a-z0-9])?"
_KEY_NAME = re.compile(rf"bakery-(?P<cluster>{_LABEL})-launch-(?P<launch>{_ID})")
_VPC_DESCRIPTION = re.compile(rf"bakery cluster (?P<cluster>{_LABEL}), launch (?P<launch>{_ID})")


def new_launch_id() -> str:
    """Eight hexadecimal digits."""
    return secrets.token_hex(4)


def firewall_name(planned: str, launch_id: str) -> str:
    return f"{planned}-{launch_id}"


def launch_of_firewall(name: str, planned: Iterable[str]) -> str | None:
    """The launch id in a firewall's name; None unless the rest of it is one of the ``planned`` names."""
    for base in planned:
        if match := re.fullmatch(rf"{re.escape(base)}-({_ID})", name):
            return match[1]
    return None


def key_name(cluster: str, launch_id: str) -> str:
    """The throw-away SSH key of one launch."""
    return f"bakery-{cluster}-launch-{launch_id}"


def launch_of_key(name: str, cluster: str | None = None) -> str | None:
    """The launch id in a throw-away key's name; None if it is no such name, or another cluster's."""
    return _launch(_KEY_NAME.fullmatch(name), cluster)


def cluster_of_key(name: str) -> str | None:
    match = _KEY_NAME.fullmatch(name)
    return match["cluster"] if match else None


def vpc_description(cluster: str, launch_id: str) -> str:
    return f"bakery cluster {cluster}, launch {launch_id}"


def launch_of_vpc(description: str, cluster: str) -> str | None:
    return _launch(_VPC_DESCRIPTION.fullmatch(description), cluster)


def _launch(match: re.Match[str] | None, cluster: str | None) -> str | None:
    if match is None or cluster not in (None, match["cluster"]):
        return None
    return match["launch"]
