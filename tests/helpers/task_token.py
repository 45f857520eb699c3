"""A task that holds a Consul token, and what Consul answers to the token."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bakery.wait import Pending, wait_until
from tests.helpers.cluster_e2e import JOBS, PATIENCE, Cluster

_AGENT = "/etc/consul.d/tls"
_CURL = (
    "curl --silent --output /dev/null --write-out '%{http_code} ' --max-time 5 --header @- "
    f"--cacert {_AGENT}/ca.pem --cert {_AGENT}/agent.pem --key {_AGENT}/agent-key.pem"
)


@dataclass(frozen=True, kw_only=True)
class Holder:
    """A running task with a token, on a client."""

    cluster: Cluster
    client: str
    token: str
    """The path of its token on the client."""

    def statuses(self, calls: Iterable[str]) -> dict[str, int]:
        """Ask the client's own agent with the token and the agent's certificate; return the HTTP status of each.

        A call is a method and a path below ``/v1``: ``GET agent/self``.
        """
        header = f"""printf 'X-Consul-Token: %s' "$(cat {self.token})\""""
        asked = [
            f"{header} | {_CURL} --request {method} 'https://127.0.0.1:8501/v1/{path}'"
            for method, path in (call.split(" ") for call in calls)
        ]
        said = self.cluster.inside(self.client, "\n".join(asked)).stdout
        return dict(zip(calls, map(int, said.split()), strict=True))


@contextmanager
def holder(cluster: Cluster, namespace: str) -> Iterator[Holder]:
    """Run a job that asks for a token, in ``namespace``, and stop it."""
    where = f"-namespace={namespace}"
    cluster.tool("nomad", "job", "run", "-detach", where, str(JOBS / "holder.nomad.hcl"))

    def running() -> Holder | Pending:
        allocations = cluster.nomad_json("job", "allocs", "-json", where, "holder")
        for each in allocations:
            if each["ClientStatus"] == "running":
                token = f"/opt/nomad/alloc/{each['ID']}/sleep/secrets/consul_token"
                return Holder(cluster=cluster, client=each["NodeName"], token=token)
        return Pending(json.dumps([each["TaskStates"] for each in allocations]))

    try:
        yield wait_until(running, what="the holder to run", seconds=PATIENCE, every=0.5)
    finally:
        cluster.tool("nomad", "job", "stop", "-purge", where, "holder", check=False)
