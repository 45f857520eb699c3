"""Reads the body of a request that creates or replaces a load balancer (OpenAPI: load_balancer_create.yml)."""

import re
from collections.abc import Mapping
from ipaddress import ip_network

from bakery.emulator.account.errors import Unprocessable
from bakery.emulator.account.model import BalancerSettings, ForwardingRule, HealthCheck
from bakery.emulator.api import fields
from bakery.emulator.api.call import Call
from bakery.emulator.api.fields import Body
from bakery.emulator.api.resources.references import read_droplet_ids

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9.\-]{0,254}")
PROTOCOLS = ("http", "https", "tcp")
UNSUPPORTED = {
    "type": ("REGIONAL", "REGIONAL_NETWORK", "GLOBAL"),
    "network": ("EXTERNAL", "INTERNAL"),
    "network_stack": ("IPV4", "DUALSTACK"),
}
"""The documented values of fields; the emulator supports the first value only."""
_PORT = (1, 65535)
# https://docs.digitalocean.com/products/networking/load-balancers/how-to/manage/ has the ranges of health checks.
_CHECK_RANGES = {
    "check_interval_seconds": (3, 300),
    "response_timeout_seconds": (3, 300),
    "unhealthy_threshold": (2, 10),
    "healthy_threshold": (2, 10),
}


def read_settings(call: Call) -> BalancerSettings:
    """Return the settings in the body; fields that it omits have their defaults. Raises Unprocessable."""
    body = call.body
    _refuse_unsupported(body)
    name = fields.text(body, "name")
    if _NAME.fullmatch(name) is None:
        message = "name must contain only letters, numbers, dashes and periods"
        raise Unprocessable(message)
    droplet_ids, tag = _read_targets(call)
    return BalancerSettings(
        name=name,
        rules=_read_rules(call),
        health_check=_read_check(_object(body, "health_check")),
        droplet_ids=droplet_ids,
        tag=tag,
        size_unit=_number(body, "size_unit", 1, (1, 100)),
        redirect_http_to_https=fields.boolean(body, "redirect_http_to_https"),
        enable_proxy_protocol=fields.boolean(body, "enable_proxy_protocol"),
        enable_backend_keepalive=fields.boolean(body, "enable_backend_keepalive"),
        http_idle_timeout_seconds=_number(body, "http_idle_timeout_seconds", 60, (30, 600)),
        disable_lets_encrypt_dns_records=fields.boolean(body, "disable_lets_encrypt_dns_records"),
        allow=_read_sources(body, "allow"),
        deny=_read_sources(body, "deny"),
    )


def read_rules(call: Call) -> list[ForwardingRule]:
    """Return the forwarding rules of the body: at least one. Raises Unprocessable."""
    rules = [_read_rule(call, entry) for entry in fields.objects(call.body, "forwarding_rules")]
    if not rules:
        message = "forwarding_rules must contain at least one rule"
        raise Unprocessable(message)
    return rules


def check_ports(rules: list[ForwardingRule]) -> None:
    """Raise Unprocessable if two rules have the same entry port."""
    ports = [rule.entry_port for rule in rules]
    if len(set(ports)) < len(ports):
        message = "forwarding_rules: duplicate entry port"
        raise Unprocessable(message)


def _read_rules(call: Call) -> list[ForwardingRule]:
    rules = read_rules(call)
    check_ports(rules)
    return rules


def _refuse_unsupported(body: Body) -> None:
    for name, values in UNSUPPORTED.items():
        value = fields.optional_text(body, name)
        if value and value not in values:
            message = f"{name} must be one of {', '.join(values)}"
            raise Unprocessable(message)
        if value and value != values[0]:
            message = f"The emulator does not support load balancers with {name} {value}."
            raise Unprocessable(message)
    sticky = _object(body, "sticky_sessions")
    if sticky.get("type") not in (None, "", "none"):
        message = "The emulator does not support sticky sessions: sticky_sessions.type must be none."
        raise Unprocessable(message)


