"""What a bake is asked for, and the programs it works with."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Download:
    """An archive that the build droplet fetches by itself."""

    url: str
    sha256: str
    """Hex; the droplet refuses anything else."""


@dataclass(frozen=True, kw_only=True)
class Downloads:
    """Everything a ``download`` bake fetches."""

    consul: Download
    nomad: Download
    cni: Download


@dataclass(frozen=True, kw_only=True)
class Tools:
    """Programs on this machine. The last three only for an ``upload`` bake; ``cni`` is a folder of plugins."""

    packer: Path
    plugin: Path
    """Packer's DigitalOcean plugin."""
    consul: Path | None = None
    nomad: Path | None = None
    cni: Path | None = None


@dataclass(frozen=True, kw_only=True)
class BakeRequest:
    """One snapshot to make. The token is the only secret and hides in ``repr``."""

    region: str
    base: str
    """Slug of the base image."""
    consul: str
    nomad: str
    content_tag: str
    """:func:`bakery.plan.tags.content_tag` of all that shapes the snapshot."""
    endpoint: str
    """Base URL of the API, with or without ``/v2``."""
    token: str = field(repr=False)
    folder: Path
    """Where logs and records of builds lie; made 0700."""
    downloads: Downloads | None = None
    """``None`` for an upload."""
    size: str | None = None
    """Size of the build droplet; ``None``: the one with the smallest disk in the region."""
    fresh: bool = False
    """Bake although a snapshot of the same content exists."""


@dataclass(frozen=True, kw_only=True)
class Build:
    """One run of Packer; its names are all that is needed to find what it left behind."""

    id: str
    folder: Path

    @property
    def snapshot_name(self) -> str:
        """Of the snapshot and of the build droplet; unique."""
        return f"bakery-{self.id}"

    @property
    def record(self) -> Path:
        """Exists from before Packer starts until everything it left is gone."""
        return self.folder / f"{self.id}.build"

    @property
    def log(self) -> Path:
        """Packer's own log, with everything it said."""
        return self.folder / f"{self.id}.log"
