"""A thread that asks a cluster's servers again and again while a ``with`` block runs."""

import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import requests

from bakery.agents.transport import ServerNameAdapter
from tests.helpers.cluster_e2e import Cluster

TRY_SECONDS = 2.0
"""A server that has not answered by then is left for the next; on a machine at rest it takes 0.05 s."""


@dataclass
class ServerLoop:
    """Runs :meth:`_run` in a thread until the block ends.

    It asks Consul on connections that stay open: a process of the program ``consul`` for each request would take
    one core of two, and so slow down what is measured.
    """

    cluster: Cluster
    addresses: Sequence[str]
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._servers = deque(self.addresses)
        self._session = _session(self.cluster.env)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._session.close()

    def turn_to(self, addresses: Sequence[str]) -> None:
        """The servers are these from now on."""
        self._servers = deque(addresses)

    def _ask(self, method: str, path: str, body: str = "") -> requests.Response:
        """Send a request to the first of the servers.

        Raises:
            requests.RequestException: it has not answered, or not with 200.
        """
        url = f"https://{self._servers[0]}:8501{path}"
        answer = self._session.request(method, url, data=body, timeout=TRY_SECONDS, allow_redirects=False)
        answer.raise_for_status()
        return answer

    def _run(self) -> None:
        raise NotImplementedError


def _session(env: Mapping[str, str]) -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    session.verify = env["CONSUL_CACERT"]
    session.cert = (env["CONSUL_CLIENT_CERT"], env["CONSUL_CLIENT_KEY"])
    session.headers["X-Consul-Token"] = env["CONSUL_HTTP_TOKEN"]
    session.mount("https://", ServerNameAdapter(env["CONSUL_TLS_SERVER_NAME"]))
    return session
