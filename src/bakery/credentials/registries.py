"""Read the credentials of container registries from where the cluster file says that they are."""

import os
from collections.abc import Mapping
from pathlib import Path

from bakery.config.model import Docker, Registry
from bakery.credentials.model import RegistryLogin
from bakery.errors import CredentialsError
from bakery.hints import joined


def read_logins(
    docker: Docker, folder: Path, variables: Mapping[str, str] = os.environ
) -> tuple[RegistryLogin, ...]:
    """Return the credentials of every registry, in file order. ``folder`` is that of the cluster file.

    Raises:
        CredentialsError: variables are not set, or files cannot be read or are empty; it names each registry.
    """
    found, missing = [], []
    for registry in docker.registries:
        try:
            found.append(_login(registry, folder, variables))
        except CredentialsError as error:
            missing.append(error)
    if len(missing) == 1:
        raise missing[0]
    if missing:
        message = f"the credentials of {len(missing)} registries cannot be read"
        details = "; ".join(error.full_message for error in missing)
        hint = joined("; ", (error.hint for error in missing if error.hint))
        raise CredentialsError(message=message, details=details, hint=hint)
    return tuple(found)


def _login(registry: Registry, folder: Path, variables: Mapping[str, str]) -> RegistryLogin:
    return RegistryLogin(
        host=registry.host,
        username=registry.username or _variable(registry, registry.username_env, variables),
        password=_password(registry, folder, variables),
    )


def _password(registry: Registry, folder: Path, variables: Mapping[str, str]) -> str:
    if not registry.password_file:
        return _variable(registry, registry.password_env, variables)
    file = folder / registry.password_file
    try:
        text = file.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        details = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
        message = f"the password of the registry {registry.host} cannot be read from {file}"
        raise CredentialsError(
            message=message, details=details, hint="create the file, or use password_env"
        ) from error
    return _checked(registry, text, str(file))


def _variable(registry: Registry, name: str, variables: Mapping[str, str]) -> str:
    return _checked(registry, variables.get(name, "").strip(), name)


def _checked(registry: Registry, text: str, source: str) -> str:
    if not text:
        message = f"{source} is empty or not set: it has the credentials of the registry {registry.host}"
        hint = (
            f"export {source}=…" if source in (registry.username_env, registry.password_env) else f"fill {source}"
        )
        raise CredentialsError(message=message, hint=hint)
    return text
