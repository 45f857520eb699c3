"""The request of a bake, and the programs that it uses."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Download:
    """An archive that the build droplet downloads."""

    url: str
    sha256: str
    """Hex. The droplet refuses a file with another digest."""


@dataclass(frozen=True, kw_only=True)
class Downloads:
    """The archives that a ``download`` bake needs."""

    consul: Download
    nomad: Download
    cni: Download
    traefik: Download | None = None
    """None for a snapshot without Traefik."""


@dataclass(frozen=True, kw_only=True)
class Tools:
    """Programs on this machine. Only an ``upload`` bake needs the last four; ``cni`` is a folder of plugins."""

    packer: Path
    plugin: Path
    """Packer's DigitalOcean plugin."""
    consul: Path | None = None
    nomad: Path | None = None
    cni: Path | None = None
    traefik: Path | None = None


@dataclass(frozen=True, kw_only=True)
class BakeRequest:
    """One snapshot to bake. ``repr`` hides the token, the only secret."""

    region: str
    base: str
    """Slug of the base image."""
    consul: str
    nomad: str
    traefik: bool = False
    """Whether Traefik is in the snapshot: a role of the cluster file is of kind ingress."""
    content_tag: str
    """:func:`bakery.plan.tags.content_tag` of the inputs of the snapshot."""
    endpoint: str
    """Base URL of the API, with or without ``/v2``."""
    token: str = field(repr=False)
    folder: Path
    """Folder of the logs and records of builds; created with mode 0700."""
    downloads: Downloads | None = None
    """None for an ``upload`` bake."""
    size: str | None = None
    """Size slug of the build droplet; None means the size with the smallest disk in the region."""
    fresh: bool = False
    """Whether to bake even if a snapshot with the same content exists."""


@dataclass(frozen=True, kw_only=True)
class Build:
    """One run of Packer. Its names suffice to find the resources that it left."""

    id: str
    folder: Path

    @property
    def snapshot_name(self) -> str:
        """Name of the snapshot and of the build droplet; unique."""
        return f"bakery-{self.id}"

    @property
    def record(self) -> Path:
        """File that exists from before Packer starts until all resources of the build are deleted."""
        return self.folder / f"{self.id}.build"

    @property
    def log(self) -> Path:
        """Packer's complete log."""
        return self.folder / f"{self.id}.log"
