"""Regional load balancers (OpenAPI: resources/load_balancers)."""

from dataclasses import asdict, replace
from typing import Any

from bakery.emulator.account.errors import Unprocessable
from bakery.emulator.account.model import LoadBalancer
from bakery.emulator.api import fields
from bakery.emulator.api.call import NO_CONTENT, Call, Reply, page
from bakery.emulator.api.resources.balancer_request import check_ports, read_rules, read_settings
from bakery.emulator.api.resources.catalog import region_view, timestamp
from bakery.emulator.api.resources.projects import PROJECT_ID
from bakery.emulator.api.resources.references import read_droplet_ids, read_vpc


def list_load_balancers(call: Call) -> Reply:
    balancers = call.state.load_balancers.all()
    return page(call, "load_balancers", balancers, lambda balancer: balancer_view(call, balancer))


def create_load_balancer(call: Call) -> Reply:
    """Create a load balancer; the answer always has ``new``, and a later GET ``active``."""
    settings = read_settings(call)
    region = fields.text(call.body, "region")
    if region not in call.settings.regions:
        message = "You specified an invalid region for load balancer creation."
        raise Unprocessable(message)
    vpc = read_vpc(call, region, refusal="vpc_uuid: the VPC does not exist in this region")
    balancer = call.state.load_balancers.create(settings, region=region, vpc=vpc)
    call.state.firewalls.revision += 1  # a rule may have it as a source
    _point_names(call, balancer)
    view = {**balancer_view(call, balancer), "status": "new", "ip": ""}
    return Reply(status=202, body={"load_balancer": view})


def get_load_balancer(call: Call) -> Reply:
    return Reply(body={"load_balancer": balancer_view(call, _find(call))})


def replace_load_balancer(call: Call) -> Reply:
    """Replace the settings; fields that the body omits get their defaults."""
    balancer, settings = _find(call), read_settings(call)
    if fields.text(call.body, "region") != balancer.region:
        message = "a load balancer cannot be moved to another region"
        raise Unprocessable(message)
    balancer.settings = settings
    _point_names(call, balancer)
    return Reply(body={"load_balancer": balancer_view(call, balancer)})


def delete_load_balancer(call: Call) -> Reply:
    call.state.load_balancers.remove(_find(call))
    call.state.firewalls.revision += 1
    return NO_CONTENT


def add_droplets(call: Call) -> Reply:
    balancer = _of_droplets(call)
    ids = [*balancer.settings.droplet_ids, *read_droplet_ids(call)]
    balancer.settings.droplet_ids = list(dict.fromkeys(ids))
    return NO_CONTENT


def remove_droplets(call: Call) -> Reply:
    balancer, gone = _of_droplets(call), fields.integers(call.body, "droplet_ids")
    balancer.settings.droplet_ids = [each for each in balancer.settings.droplet_ids if each not in gone]
    return NO_CONTENT


def add_rules(call: Call) -> Reply:
    balancer = _find(call)
    rules = [*balancer.settings.rules, *(rule for rule in read_rules(call) if rule not in balancer.settings.rules)]
    check_ports(rules)
    balancer.settings = replace(balancer.settings, rules=rules)
    return NO_CONTENT


def remove_rules(call: Call) -> Reply:
    balancer, gone = _find(call), read_rules(call)
    rules = [rule for rule in balancer.settings.rules if rule not in gone]
    if not rules:
        message = "a load balancer must have at least one forwarding rule"
        raise Unprocessable(message)
    balancer.settings = replace(balancer.settings, rules=rules)
    return NO_CONTENT


def _find(call: Call) -> LoadBalancer:
    return call.state.load_balancers.get(call.params["balancer"])


def _of_droplets(call: Call) -> LoadBalancer:
    balancer = _find(call)
    if balancer.settings.tag:
        message = "Droplets cannot be added to or removed from a load balancer with a tag."
        raise Unprocessable(message)
    return balancer


def _point_names(call: Call, balancer: LoadBalancer) -> None:
    """Create A records for the names of Let's Encrypt certificates, unless the settings disable that."""
    if balancer.settings.disable_lets_encrypt_dns_records:
        return
    for rule in balancer.settings.rules:
        certificate = call.state.certificates.find(rule.certificate_id)
        if certificate is not None and certificate.type == "lets_encrypt":
            for name in certificate.dns_names:
                call.state.domains.point(name, balancer.address)


def balancer_view(call: Call, balancer: LoadBalancer) -> dict[str, Any]:
    settings, status = balancer.settings, call.state.load_balancers.status(balancer)
    return {
        "id": balancer.id,
        "name": settings.name,
        "ip": balancer.address if status == "active" else "",
        "ipv6": "",
        "size": "lb-small",
        "size_unit": settings.size_unit,
        "algorithm": "round_robin",
        "status": status,
        "created_at": timestamp(balancer.created_at),
        "forwarding_rules": [asdict(rule) for rule in settings.rules],
        "health_check": asdict(settings.health_check),
        "sticky_sessions": {"type": "none"},
        "region": region_view(balancer.region, call.settings.region_features),
        "tag": settings.tag,
        "droplet_ids": [droplet.id for droplet in call.state.droplets_behind(balancer)],
        "redirect_http_to_https": settings.redirect_http_to_https,
        "enable_proxy_protocol": settings.enable_proxy_protocol,
        "enable_backend_keepalive": settings.enable_backend_keepalive,
        "http_idle_timeout_seconds": settings.http_idle_timeout_seconds,
        "vpc_uuid": balancer.vpc_id,
        "disable_lets_encrypt_dns_records": settings.disable_lets_encrypt_dns_records,
        "project_id": PROJECT_ID,
        "firewall": {"allow": list(settings.allow), "deny": list(settings.deny)},
        "network": "EXTERNAL",
        "network_stack": "IPV4",
        "type": "REGIONAL",
        "tls_cipher_policy": "DEFAULT",
    }
