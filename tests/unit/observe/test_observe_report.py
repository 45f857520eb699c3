"""The report as JSON and as rows: shapes that scripts rely on."""

import json

from bakery.observe.health import observe_cluster
from bakery.observe.report import CONDITION_HEADER, NODE_HEADER, condition_rows, node_rows, report_json
from tests.helpers.fake_agents import healthy_cluster


def test_json_has_stable_keys() -> None:
    cluster = healthy_cluster()
    cluster.consul.catalog = cluster.consul.catalog[:-1]
    document = report_json(observe_cluster(cluster.plan, cluster.droplets, cluster.clients))
    assert json.loads(json.dumps(document)) == document
    assert (document["cluster"], document["healthy"]) == ("demo", False)
    assert document["conditions"][8] == {
        "name": "consul-catalog",
        "state": "missing",
        "message": "demo-nomad-client-2: not in Consul's catalog",
    }
    assert document["nodes"][0] == {
        "name": "demo-consul-server-1",
        "role": "consul-server",
        "droplet": {"id": 1, "status": "active"},
        "public_ipv4": "198.18.0.1",
        "private_ipv4": "10.100.0.1",
        "consul": "alive",
        "nomad": "-",
        "healthy": True,
    }


def test_rows_fit_their_headers_and_say_no_where_something_is_wrong() -> None:
    cluster = healthy_cluster()
    cluster.droplets = cluster.droplets[:5]
    report = observe_cluster(cluster.plan, cluster.droplets, cluster.clients)
    assert {len(row) for row in node_rows(report)} == {len(NODE_HEADER)}
    assert {len(row) for row in condition_rows(report)} == {len(CONDITION_HEADER)}
    rows = node_rows(report)
    assert rows[4] == (
        "demo-nomad-client-1", "nomad-client", "active", "198.18.0.5", "10.100.0.5", "alive", "ready", "yes",
    )  # fmt: skip
    assert rows[5] == ("demo-nomad-client-2", "nomad-client", "absent", "-", "-", "alive", "ready", "no")
