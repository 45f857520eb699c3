"""Official releases: find their URLs and digests, download them, and unpack the program."""

import platform
import shutil
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from bakery.console import SILENT, Reporter
from bakery.errors import ChecksFailedError, MissingToolError, UsageError
from bakery.toolchain.cache import RELEASE_KEY, members, publish
from bakery.toolchain.download import LIMITS, DownloadLimits, Protection, fetch_file, fetch_text, protection_of
from bakery.toolchain.model import Origin, Places, PublishedFile, Tool, ToolName
from bakery.toolchain.pins import PINNED

DROPLET = "linux_amd64"
"""The platform of droplets, as release file names spell it."""

_ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
_PLUGIN_API = "x5.0"  # the plugin protocol in the release's file names (Packer plugin SDK)


@dataclass(frozen=True, kw_only=True)
class Release:
    """One archive on a download site."""

    archive: str
    archive_url: str
    sums_url: str
    prefix: str
    """Prefix of a member's name in the archive."""
    suffix: str = ""


def this_platform() -> str:
    """Return this machine's platform, for example ``linux_amd64``."""
    machine = platform.machine().lower()
    return f"{platform.system().lower()}_{_ARCHITECTURES.get(machine, machine)}"


def build_release(name: ToolName, version: str, *, places: Places, system: str) -> Release:
    """Return the URLs of a release.

    Sources: https://releases.hashicorp.com (layout), the plugin's ``.goreleaser.yml``, the assets of
    https://github.com/containernetworking/plugins/releases and of https://github.com/traefik/traefik/releases.
    """
    match name:
        case ToolName.PLUGIN:
            base = f"{places.github_url}/digitalocean/{name}/releases/download/v{version}"
            stem = f"{name}_v{version}"
            label = f"_v{version}_{_PLUGIN_API}_{system}"
            return _release(base, f"{name}{label}.zip", f"{stem}_SHA256SUMS", suffix=label)
        case ToolName.CNI:
            base = f"{places.github_url}/containernetworking/plugins/releases/download/v{version}"
            archive = f"cni-plugins-{system.replace('_', '-')}-v{version}.tgz"
            return _release(base, archive, f"{archive}.sha256", prefix="./")
        case ToolName.TRAEFIK:
            base = f"{places.github_url}/traefik/traefik/releases/download/v{version}"
            return _release(base, f"traefik_v{version}_{system}.tar.gz", f"traefik_v{version}_checksums.txt")
        case ToolName.CONSUL | ToolName.NOMAD | ToolName.PACKER:
            base = f"{places.releases_url}/{name}/{version}"
            return _release(base, f"{name}_{version}_{system}.zip", f"{name}_{version}_SHA256SUMS")


def find_published(
    name: ToolName, version: str, *, places: Places, system: str = DROPLET, limits: DownloadLimits = LIMITS
) -> PublishedFile:
    """Return the URL and SHA256 of a release's archive, for a droplet that downloads it.

    Raises:
        UnreachableError: the site could not be reached.
        MissingToolError: the site does not have that version.
        ChecksFailedError: its list of checksums does not have the archive, or has another than the pinned one.
        UsageError: the site is reached without TLS, and no checksum is pinned.
    """
    release = build_release(name, version, places=places, system=system)
    pinned = pinned_sum(release.archive, places)
    if pinned is None:
        _require_tls(release)
    sums = published_sums(fetch_text(release.sums_url, limits))
    if release.archive not in sums:
        message = f"the published checksums do not have {release.archive}"
        raise ChecksFailedError(message=message, details=release.sums_url)
    if pinned is not None and sums[release.archive] != pinned:
        raise _another_sum(release, published=sums[release.archive], pinned=pinned)
    return PublishedFile(url=release.archive_url, sha256=sums[release.archive])


def pinned_sum(archive: str, places: Places) -> str | None:
    """Return the SHA256 that the cluster file or bakery pins for an archive; None without one."""
    return places.checksums.get(archive) or PINNED.get(archive)


def release_key(name: ToolName, version: str, places: Places) -> str | None:
    """Return the key in the cache of the release that is pinned for this machine; None without a pin."""
    pinned = pinned_sum(build_release(name, version, places=places, system=this_platform()).archive, places)
    return None if pinned is None else _key(pinned)


