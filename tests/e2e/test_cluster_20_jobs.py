"""Jobs of the demo: a service found by name and reached, a batch job, a system job; and what a task sees."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from bakery.proc import run
from bakery.wait import Pending, wait_until
from tests.helpers.cluster_e2e import DEMO_JOBS, JOBS, PATIENCE, ROOT, Cluster

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

Instances = dict[str, int]
"""Ports by VPC address."""


def resolve(cluster: Cluster, *, inside: str | None = None) -> Instances:
    """Where ``web`` is, by an SRV question to a Consul server from here, or to a droplet's own agent.

    An answer brings the addresses of its targets along (RFC 2782).
    """
    question = ["+noall", "+answer", "+additional", "+tcp", "+tries=3", "+time=5", "-p", "8600"]
    if inside is None:
        server = cluster.droplet("demo-consul-server-1").public
        said = run(["dig", f"@{server}", *question, "web.service.consul", "SRV"]).stdout
    else:
        said = cluster.inside(inside, _RESOLVER).stdout
    records = [words for words in map(str.split, said.splitlines()) if words and not words[0].startswith(";")]
    ports = {words[7]: int(words[6]) for words in records if words[3] == "SRV"}
    return {words[4]: ports[words[0]] for words in records if words[3] == "A" and words[0] in ports}


# Droplets have no dig: the demo's job asks the same in Python; its output looks like dig's here.
_RESOLVER = r"""python3 - <<'PYTHON'
import socket, struct
name = "web.service.consul"
query = struct.pack(">6H", 1, 0x0100, 1, 0, 0, 0)
query += b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
query += b"\0" + struct.pack(">2H", 33, 1)
with socket.create_connection(("127.0.0.1", 8600), timeout=10) as tcp:
    tcp.sendall(struct.pack(">H", len(query)) + query)
    stream = tcp.makefile("rb")
    reply = stream.read(struct.unpack(">H", stream.read(2))[0])

def read_name(at):
    labels, end = [], None
    while reply[at]:
        if reply[at] >= 0xC0:
            end = end or at + 2
            at = struct.unpack(">H", reply[at:at + 2])[0] & 0x3FFF
            continue
        labels.append(reply[at + 1:at + 1 + reply[at]].decode())
        at += 1 + reply[at]
    return ".".join(labels) + ".", end or at + 1

at = len(query)
for _ in range(sum(struct.unpack(">3H", reply[6:12]))):
    owner, at = read_name(at)
    kind, _cls, ttl, length = struct.unpack(">2HIH", reply[at:at + 10])
    at += 10
    if kind == 33:
        priority, weight, port = struct.unpack(">3H", reply[at:at + 6])
        print(owner, ttl, "IN", "SRV", priority, weight, port, read_name(at + 6)[0])
    if kind == 1:
        print(owner, ttl, "IN", "A", socket.inet_ntoa(reply[at:at + 4]))
    at += length
