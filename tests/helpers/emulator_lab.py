"""Droplets that boot without the API in front: the emulator's machines alone, seen from outside and inside."""

import json
import secrets
import socket
import threading
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

from bakery.emulator.account.settings import EmulatorSettings
from bakery.emulator.daemon.app import Emulator, build_app, emulator_of
from bakery.emulator.host.record import ResourceRecord
from bakery.emulator.images import bases
from bakery.emulator.machines.interface import MachineFailure, MachineSpec
from bakery.emulator.machines.nspawn import NspawnMachines
from bakery.emulator.machines.nspawn_exec import exec_in
from bakery.emulator.network.plan import NetworkPlan
from bakery.emulator.network.router import Router
from bakery.proc import Completed, run
from bakery.wait import Pending, wait_until
from tests.helpers import shared_server
from tests.helpers.emulated import TOKEN
from tests.helpers.machine_specs import machine_spec
from tests.helpers.queues import drain

BOOT_SECONDS = 180.0
RESULT = "/run/cloud-init/result.json"
"""cloud-init writes it when everything is done (its documentation, "boot stages")."""


@dataclass(frozen=True, kw_only=True)
class Lab:
    """A router, machines in it, and a key that opens them."""

    folder: Path
    plan: NetworkPlan
    record: ResourceRecord
    router: Router
    machines: NspawnMachines
    key: Path
    heard: list[str] = field(default_factory=list)
    """Source addresses that reached the metadata address."""

    def spec(
        self,
        number: int,
        *,
        image: str = "debian-12-x64",
        vpc: str = "vpc-a",
        third: int = 0,
        vendor_data: str | None = None,
    ) -> MachineSpec:
        """A droplet that our key opens."""
        public_key = self.key.with_suffix(".pub").read_text().strip()
        return machine_spec(
            number,
            image=image,
            vpc=vpc,
            third=third,
            public_keys=(public_key,),
            vendor_data=vendor_data,
            base=self.plan.range[0],
        )

    def boot(self, *specs: MachineSpec) -> None:
        """Create them all and wait until cloud-init has done everything on each."""
        for spec in specs:
            self.machines.create(spec)
        for spec in specs:
            self.wait_done(spec.droplet_id)

    def wait_done(self, droplet_id: int) -> None:
        """Wait for the end of the droplet's cloud-init, which must have met no error."""

        def result() -> str | Pending:
            with suppress(MachineFailure):
                found = self.run_inside(droplet_id, ["cat", RESULT])
                return found.stdout or Pending(found.stderr)
            return Pending("it is not running")

        text = wait_until(result, what=f"cloud-init on droplet {droplet_id}", seconds=BOOT_SECONDS, every=0.1)
        assert json.loads(text)["v1"]["errors"] == []

    def run_inside(self, droplet_id: int, argv: Sequence[str | Path]) -> Completed:
        """Run a command as root. Raises MachineFailure if the droplet is not running."""
        return exec_in(f"{self.router.cgroup}/{droplet_id}", argv)

    def sh(self, droplet_id: int, script: str) -> Completed:
        """Run a shell script inside."""
        return self.run_inside(droplet_id, ["sh", "-c", script])

    def ssh(self, address: str, *words: str) -> Completed:
        """Run a command over SSH, from the host to a public address."""
        options = [
            "StrictHostKeyChecking=no",
            "UserKnownHostsFile=/dev/null",
            "LogLevel=ERROR",
            "ConnectTimeout=10",
        ]
        flags = [word for option in options for word in ("-o", option)]
        return run(["ssh", "-i", self.key, *flags, f"root@{address}", *words], check=False)


@contextmanager
def running_lab(folder: Path, public_range: str) -> Iterator[Lab]:
    """A lab in ``folder``, gone with all that it made at the end."""
    key = folder / "key"
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key])
    record = ResourceRecord(folder / "record.jsonl")
    plan = NetworkPlan(id=secrets.token_hex(2), range=IPv4Network(public_range))
    router = Router(plan, folder=folder, record=record)
    base = bases.base_image()
    try:
        router.up()
        machines = NspawnMachines(folder=folder, router=router, record=record, base=base)
        lab = Lab(folder=folder, plan=plan, record=record, router=router, machines=machines, key=key)
        with _metadata(lab):
            yield lab
        machines.close()
    finally:
        router.close()
        record.remove_all()


