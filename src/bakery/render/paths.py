"""Paths on a node: the image creates the folders, user-data the files (packer/files/README.md)."""

import re

CONSUL_DATA = "/opt/consul"
CONSUL_CONFIG = "/etc/consul.d/consul.json"
CONSUL_CA = "/etc/consul.d/tls/ca.pem"
CONSUL_CERTIFICATE = "/etc/consul.d/tls/agent.pem"
CONSUL_KEY = "/etc/consul.d/tls/agent-key.pem"
# Of the same key.
CONSUL_GRPC_CERTIFICATE = "/etc/consul.d/tls/grpc.pem"
CONSUL_SOCKET = "/run/consul/http.sock"
"""Where Consul's API answers Traefik on an ingress node. The ACL of its folder lets Traefik in."""

NOMAD_DATA = "/opt/nomad"
NOMAD_INTRODUCTION = f"{NOMAD_DATA}/client/intro_token.jwt"
"""Nomad's own place of a new client's token (hashicorp/nomad command/agent/agent.go, readIntroTokenFile)."""
NOMAD_SERVER_CONFIG = "/etc/nomad.d/server.json"
NOMAD_CLIENT_CONFIG = "/etc/nomad.d/client.json"
NOMAD_CA = "/etc/nomad.d/tls/ca.pem"
NOMAD_CERTIFICATE = "/etc/nomad.d/tls/agent.pem"
NOMAD_KEY = "/etc/nomad.d/tls/agent-key.pem"
# Nomad's copy of the Consul leaf certificate, because Nomad's user may not read Consul's folder.
NOMAD_CONSUL_CA = "/etc/nomad.d/tls/consul-ca.pem"
NOMAD_CONSUL_CERTIFICATE = "/etc/nomad.d/tls/consul.pem"
NOMAD_CONSUL_KEY = "/etc/nomad.d/tls/consul-key.pem"
CNI_PLUGINS = "/opt/cni/bin"
# In a folder of its own: the agent reads every file of /etc/nomad.d itself as configuration.
DOCKER_AUTH = "/etc/nomad.d/docker/auth.json"
DOCKER_DAEMON = "/etc/docker/daemon.json"
DOCKER_CERTIFICATES = "/etc/docker/certs.d"

# JSON, which Traefik reads as YAML: it takes no file whose name ends in .json.
TRAEFIK_CONFIG = "/etc/traefik/traefik.yml"
TRAEFIK_DOMAINS = "/etc/traefik/domains"
"""The domains whose certificates Traefik requests, one a line; without one the file does not exist."""
TRAEFIK_ROUTES = "/var/lib/traefik/routes"
"""A folder that Traefik watches. The image's program ``certificates`` writes into it too."""
TRAEFIK_TLS = f"{TRAEFIK_ROUTES}/tls.yml"
TRAEFIK_ACME_CA = "/etc/traefik/tls/acme-ca.pem"
TRAEFIK_ACME_STORE = "/var/lib/traefik/acme.json"
TRAEFIK_CERTIFICATES = "/etc/traefik/certificates"

FIREWALL = "/etc/bakery/firewall.nft"
NODE = "/etc/bakery/node.json"
INTRODUCTION = "/etc/bakery/introduction.json"
"""Where a new Nomad client finds its introduction: a key in Consul, and the token that may read it."""
ALLOW_SSH = "/etc/bakery/allow-ssh"
"""sshd starts on a node that has :data:`NODE` only if this file exists."""

WRITABLE = frozenset(
    {
        CONSUL_CONFIG,
        CONSUL_CA,
        CONSUL_CERTIFICATE,
        CONSUL_KEY,
        CONSUL_GRPC_CERTIFICATE,
        NOMAD_SERVER_CONFIG,
        NOMAD_CLIENT_CONFIG,
        NOMAD_CA,
        NOMAD_CERTIFICATE,
        NOMAD_KEY,
        NOMAD_CONSUL_CA,
        NOMAD_CONSUL_CERTIFICATE,
        NOMAD_CONSUL_KEY,
        FIREWALL,
        NODE,
        INTRODUCTION,
        ALLOW_SSH,
        DOCKER_AUTH,
        TRAEFIK_CONFIG,
        TRAEFIK_DOMAINS,
        TRAEFIK_TLS,
        TRAEFIK_ACME_CA,
        DOCKER_DAEMON,
    }
)
"""The paths that user-data may write, besides those of :func:`is_writable`."""
_CERTIFICATE = re.compile(
    f"{re.escape(DOCKER_CERTIFICATES)}/[a-z0-9.:-]+/ca[.]crt|{re.escape(TRAEFIK_CERTIFICATES)}/[0-9]+(-key)?[.]pem"
)


def own_certificate(number: int) -> tuple[str, str]:
    """Return the paths of the user's certificate with that number and of its key, on an ingress node."""
    return f"{TRAEFIK_CERTIFICATES}/{number}.pem", f"{TRAEFIK_CERTIFICATES}/{number}-key.pem"


def is_writable(path: str) -> bool:
    """Return whether user-data may write the file."""
    return path in WRITABLE or _CERTIFICATE.fullmatch(path) is not None
