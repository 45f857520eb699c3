"""The files of docker on a Nomad client: credentials of registries, and CAs that docker trusts for them."""

import json
from base64 import b64encode
from collections.abc import Iterable

from bakery.config.model import Docker
from bakery.credentials.model import RegistryLogin
from bakery.render import paths

# Docker Hub has this key in a file of credentials (moby/moby registry/config.go, IndexServer).
_DOCKER_HUB = {"docker.io": "https://index.docker.io/v1/"}


def docker_auth(logins: Iterable[RegistryLogin]) -> str:
    """Return docker's file of credentials, which Nomad's docker plugin reads at each pull (auth.config)."""
    auths = {
        _DOCKER_HUB.get(login.host, login.host): {
            "auth": b64encode(f"{login.username}:{login.password}".encode()).decode()
        }
        for login in logins
    }
    return json.dumps({"auths": auths}, indent=1) + "\n"


def certificate_files(docker: Docker) -> dict[str, str]:
    """Return the CAs of each registry, by the path from which docker reads them at each pull.

    https://docs.docker.com/engine/security/certificates/
    """
    if not docker.ca:
        return {}
    return {f"{paths.DOCKER_CERTIFICATES}/{each.host}/ca.crt": docker.ca for each in docker.registries}