PYTHON"""


def wait_for(cluster: Cluster, count: int) -> Instances:
    """Wait until DNS names exactly that many instances of ``web``."""

    def found() -> Instances | Pending:
        instances = resolve(cluster)
        return instances if len(instances) == count else Pending(f"DNS names {instances}")

    return wait_until(found, what=f"{count} instances of web in DNS", seconds=PATIENCE)


def test_web_is_found_from_this_machine(cluster: Cluster) -> None:
    instances = wait_for(cluster, 2)
    clients = {droplet.private for droplet in cluster.droplets("bakery:demo:role:nomad-client")}
    assert set(instances) <= clients
    assert all(20000 <= port <= 32000 for port in instances.values())


def test_web_is_found_and_reached_from_another_droplet(cluster: Cluster) -> None:
    instances = resolve(cluster, inside="demo-nomad-server-1")
    assert instances == resolve(cluster)
    for address, port in instances.items():
        page = cluster.inside("demo-nomad-server-1", f"curl --silent --fail http://{address}:{port}/").stdout
        name = next(each.name for each in cluster.droplets() if each.private == address)
        assert page == f"hello from {name}\n"


def test_jobs_ports_are_closed_to_the_world(cluster: Cluster) -> None:
    """The port is bound to the VPC address; control: the same from inside the VPC, above."""
    for address, port in resolve(cluster).items():
        public = next(each.public for each in cluster.droplets() if each.private == address)
        with pytest.raises(requests.ConnectionError):
            requests.get(f"http://{public}:{port}/", timeout=5)


def test_an_instance_that_hangs_leaves_dns_until_it_runs_again(cluster: Cluster) -> None:
    before = wait_for(cluster, 2)
    address, port = sorted(before.items())[0]
    name = next(each.name for each in cluster.droplets() if each.private == address)
    pid = cluster.inside(name, f"pgrep --full 'http.server.* {port}$'").stdout.strip()
    cluster.inside(name, f"kill -STOP {pid}")
    try:
        assert address not in wait_for(cluster, 1)
        health = cluster.tool("consul", "catalog", "nodes", "-service=web").stdout
        assert name in health  # it is registered still: the check took it out of DNS
    finally:
        cluster.inside(name, f"kill -CONT {pid}")
    assert wait_for(cluster, 2) == before


def test_a_stopped_job_is_not_found(cluster: Cluster) -> None:
    cluster.stop_job("web")
    wait_for(cluster, 0)
    cluster.run_job(DEMO_JOBS / "web.nomad.hcl")
    wait_for(cluster, 2)


def test_the_batch_job_reached_every_instance(cluster: Cluster) -> None:
    cluster.stop_job("fetch")
    cluster.run_job(DEMO_JOBS / "fetch.nomad.hcl")
    instances = resolve(cluster)
    lines = cluster.output("fetch").splitlines()
    names = {each.private: each.name for each in cluster.droplets()}
    assert sorted(lines) == sorted(f"{ip}:{port} says: hello from {names[ip]}" for ip, port in instances.items())


def test_the_system_job_runs_on_every_client(cluster: Cluster) -> None:
    running = cluster.allocations("uptime")
    assert sorted(each["NodeName"] for each in running) == sorted(cluster.nomad_nodes())
    assert "load average" in cluster.tool("nomad", "alloc", "logs", running[0]["ID"]).stdout


def test_a_task_finds_programs_and_certificates_but_not_the_nodes_keys(cluster: Cluster) -> None:
    """The root of an exec task (``client.chroot_env``); Nomad's default would have all of /etc in it."""
    cluster.run_job(JOBS / "root.nomad.hcl")
    try:
        said = dict(line.split(": ", 1) for line in cluster.output("root").splitlines())
    finally:
        cluster.stop_job("root")
    etc = set(said.pop("etc").split())
    # resolv.conf and hosts are Nomad's own too, for a task with a network of its own.
    assert etc == {
        "alternatives", "group", "hosts", "localtime", "nsswitch.conf", "passwd", "protocols", "resolv.conf",
        "services", "ssl",
    }  # fmt: skip
    assert said == {
        "user": "nobody",
        "group": "root",  # Nomad sets the user only: docs/task-isolation.md, "What tasks may do"
        "resolv": said["resolv"],
        "env": "works",
        "curl": "curl",
        "awk": "works",
        "authorities": "True",
        "zone": "CET",
        "keys": "",
    }
    assert int(said["resolv"]) > 0
    node = cluster.inside("demo-nomad-client-1", "ls /etc /etc/nomad.d/tls").stdout.split()
    assert {"consul.d", "nomad.d", "bakery", "agent-key.pem"} <= set(node)  # control: the node has them


def open_files(cluster: Cluster, *, node: str = ".*") -> dict[str, Any]:
    """What a default exec task is answered when it opens each file of its root for reading and writing."""
    cluster.run_job(JOBS / "openfiles.nomad.hcl", f"roots={','.join(WITH_FILES)}", f"node={node}")
    try:
        said: dict[str, Any] = json.loads(cluster.output("openfiles"))
    finally:
        cluster.stop_job("openfiles")
    return said


# Where a task finds regular files on Debian 12.
WITH_FILES = {
    "/bin", "/usr/bin", "/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2", "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/python3.11", "/usr/lib/ssl", "/usr/share/ca-certificates", "/usr/share/zoneinfo",
    "/etc/alternatives", "/etc/group", "/etc/hosts", "/etc/localtime", "/etc/nsswitch.conf", "/etc/passwd",
    "/etc/protocols", "/etc/resolv.conf", "/etc/services", "/etc/ssl/certs", "/etc/ssl/openssl.cnf",
}  # fmt: skip
# Refusals that stand by themselves. ETXTBSY comes only after the permission is given (open(2)), and passes.
REFUSALS = {"EACCES", "EROFS"}
NET_BIND_SERVICE = 1 << 10  # linux/capability.h
DEFAULT_CAPABILITIES = """{"plugin": {"exec": {"config": {"allow_caps": [
    "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP",
    "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"]}}}}"""
"""Nomad's own: drivers/shared/capabilities/defaults.go."""


