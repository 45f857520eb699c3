"""Which known vulnerabilities a cluster has."""

from collections import Counter
from dataclasses import dataclass

from bakery.config.advisories import Advisory, advisories_of
from bakery.config.model import ClusterConfig
from bakery.config.versions import CONSUL, NOMAD, Product
from bakery.console import counted
from bakery.observe.model import ClusterReport


@dataclass(frozen=True, kw_only=True)
class Version:
    """A version of a product, where it is, and the advisories that concern it."""

    product: Product
    version: str
    where: str
    """``on 3 nodes``, or ``in the cluster file`` if no agent of the product answers."""
    advisories: tuple[Advisory, ...]


def find_versions(config: ClusterConfig, report: ClusterReport | None) -> tuple[Version, ...]:
    """Return the versions that the agents report; of a product without an answer, that of the cluster file."""
    nodes = report.nodes if report is not None else ()
    consul = _of(CONSUL, config.image.consul, [node.consul_version for node in nodes])
    return (*consul, *_of(NOMAD, config.image.nomad, [node.nomad_version for node in nodes]))


def _of(product: Product, of_file: str, running: list[str | None]) -> list[Version]:
    counts = Counter(version for version in running if version)
    where = {version: f"on {counted(count, 'node')}" for version, count in sorted(counts.items())}
    return [
        Version(product=product, version=version, where=text, advisories=advisories_of(product, version))
        for version, text in (where or {of_file: "in the cluster file"}).items()
    ]
