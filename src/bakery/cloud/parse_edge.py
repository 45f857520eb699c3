"""Convert load balancers, certificates and reserved IPs from the API's JSON, and requests to JSON.

As :mod:`bakery.cloud.parse`: a missing field, or one of another type, raises KeyError, TypeError or ValueError.
"""

from dataclasses import asdict
from typing import Any

from bakery.cloud.model import (
    Certificate,
    ForwardingRule,
    HealthCheck,
    LoadBalancer,
    LoadBalancerRequest,
    ReservedIp,
)
from bakery.cloud.parse import Json


def load_balancer(item: Json) -> LoadBalancer:
    """Parse a load balancer."""
    check = item.get("health_check")
    return LoadBalancer(
        id=str(item["id"]),
        name=str(item["name"]),
        status=str(item["status"]),
        ip=str(item.get("ip") or ""),
        created_at=str(item.get("created_at") or ""),
        tag=str(item.get("tag") or ""),
        vpc_id=str(item.get("vpc_uuid") or ""),
        rules=tuple(_rule(rule) for rule in item.get("forwarding_rules") or ()),
        health_check=_check(check) if check else None,
        proxy_protocol=bool(item.get("enable_proxy_protocol")),
        redirects=bool(item.get("redirect_http_to_https")),
        size_unit=int(item.get("size_unit") or 1),
        droplet_ids=tuple(int(number) for number in item.get("droplet_ids") or ()),
    )


def _rule(item: Json) -> ForwardingRule:
    return ForwardingRule(
        entry_protocol=str(item["entry_protocol"]),
        entry_port=int(item["entry_port"]),
        target_protocol=str(item["target_protocol"]),
        target_port=int(item["target_port"]),
        certificate_id=str(item.get("certificate_id") or ""),
        tls_passthrough=bool(item.get("tls_passthrough")),
    )


def _check(item: Json) -> HealthCheck:
    return HealthCheck(
        protocol=str(item["protocol"]),
        port=int(item["port"]),
        path=str(item.get("path") or ""),
        check_interval_seconds=int(item["check_interval_seconds"]),
        response_timeout_seconds=int(item["response_timeout_seconds"]),
        unhealthy_threshold=int(item["unhealthy_threshold"]),
        healthy_threshold=int(item["healthy_threshold"]),
    )


def balancer_body(request: LoadBalancerRequest) -> dict[str, Any]:
    """Return the body of ``POST`` and ``PUT /v2/load_balancers``. PUT resets fields that are left out."""
    return {
        "name": request.name,
        "region": request.region,
        "vpc_uuid": request.vpc_id,
        "tag": request.tag,
        "size_unit": request.size_unit,
        "forwarding_rules": [asdict(rule) for rule in request.rules],
        "health_check": asdict(request.health_check),
        "enable_proxy_protocol": request.proxy_protocol,
        "redirect_http_to_https": request.redirects,
    }


def certificate(item: Json) -> Certificate:
    """Parse a certificate."""
    return Certificate(
        id=str(item["id"]),
        name=str(item["name"]),
        state=str(item.get("state") or "verified"),
        dns_names=tuple(str(name) for name in item.get("dns_names") or ()),
        created_at=str(item.get("created_at") or ""),
    )


def reserved_ip(item: Json) -> ReservedIp:
    """Parse a reserved IP."""
    droplet = item.get("droplet")
    return ReservedIp(
        ip=str(item["ip"]),
        region=str(item["region"]["slug"]),
        droplet_id=int(droplet["id"]) if droplet else None,
        locked=bool(item.get("locked")),
    )