def test_an_exec_task_opens_no_file_of_the_node_for_writing(cluster: Cluster) -> None:
    """The files of a task's root are those of /opt/task-root, by hard links: other tasks have the same."""
    said = open_files(cluster)
    assert said["user"] == 65534
    assert said["capabilities"] == NET_BIND_SERVICE
    assert said["not_refused"] == []
    assert set(said["answers"]) <= REFUSALS
    assert said["setuid"] == []
    assert {root for root, files in said["by_root"].items() if files} == WITH_FILES
    assert said["files"] > 3000


@contextmanager
def nomads_own_capabilities(cluster: Cluster, node: str) -> Iterator[None]:
    """Have one client give its exec tasks what Nomad gives by default."""
    file = "/etc/nomad.d/zz-control.json"
    restart = "systemctl restart nomad-client"
    cluster.inside(node, f"cat >{file} <<'JSON'\n{DEFAULT_CAPABILITIES}\nJSON\n{restart}")
    try:
        cluster.wait_ready(node)
        yield
    finally:
        cluster.inside(node, f"rm {file}; {restart}")
        cluster.wait_ready(node)


def test_with_nomads_own_capabilities_it_would_open_them(cluster: Cluster) -> None:
    """Control of the test above, on one client. Nothing is written."""
    node = "demo-nomad-client-3"
    with nomads_own_capabilities(cluster, node):
        said = open_files(cluster, node=node)
    assert said["user"] == 65534
    assert said["passwd"] == "opened"
    assert said["answers"]["opened"] > 3000


@pytest.mark.parametrize(
    ("user", "refusal"),
    [
        ("consul", 'running as user "consul" is disallowed'),
        ("daemon", "running as uid 1 is disallowed"),
        ("task-files", "running as uid 9"),  # the highest: it owns the programs that exec tasks share
        ("dnsmasq", "running as uid "),  # what answers from the forwarder's port
    ],
)
def test_an_exec_task_is_no_user_of_the_system(cluster: Cluster, user: str, refusal: str) -> None:
    cluster.run_job(JOBS / "asuser.nomad.hcl", f"user={user}")

    def failed() -> str | Pending:
        found = cluster.allocations("asuser", "failed")
        if not found:
            return Pending(f"{cluster.nomad_json('job', 'allocs', '-json', 'asuser')}")
        events = found[0]["TaskStates"]["asuser"]["Events"]
        return "\n".join(event["DisplayMessage"] for event in events)

    try:
        assert refusal in wait_until(failed, what=f"the job as {user} to be refused", seconds=PATIENCE)
    finally:
        cluster.stop_job("asuser")


@contextmanager
def volume(cluster: Cluster, file: Path) -> Iterator[None]:
    """The volume ``notes`` of the specification in ``file``."""
    cluster.tool("nomad", "volume", "create", str(file))
    (made,) = [each["ID"] for each in cluster.nomad_json("volume", "status", "-type=host", "-json")]
    try:
        yield
    finally:
        cluster.stop_job("notes")

        def deleted() -> bool | Pending:
            done = cluster.tool("nomad", "volume", "delete", "-type=host", made, check=False)
            return True if done.returncode == 0 else Pending(done.stderr)

        wait_until(deleted, what="the volume to be deleted", seconds=PATIENCE)


def test_the_sample_volume_is_written_by_its_task(cluster: Cluster) -> None:
    """The example: Nomad's mkdir plugin makes a folder of root's, and a task's user must be let in."""
    with volume(cluster, ROOT / "examples/volume.hcl"):
        cluster.run_job(ROOT / "examples/notes.nomad.hcl")
        assert "UTC" in cluster.output("notes")


def test_without_its_parameters_the_sample_volume_is_not_written(cluster: Cluster, tmp_path: Path) -> None:
    """Control of the test above."""
    file = tmp_path / "volume.hcl"
    file.write_text((ROOT / "examples/volume.hcl").read_text().replace('uid = "65534"', 'mode = "0700"'))
    with volume(cluster, file):
        cluster.run_job(ROOT / "examples/notes.nomad.hcl")

        def refused() -> str | Pending:
            found = cluster.nomad_json("job", "allocs", "-json", "notes")
            said = [cluster.tool("nomad", "alloc", "logs", "-stderr", a["ID"], check=False).stdout for a in found]
            return said[0] if said and said[0] else Pending(f"{[each['ClientStatus'] for each in found]}")

        assert "Permission denied" in wait_until(refused, what="the job to be refused", seconds=PATIENCE)
