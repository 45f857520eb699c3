"""The defaults of the cluster file."""

from typing import assert_never

from bakery.config.model import Binaries, Kind

REGION = "fra1"
VPC_CIDR = "10.100.0.0/20"
BASE_IMAGE = "debian-12-x64"
CONSUL_VERSION = "1.22.5"
NOMAD_VERSION = "2.0.5"
"""The first minor version in which docker tasks cannot ask for the node's namespaces, and logs are read-only for
tasks (HCSEC-2026-14, -19 and -21). HashiCorp lists it with Consul 1.19 to 1.22."""
TESTED_CONSUL_VERSION = "1.22.5"
TESTED_NOMAD_VERSION = "1.11.3"
"""The newest pair that can be built from Go modules (toolchain/), for machines without the official releases: what
the tests and the demo run. Nomad 2.x is not a Go module (go.dev/ref/mod, "Major version suffixes")."""
BINARIES = Binaries.AUTO
COUNT = 3
NODE_POOL = "default"
ADMIN_CIDRS = ("auto",)
LEAF_DAYS = MAX_LEAF_DAYS = 10 * 365
"""Equal to the lifetime of a CA: a cluster whose certificates have expired cannot be reached, and no certificate
of a node can be revoked."""
LOG_MAX_SIZE, LOG_MAX_FILES = "2m", 2
"""Nomad's own defaults of a container's output (hashicorp/nomad drivers/docker/config.go, configSpec)."""
MOST_LOG_FILES = 100
ACME_DIRECTORY = "https://acme-v02.api.letsencrypt.org/directory"
"""Let's Encrypt (https://letsencrypt.org/docs/acme-protocol-updates/)."""
MAX_DOMAINS = 100
"""Names of one certificate at Let's Encrypt (https://letsencrypt.org/docs/rate-limits/)."""
MIN_LEAF_DAYS = 30
"""A shorter-lived certificate would expire before its node is replaced."""

SERVER_SIZE = "s-1vcpu-1gb"
CLIENT_SIZE = "s-2vcpu-2gb"
ROLES = (Kind.CONSUL_SERVER, Kind.NOMAD_SERVER, Kind.NOMAD_CLIENT)
"""The roles of a file without ``roles``, by name."""
SMALL_ROLE = Kind.ALL_IN_ONE
"""The role of a small cluster (``bakery init --small``), by name."""

MAX_CLUSTER_NAME = 30
MAX_ROLE_NAME = 23
"""A node name is cluster, role, up to three digits and a suffix (:func:`bakery.plan.slots.later_name`). With the
longest cluster and role names it has 63 characters, the limit of a DNS label (RFC 1035)."""
MAX_COUNT = 100
"""Nodes of one role."""


def size_of(kind: Kind) -> str:
    """Return the default size slug of a role's droplets."""
    match kind:
        case Kind.CONSUL_SERVER | Kind.NOMAD_SERVER | Kind.INGRESS:
            return SERVER_SIZE
        case Kind.NOMAD_CLIENT:
            return CLIENT_SIZE
        case Kind.SERVER:
            return CLIENT_SIZE  # two servers share its memory
        case Kind.ALL_IN_ONE:
            return CLIENT_SIZE  # render.nomad_config keeps 768 MB of its 2 GB for the servers
        case _:
            assert_never(kind)
