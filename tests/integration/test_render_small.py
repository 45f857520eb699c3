"""A real Nomad agent that is server and client starts from the rendered configuration of an all-in-one node."""

import json
import os
import sys
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

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

NAMES = """
import socket, ssl, sys
ca, certificate, key, name = sys.argv[1:]
context = ssl.create_default_context(cafile=ca)
context.load_cert_chain(certificate, key)
with socket.create_connection(("127.0.0.1", 4646), timeout=10) as plain:
    try:
        context.wrap_socket(plain, server_hostname=name)
        print("verified")
    except ssl.SSLCertVerificationError as error:
        print(error.verify_message)
"""


class Node:
    """Nomad alone, without Consul and docker, on a host of its own."""

    def __init__(self, lan: Lan, root: Path, kind: Kind) -> None:
        self.lan, self.root = lan, root
        self.nomad = require_tool("nomad")
        now = datetime.now(UTC)
        bundle = create_bundle("demo", now=now)
        node = make_node(kind, 1, wave=Wave.FIRST_SERVER)
        credentials = issue_for_node(bundle, name=node.name, kind=kind, now=now)
        first = Join(consul=(), nomad=(), forms_consul=True, forms_nomad=True)
        write_below(root, render_node(make_plan(consul=1, nomad=1), node, credentials, first))
        (root / "opt/nomad").mkdir(parents=True)

    @property
    def tls(self) -> list[str]:
        folder = self.root / "etc/nomad.d/tls"
        return [str(folder / name) for name in ("ca.pem", "agent.pem", "agent-key.pem")]

    def start(self) -> None:
        self.lan.start(0, "nomad", [self.nomad, "agent", f"-config={self.root}/etc/nomad.d"])

    def ask(self, *words: str, token: str = "") -> str | Pending:
        ca, certificate, key = self.tls
        env = {
            "NOMAD_ADDR": "https://127.0.0.1:4646",
            "NOMAD_CACERT": ca,
            "NOMAD_CLIENT_CERT": certificate,
            "NOMAD_CLIENT_KEY": key,
            "NOMAD_TOKEN": token,
        }
        done = self.lan.run(0, [self.nomad, *words], env=env)
        if done.returncode == 0:
            return done.stdout
        return Pending(f"{done.stderr}\n{self.lan.log('nomad')[-2000:]}")

    def verifies(self, name: str) -> str:
        return self.lan.run(0, [sys.executable, "-c", NAMES, *self.tls, name]).stdout.strip()


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    if os.geteuid() != 0:
        pytest.skip("a Nomad client needs root")
    folder = tmp_path_factory.mktemp("small")
    lan = Lan(folder)
    try:
        made = Node(lan, folder / "root", Kind.ALL_IN_ONE)
        made.start()
        yield made
    finally:
        lan.close()


@pytest.fixture(scope="module")
def token(node: Node) -> str:
    """Nomad's management token: to get it, the server must have elected itself."""
    made = wait_until(lambda: node.ask("acl", "bootstrap", "-json"), what="Nomad's leader", seconds=60, every=0.5)
    return str(json.loads(made)["SecretID"])


def test_its_client_registers_with_its_own_server(node: Node, token: str) -> None:
    def ready() -> dict[str, object] | Pending:
        answer = node.ask("node", "status", "-self", "-json", token=token)
        if isinstance(answer, Pending):
            return answer
        found: dict[str, object] = json.loads(answer)
        return found if found["Status"] == "ready" else Pending(str(found["Status"]))

    found = wait_until(ready, what="the client", seconds=90, every=0.5)
    assert found["Name"] == "demo-all-in-one-1"
    reserved = found["ReservedResources"]
    assert isinstance(reserved, dict)
    assert reserved["Memory"] == {"MemoryMB": 768}
    assert reserved["Networks"]["ReservedHostPorts"] == "22,53,4646,4647,4648,8300,8301,8501,8600"
    members = node.ask("server", "members", token=token)
    assert isinstance(members, str)
    assert members.splitlines()[1].split()[:4] == ["demo-all-in-one-1.global", "10.100.0.5", "4648", "alive"]


@pytest.mark.usefixtures("token")
def test_its_certificate_has_the_names_of_both(node: Node) -> None:
    """Nomad's API client asks a node for the logs of a task under the client's name (api/api.go)."""
    assert node.verifies("server.global.nomad") == "verified"
    assert node.verifies("client.global.nomad") == "verified"
    assert node.verifies("server.other.nomad").startswith("Hostname mismatch"), "control"
