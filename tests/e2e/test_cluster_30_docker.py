"""A docker job from an image file that the operator's machine serves."""

from collections.abc import Iterator

import pytest

from bakery.wait import Pending, wait_until
from tests.helpers.cluster_e2e import JOBS, PATIENCE, Cluster, Droplet
from tests.helpers.file_server import served
from tests.helpers.firewalls_e2e import without_host_firewall
from tests.helpers.image_tar import fetch_busybox, image_tar

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

PAGE = b"hello out of a container\n"
OTHER = "demo-nomad-server-2"


@pytest.fixture(scope="module")
def hello(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Droplet]:
    """The job runs and passes its check; yields the droplet it runs on."""
    files = {"/bin/busybox": fetch_busybox(tmp_path_factory.mktemp("busybox")), "/www/index.html": PAGE}
    command = ["/bin/busybox", "httpd", "-f", "-p", "8080", "-h", "/www"]
    with served(cluster.operator, {"hello.tar": image_tar("bakery/hello:1", files, command=command)}) as base:
        cluster.run_job(JOBS / "hello.nomad.hcl", f"image_url={base}/hello.tar")
        wait_until(lambda: where(cluster), what="the docker service to pass its check", seconds=PATIENCE)
    (running,) = cluster.allocations("hello")
    yield cluster.droplet(running["NodeName"])
    cluster.stop_job("hello")


def where(cluster: Cluster) -> tuple[str, int] | Pending:
    """Address and port of the healthy service, as an agent that does not run it knows them."""
    said = cluster.reads(OTHER, _HEALTHY)
    if isinstance(said, Pending):
        return said
    address, port = said.split()
    return address, int(port)


# Over the agent's own API, with the token for DNS of that node: what any node may know.
_HEALTHY = r"""set -e
token=$(python3 -c 'import json; print(json.load(open("/etc/consul.d/consul.json"))["acl"]["tokens"]["dns"])')
printf 'X-Consul-Token: %s' "$token" |
curl --silent --fail --header @- --cacert /etc/consul.d/tls/ca.pem --cert /etc/consul.d/tls/agent.pem \
  --key /etc/consul.d/tls/agent-key.pem 'https://localhost:8501/v1/health/service/hello?passing=1' |
python3 -c 'import json, sys
for each in json.load(sys.stdin): print(each["Service"]["Address"], each["Service"]["Port"])'
"""


def test_the_published_port_is_reached_from_another_droplet(cluster: Cluster, hello: Droplet) -> None:
    found = where(cluster)
    assert not isinstance(found, Pending)
    address, port = found
    assert address == hello.private
    assert cluster.inside(OTHER, f"curl --silent --fail http://{address}:{port}/").stdout.encode() == PAGE


def test_it_runs_in_a_container_without_a_registry(cluster: Cluster, hello: Droplet) -> None:
    images = cluster.inside(hello.name, "docker images --format '{{.Repository}}:{{.Tag}}'").stdout.split()
    assert "bakery/hello:1" in images
    running = cluster.inside(hello.name, "docker ps --format '{{.Image}} {{.Names}}'").stdout
    assert "bakery/hello:1 server-" in running


def test_a_container_may_not_fill_the_nodes_table_of_processes(cluster: Cluster, hello: Droplet) -> None:
    limits = "docker ps --quiet | xargs docker inspect --format '{{.HostConfig.PidsLimit}}'"
    assert cluster.inside(hello.name, limits).stdout.split() == ["4096"]
    # Of the second version of control groups and of the first.
    files = "/sys/fs/cgroup/pids.max /sys/fs/cgroup/pids/pids.max"
    look = f"/bin/busybox sh -c '/bin/busybox cat {files} 2>/dev/null || true'"
    inside = f"docker exec $(docker ps --quiet --filter name=^server-) {look}"
    assert cluster.inside(hello.name, inside).stdout == "4096\n"
    # Control: a container that Nomad did not start has no limit in the kernel.
    assert cluster.inside(hello.name, f"docker run --rm bakery/hello:1 {look}").stdout == "max\n"


def test_containerd_listens_on_no_port(cluster: Cluster, hello: Droplet) -> None:
    """Its plugin for Kubernetes would, in reach of each task with the host's network."""
    listening = cluster.inside(hello.name, "ss --no-header --listening --tcp --processes").stdout
    assert '"nomad"' in listening  # control: programs are named
    assert "containerd" not in listening


def test_nobody_reaches_the_metadata_service_from_a_container(cluster: Cluster, hello: Droplet) -> None:
    """With host network a container is root on the node's own interfaces; with docker's bridge it is forwarded.

    Control: without the node's rules both reach it.
    """

    def reached() -> list[str]:
        ask = "docker run --rm --network {} bakery/hello:1 /bin/busybox nc -w 5 169.254.169.254 80 </dev/null"
        networks = ("host", "bridge")
        return [
            each for each in networks if cluster.inside(hello.name, ask.format(each), check=False).returncode == 0
        ]

    assert reached() == []
    with without_host_firewall(cluster, hello.name):
        assert reached() == ["host", "bridge"]


def test_its_check_fails_when_the_container_hangs(cluster: Cluster, hello: Droplet) -> None:
    container = cluster.inside(hello.name, "docker ps --quiet --filter ancestor=bakery/hello:1").stdout.strip()
    cluster.inside(hello.name, f"docker pause {container}")
    try:
        wait_until(
            lambda: True if isinstance(where(cluster), Pending) else Pending("its check still passes"),
            what="the check to fail",
            seconds=PATIENCE,
        )
    finally:
        cluster.inside(hello.name, f"docker unpause {container}")
    wait_until(lambda: where(cluster), what="the check to pass again", seconds=PATIENCE)


def test_docker_leaves_no_core_file(cluster: Cluster, hello: Droplet) -> None:
    """At its start docker runs a 32-bit program, which the filter of its unit ends."""
    files = cluster.inside(hello.name, "ls /").stdout.split()
    assert "etc" in files
    assert "core" not in files
