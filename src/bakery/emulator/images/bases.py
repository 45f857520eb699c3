"""Builds the base images of droplets, once per machine and recipe."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import platformdirs

from bakery.console import SILENT, Reporter
from bakery.emulator.images import debian
from bakery.emulator.images.apt_sources import Source, debian_sources, key_rings
from bakery.errors import EmulatorError, LockedError
from bakery.files import ensure_private_folder, file_lock
from bakery.hints import Command, Hint
from bakery.proc import run

BUILD_SECONDS = 1800
LOCK_SECONDS = 1800


def bases_folder() -> Path:
    """Return the folder of the base images; a missing one is built again."""
    return Path(platformdirs.user_cache_dir("bakery")) / "bases"


def known(image: str) -> bool:
    """Return whether ``image`` is the slug of a base image that can be built here."""
    return image in debian.CODENAMES


def base_image(slug: str = debian.SLUG, *, folder: Path | None = None, reporter: Reporter = SILENT) -> Path:
    """Return the root folder of the base image, after building it if needed (about a minute and 350 MB).

    Raises:
        EmulatorError: this machine has no Debian package sources for it.
        LockedError: another process has been building it for half an hour.
        CommandError: mmdebstrap failed.
    """
    codename = debian.CODENAMES[slug]
    sources = debian_sources(codename)
    folder = folder or bases_folder()
    ensure_private_folder(folder)
    root = folder / f"{slug}-{digest(sources)}"
    message = f"another process has been building the base image {slug} for {LOCK_SECONDS // 60} minutes"
    busy = LockedError(message=message, hint="wait for that process, or end it")
    with file_lock(folder / f"{root.name}.lock", seconds=LOCK_SECONDS, busy=busy):
        if not root.is_dir():
            with reporter.step(f"build the base image {slug} (once, about a minute)"):
                _build(root, codename, sources)
    return root


def digest(sources: Sequence[Source]) -> str:
    """Return twelve hex digits of a checksum over everything that the base image is built from."""
    recipe = {
        "packages": debian.PACKAGES,
        "masked": debian.MASKED,
        "enabled": debian.ENABLED,
        "files": [asdict(file) for file in debian.FILES],
        "sources": [asdict(source) for source in sources],
    }
    return hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:12]


def _build(root: Path, codename: str, sources: Sequence[Source]) -> None:
    half = root.with_name(f".{root.name}.half")
    listing = root.with_name(f".{root.name}.sources")
    run(["rm", "-rf", "--one-file-system", "--", half])
    listing.write_text("\n".join(source.stanza() for source in sources), encoding="utf-8")
    try:
        run(mmdebstrap_command(codename, half, listing), seconds=BUILD_SECONDS)
        _adjust(half, sources)
        half.rename(root)
    finally:
        listing.unlink()
        run(["rm", "-rf", "--one-file-system", "--", half], seconds=300)


def mmdebstrap_command(codename: str, target: Path, listing: Path) -> list[str]:
    """Return the command that makes a Debian root at ``target`` from the sources in ``listing`` (mmdebstrap)."""
    return [
        "mmdebstrap",
        "--variant=apt",
        "--format=directory",
        f"--include={','.join(debian.PACKAGES)}",
        "--dpkgopt=force-unsafe-io",  # dpkg without fsync, which is faster
        codename,
        str(target),
        str(listing),
    ]


def _adjust(root: Path, sources: Sequence[Source]) -> None:
    for file in debian.FILES:
        _write(root, file.path, file.text, file.mode)
    for unit in debian.MASKED:
        _link(root / "etc/systemd/system" / unit, "/dev/null")
    for unit, targets in debian.ENABLED.items():
        unit_folder = debian.UNIT_FOLDERS.get(unit, "/lib/systemd/system")
        for target in targets:
            _link(root / f"etc/systemd/system/{target}.wants" / unit, f"{unit_folder}/{unit}")
    for ring in key_rings(sources):
        if not (root / ring.relative_to("/")).exists():
            _copy_key_ring(root, ring)
    for key in (root / "etc/ssh").glob("ssh_host_*"):
        key.unlink()
    (root / "etc/machine-id").write_text("", encoding="ascii")


def _write(root: Path, path: str, text: str, mode: int) -> None:
    target = root / path.lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    target.chmod(mode)


def _link(link: Path, target: str) -> None:
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(target)


def _copy_key_ring(root: Path, ring: Path) -> None:
    if not ring.is_file():
        message = f"a package source names the key ring {ring}, which does not exist"
        raise EmulatorError(
            message=message, hint=Hint("repair the entry in /etc/apt, then: ", Command("emulator up"))
        )
    target = root / ring.relative_to("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(ring.read_bytes())
