"""The credentials of container registries, which every Nomad client gets: none may be the account's token."""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from bakery.cloud.access import TOKEN_VARIABLES, read_token
from bakery.config.model import Docker
from bakery.credentials.model import RegistryLogin
from bakery.credentials.registries import read_logins
from bakery.errors import CredentialsError


def registry_logins(
    docker: Docker, folder: Path, variables: Mapping[str, str] = os.environ
) -> tuple[RegistryLogin, ...]:
    """Return the credentials of every registry. ``folder`` is that of the cluster file.

    DigitalOcean's registry takes any API token as user and password, so also the one that bakery itself uses, with
    which a job could destroy the account (https://docs.digitalocean.com/products/container-registry/how-to/).

    Raises:
        CredentialsError: they cannot be read, or one is the API token in ``variables``.
    """
    logins = read_logins(docker, folder, variables)
    own = _account_tokens(variables)
    for login in logins:
        if own & {login.username, login.password}:
            message = f"the credentials of the registry {login.host} are the token of your DigitalOcean account"
            details = "every job of the cluster can use them, and root on a client can read them"
            hint = "use credentials that only pull: doctl registry docker-config prints them"
            raise CredentialsError(message=message, details=details, hint=hint)
    return logins


def _account_tokens(variables: Mapping[str, str]) -> set[str]:
    found = {variables.get(name, "").strip() for name in TOKEN_VARIABLES}
    file = variables.get("DIGITALOCEAN_TOKEN_FILE")
    if file:
        with suppress(CredentialsError):  # commands that need the token say what is wrong with the file
            found.add(read_token(variables, Path(file)))
    return found - {""}
