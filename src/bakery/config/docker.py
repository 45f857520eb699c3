"""Check and build the key ``docker`` of the cluster file."""

import re
from collections.abc import Iterator
from pathlib import Path

from bakery.config import defaults
from bakery.config.attachments import read_ca
from bakery.config.findings import FieldPath, Finding, dotted, name_hint, quoted
from bakery.config.model import ContainerLogs, Docker, Registry
from bakery.config.schema import DockerShape, LogsShape, RegistryShape
from bakery.hidden import has_token_form

_HOST = r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?(:[0-9]{1,5})?"
LOG_SIZE: FieldPath = ("docker", "logs", "max_size")
LOG_SIZE_HINT = "a number and k, m or g, such as 10m"
_SIZE = "[1-9][0-9]{0,5}[kmg]"
# https://github.com/docker/go-units/blob/v0.5.0/ulimit.go, ulimitNameMapping
_ULIMITS = (
    "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile", "nproc", "rss", "rtprio",
    "rttime", "sigpending", "stack",
)  # fmt: skip
_MOST_FILES = 1024 * 1024
"""The kernel's own limit (fs.nr_open): a container with more, or with unlimited files, does not start."""
_MOST = 2**63 - 1
_VARIABLE = "[A-Za-z_][A-Za-z0-9_]*"
_EXAMPLE = "registry.digitalocean.com: {username_env: REGISTRY_TOKEN, password_env: REGISTRY_TOKEN}"


def docker_findings(docker: DockerShape, folder: Path) -> Iterator[Finding]:
    """Yield what is wrong with ``docker``. ``folder`` is that of the cluster file."""
    for host, registry in docker.registries.items():
        yield from _registry(("docker", "registries", host), host, registry)
    yield from _logs(docker.logs)
    yield from _ulimits(docker.ulimits)
    path: FieldPath = ("docker", "ca")
    if docker.ca and not docker.registries:
        message = "docker.ca has no meaning without docker.registries: it is for these registries only"
        yield Finding(path=path, message=message, hint=f"add the registry: {_EXAMPLE}", at_key=True)
    elif docker.ca and isinstance(found := read_ca(folder, docker.ca), tuple):
        yield Finding(path=path, message=f"docker.ca{found[0]}", hint=found[1])


def build_docker(docker: DockerShape, folder: Path) -> Docker:
    """Return the settings of docker, from a shape without findings."""
    ca = read_ca(folder, docker.ca) if docker.ca else ""
    logs = ContainerLogs(max_size=docker.logs.max_size, max_files=docker.logs.max_files)
    return Docker(
        logs=None if docker.logs == LogsShape() else logs,
        registries=tuple(
            Registry(host=host, **registry.model_dump()) for host, registry in docker.registries.items()
        ),
        ca=ca if isinstance(ca, str) else "",
        ulimits=tuple(docker.ulimits.items()),
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
        if name and (has_token_form(name) or not re.fullmatch(_VARIABLE, name)):
            at = (*path, key)
            message = f"{dotted(at)} is not the name of an environment variable"  # it may be the password
            yield Finding(path=at, message=message, hint="the variable's name, not its value")
    if has_token_form(registry.password_file):
        at = (*path, "password_file")
        message = f"{dotted(at)} is not the path of a file"
        yield Finding(path=at, message=message, hint="the file's path, not its content")


def _logs(logs: LogsShape) -> Iterator[Finding]:
    if not re.fullmatch(_SIZE, logs.max_size):
        message = f"{dotted(LOG_SIZE)} {quoted(logs.max_size)} is not a size"
        yield Finding(path=LOG_SIZE, message=message, hint=LOG_SIZE_HINT)
    if not 1 <= logs.max_files <= defaults.MOST_LOG_FILES:
        message = f"docker.logs.max_files must be from 1 to {defaults.MOST_LOG_FILES}, not {logs.max_files}"
        yield Finding(path=("docker", "logs", "max_files"), message=message)


def _ulimits(ulimits: dict[str, int]) -> Iterator[Finding]:
    for name, value in ulimits.items():
        path: FieldPath = ("docker", "ulimits", name)
        if name not in _ULIMITS:
            message = f"docker.ulimits: {quoted(name)} is not a limit of a process"
            yield Finding(path=path, message=message, hint=name_hint(name, _ULIMITS), at_key=True)
        elif name == "nofile" and not 1 <= value <= _MOST_FILES:
            message = f"docker.ulimits.nofile must be from 1 to {_MOST_FILES}, not {value}"
            yield Finding(path=path, message=message, hint="the kernel has no unlimited number of files")
        elif not -1 <= value <= _MOST:
            message = f"docker.ulimits.{name} must be -1, for unlimited, or from 0 to {_MOST}, not {value}"
            yield Finding(path=path, message=message)


def _one_of(path: FieldPath, registry: RegistryShape, one: str, other: str) -> Iterator[Finding]:
    given = [key for key in (one, other) if getattr(registry, key)]
    if not given:
        message = f"{dotted(path)} needs {one} or {other}"
        yield Finding(path=path, message=message, hint=f"for example: {_EXAMPLE}", at_key=True)
    if len(given) == 2:
        message = f"{dotted(path)} has both {one} and {other}"
        yield Finding(path=(*path, other), message=message, hint="keep one of them", at_key=True)
