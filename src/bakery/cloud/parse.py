"""Convert the API's JSON to the model, and requests to JSON.

Field names: https://docs.digitalocean.com/reference/api/digitalocean/ (openapi ``specification/resources``).
A missing field, or one of another type, raises KeyError, TypeError or ValueError; the adapter adds the request.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from bakery.cloud.model import (
    Account,
    Droplet,
    DropletRequest,
    Firewall,
    FirewallRequest,
    FirewallRule,
    Image,
    Region,
    Size,
    SshKey,
    Vpc,
)

Json = Mapping[str, Any]


def account(item: Json) -> Account:
    """Parse the account."""
    return Account(
        uuid=str(item["uuid"]),
        status=str(item["status"]),
        droplet_limit=int(item["droplet_limit"]),
        email=str(item.get("email") or ""),
        team=str((item.get("team") or {}).get("name") or ""),
        team_uuid=str((item.get("team") or {}).get("uuid") or ""),
    )


def droplet(item: Json) -> Droplet:
    """Parse a droplet."""
    image = item.get("image")
    return Droplet(
        id=int(item["id"]),
        name=str(item["name"]),
        status=str(item["status"]),
        created_at=str(item["created_at"]),
        region=str(item["region"]["slug"]),
        size=str(item["size_slug"]),
        image_id=int(image["id"]) if image and image.get("id") is not None else None,
        image_name=str(image.get("name") or "") if image else "",
        tags=_texts(item.get("tags")),
        vpc_id=item.get("vpc_uuid") or None,
        public_ipv4=_address(item, "public"),
        private_ipv4=_address(item, "private"),
    )


def _address(item: Json, kind: str) -> str | None:
    """Return the address of that kind in ``networks.v4``.

    Its order is not defined; it never has the anchor address.
    """
    v4 = (item.get("networks") or {}).get("v4") or ()
    return next((str(network["ip_address"]) for network in v4 if network["type"] == kind), None)


def image(item: Json) -> Image:
    """Parse an image."""
    return Image(
        id=int(item["id"]),
        name=str(item["name"]),
        type=str(item["type"]),
        status=str(item.get("status", "available")),
        regions=_texts(item.get("regions")),
        tags=_texts(item.get("tags")),
        min_disk_size=int(item.get("min_disk_size") or 0),
        size_gigabytes=float(item.get("size_gigabytes") or 0),
        created_at=str(item.get("created_at") or ""),
    )


def ssh_key(item: Json) -> SshKey:
    """Parse an SSH key."""
    return SshKey(id=int(item["id"]), name=str(item["name"]), fingerprint=str(item["fingerprint"]))


def vpc(item: Json) -> Vpc:
    """Parse a VPC."""
    return Vpc(
        id=str(item["id"]),
        name=str(item["name"]),
        description=str(item.get("description") or ""),
        region=str(item["region"]),
        ip_range=str(item["ip_range"]),
        default=bool(item.get("default")),
    )


def firewall(item: Json) -> Firewall:
    """Parse a firewall."""
    return Firewall(
        id=str(item["id"]),
        name=str(item["name"]),
        status=str(item["status"]),
        inbound=tuple(_rule(rule, "sources") for rule in item.get("inbound_rules") or ()),
        outbound=tuple(_rule(rule, "destinations") for rule in item.get("outbound_rules") or ()),
        tags=_texts(item.get("tags")),
        created_at=str(item.get("created_at") or ""),
    )


def _rule(item: Json, peers: str) -> FirewallRule:
    ports = str(item.get("ports") or "0")  # ICMP has no ports, or "0"
    there = item.get(peers) or {}
    return FirewallRule(
        protocol=str(item["protocol"]),
        ports="0" if ports == "all" else ports,
        addresses=_texts(there.get("addresses")),
        tags=_texts(there.get("tags")),
        load_balancers=_texts(there.get("load_balancer_uids")),
    )


def size(item: Json) -> Size:
    """Parse a size."""
    return Size(
        slug=str(item["slug"]),
        memory=int(item["memory"]),
        disk=int(item["disk"]),
        price_monthly=float(item["price_monthly"]),
        price_hourly=float(item["price_hourly"]),
        regions=_texts(item.get("regions")),
        available=bool(item["available"]),
    )


def region(item: Json) -> Region:
    """Parse a region."""
    return Region(slug=str(item["slug"]), available=bool(item["available"]), features=_texts(item.get("features")))


def _texts(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise TypeError(value)
    return tuple(str(element) for element in value)


def droplet_body(request: DropletRequest) -> dict[str, Any]:
    """Return the body of ``POST /v2/droplets``.

    Without ``with_droplet_agent`` the API tries to install DigitalOcean's console agent.
    """
    body: dict[str, Any] = {
        "name": request.name,
        "region": request.region,
        "size": request.size,
        "image": request.image,
        "tags": list(request.tags),
        "ssh_keys": list(request.ssh_keys),
        "user_data": request.user_data,
        "monitoring": False,
        "with_droplet_agent": False,
    }
    return body if request.vpc_id is None else body | {"vpc_uuid": request.vpc_id}


def firewall_body(request: FirewallRequest) -> dict[str, Any]:
    """Return the body of ``POST`` and ``PUT /v2/firewalls``. PUT resets fields that are left out."""
    return {
        "name": request.name,
        "inbound_rules": _rules(request.inbound, "sources"),
        "outbound_rules": _rules(request.outbound, "destinations"),
        "droplet_ids": [],
        "tags": list(request.tags),
    }


def _rules(rules: Sequence[FirewallRule], peers: str) -> list[dict[str, Any]]:
    return [
        {
            "protocol": rule.protocol,
            "ports": rule.ports,
            peers: _peers(rule),
        }
        for rule in rules
    ]


def _peers(rule: FirewallRule) -> dict[str, list[str]]:
    peers = {
        "addresses": list(rule.addresses),
        "tags": list(rule.tags),
        "load_balancer_uids": list(rule.load_balancers),
    }
    return {kind: values for kind, values in peers.items() if values}
