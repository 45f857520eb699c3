"""Check and build the key ``docker`` of the cluster file."""

import re
from collections.abc import Iterator
from pathlib import Path

from bakery.config.attachments import read_ca
from bakery.config.findings import FieldPath, Finding, dotted, quoted
from bakery.config.model import Docker, Registry
from bakery.config.schema import DockerShape, RegistryShape

_HOST = r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?(:[0-9]{1,5})?"
_VARIABLE = "[A-Za-z_][A-Za-z0-9_]*"
_EXAMPLE = "registry.digitalocean.com: {username_env: DO_TOKEN, password_env: DO_TOKEN}"


def docker_findings(docker: DockerShape, folder: Path) -> Iterator[Finding]:
    """Yield what is wrong with ``docker``. ``folder`` is that of the cluster file."""
    for host, registry in docker.registries.items():
        yield from _registry(("docker", "registries", host), host, registry)
    path: FieldPath = ("docker", "ca")
    if docker.ca and not docker.registries:
        message = "docker.ca has no meaning without docker.registries: it is for these registries only"
        yield Finding(path=path, message=message, hint=f"add the registry: {_EXAMPLE}", at_key=True)
    elif docker.ca and isinstance(found := read_ca(folder, docker.ca), tuple):
        yield Finding(path=path, message=f"docker.ca{found[0]}", hint=found[1])


def build_docker(docker: DockerShape, folder: Path) -> Docker:
    """Return the settings of docker, from a shape without findings."""
    ca = read_ca(folder, docker.ca) if docker.ca else ""
    return Docker(
        registries=tuple(
            Registry(host=host, **registry.model_dump()) for host, registry in docker.registries.items()
        ),
        ca=ca if isinstance(ca, str) else "",
    )


def _registry(path: FieldPath, host: str, registry: RegistryShape) -> Iterator[Finding]:
    if not re.fullmatch(_HOST, host):
        message = f"docker.registries: {quoted(host)} is not the host of a registry"
        hint = "the part of an image's name before the first slash, such as registry.digitalocean.com"
        yield Finding(path=path, message=message, hint=hint, at_key=True)
    yield from _one_of(path, registry, "username", "username_env")
    yield from _one_of(path, registry, "password_env", "password_file")
    for key in ("username_env", "password_env"):
        name = getattr(registry, key)
        if name and not re.fullmatch(_VARIABLE, name):
            at = (*path, key)
            message = f"{dotted(at)} {quoted(name)} is not the name of an environment variable"
            yield Finding(path=at, message=message, hint="the variable's name, not its value")


def _one_of(path: FieldPath, registry: RegistryShape, one: str, other: str) -> Iterator[Finding]:
    given = [key for key in (one, other) if getattr(registry, key)]
    if not given:
        message = f"{dotted(path)} needs {one} or {other}"
        yield Finding(path=path, message=message, hint=f"for example: {_EXAMPLE}", at_key=True)
    if len(given) == 2:
        message = f"{dotted(path)} has both {one} and {other}"
        yield Finding(path=(*path, other), message=message, hint="keep one of them", at_key=True)