def _read_targets(call: Call) -> tuple[list[int], str]:
    """Return droplet ids or a tag; both are mutually exclusive. An unknown tag has no droplets yet."""
    ids = list(dict.fromkeys(read_droplet_ids(call)))
    tag = fields.optional_text(call.body, "tag") or ""
    if ids and tag:
        message = "droplet_ids and tag are mutually exclusive"
        raise Unprocessable(message)
    return ids, call.state.tags.ensure(tag).name if tag else ""


def _read_rule(call: Call, entry: Body) -> ForwardingRule:
    rule = ForwardingRule(
        entry_protocol=_protocol(entry, "entry_protocol"),
        entry_port=_number(entry, "entry_port", None, _PORT),
        target_protocol=_protocol(entry, "target_protocol"),
        target_port=_number(entry, "target_port", None, _PORT),
        certificate_id=fields.optional_text(entry, "certificate_id") or "",
        tls_passthrough=fields.boolean(entry, "tls_passthrough"),
    )
    _check_rule(call, rule)
    return rule


def _check_rule(call: Call, rule: ForwardingRule) -> None:
    if (rule.entry_protocol == "tcp") != (rule.target_protocol == "tcp"):
        message = "a tcp rule must have tcp as entry_protocol and target_protocol"
        raise Unprocessable(message)
    if rule.tls_passthrough and (rule.entry_protocol, rule.target_protocol) != ("https", "https"):
        message = "tls_passthrough needs https as entry_protocol and target_protocol"
        raise Unprocessable(message)
    if rule.entry_protocol == "https" and bool(rule.certificate_id) == rule.tls_passthrough:
        message = "an https rule must have either a certificate_id or tls_passthrough"
        raise Unprocessable(message)
    if rule.entry_protocol != "https" and rule.certificate_id:
        message = "certificate_id is for rules with https as entry_protocol"
        raise Unprocessable(message)
    if rule.certificate_id and call.state.certificates.find(rule.certificate_id) is None:
        message = "certificate_id: the certificate does not exist"
        raise Unprocessable(message)


def _read_check(body: Body) -> HealthCheck:
    default = HealthCheck()
    numbers = {name: _number(body, name, getattr(default, name), limits) for name, limits in _CHECK_RANGES.items()}
    path = fields.optional_text(body, "path") or default.path
    if not path.startswith("/") or any(character.isspace() for character in path):
        message = "health_check.path must begin with a slash and have no spaces"
        raise Unprocessable(message)
    return HealthCheck(
        protocol=_protocol(body, "protocol", default=default.protocol),
        port=_number(body, "port", default.port, _PORT),
        path=path,
        **numbers,
    )


def _read_sources(body: Body, name: str) -> list[str]:
    sources = fields.texts(_object(body, "firewall"), name)
    for source in sources:
        kind, _, address = source.partition(":")
        if kind not in {"ip", "cidr"} or not _is_network(address) or (kind == "ip" and "/" in address):
            message = f"firewall.{name} must have entries like ip:1.2.3.4 or cidr:1.2.0.0/16"
            raise Unprocessable(message)
    return sources


def _is_network(text: str) -> bool:
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def _protocol(body: Body, name: str, default: str | None = None) -> str:
    value = fields.optional_text(body, name) or default or ""
    if value not in PROTOCOLS:
        message = f"{name} must be one of {', '.join(PROTOCOLS)}"
        if value in {"http2", "http3", "udp"}:
            message = f"The emulator does not support {value} as {name}."
        raise Unprocessable(message)
    return value


def _object(body: Body, name: str) -> Mapping[str, object]:
    value = body.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        message = f"{name} must be an object"
        raise Unprocessable(message)
    return value


def _number(body: Body, name: str, default: int | None, limits: tuple[int, int]) -> int:
    """Return an integer within ``limits``; ``default`` if it is missing, null or 0, as godo sends it."""
    value = body.get(name) or default
    low, high = limits
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        message = f"{name} must be a number from {low} to {high}"
        raise Unprocessable(message)
    return value
