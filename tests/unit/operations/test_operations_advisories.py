"""Which versions are read for advisories: those of the agents, or of the cluster file if none answers."""

from pathlib import Path

import pytest

from bakery.config.load import load_cluster
from bakery.config.model import ClusterConfig
from bakery.observe.model import ClusterReport, NodeReport
from bakery.operations.advisories import find_versions

DOCKER = ["HCSEC-2026-19", "HCSEC-2026-21", "HCSEC-2026-22"]


@pytest.fixture
def config(tmp_path: Path) -> ClusterConfig:
    """The file has versions without a known vulnerability."""
    file = tmp_path / "bakery.yaml"
    file.write_text("version: 1\ncluster: demo\nimage: {consul: 2.0.3, nomad: 2.0.4}\n")
    return load_cluster(file)


def node(name: str, *, consul: str | None, nomad: str | None) -> NodeReport:
    return NodeReport(
        name=name,
        role="server",
        droplet_id=1,
        droplet_status="active",
        public_ipv4=None,
        private_ipv4=None,
        consul="alive",
        nomad="alive",
        consul_voter=None,
        nomad_voter=None,
        generation=1,
        healthy=True,
        consul_version=consul,
        nomad_version=nomad,
    )


def found(config: ClusterConfig, *nodes: NodeReport) -> list[tuple[str, str, str, list[str]]]:
    versions = find_versions(config, ClusterReport(cluster="demo", conditions=(), nodes=nodes))
    return [(on.product.name, on.version, on.where, [each.name for each in on.advisories]) for on in versions]


def test_agents_of_an_older_version_than_the_file_are_named(config: ClusterConfig) -> None:
    nodes = (
        node("a", consul="2.0.3", nomad="2.0.1"),
        node("b", consul="2.0.3", nomad="2.0.4"),
        node("c", consul="2.0.3", nomad="2.0.1"),
        node("d", consul=None, nomad=None),
    )
    assert found(config, *nodes) == [
        ("Consul", "2.0.3", "on 3 nodes", []),
        ("Nomad", "2.0.1", "on 2 nodes", DOCKER),
        ("Nomad", "2.0.4", "on 1 node", []),
    ]


def test_without_an_answer_the_file_counts(config: ClusterConfig) -> None:
    assert found(config) == [
        ("Consul", "2.0.3", "in the cluster file", []),
        ("Nomad", "2.0.4", "in the cluster file", []),
    ]
    assert [on.where for on in find_versions(config, None)] == ["in the cluster file"] * 2
