"""What Consul and Nomad show to a certificate without a token: every path of their APIs is asked for.

The paths are those of hashicorp/consul agent/http_register.go (1.22.5) and hashicorp/nomad command/agent/http.go
(1.11.3), with names for what they end in. Left out are Nomad's event/stream, which has no end, and the peerings of
Consul, which take ten seconds. The paths that answer are in docs/weaknesses.md, "Every certificate".
"""

from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bakery.agents.transport import AgentHttp
from bakery.credentials.authority import parse_key
from bakery.wait import Pending
from tests.helpers.real_agents import LOOPBACK, RealCluster, running_cluster
from tests.helpers.real_jobs import consul, ensure, eventually, nomad

pytestmark = pytest.mark.integration

CONSUL_PATHS = """
acl/replication acl/policies acl/policy/x acl/policy/name/x acl/roles acl/role/name/x acl/role/x acl/binding-rules
acl/binding-rule/x acl/auth-methods acl/auth-method/x acl/tokens acl/token/self acl/token/x acl/templated-policies
acl/templated-policy/name/builtin/service agent/self agent/host agent/version agent/monitor agent/metrics
agent/metrics/stream agent/services agent/service/web agent/checks agent/members agent/health/service/id/web
agent/health/service/name/web agent/connect/ca/roots agent/connect/ca/leaf/web catalog/connect/web
catalog/datacenters catalog/nodes catalog/services catalog/service/web catalog/node/demo-server-1
catalog/node-services/demo-server-1 catalog/gateway-services/web config/service-defaults
config/service-defaults/web connect/ca/configuration connect/ca/roots connect/intentions
connect/intentions/match?by=source&name=web connect/intentions/check?source=web&destination=api
connect/intentions/exact?source=web&destination=api connect/intentions/x coordinate/datacenters coordinate/nodes
coordinate/node/demo-server-1 internal/federation-states internal/federation-states/mesh-gateways
internal/federation-state/demo discovery-chain/web exported-services imported-services event/list
health/node/demo-server-1 health/checks/web health/state/any health/service/web health/connect/web
health/ingress/web internal/ui/metrics-proxy/x internal/ui/nodes internal/ui/node/demo-server-1
internal/ui/services internal/ui/exported-services internal/ui/catalog-overview
internal/ui/gateway-services-nodes/web internal/ui/gateway-intentions/web internal/ui/service-topology/web?kind=
kv/apps/secret kv/?recurse operator/raft/configuration operator/keyring operator/usage operator/utilization
operator/autopilot/configuration operator/autopilot/health operator/autopilot/state query
session/info/x session/node/demo-server-1 session/list status/leader status/peers snapshot
"""
NOMAD_PATHS = """
jobs jobs/statuses job/web nodes node/x node/pools node/pool/default allocations allocation/x evaluations
evaluations/count evaluation/x deployments deployment/x volumes volumes/external volumes/snapshot volume/csi/x
plugins plugin/csi/x volume/host/x volumes/claims acl/policies acl/policy/x acl/tokens acl/token/self acl/token/x
acl/roles acl/role/x acl/auth-methods acl/auth-method/x acl/binding-rules acl/binding-rule/x agent/self
agent/members agent/servers agent/schedulers agent/schedulers/config agent/keyring/list agent/health agent/host
services service/web agent/monitor agent/monitor/export agent/pprof/heap metrics regions scaling/policies
scaling/policy/x status/leader status/peers operator/license operator/raft/configuration operator/keyring/keys
operator/autopilot/configuration operator/autopilot/health operator/snapshot operator/utilization
operator/upgrade-check/vault-workload-identity operator/scheduler/configuration namespaces
namespace/default vars var/nomad/jobs/web jobs?namespace=* vars?namespace=*
"""
SHOWN = {
    "consul": {
        "acl/replication", "agent/version", "agent/connect/ca/roots", "catalog/datacenters", "connect/ca/roots",
        "status/leader", "status/peers",
    },
    # acl/token/self: the anonymous token, which has no rights.
    "nomad": {
        "acl/token/self", "acl/auth-methods", "agent/health", "metrics", "regions", "status/leader",
        "status/peers",
    },
}  # fmt: skip
"""Here nothing exists of what each certificate may read besides: entries of the mesh and prepared queries."""
OPERATORS = {
    "consul": """
acl/policies agent/self catalog/nodes catalog/services catalog/service/web config/service-defaults/web
connect/ca/configuration health/service/web internal/ui/services kv/apps/secret operator/keyring
""",
    "nomad": """
jobs jobs/statuses job/web acl/tokens agent/self agent/members namespaces operator/raft/configuration vars
var/nomad/jobs/web evaluations
""",
}
REFUSED = frozenset({400, 403, 404, 405, 500, 501})
EMPTY: tuple[Any, ...] = (None, [], {}, False, {"Node": None, "Services": None})
JOB = {"ID": "web", "Name": "web", "Type": "service", "Datacenters": ["demo"]}
TASK = {"Name": "t", "Driver": "exec", "Config": {"command": "/bin/true"}}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealCluster]:
    """With something to see: a service, a key, configuration, a job, a variable and a way to log in."""
    with running_cluster(tmp_path_factory.mktemp("alone"), mesh=True) as running:
        eventually(lambda: running.clients.nomad(LOOPBACK).leader() or Pending("no leader"), "Nomad's leader")
        ensure(running)
        web = {"Node": "demo-other-1", "Address": "10.1.1.1", "Service": {"Service": "web", "ID": "web"}}
        for path, body in (
            ("catalog/register", web),
            ("kv/apps/secret", {"value": "hidden"}),
            ("config", {"Kind": "service-defaults", "Name": "web", "Protocol": "http"}),
        ):
            consul(running).call("PUT", f"/v1/{path}", body)
        job = {"Job": {**JOB, "TaskGroups": [{"Name": "g", "Count": 0, "Tasks": [TASK]}]}}
        nomad(running).call("PUT", "/v1/jobs", job)
        nomad(running).call("POST", "/v1/acl/auth-method", _auth_method(running))
        variable = {"Path": "nomad/jobs/web", "Items": {"password": "canary"}}
        nomad(running).call("PUT", "/v1/var/nomad/jobs/web", variable)
        yield running


