"""The examples run as the page of their folder says."""

import io
import re
import tarfile
from collections.abc import Iterator

import pytest

from bakery.proc import run
from bakery.wait import Pending, wait_until
from tests.helpers.cluster_e2e import PATIENCE, Cluster
from tests.helpers.examples_page import EXAMPLES, SECTIONS, run_section
from tests.helpers.file_server import served
from tests.helpers.prometheus import fetch_prometheus

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

ELSEWHERE = {"Private registry", "Logs of the nodes"}
"""They need settings that the demo's cluster file does not have: test_cluster_89_settings.py."""
PROMETHEUS = "Prometheus"


@pytest.fixture(scope="module")
def prometheus(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a task gets Debian's Prometheus, in an archive with the layout of a release."""
    programs = fetch_prometheus(tmp_path_factory.mktemp("prometheus"))
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as packed:
        packed.add(programs, "prometheus-2.42.0.linux-amd64")
    with served(cluster.operator, {"prometheus.tar": archive.getvalue()}) as base:
        yield f"{base}/prometheus.tar"


@pytest.mark.parametrize("title", [title for title in SECTIONS if title not in ELSEWHERE | {PROMETHEUS}])
def test_the_section_runs_as_written(cluster: Cluster, title: str) -> None:
    run_section(cluster, title)


def test_prometheus_scrapes_every_agent(cluster: Cluster, prometheus: str) -> None:
    """https://developer.hashicorp.com/nomad/docs/job-specification/hcl2/variables#environment-variables"""
    run_section(cluster, PROMETHEUS, {"NOMAD_VAR_prometheus": prometheus})


def test_the_agents_have_the_metrics_of_the_alerts(cluster: Cluster) -> None:
    """An alert about a metric of another name would never fire."""
    names = set(re.findall(r"\b(?:consul|nomad)_\w+", re.sub(r"#.*", "", (EXAMPLES / "alerts.yml").read_text())))
    assert len(names) == 9

    def found() -> bool | Pending:
        missing = names - metrics(cluster)
        return True if not missing else Pending(f"no server has {sorted(missing)}")

    # A leader reports autopilot's health every 10 s.
    wait_until(found, what="the metrics of alerts.yml", seconds=PATIENCE)


def metrics(cluster: Cluster) -> set[str]:
    """The names of the metrics of all servers."""
    found = set[str]()
    for product, port, path in (("CONSUL", 8501, "/v1/agent/metrics"), ("NOMAD", 4646, "/v1/metrics")):
        env, name = cluster.env, cluster.env[f"{product}_TLS_SERVER_NAME"]
        files = ["--cacert", env[f"{product}_CACERT"], "--cert", env[f"{product}_CLIENT_CERT"]]
        files += ["--key", env[f"{product}_CLIENT_KEY"]]
        token = env["CONSUL_HTTP_TOKEN"] if product == "CONSUL" else env["NOMAD_TOKEN"]
        for server in cluster.droplets(f"bakery:demo:role:{product.lower()}-server"):
            there = ["--connect-to", f"{name}:{port}:{server.public}:{port}"]
            url = f"https://{name}:{port}{path}?format=prometheus"
            shown = run(
                ["curl", "--silent", "--fail", *files, *there, "--header", "@-", url],
                stdin=f"X-{product.title()}-Token: {token}",
                secrets=cluster.tokens,
            )
            found |= set(re.findall(r"^\w+", shown.stdout, re.MULTILINE))
    return found


def test_every_job_is_on_the_page() -> None:
    commands = " ".join(shown.command for section in SECTIONS.values() for shown in section)
    assert {file.name for file in EXAMPLES.glob("*.hcl")} <= set(commands.split())