@dataclass(frozen=True, kw_only=True)
class LabApi:
    """The emulator's API over a lab's machines."""

    lab: Lab
    emulator: Emulator
    url: str

    def call(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
        """What it answers; a refusal is an error."""
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, headers=headers, method=method)  # noqa: S310
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - loopback
            text = answer.read()
        return json.loads(text) if text else None

    def create(self, *names: str, **more: object) -> list[int]:
        """The ids of new droplets that are active; they may still boot."""
        body = {"names": names, "region": "fra1", "size": "s-1vcpu-1gb", "image": "debian-12-x64", **more}
        droplets = self.call("POST", "/v2/droplets", body)["droplets"]
        self.settle()
        return [droplet["id"] for droplet in droplets]

    def settle(self) -> None:
        """Wait until every action has ended."""
        drain(self.emulator.work.queues, BOOT_SECONDS)

    def status(self, droplet_id: int) -> str:
        """new, active or off."""
        return str(self.call("GET", f"/v2/droplets/{droplet_id}")["droplet"]["status"])

    def act(self, droplet_id: int, kind: str, **more: object) -> str:
        """Ask for an action, wait for its end, and say how it went."""
        action = self.call("POST", f"/v2/droplets/{droplet_id}/actions", {"type": kind, **more})["action"]
        self.settle()
        return str(self.call("GET", f"/v2/actions/{action['id']}")["action"]["status"])

    def addresses(self, droplet_id: int) -> tuple[str, str]:
        """Public and VPC."""
        networks = self.call("GET", f"/v2/droplets/{droplet_id}")["droplet"]["networks"]["v4"]
        found = {network["type"]: network["ip_address"] for network in networks}
        return found["public"], found["private"]


@contextmanager
def lab_api(lab: Lab, **changes: Any) -> Iterator[LabApi]:  # noqa: ANN401 - fields of EmulatorSettings
    """The API over the lab's machines; at its end they are all gone."""
    network = lab.plan
    settings = EmulatorSettings(
        tokens=(TOKEN,),
        public_network=str(network.range),
        public_gateway=str(network.gateway),
        host_address=str(network.host),
        first_public_address=str(network.range[10]),
        **changes,
    )
    app = build_app(settings, lab.machines)
    with shared_server.serving(app) as url:
        try:
            yield LabApi(lab=lab, emulator=emulator_of(app), url=url)
        finally:
            emulator_of(app).close()


@contextmanager
def _metadata(lab: Lab) -> Iterator[None]:
    """A metadata service that knows one thing: who asks."""
    listener = lab.router.metadata_socket()

    def serve() -> None:
        while True:
            try:
                connection, peer = listener.accept()
            except OSError:
                return
            with connection:
                lab.heard.append(peer[0])
                connection.recv(4096)
                connection.sendall(f"HTTP/1.0 200 OK\r\n\r\n{peer[0]}".encode())

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(timeout=10)


def leftovers(plan: NetworkPlan, folder: Path) -> dict[str, list[str]]:
    """Return what this machine has of that emulator, by kind; every kind is empty when nothing is left."""
    mark = f"bk-{plan.id}"
    return {
        "namespaces": _containing(_names(Path("/run/netns")), mark),
        "links": _containing(_names(Path("/sys/class/net")), mark),
        "routes": _containing(run(["ip", "route", "show", "table", "all"]).stdout.splitlines(), mark),
        "cgroups": [str(path) for path in Path("/sys/fs/cgroup").glob(f"**/bakery-{plan.id}")],
        "processes": _processes(mark, folder),
        "mounts": _containing(Path("/proc/self/mountinfo").read_text().splitlines(), str(folder)),
        "propagated": _containing(_names(Path("/run/systemd/nspawn/propagate")), mark),
        "disks": [str(path) for path in (folder / "droplets").glob("*")],
    }


def host_rules() -> str:
    """The machine's own packet rules and forwarding switch, which no emulator may change."""
    rules = run(["nft", "list", "ruleset"], check=False).stdout
    return rules + run(["ip", "rule", "show"]).stdout + Path("/proc/sys/net/ipv4/ip_forward").read_text()


def _processes(mark: str, folder: Path) -> list[str]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if mark in words or f"{folder}/droplets" in words:
                found.append(f"{process.name} {words}")
    return found


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def _containing(texts: Sequence[str], mark: str) -> list[str]:
    return [text for text in texts if mark in text]
