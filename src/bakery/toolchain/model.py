"""What the toolchain finds, and where it looks."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from bakery.errors import UsageError

PACKER_VERSION = "1.16.0"
PLUGIN_VERSION = "1.4.1"
CNI_VERSION = "1.9.1"

CNI_PLUGINS = ("bridge", "firewall", "host-local", "loopback", "portmap")
"""What Nomad's bridge mode runs (https://developer.hashicorp.com/nomad/docs/networking/cni)."""


class ToolName(StrEnum):
    """The programs bakery works with; the value is also the folder of the wrapper module."""

    CONSUL = "consul"
    NOMAD = "nomad"
    PACKER = "packer"
    PLUGIN = "packer-plugin-digitalocean"
    CNI = "cni-plugins"
    """A set: its path is a folder."""


class Origin(StrEnum):
    """Where a tool came from."""

    FOLDER = "folder"
    """``BAKERY_TOOLCHAIN_DIR``."""
    PATH = "path"
    SOURCE = "source"
    """Built from the Go modules in ``toolchain/``."""
    RELEASE = "release"
    """The publisher's own build, its SHA256 checked."""


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A program that is here, in exactly the version asked for."""

    name: ToolName
    version: str
    path: Path
    """The program, or for a set the folder that holds exactly its members."""
    sha256: str
    """Hex; of a set: of its members' names and digests."""
    origin: Origin


@dataclass(frozen=True, kw_only=True)
class PublishedFile:
    """A file that its publisher offers, and what it must hash to."""

    url: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where tools are looked for, in this order: ``folder``, ``path``, ``cache``, the two download sites."""

    cache: Path
    folder: Path | None = None
    path: str = ""
    """Like PATH. Empty for what goes into a snapshot: a program of unknown descent has no place there."""
    releases_url: str = "https://releases.hashicorp.com"
    github_url: str = "https://github.com"


def places_from_environment(environ: Mapping[str, str] = os.environ) -> Places:
    """The user's cache and PATH, ``BAKERY_TOOLCHAIN_DIR``, ``BAKERY_RELEASES_URL`` and ``BAKERY_GITHUB_URL``.

    Raises:
        UsageError: a download site that is no URL.
    """
    import platformdirs

    folder = environ.get("BAKERY_TOOLCHAIN_DIR")
    return Places(
        cache=Path(platformdirs.user_cache_dir("bakery")) / "toolchain",
        folder=Path(folder) if folder else None,
        path=environ.get("PATH", ""),
        releases_url=_site(environ, "BAKERY_RELEASES_URL", Places.releases_url),
        github_url=_site(environ, "BAKERY_GITHUB_URL", Places.github_url),
    )


def _site(environ: Mapping[str, str], variable: str, default: str) -> str:
    url = (environ.get(variable) or default).rstrip("/")
    if not _is_site(url):
        message = f"{variable} is not a URL: {url!r}"
        raise UsageError(message=message, hint=f"for example {default}")
    return url


def _is_site(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)
