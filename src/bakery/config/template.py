"""The commented cluster file of ``bakery init``."""

import json
import re

from bakery.config import defaults
from bakery.config.model import Kind
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

# Built-in roles: consul-server, nomad-server, nomad-client, server (both servers on one droplet) and all-in-one
# (both servers and a client on one droplet). Any other role names its kind, which makes node pools:
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

# Private registries that the Nomad clients pull images from, for every job. Passwords are never in this file:
#   registries: {{registry.digitalocean.com: {{username_env: DO_TOKEN, password_env: DO_TOKEN}}}}
docker:
  registries: {{}}
  # What is kept of a container's output.
  logs: {{max_size: {log_max_size}, max_files: {log_max_files}}}

# true: "bakery destroy" refuses.
protect: false
"""

_SMALL_ROLES = """\
  # A small cluster: count 1, or 3 to survive the loss of one droplet. Jobs run on the droplets of the servers: a
  # user who may submit docker jobs can read the servers' files there, and control the cluster.
  # To grow, add a role and launch: nomad-client: {{count: 2}}
  {role}"""


def cluster_file(*, cluster: str, region: str, vpc_cidr: str = defaults.VPC_CIDR, small: bool = False) -> str:
    """Return the text of a cluster file that contains every default; ``small``: with one role, of kind all-in-one.

    Names are quoted if YAML needs it, but not checked: :func:`bakery.config.load.parse_cluster` does that.
    """
    return _TEMPLATE.format(
        cluster=_scalar(cluster),
        region=_scalar(region),
        vpc_cidr=vpc_cidr,
        base=defaults.BASE_IMAGE,
        consul=defaults.CONSUL_VERSION,
        nomad=defaults.NOMAD_VERSION,
        binaries=defaults.BINARIES.value,
        exception=" but the roles" if small else "",
        roles=_small_roles()
        if small
        else "\n".join(f"  {_role(kind, defaults.COUNT)}" for kind in defaults.ROLES),
        admin_cidrs=", ".join(defaults.ADMIN_CIDRS),
        leaf_days=defaults.LEAF_DAYS,
        log_max_size=defaults.LOG_MAX_SIZE,
        log_max_files=defaults.LOG_MAX_FILES,
    )


def _small_roles() -> str:
    return _SMALL_ROLES.format(role=_role(defaults.SMALL_ROLE, 1))


def _role(kind: Kind, count: int) -> str:
    key = f"{kind.value}:"
    return f"{key:<15}{{count: {count}, size: {defaults.size_of(kind)}}}"


def _scalar(text: str) -> str:
    if re.fullmatch(LABEL, text) and isinstance(plain_scalar(text), str):
        return text
    return json.dumps(text)