def _auth_method(cluster: RealCluster) -> dict[str, Any]:
    key = parse_key(cluster.bundle.nomad_ca.key).public_key()
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    config = {"JWTValidationPubKeys": [pem]}
    return {"Name": "sso", "Type": "JWT", "TokenLocality": "local", "MaxTokenTTL": "1h", "Config": config}


def shown(api: AgentHttp, paths: str, *, anonymous: bool) -> set[str]:
    """The paths that answer with something."""

    def answers(path: str) -> bool:
        reply = api.call("GET", f"/v1/{path}", anonymous=anonymous, accept=REFUSED)
        return reply.status == 200 and reply.value not in EMPTY

    return {path for path in paths.split() if answers(path)}


def test_consul_shows_what_the_page_says_and_nothing_else(cluster: RealCluster) -> None:
    assert shown(consul(cluster), CONSUL_PATHS, anonymous=True) == SHOWN["consul"]


def test_nomad_shows_what_the_page_says_and_nothing_else(cluster: RealCluster) -> None:
    assert shown(nomad(cluster), NOMAD_PATHS, anonymous=True) == SHOWN["nomad"]


RESOURCES: dict[str, dict[str, Any]] = {
    "multicluster/v2/exportedservices": {"data": {"services": ["web"]}},
    "multicluster/v2/namespaceexportedservices": {"data": {}},
    "multicluster/v2/partitionexportedservices": {"data": {}},
    "demo/v2/artist": {"data": {"name": "x", "genre": "GENRE_JAZZ"}},
}
"""Kinds of Consul's second API, ``/api`` (hashicorp/consul agent/http.go, internal/resource/http)."""


@pytest.mark.parametrize("kind", RESOURCES)
def test_consuls_second_api_shows_and_takes_nothing(cluster: RealCluster, kind: str) -> None:
    """``block_endpoints`` does not reach it. Control: with a token it takes all of this."""
    one, body = f"/api/{kind}/x", RESOURCES[kind]
    calls: list[tuple[str, dict[str, Any] | None]] = [("PUT", body), ("GET", None), ("DELETE", None)]

    def statuses(*, anonymous: bool) -> list[int]:
        api = consul(cluster)
        return [api.call(each, one, sent, anonymous=anonymous, accept=REFUSED).status for each, sent in calls]

    assert statuses(anonymous=False) == [200, 200, 204], "control"
    consul(cluster).call("PUT", one, body)
    assert set(statuses(anonymous=True)) == {403}
    listed = consul(cluster).call("GET", f"/api/{kind}", anonymous=True, accept=REFUSED)
    assert listed.status == 403 or listed.value == {"resources": []}


def test_with_a_token_many_more_answer(cluster: RealCluster) -> None:
    """Control."""
    assert shown(consul(cluster), OPERATORS["consul"], anonymous=False) == set(OPERATORS["consul"].split())
    assert shown(nomad(cluster), OPERATORS["nomad"], anonymous=False) == set(OPERATORS["nomad"].split())
