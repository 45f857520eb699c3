"""Real Traefik with rendered configuration, on free ports of loopback, beside a real Consul server."""

import http.client
import json
import socket
import ssl
import subprocess  # noqa: TID251 - only the type of what bakery.proc.start returns
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

from bakery.assets import PACKER
from bakery.config.model import NO_INGRESS, Ingress, Kind
from bakery.credentials.issue import issue_for_node
from bakery.credentials.model import Leaf
from bakery.plan.model import ClusterPlan, Node
from bakery.proc import start
from bakery.render.model import Join
from bakery.render.paths import TRAEFIK_CONFIG, TRAEFIK_TLS
from bakery.render.user_data import render_node
from bakery.wait import Pending, wait_until
from tests.helpers.clusters import make_node
from tests.helpers.ports import free_port
from tests.helpers.real_agents import LOOPBACK, RealCluster, stop
from tests.helpers.rendered import files_of, json_of
from tests.helpers.tools import require_tool

NODE = make_node(Kind.INGRESS)
SECONDS = 30.0
_ENTRY_POINTS = ("web", "websecure", "ping")


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The answer to one request."""

    status: int
    headers: dict[str, str]
    text: str


@dataclass(frozen=True, kw_only=True)
class RealTraefik:
    """A running Traefik; ``ports`` by entry point."""

    root: Path
    """The folder below which its files are."""
    ports: dict[str, int]
    process: "subprocess.Popen[bytes]"

    @property
    def log(self) -> str:
        return (self.root / "traefik.log").read_text(encoding="utf-8")

    def get(self, host: str, path: str = "/", *, port: str = "web") -> Answer:
        """Ask the entry point ``port``, over plain HTTP, for ``path`` of ``host``."""
        connection = http.client.HTTPConnection(LOOPBACK, self.ports[port], timeout=5)
        return _answer(connection, host, path)

    def get_tls(self, host: str, path: str = "/", *, ca: str | None = None) -> Answer:
        """Ask over TLS, as a client that trusts ``ca`` (PEM); without one, as one that verifies nothing."""
        return _answer(_TlsConnection(host, self.ports["websecure"], ca), host, path)

    def certificate(self, host: str) -> bytes:
        """The certificate that a client gets who asks for ``host``, as DER."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with (
            socket.create_connection((LOOPBACK, self.ports["websecure"]), 5) as plain,
            context.wrap_socket(plain, server_hostname=host) as tls,
        ):
            return tls.getpeercert(binary_form=True) or b""


class _TlsConnection(http.client.HTTPConnection):
    def __init__(self, host: str, port: int, ca: str | None) -> None:
        super().__init__(LOOPBACK, port, timeout=5)
        self._name = host
        self._context = ssl.create_default_context(cadata=ca)
        if ca is None:
            self._context.check_hostname, self._context.verify_mode = False, ssl.CERT_NONE

    def connect(self) -> None:
        super().connect()
        self.sock = self._context.wrap_socket(self.sock, server_hostname=self._name)


def _answer(connection: http.client.HTTPConnection, host: str, path: str) -> Answer:
    try:
        connection.request("GET", path, headers={"Host": host})
        reply = connection.getresponse()
        return Answer(status=reply.status, headers=dict(reply.getheaders()), text=reply.read().decode())
    finally:
        connection.close()


def ingress_plan(cluster: RealCluster, ingress: Ingress = NO_INGRESS) -> ClusterPlan:
    """The plan of the cluster with one ingress node."""
    return replace(cluster.plan, nodes=(*cluster.plan.nodes, NODE), ingress=ingress)


# Runs the image's program with the node's folders moved. A domain has an address if a file has its name.
_REQUEST = """
import pathlib, runpy, sys
program = runpy.run_path(sys.argv[1])
root = pathlib.Path(sys.argv[2])
program["main"].__globals__.update(
    DOMAINS=root / "etc/traefik/domains", STORE=root / "var/lib/traefik/acme.json",
    ROUTES=root / "var/lib/traefik/routes/acme.yml", PAUSES=(2, 2), ATTEMPT=6, POLL=0.2,
    has_address=lambda domain: (root / "addresses" / domain).exists(), HTTPS=int(sys.argv[3]),
)
sys.exit(program["main"]())
"""


@contextmanager
def requesting_certificates(root: Path, port: int) -> Iterator["subprocess.Popen[bytes]"]:
    """The image's program that lets Traefik request certificates; it tries again after two seconds.

    ``port`` is Traefik's, for TLS.
    """
    program = PACKER / "files/usr/local/lib/bakery/certificates"
    (root / "addresses").mkdir()
    argv: list[str | Path] = [sys.executable, "-c", _REQUEST, program, root, str(port)]
    process = start(argv, output=root / "certificates.log")
    try:
        yield process
    finally:
        stop(process)


@contextmanager
def running_traefik(
    cluster: RealCluster,
    root: Path,
    *,
    ingress: Ingress = NO_INGRESS,
    certificates: Sequence[Leaf] = (),
    node: Node = NODE,
    ports: dict[str, int] | None = None,
    drain: str | None = None,
    vpc: str | None = None,
) -> Iterator[RealTraefik]:
    """Traefik as the ingress node has it, with other ports and folders; stopped at the end.

    ``drain`` is another time for which it takes requests while it stops, ``vpc`` another network than the plan's.
    """
    program = require_tool("traefik")
    held = issue_for_node(cluster.bundle, name=node.name, kind=node.kind, now=datetime.now(UTC))
    credentials = replace(held, certificates=tuple(certificates))
    plan = ingress_plan(cluster, ingress)
    plan = replace(plan, vpc_cidr=IPv4Network(vpc)) if vpc else plan
    user_data = render_node(plan, node, credentials, Join(consul=(LOOPBACK,), nomad=()))
    ports = ports or {name: free_port() for name in _ENTRY_POINTS}
    for path, file in files_of(user_data).items():
        if path.startswith("/etc/traefik/"):
            _write(root, path, file.content)
    config = json_of(user_data, TRAEFIK_CONFIG)
    for name, port in ports.items():
        entry = config["entryPoints"][name]
        entry["address"] = f"{LOOPBACK}:{port}"
        life = entry["transport"]["lifeCycle"]
        life["requestAcceptGraceTimeout"] = drain or life["requestAcceptGraceTimeout"]
    config["providers"]["consulCatalog"]["endpoint"]["address"] = f"unix://{cluster.consul_socket}"
    for path, document in ((TRAEFIK_CONFIG, config), (TRAEFIK_TLS, json_of(user_data, TRAEFIK_TLS))):
        _write(root, path, _moved(root, document))
    (root / "var/lib/traefik").mkdir(parents=True, exist_ok=True)
    process = start([program, f"--configFile={root}{TRAEFIK_CONFIG}"], output=root / "traefik.log")
    running = RealTraefik(root=root, ports=ports, process=process)
    try:
        wait_until(lambda: _is_up(running), what="Traefik's health", seconds=SECONDS, every=0.1)
        yield running
    finally:
        process.kill()
        stop(process)


def _is_up(traefik: RealTraefik) -> bool | Pending:
    try:
        return traefik.get("localhost", "/ping", port="ping").status == 200
    except OSError as error:
        return Pending(f"{error}: {traefik.log[-500:]}")


def _write(root: Path, path: str, content: str) -> None:
    target = root / path.removeprefix("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(content, encoding="utf-8")


def _moved(root: Path, document: dict[str, Any]) -> str:
    text = json.dumps(document)
    for folder in ("/etc/traefik", "/var/lib/traefik"):
        text = text.replace(f'"{folder}', f'"{root}{folder}')
    return text
