"""Tools, and the places where the toolchain looks for them."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from bakery.errors import UsageError
from bakery.hidden import quoted_url

PACKER_VERSION = "1.16.0"
PLUGIN_VERSION = "1.4.1"
CNI_VERSION = "1.9.1"
TRAEFIK_VERSION = "3.7.15"

CNI_PLUGINS = ("bridge", "firewall", "host-local", "loopback", "portmap")
"""The CNI plugins that Nomad's bridge mode runs (https://developer.hashicorp.com/nomad/docs/networking/cni)."""


class ToolName(StrEnum):
    """The programs that bakery uses. The value is also the folder of the wrapper module."""

    CONSUL = "consul"
    NOMAD = "nomad"
    PACKER = "packer"
    PLUGIN = "packer-plugin-digitalocean"
    CNI = "cni-plugins"
    """A set: its path is a folder."""
    TRAEFIK = "traefik"


class Origin(StrEnum):
    """The source of a tool."""

    FOLDER = "folder"
    """The folder ``BAKERY_TOOLCHAIN_DIR``."""
    PATH = "path"
    SOURCE = "source"
    """Built from the Go modules in ``toolchain/``."""
    RELEASE = "release"
    """The publisher's build, with its SHA256 checked."""


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A program on this machine, in an exact version."""

    name: ToolName
    version: str
    path: Path
    """The program; for a set, the folder that contains its members and nothing else."""
    sha256: str
    """SHA256 in hex; for a set, of its members' names and digests."""
    origin: Origin


@dataclass(frozen=True, kw_only=True)
class PublishedFile:
    """The URL and SHA256 of a published file."""

    url: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Places:
    """The places of tools, in the order of search: ``folder``, ``path``, ``cache``, the two download sites."""

    cache: Path
    folder: Path | None = None
    path: str = ""
    """Like PATH. Empty for tools that are put into a snapshot: a program on PATH has an unknown source."""
    releases_url: str = "https://releases.hashicorp.com"
    github_url: str = "https://github.com"
    checksums: Mapping[str, str] = field(default_factory=dict, hash=False)
    """SHA256 of archives by file name; they come before :data:`bakery.toolchain.pins.PINNED`."""


def places_from_environment(
    environ: Mapping[str, str] = os.environ, *, checksums: Mapping[str, str] | None = None
) -> Places:
    """Return the places that the environment sets, with the ``image.checksums`` of a cluster file.

    The user's cache and PATH, ``BAKERY_TOOLCHAIN_DIR``, ``BAKERY_RELEASES_URL`` and ``BAKERY_GITHUB_URL``.

    Raises:
        UsageError: a download site is not a URL.
    """
    import platformdirs

    folder = environ.get("BAKERY_TOOLCHAIN_DIR")
    return Places(
        cache=Path(platformdirs.user_cache_dir("bakery")) / "toolchain",
        folder=Path(folder) if folder else None,
        path=environ.get("PATH", ""),
        releases_url=_site(environ, "BAKERY_RELEASES_URL", Places.releases_url),
        github_url=_site(environ, "BAKERY_GITHUB_URL", Places.github_url),
        checksums=checksums or {},
    )


def _site(environ: Mapping[str, str], variable: str, default: str) -> str:
    url = (environ.get(variable) or default).rstrip("/")
    if not _is_site(url):
        message = f"{variable} is not a URL: {quoted_url(url)}"
        raise UsageError(message=message, hint=f"for example {default}")
    if "@" in urlsplit(url).netloc:  # errors name the site, and Packer's log
        message = f"{variable} holds a user or a password"
        raise UsageError(message=message, hint="write them into ~/.netrc, with image.binaries: upload")
    return url


def _is_site(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)
