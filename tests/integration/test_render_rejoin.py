"""A Consul server that was off for long starts again by itself: nobody can delete a file on it without SSH."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bakery.config.model import Kind
from bakery.credentials.issue import issue_for_node
from bakery.credentials.store import create_bundle
from bakery.plan.model import Wave
from bakery.render.model import Join
from bakery.render.user_data import render_node
from bakery.wait import Pending, wait_until
from tests.helpers.clusters import make_node, make_plan
from tests.helpers.lan import Lan
from tests.helpers.rendered import write_below
from tests.helpers.tools import require_tool

pytestmark = pytest.mark.integration

DAY = 24 * 3600
REFUSAL = "refusing to rejoin cluster because server has been offline"
ELECTED = "cluster leadership acquired"


@pytest.fixture
def lan(tmp_path: Path) -> Iterator[Lan]:
    made = Lan(tmp_path)
    try:
        yield made
    finally:
        made.close()


@pytest.mark.parametrize(
    ("days", "expected"),
    [(8, ELECTED), (300, ELECTED), (400, REFUSAL)],
    ids=["over-consuls-week", "most-of-a-year", "control-over-a-year"],
)
def test_a_server_that_was_off(lan: Lan, tmp_path: Path, days: int, expected: str) -> None:
    consul = require_tool("consul")
    now = datetime.now(UTC)
    node = make_node(Kind.CONSUL_SERVER, 1, wave=Wave.FIRST_SERVER)
    credentials = issue_for_node(create_bundle("demo", now=now), name=node.name, kind=node.kind, now=now)
    root = tmp_path / "root"
    plan = make_plan(consul=1, nomad=1)
    write_below(root, render_node(plan, node, credentials, Join(consul=(), nomad=(), forms_consul=True)))
    data = root / "opt/consul"
    data.mkdir(parents=True)
    # hashicorp/consul agent/consul/server_metadata.go
    (data / "server_metadata.json").write_text(json.dumps({"last_seen_unix": int(time.time()) - days * DAY}))
    lan.start(0, "consul", [consul, "agent", f"-config-dir={root}/etc/consul.d"])

    def said() -> str | Pending:
        log = lan.log("consul")
        found = [words for words in (ELECTED, REFUSAL) if words in log]
        return found[0] if found else Pending(log[-2000:])

    assert wait_until(said, what="Consul to start or to refuse", seconds=60, every=0.2) == expected
