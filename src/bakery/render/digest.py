"""A digest of a node's configuration without secrets. If it changes, new droplets are configured differently."""

import hashlib
import json
from dataclasses import asdict
from typing import Any

from bakery.config.model import NO_DOCKER
from bakery.plan.model import ClusterPlan, Node
from bakery.render.consul_config import consul_config
from bakery.render.host_firewall import host_firewall
from bakery.render.nomad_config import nomad_config
from bakery.render.sample import sample_context
from bakery.render.traefik_config import acme_domains, traefik_config, traefik_tls

_DIGITS = 16


def config_digest(plan: ClusterPlan, node: Node) -> str:
    """Return 16 hexadecimal digits that are equal for all nodes of a role, until their configuration changes.

    It covers the agents' configuration, the host firewall, whether SSH is allowed, the role's parts of user-data,
    docker without the passwords of registries, and Traefik with the user's certificates. A newer bakery that
    renders these differently changes it. It does not depend on names, addresses to join, ``bootstrap_expect`` and
    secrets: they differ between droplets.
    """
    context = sample_context(plan, node)
    parts: dict[str, Any] = {
        "consul": consul_config(context),
        "firewall": [line for line in host_firewall(context).splitlines() if not line.lstrip().startswith("#")],
        "ssh": bool(plan.ssh_keys),
    }
    # Only what the cluster file has is added, so that the digest of a file without these keys does not change.
    if node.settings.user_data:
        parts["user_data"] = [asdict(part) for part in node.settings.user_data]
    if node.kind.is_nomad_client and plan.docker != NO_DOCKER:
        parts["docker"] = {key: value for key, value in asdict(plan.docker).items() if key != "ulimits" or value}
    if node.kind.is_separate_client and plan.introduces_clients:
        parts["introduction"] = True
    if node.kind.is_ingress:
        certificates = [pair.certificate for pair in plan.ingress.certificates]
        parts["traefik"] = [traefik_config(context), traefik_tls(context), acme_domains(context)]
        parts["certificates"] = [plan.ingress.acme_ca, *certificates]
    if node.kind.runs_nomad:
        parts["nomad"] = nomad_config(context)
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:_DIGITS]
