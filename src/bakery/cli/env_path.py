"""The PATH that ``bakery env`` prints, so that the shell finds consul and nomad in the cluster's versions.

A shell that evaluates this remembers the folders in BAKERY_ENV_PATH, so that they can be taken out again without
losing what was added to PATH since (a saved copy of PATH, as virtualenv keeps it, would lose that). All of it is
text for the shell: under sudo, bakery sees another PATH than the shell that evaluates what it prints.
"""

import os
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bakery.config.model import Image

VARIABLE = "BAKERY_ENV_PATH"
FORGET = (
    """\
[ -z "${BAKERY_ENV_PATH-}" ] || case ":$PATH:" in *":$BAKERY_ENV_PATH:"*)
  PATH=":$PATH:"; PATH="${PATH%%":$BAKERY_ENV_PATH:"*}:${PATH#*":$BAKERY_ENV_PATH:"}"
  PATH="${PATH#:}"; PATH="${PATH%:}";; esac""",
    "unset BAKERY_ENV_PATH",
)
"""Lines for a POSIX shell that remove the folders from PATH, at any position."""


@dataclass(frozen=True, kw_only=True)
class Programs:
    """Where consul and nomad are."""

    folders: tuple[Path, ...]
    """To be put in front of PATH, without folders that are on PATH already."""
    missing: tuple[tuple[str, str], ...]
    """Name and version of programs that are not on this machine."""


def find_programs(image: "Image", environment: Mapping[str, str] = os.environ) -> Programs:
    """Look for exactly the image's versions on PATH and in the verified cache; nothing is downloaded.

    Both at once: each is a program of 100 MB or more whose digest is computed.
    """
    from concurrent.futures import ThreadPoolExecutor

    from bakery.toolchain.find import find_local_tool
    from bakery.toolchain.model import Origin, ToolName, places_from_environment

    places = places_from_environment(environment, checksums=image.checksums)
    places = replace(places, path=_without(places.path, environment.get(VARIABLE, "")))
    folders: dict[Path, None] = {}
    missing = []
    wanted = ((ToolName.CONSUL, image.consul), (ToolName.NOMAD, image.nomad))
    with ThreadPoolExecutor(len(wanted)) as pool:
        found = [pool.submit(find_local_tool, name, version, places=places) for name, version in wanted]
    for (name, version), future in zip(wanted, found, strict=True):
        tool = future.result()
        if tool is None:
            missing.append((name.value, version))
        elif tool.origin is not Origin.PATH:
            folders[tool.path.resolve().parent] = None
    return Programs(folders=tuple(folders), missing=tuple(missing))


def exports(programs: Programs) -> list[str]:
    """Return lines for the shell that remove the folders of an earlier ``env`` and put these in front of PATH."""
    if not programs.folders:
        return list(FORGET)
    joined = shlex.quote(os.pathsep.join(str(folder) for folder in programs.folders))
    return [*FORGET, f'export PATH={joined}:"$PATH"', f"export {VARIABLE}={joined}"]


def advice(programs: Programs) -> str | None:
    """Return how to download programs that are not on this machine; None if all are."""
    if not programs.missing:
        return None
    names = " and ".join(f"{name} {version}" for name, version in programs.missing)
    commands = "; ".join(
        f"{shlex.quote(sys.executable)} -m bakery.toolchain path {name} --version {version}"
        for name, version in programs.missing
    )
    return f"not on this machine: {names}; to download: {commands}"


def _without(path: str, added: str) -> str:
    gone = set(added.split(os.pathsep)) if added else set()
    return os.pathsep.join(folder for folder in path.split(os.pathsep) if folder not in gone)
