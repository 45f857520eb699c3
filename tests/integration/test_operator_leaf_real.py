"""The operator's certificate, made anew by each command, shown to real Consul and Nomad servers."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from bakery.agents.model import CertificateDates, TlsFiles
from bakery.config.paths import StatePaths
from bakery.credentials.operator import write_operator_files
from bakery.credentials.store import create_bundle
from bakery.errors import AgentError
from bakery.wait import Pending, wait_until
from tests.helpers.real_agents import LOOPBACK, RealCluster, running_cluster
from tests.helpers.state import paths_in

pytestmark = pytest.mark.integration

SECONDS = 60.0
AGE = timedelta(days=400)
"""Of the bundle: the certificates that it was made with ended 35 days ago."""


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealCluster]:
    """Nodes that have just been replaced, and an operator whose bundle is older than a year."""
    bundle = create_bundle("demo", now=datetime.now(UTC) - AGE)
    with running_cluster(tmp_path_factory.mktemp("agents"), bundle=bundle) as running:
        yield running


def with_files(cluster: RealCluster, paths: StatePaths) -> RealCluster:
    """The cluster as an operator reaches it with the files that ``bakery env`` names."""
    consul = TlsFiles(ca=paths.consul_ca, certificate=paths.consul_cert, key=paths.consul_key)
    nomad = TlsFiles(ca=paths.nomad_ca, certificate=paths.nomad_cert, key=paths.nomad_key)
    return replace(cluster, consul_tls=consul, nomad_tls=nomad)


def leaders(cluster: RealCluster) -> tuple[str, str]:
    return cluster.clients.consul(LOOPBACK).leader(), cluster.clients.nomad(LOOPBACK).leader()


def test_a_bundle_older_than_a_year_still_reaches_its_cluster(old: RealCluster, tmp_path: Path) -> None:
    paths = paths_in(tmp_path)
    write_operator_files(old.bundle, paths, now=datetime.now(UTC))
    reaching = with_files(old, paths)

    def check() -> bool | Pending:
        try:
            return all(leaders(reaching)) or Pending("no leader")
        except AgentError as error:
            return Pending(error.full_message)

    assert wait_until(check, what="the leaders", seconds=SECONDS, every=0.3)
    # Control: with the certificates that the bundle was made with nobody is let in.
    for ask in (old.clients.consul(LOOPBACK).leader, old.clients.nomad(LOOPBACK).leader):
        with pytest.raises(AgentError) as caught:
            ask()
        assert caught.value.status == 0
        assert "certificate expired" in caught.value.full_message

    # At the far end each shows the certificate that its node was given.
    mine = old.credentials
    for agent, leaf in (
        (reaching.clients.consul(LOOPBACK), mine.consul),
        (reaching.clients.nomad(LOOPBACK), mine.nomad),
    ):
        assert leaf is not None
        given = x509.load_pem_x509_certificate(leaf.certificate.encode())
        assert agent.certificate() == CertificateDates(
            begins=given.not_valid_before_utc, ends=given.not_valid_after_utc
        )