def published_sums(sums: bytes) -> dict[str, str]:
    """Return the digests in a ``SHA256SUMS`` file by file name.

    The file's signature is **not checked**: for an archive without a pinned checksum the only protection is TLS to
    the download site. Lines of another form are ignored.
    """
    found: dict[str, str] = {}
    for line in sums.decode("utf-8", errors="replace").splitlines():
        words = line.split()
        if len(words) == 2 and len(words[0]) == 64 and set(words[0].lower()) <= set("0123456789abcdef"):
            found[words[1].lstrip("*").removeprefix("./")] = words[0].lower()
    return found


def install_release(
    name: ToolName,
    version: str,
    *,
    places: Places,
    system: str | None = None,
    limits: DownloadLimits = LIMITS,
    reporter: Reporter = SILENT,
) -> Tool:
    """Download, check and unpack a release into the cache. Raises the errors of :func:`find_published`.

    A file with a wrong digest is deleted.
    """
    system = system or this_platform()
    release = build_release(name, version, places=places, system=system)
    published = find_published(name, version, places=places, system=system, limits=limits)

    def fill(folder: Path) -> None:
        archive = folder / "archive"
        digest = fetch_file(published.url, archive, limits, reporter=reporter)
        if digest != published.sha256:
            message = f"the download of {name} {version} does not have the published SHA256"
            details = f"{published.url}\nSHA256 is        {digest}\nit must be {published.sha256}"
            hint = "the file was deleted; try again, and if it happens again do not trust that site"
            raise ChecksFailedError(message=message, details=details, hint=hint)
        _unpack(archive, folder, name, release, limits)
        archive.unlink()

    return publish(places.cache, name, version, key=_key(published.sha256), origin=Origin.RELEASE, fill=fill)


def _key(sha256: str) -> str:
    return f"{RELEASE_KEY}{sha256}"


def _require_tls(release: Release) -> None:
    """Refuse a site in plain HTTP, except on this machine."""
    if protection_of(release.sums_url) is not Protection.NONE:
        return
    site = urlsplit(release.sums_url).netloc
    message = f"{site} is reached without TLS, and no checksum of {release.archive} is pinned"
    details = "anyone on the way could replace the program together with its checksum"
    hint = "name a mirror with https://, or write the archive's SHA256 into image.checksums of the cluster file"
    raise UsageError(message=message, details=details, hint=hint)


def _another_sum(release: Release, *, published: str, pinned: str) -> ChecksFailedError:
    message = f"the published checksum of {release.archive} is not the pinned one"
    details = f"{release.sums_url}\nSHA256 there is {published}\npinned is       {pinned}"
    hint = "do not use that site; a build of your own needs its SHA256 in image.checksums of the cluster file"
    return ChecksFailedError(message=message, details=details, hint=hint)


def _release(base: str, archive: str, sums: str, *, prefix: str = "", suffix: str = "") -> Release:
    return Release(
        archive=archive,
        archive_url=f"{base}/{archive}",
        sums_url=f"{base}/{sums}",
        prefix=prefix,
        suffix=suffix,
    )


def _unpack(archive: Path, folder: Path, name: ToolName, release: Release, limits: DownloadLimits) -> None:
    """Unpack only the needed members, under our own names, so that an archive cannot choose where it writes."""
    try:
        for member in members(name):
            inside = f"{release.prefix}{member}{release.suffix}"
            if release.archive.endswith((".tgz", ".tar.gz")):
                _from_tar(archive, inside, folder / member, limits.size)
            else:
                _from_zip(archive, inside, folder / member, limits.size)
    except (KeyError, zipfile.BadZipFile, tarfile.TarError, OSError) as error:
        message = f"{release.archive} does not contain {name}"
        raise MissingToolError(message=message, details=str(error)) from error


def _from_zip(archive: Path, member: str, target: Path, size: int) -> None:
    with zipfile.ZipFile(archive) as opened:
        info = opened.getinfo(member)
        if info.file_size > size:
            message = f"{member} is too large"
            raise zipfile.BadZipFile(message)
        with opened.open(info) as stream:
            _copy(stream, target)


def _from_tar(archive: Path, member: str, target: Path, size: int) -> None:
    with tarfile.open(archive) as opened:
        info = opened.getmember(member)
        stream = opened.extractfile(info) if info.isreg() and info.size <= size else None
        if stream is None:
            message = f"{member} is not a file, or is too large"
            raise tarfile.TarError(message)
        with stream:
            _copy(stream, target)


def _copy(stream: IO[bytes], target: Path) -> None:
    with target.open("wb") as output:
        shutil.copyfileobj(stream, output, 1 << 20)
