"""The commented cluster file of ``bakery init``."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from bakery.config import defaults
from bakery.config.model import ClientIntroduction, Kind
from bakery.config.scalars import plain_scalar
from bakery.config.schema import LABEL

_TEMPLATE = """\
# yaml-language-server: $schema=bakery.schema.json
# The line above is for editors; write that file with: bakery validate --schema > bakery.schema.json
# Every field but version and cluster has a default, and this file contains all defaults{exception}.

version: 1

# Names nodes, tags and Consul's datacenter: lower-case letters, digits, hyphens; at most 30 characters.
cluster: {cluster}

# DigitalOcean's region slug.
region: {region}

# The cluster's own network; made if it does not exist. It must not overlap another VPC of the account.
vpc:
  cidr: {vpc_cidr}

# What "bakery build-image" bakes.
image:
  base: {base}
  consul: {consul}
  nomad: {nomad}
  # How consul and nomad get in: auto, download (the build droplet fetches the release) or upload (from here).
  binaries: {binaries}
  # SHA256 of release archives by file name. Bakery knows those of its default versions.
  checksums: {{}}

# Built-in roles: consul-server, nomad-server, nomad-client, server (both servers on one droplet), all-in-one (both
# servers and a client on one droplet) and ingress (see below). Any other role names its kind: a node pool, such as
#   gpu: {{kind: nomad-client, node_pool: gpu, count: 2, size: g-2vcpu-8gb}}
# Jobs are reached from outside at the ports that a role opens, and at no others:
#   nomad-client: {{count: 3, ports: [80/tcp, 443/tcp, 8080/tcp from vpc]}}
roles:
{roles}

# Who may reach the APIs and user interfaces from outside: networks such as 203.0.113.0/24, or auto for
# the address that "bakery launch" is run from. SSH stays closed unless keys of the account are named.
access:
  admin_cidrs: [{admin_cidrs}]
  ssh_keys: []

# How many days the certificates of a node last. They end with their CA at the latest, which lasts ten years, and
# are renewed when the node is replaced: "bakery status" shows when they end.
security:
  leaf_days: {leaf_days}
  # strict: a copy of a node's user-data registers no Nomad client (see docs/security.md).
  client_introduction: {client_introduction}

# Private registries that the Nomad clients pull images from, for every job. Passwords are never in this file:
#   registries: {{registry.digitalocean.com: {{username_env: REGISTRY_TOKEN, password_env: REGISTRY_TOKEN}}}}
docker:
  registries: {{}}
  # What is kept of a container's output.
  logs: {{max_size: {log_max_size}, max_files: {log_max_files}}}
  # Limits of each container's processes, such as {{memlock: -1}}. Without nofile: 65536 open files.
  ulimits: {{}}

# How services are reached from outside: add the role "ingress: {{count: 1}}" and tag the services. For HTTPS name
# domains whose address is the droplet's, and your e-mail address for Let's Encrypt; or certificates of your own:
#   ingress: {{domains: [www.example.com], acme_email: ops@example.com}}
#   ingress: {{certificates: [{{cert: example.pem, key: example-key.pem}}]}}
# Several droplets need load_balancer: {{certificate: passthrough}}, or lets-encrypt, where TLS ends at the load
# balancer. One droplet with reserved_ip: auto keeps its address when it is replaced.
ingress:
  domains: []
  acme_email: ""
  certificates: []
  load_balancer: false
  reserved_ip: none

# true: jobs may have "connect" blocks, and their sidecars encrypt and authorize the traffic between services.
mesh: false

# true: "bakery destroy" refuses.
protect: false
"""

_PLAIN = r"^[a-z][-a-z0-9]*$|^[0-9.]+/[0-9]+$"
"""A size's slug, or a network: YAML takes it for a string as it is."""
_SMALL_ROLES = """\
  # A small cluster: count 1, or 3 to survive the loss of one droplet. Jobs run on the droplets of the servers: a
  # user who may submit docker jobs can read the servers' files there, and control the cluster.
  # To grow, add a role and launch: nomad-client: {{count: 2}}
  {role}"""


@dataclass(frozen=True, kw_only=True)
class RoleLine:
    """One role of the file; its name is that of its kind."""

    kind: Kind
    count: int
    size: str
    """Slug."""


def default_roles(*, small: bool) -> tuple[RoleLine, ...]:
    """Return the roles of a file without answers; ``small``: one droplet, of kind all-in-one."""
    if small:
        return (RoleLine(kind=defaults.SMALL_ROLE, count=1, size=defaults.size_of(defaults.SMALL_ROLE)),)
    return tuple(RoleLine(kind=kind, count=defaults.COUNT, size=defaults.size_of(kind)) for kind in defaults.ROLES)


def cluster_file(
    *,
    cluster: str,
    region: str,
    vpc_cidr: str = defaults.VPC_CIDR,
    small: bool = False,
    roles: Sequence[RoleLine] = (),
    admin_cidrs: Sequence[str] = defaults.ADMIN_CIDRS,
) -> str:
    """Return the text of a cluster file that contains every default but for ``roles`` and ``admin_cidrs``.

    ``small``: with one role, of kind all-in-one. Values are quoted if YAML needs it, but not checked:
    :func:`bakery.config.load.parse_cluster` does that.
    """
    lines = tuple(roles) or default_roles(small=small)
    chosen = [
        *(["the roles"] if lines != default_roles(small=False) else []),
        *(["access"] if tuple(admin_cidrs) != defaults.ADMIN_CIDRS else []),
    ]
    return _TEMPLATE.format(
        cluster=_scalar(cluster),
        region=_scalar(region),
        vpc_cidr=vpc_cidr,
        base=defaults.BASE_IMAGE,
        consul=defaults.CONSUL_VERSION,
        nomad=defaults.NOMAD_VERSION,
        binaries=defaults.BINARIES.value,
        exception=f" but {' and '.join(chosen)}" if chosen else "",
        roles=_small_roles(lines[0]) if small else "\n".join(f"  {_role(line)}" for line in lines),
        admin_cidrs=", ".join(map(_scalar, admin_cidrs)),
        leaf_days=defaults.LEAF_DAYS,
        client_introduction=ClientIntroduction.WARN.value,
        log_max_size=defaults.LOG_MAX_SIZE,
        log_max_files=defaults.LOG_MAX_FILES,
    )


def _small_roles(line: RoleLine) -> str:
    return _SMALL_ROLES.format(role=_role(line))


def _role(line: RoleLine) -> str:
    key = f"{line.kind.value}:"
    return f"{key:<15}{{count: {line.count}, size: {_scalar(line.size)}}}"


def _scalar(text: str) -> str:
    if re.fullmatch(f"{LABEL}|{_PLAIN}", text) and isinstance(plain_scalar(text), str):
        return text
    return json.dumps(text)
