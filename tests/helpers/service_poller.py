"""Asks a service of the cluster 20 times a second, from a droplet in the VPC, as an ingress would.

The poller knows only Consul's DNS, which it asks for the instances twice a second; it uses them in turn. A request
that is not answered with 200 within two seconds has failed, and is not repeated.
"""

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from uuid import uuid4

from bakery.wait import Pending
from tests.helpers.cluster_e2e import Cluster, wait_for

SECONDS = 1800.0
"""The longest time for which a poller runs."""

_SCRIPT = r"""
cat >/tmp/@ID.py <<'PYTHON'
import json, os, random, socket, struct, sys, threading, time, urllib.request

stop, service, servers = sys.argv[1], sys.argv[2], sys.argv[3:]
instances, asked, failed = [], 0, []
lock = threading.Lock()

def read_name(reply, at):
    labels, end = [], None
    while reply[at]:
        if reply[at] >= 0xC0:
            end = end or at + 2
            at = struct.unpack(">H", reply[at:at + 2])[0] & 0x3FFF
            continue
        labels.append(reply[at + 1:at + 1 + reply[at]].decode())
        at += 1 + reply[at]
    return ".".join(labels), end or at + 1

def ask(server, name, kind):
    # The targets and ports of SRV records, and the addresses by name.
    query = struct.pack(">6H", 1, 0x0100, 1, 0, 0, 0)
    query += b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    query += b"\0" + struct.pack(">2H", kind, 1)
    with socket.create_connection((server, 8600), timeout=2) as tcp:
        tcp.sendall(struct.pack(">H", len(query)) + query)
        stream = tcp.makefile("rb")
        reply = stream.read(struct.unpack(">H", stream.read(2))[0])
    at, targets, addresses = len(query), [], {}
    for _ in range(sum(struct.unpack(">3H", reply[6:12]))):
        owner, at = read_name(reply, at)
        found, _cls, _ttl, length = struct.unpack(">2HIH", reply[at:at + 10])
        at += 10
        if found == 33:
            targets.append((read_name(reply, at + 6)[0], struct.unpack(">H", reply[at + 4:at + 6])[0]))
        if found == 1:
            addresses.setdefault(owner, []).append(socket.inet_ntoa(reply[at:at + length]))
        at += length
    return targets, addresses

def resolve():
    global instances, servers
    while not os.path.exists(stop):
        for server in list(servers):
            try:
                targets, addresses = ask(server, service + ".service.consul", 33)
                found = [(addresses[name][0], port) for name, port in targets if name in addresses]
                instances = found or instances
                if not server.startswith("127."):
                    others = sum(ask(server, "consul.service.consul", 1)[1].values(), [])
                    servers = sorted(others, key=lambda each: each != server) or servers
                break
            except (OSError, struct.error):
                continue
        time.sleep(0.5)

def get(address, port):
    global asked
    began = time.time()
    try:
        with urllib.request.urlopen(f"http://{address}:{port}/", timeout=2) as page:
            problem = None if page.status == 200 and page.read() else f"status {page.status}"
    except OSError as error:
        problem = repr(error)
    with lock:
        asked += 1
        if problem:
            failed.append([round(began - start, 2), address, problem])

threading.Thread(target=resolve, daemon=True).start()
while not instances:
    time.sleep(0.1)
start, number = time.time(), 0
print("polling", flush=True)
threads = []
while not os.path.exists(stop):
    address, port = instances[number % len(instances)]
    number += 1
    threads.append(threading.Thread(target=get, args=(address, port)))
    threads[-1].start()
    time.sleep(max(0, start + number / 20 - time.time()))
for thread in threads:
    thread.join()
with open(stop + ".json", "w") as file:
    json.dump({"asked": asked, "failed": failed, "seconds": time.time() - start}, file)
PYTHON
exec python3 /tmp/@ID.py /tmp/@ID.stop @SERVICE @SERVERS >/tmp/@ID.log 2>&1
"""


@dataclass
class ServicePoller:
    """Polls while the ``with`` block runs, in the droplet called ``droplet``."""

    cluster: Cluster
    droplet: str
    dns: Sequence[str] = ("127.0.0.1",)
    """Where Consul's DNS is asked: the droplet's own agent, or the VPC addresses of servers, to begin with."""
    service: str = "web"
    asked: int = 0
    failed: list[list[object]] = field(default_factory=list)
    """Seconds since the first request, address and problem of each failed request."""
    seconds: float = 0.0
    _id: str = field(default_factory=lambda: f"poll-{uuid4().hex[:8]}")

    def __enter__(self) -> "ServicePoller":
        script = _SCRIPT.replace("@ID", self._id).replace("@SERVICE", self.service)
        script = script.replace("@SERVERS", " ".join(self.dns))
        run = partial(self.cluster.inside, self.droplet, script, check=False, seconds=SECONDS)
        self._thread = threading.Thread(target=run, daemon=True)
        self._thread.start()
        wait_for(self._polls, what=f"{self.droplet} to poll {self.service}", every=0.5)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cluster.inside(self.droplet, f"touch /tmp/{self._id}.stop")
        self._thread.join(30)
        result = json.loads(self.cluster.inside(self.droplet, f"cat /tmp/{self._id}.stop.json").stdout)
        self.asked, self.failed, self.seconds = result["asked"], result["failed"], result["seconds"]

    def _polls(self) -> bool | Pending:
        said = self.cluster.reads(self.droplet, f"cat /tmp/{self._id}.log")
        return said if isinstance(said, Pending) else True
