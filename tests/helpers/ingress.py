"""A real Consul server with bakery's ACLs, services in its catalog, and HTTP servers behind them."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TypeVar

from bakery.config.model import Kind, Role
from bakery.errors import AgentError
from bakery.launch.acl.ensure import AclRequest, ensure_acls
from bakery.wait import Pending, wait_until
from tests.helpers.real_agents import LOOPBACK, SERVER, RealCluster, running_cluster
from tests.helpers.real_jobs import consul
from tests.helpers.real_traefik import ingress_plan

T = TypeVar("T")
SECONDS = 60.0
INGRESS = Role(name="ingress", kind=Kind.INGRESS, count=1, size="s-1vcpu-1gb", node_pool="default")


def eventually(check: Callable[[], T | Pending], what: str, seconds: float = SECONDS) -> T:
    def ask() -> T | Pending:
        try:
            return check()
        except (AgentError, OSError) as error:
            return Pending(str(error))

    return wait_until(ask, what=what, seconds=seconds, every=0.1)


@contextmanager
def cluster_with_acls(folder: Path) -> Iterator[RealCluster]:
    """Consul with the policies and tokens of a cluster that has one ingress node."""
    with running_cluster(folder, nomad=False) as running:
        eventually(lambda: running.clients.consul(LOOPBACK).leader() or Pending("no leader"), "Consul's leader")
        request = AclRequest(
            plan=ingress_plan(running),
            roles=(SERVER, INGRESS),
            bundle=running.bundle,
            droplets=running.droplets,
            consul_servers=(LOOPBACK,),
            nomad_servers=(),
        )
        ensure_acls(request, running.clients, seconds=SECONDS)
        yield running


@contextmanager
def serving(text: str, *, echo: str = "") -> Iterator[int]:
    """An HTTP server on loopback that answers with ``text``, or with the request's header ``echo``."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write((self.headers.get(echo, "") if echo else text).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def registered(cluster: RealCluster, name: str, port: int, *tags: str) -> Iterator[None]:
    """A service in Consul's catalog for as long as the block runs."""
    body = {"Name": name, "Address": LOOPBACK, "Port": port, "Tags": list(tags)}
    consul(cluster).call("PUT", "/v1/agent/service/register", body)
    try:
        yield
    finally:
        consul(cluster).call("PUT", f"/v1/agent/service/deregister/{name}")


def rule(name: str, text: str) -> tuple[str, str]:
    return "traefik.enable=true", f"traefik.http.routers.{name}.rule={text}"
