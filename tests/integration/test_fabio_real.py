"""Real Fabio with the configuration of examples/ingress, beside a real Consul with bakery's ACLs, on loopback."""

import re
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from bakery.proc import start
from bakery.wait import Pending
from tests.helpers.cluster_e2e import ROOT
from tests.helpers.go.programs import build_client
from tests.helpers.ingress import cluster_with_acls, eventually, serving
from tests.helpers.ports import free_port
from tests.helpers.real_agents import LOOPBACK, RealCluster, stop
from tests.helpers.real_jobs import consul

pytestmark = pytest.mark.integration

EXAMPLE = ROOT / "examples" / "ingress"
# What every task of a cluster may read, as far as Fabio asks for it (bakery/launch/acl/policies.py).
TASKS_READ = """
node_prefix "" { policy = "read" }
service_prefix "" { policy = "read" }
key_prefix "apps/" { policy = "read" }
"""


def properties(cluster: RealCluster, port: int) -> str:
    """The job's own properties, with the ports and files of this machine in place of the task's."""
    job = (EXAMPLE / "fabio.nomad.hcl").read_text(encoding="utf-8")
    found = "".join(re.findall(r"<<-EOT\n(.*?)\n *EOT", job, re.DOTALL))
    values = {
        '{{ env "NOMAD_ADDR_http" }}': f"{LOOPBACK}:{port}",
        '{{ env "NOMAD_PORT_ui" }}': str(free_port()),
        "127.0.0.1:8501": f"{LOOPBACK}:{cluster.consul_port}",
        "secrets/ca.pem": str(cluster.consul_tls.ca),
        "secrets/cert.pem": str(cluster.consul_tls.certificate),
        "secrets/key.pem": str(cluster.consul_tls.key),
    }
    for before, after in values.items():
        assert before in found
        found = found.replace(before, after)
    return found


def token(cluster: RealCluster) -> str:
    """A token with the rights of the example's task, and no other."""
    rules = (EXAMPLE / "fabio-policy.hcl").read_text(encoding="utf-8") + TASKS_READ
    call = consul(cluster).call
    call("PUT", "/v1/acl/policy", {"Name": "fabio", "Rules": rules})
    return str(call("PUT", "/v1/acl/token", {"Policies": [{"Name": "fabio"}]}).value["SecretID"])


def test_fabio_routes_by_tags_with_the_rights_of_its_task(tmp_path: Path) -> None:
    """A service answers through it once its check passes; its certificate is the operator's here."""
    port = free_port()
    with cluster_with_acls(tmp_path / "consul") as cluster, serving("hello") as instance:
        (tmp_path / "fabio.properties").write_text(properties(cluster, port))
        process = start(
            [build_client("fabio"), "-cfg", tmp_path / "fabio.properties"],
            output=tmp_path / "fabio.log", env={"CONSUL_HTTP_TOKEN": token(cluster)},
        )  # fmt: skip

        def ask() -> str | Pending:
            with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/", timeout=5) as answer:
                return str(answer.read().decode())

        try:
            eventually(lambda: "HTTP proxy" in log(tmp_path) or Pending(log(tmp_path)), "Fabio's proxy")
            with pytest.raises(urllib.error.HTTPError, match="404"):
                ask()  # control: nothing is registered
            check = {"TCP": f"{LOOPBACK}:{instance}", "Interval": "1s"}
            body = {
                "Name": "hello",
                "Address": LOOPBACK,
                "Port": instance,
                "Tags": ["urlprefix-/"],
                "Check": check,
            }
            consul(cluster).call("PUT", "/v1/agent/service/register", body)
            assert eventually(ask, "hello through Fabio", 20) == "hello"
        finally:
            stop(process)


def log(folder: Path) -> str:
    return (folder / "fabio.log").read_text(encoding="utf-8")
