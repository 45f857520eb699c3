"""Read the credentials of container registries from where the cluster file says that they are."""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from bakery.config.model import Docker, Registry
from bakery.credentials.model import RegistryLogin
from bakery.credentials.seen import SHORTEST_VALUE, note
from bakery.errors import CredentialsError
from bakery.hidden import may_show_path, may_show_variable
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


def login_secrets(registry: Registry, folder: Path, variables: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Return the secrets of one registry. A secret that cannot be read is left out.

    They are the password, user name and password as docker's files have them, and a user name that is in a
    variable and long enough to be a token. ``folder`` is that of the cluster file.
    """
    found: list[str] = []
    username = password = ""
    with suppress(CredentialsError):
        username = _username(registry, variables)
        found += _secret_name(registry, username)
    with suppress(CredentialsError):
        password = _password(registry, folder, variables)
        found.append(password)
    if username and password:
        found.append(RegistryLogin(host=registry.host, username=username, password=password).basic)
    return tuple(found)


def _login(registry: Registry, folder: Path, variables: Mapping[str, str]) -> RegistryLogin:
    username = _username(registry, variables)
    note(*_secret_name(registry, username))
    return RegistryLogin(host=registry.host, username=username, password=_password(registry, folder, variables))


def _username(registry: Registry, variables: Mapping[str, str]) -> str:
    return registry.username or _variable(registry, "username_env", variables)


def _secret_name(registry: Registry, username: str) -> tuple[str, ...]:
    """Return the user name if it may be a token: the cluster file does not have it, and it is not a short word."""
    return (username,) if registry.username_env and len(username) >= SHORTEST_VALUE else ()


def _password(registry: Registry, folder: Path, variables: Mapping[str, str]) -> str:
    if not registry.password_file:
        return _variable(registry, "password_env", variables)
    file = folder / registry.password_file
    key = f"docker.registries.{registry.host}.password_file"
    shown = may_show_path(registry.password_file, file)
    try:
        text = file.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        details = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
        message = f"{key} names {file if shown else 'a file'}, which cannot be read"
        raise CredentialsError(
            message=message, details=details, hint="create the file, or use password_env"
        ) from error
    if not text:
        message = f"{key} names {file if shown else 'a file'}, which is empty"
        raise CredentialsError(message=message, hint="write the password into it")
    return text


def _variable(registry: Registry, key: str, variables: Mapping[str, str]) -> str:
    """Return the value of the variable that ``key`` names. The name may be the secret itself: a likely mistake."""
    name: str = getattr(registry, key)
    text = variables.get(name, "").strip()
    if not text:
        shown = may_show_variable(name)
        what = f"names {name}, which is empty or not set" if shown else "names a variable that is empty or not set"
        hint = (
            f"export {name}=…" if shown else "the key has the variable's name, not its value; export the variable"
        )
        raise CredentialsError(message=f"docker.registries.{registry.host}.{key} {what}", hint=hint)
    return text
