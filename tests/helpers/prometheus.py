"""Debian's Prometheus and promtool, taken out of their package; nothing is installed."""

from pathlib import Path

from bakery.proc import run

DEBIAN_SECONDS = 120.0


def fetch_prometheus(folder: Path) -> Path:
    """Return the folder of the programs ``prometheus`` and ``promtool``. The package has 19 MB."""
    run(["apt-get", "download", "--quiet=2", "prometheus"], cwd=folder, seconds=DEBIAN_SECONDS)
    (package,) = folder.glob("prometheus_*.deb")
    run(["dpkg-deb", "--extract", package, folder / "unpacked"])
    return folder / "unpacked/usr/bin"
