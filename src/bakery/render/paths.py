"""Paths on a node: the image creates the folders, user-data the files (packer/files/README.md)."""

import re

CONSUL_DATA = "/opt/consul"
CONSUL_CONFIG = "/etc/consul.d/consul.json"
CONSUL_CA = "/etc/consul.d/tls/ca.pem"
CONSUL_CERTIFICATE = "/etc/consul.d/tls/agent.pem"
CONSUL_KEY = "/etc/consul.d/tls/agent-key.pem"

NOMAD_DATA = "/opt/nomad"
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
DOCKER_CERTIFICATES = "/etc/docker/certs.d"

FIREWALL = "/etc/bakery/firewall.nft"
NODE = "/etc/bakery/node.json"
ALLOW_SSH = "/etc/bakery/allow-ssh"
"""sshd starts on a node that has :data:`NODE` only if this file exists."""

WRITABLE = frozenset(
    {
        CONSUL_CONFIG,
        CONSUL_CA,
        CONSUL_CERTIFICATE,
        CONSUL_KEY,
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
        ALLOW_SSH,
        DOCKER_AUTH,
    }
)
"""The paths that user-data may write, besides those of :func:`is_writable`."""
_CERTIFICATE = re.compile(re.escape(DOCKER_CERTIFICATES) + "/[a-z0-9.:-]+/ca[.]crt")


def is_writable(path: str) -> bool:
    """Return whether user-data may write the file."""
    return path in WRITABLE or _CERTIFICATE.fullmatch(path) is not None
