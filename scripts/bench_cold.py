"""Seconds of ``make toolchain`` from empty caches: bakery's own, and Go's for modules and compiled packages."""

import os
import resource
import subprocess  # noqa: TID251 - a script for maintainers, not the product
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from scripts.bench_page import cells

TOP = Path(__file__).parents[1]
HEAD = "| commit | seconds | CPU seconds | beside the first row |"


def measure(before: str | None, tools: Sequence[str] = ()) -> Iterator[str]:
    """Yield a row for the commit ``before``, if it is given, and one for this checkout. ``()`` means all tools."""
    first = None
    for commit in (before, None) if before else (None,):
        seconds, cpu = cold_build(commit, tools)
        first = first or seconds
        yield cells(name(commit), f"{seconds:.0f}", f"{cpu:.0f}", f"{seconds / first:.2f} x")


def name(commit: str | None) -> str:
    """Return the short hash of a commit; for the checkout, its HEAD, marked if files differ from it."""
    if commit is not None:
        return _git("rev-parse", "--short", f"{commit}^{{commit}}")
    return _git("describe", "--always", "--exclude=*", "--dirty= and changes")


def cold_build(commit: str | None, tools: Sequence[str] = ()) -> tuple[float, float]:
    """Build the tools of a commit, or of this checkout if it is None. Return elapsed and CPU seconds.

    The caches are in a temporary folder, which is deleted.
    """
    # Not in /tmp, which may be in memory: the caches have gigabytes.
    with tempfile.TemporaryDirectory(prefix="bakery-cold-", dir="/var/tmp") as folder:
        source = TOP if commit is None else _extract(commit, Path(folder) / "source")
        environment = os.environ | {
            "PYTHONPATH": f"{source}/src",
            "XDG_CACHE_HOME": f"{folder}/cache",
            "GOPATH": f"{folder}/go",
            "GOMODCACHE": f"{folder}/go/pkg/mod",
            "GOCACHE": f"{folder}/go-build",
        }
        cpu, started = _cpu_of_children(), time.monotonic()
        subprocess.run(
            [sys.executable, "-m", "bakery.toolchain", "build", *tools],
            cwd=source,
            env=environment,
            check=True,
            stdout=sys.stderr,
        )
        return time.monotonic() - started, _cpu_of_children() - cpu


def _extract(commit: str, folder: Path) -> Path:
    """Write the files of a commit into a new folder, and return the folder."""
    folder.mkdir()
    archive = folder.with_suffix(".tar")
    _git("archive", f"--output={archive}", commit)
    subprocess.run(["tar", "-xf", archive, "-C", folder], check=True)
    return folder


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=TOP, check=True, capture_output=True, text=True).stdout.strip()


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
