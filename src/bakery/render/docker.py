"""The files of docker on a Nomad client: credentials of registries, and CAs that docker trusts for them."""

import json
from collections.abc import Iterable

from bakery.config.model import Docker
from bakery.credentials.model import RegistryLogin
from bakery.render import paths

# Docker Hub has this key in a file of credentials (moby/moby registry/config.go, IndexServer).
_DOCKER_HUB = {"docker.io": "https://index.docker.io/v1/"}

# The image's own file: packer/files/etc/docker/daemon.json.
_DAEMON = {"live-restore": True}


def docker_auth(logins: Iterable[RegistryLogin]) -> str:
    """Return docker's file of credentials, which Nomad's docker plugin reads at each pull (auth.config)."""
    auths = {_DOCKER_HUB.get(login.host, login.host): {"auth": login.basic} for login in logins}
    return json.dumps({"auths": auths}, indent=1) + "\n"


def docker_daemon(docker: Docker) -> str | None:
    """Return docker's configuration file, in place of the image's own; None if the cluster file changes nothing.

    https://docs.docker.com/reference/cli/dockerd/#daemon-configuration-file
    """
    if not docker.ulimits:
        return None
    limits = {name: {"Name": name, "Hard": value, "Soft": value} for name, value in docker.ulimits}
    return json.dumps({**_DAEMON, "default-ulimits": limits}, indent=2) + "\n"


def registry_cas(docker: Docker) -> dict[str, str]:
    """Return the CAs of each registry, by the path from which docker reads them at each pull.

    https://docs.docker.com/engine/security/certificates/
    """
    if not docker.ca:
        return {}
    return {f"{paths.DOCKER_CERTIFICATES}/{each.host}/ca.crt": docker.ca for each in docker.registries}
