"""The emulator's network on this machine: router namespace, link of the host, veth pairs of droplets."""

import json
import socket
import threading
from collections.abc import Sequence
from ipaddress import IPv4Network
from pathlib import Path

from bakery.emulator.host import cgroups, netns
from bakery.emulator.host.failure import MachineFailure
from bakery.emulator.host.nft import Nft
from bakery.emulator.host.process import Process, end
from bakery.emulator.host.record import ResourceKind, ResourceRecord
from bakery.emulator.network import edge, firewalls, impairments, rules
from bakery.emulator.network.edge_servers import EdgeServers
from bakery.emulator.network.impairments import Impairments
from bakery.emulator.network.model import EdgePolicy, FirewallPolicy, Impairment
from bakery.emulator.network.name_server import PORT as DNS_PORT
from bakery.emulator.network.name_server import NameServer
from bakery.emulator.network.plan import (
    METADATA,
    METADATA_PORT,
    NetworkPlan,
    VethPair,
    attach_commands,
    attach_inside_commands,
    networks_in_use,
    overlaps,
    router_commands,
    router_inside_commands,
    router_interfaces,
    router_settings,
)
from bakery.errors import EmulatorError
from bakery.hints import Command
from bakery.proc import Completed, run, start
from bakery.wait import Pending, wait_until

EGRESS_SECONDS = 20.0
# $1 has the cgroups to join; the rest is the command. The shell joins and executes the command; it fails if the
# cgroups do not exist any more because the emulator stops.
JOIN = 'for procs in $1; do echo $$ > "$procs/cgroup.procs"; done; shift; exec "$@"'


class Router:
    """The namespace that routes all traffic of the droplets."""

    def __init__(self, plan: NetworkPlan, *, folder: Path, record: ResourceRecord) -> None:
        self.plan = plan
        self._folder = folder
        self._record = record
        self._lock = threading.Lock()
        self._nft = Nft(plan.router)
        self._egress_process: Process | None = None
        self._impairments = Impairments()
        self._impairing = threading.Lock()
        """Held until the kernel has a change of the impairments, so that no older table replaces a newer one."""
        self._delayed: dict[int, bool] = {}
        """Whether packets to a droplet are delayed now; unknown for droplets of an earlier process."""
        self._edge = EdgeServers(plan.router, NameServer(str(plan.gateway), (str(plan.egress_resolver), DNS_PORT)))
        self._edge_addresses: set[str] = set()

    @property
    def cgroup(self) -> str:
        """The emulator's cgroup, which contains all of its processes."""
        return cgroup_of(self.plan)

    def up(self) -> None:
        """Create the router, the host's link and route, and the connection to the internet.

        Raises:
            EmulatorError: this machine already uses addresses of the range.
        """
        check_range(self.plan.range)
        self._record.will_make(ResourceKind.CGROUP, self.cgroup)
        if not netns.FOLDER.is_mount():
            # ip-netns(8) mounts the folder for the first namespace, and never unmounts it.
            self._record.will_make(ResourceKind.MOUNT, str(netns.FOLDER))
        self._record.will_make(ResourceKind.NAMESPACE, self.plan.router)
        run(["ip", "netns", "add", self.plan.router])
        netns.write_settings(self.plan.router, router_settings())
        self._nft.run(rules.ruleset(self.plan))
        self._record.will_make(ResourceKind.LINK, self.plan.host_link)
        _batch(router_commands(self.plan))
        _batch(router_inside_commands(self.plan), namespace=self.plan.router)
        self._open_egress()

    def close(self) -> None:
        """Stop the load balancers, the name server and slirp4netns; the record lists everything else to remove.

        Idempotent.
        """
        self._edge.close()
        self._nft.close()
        end(self._egress_process, f"{self.cgroup}/router")

    def attach(self, droplet_id: int, veths: Sequence[VethPair], resolvers: Sequence[str]) -> str:
        """Create a droplet's veth pairs, and return the namespace with eth0 and eth1."""
        namespace = self.plan.namespace(droplet_id)
        self._record.will_make(ResourceKind.NAMESPACE, namespace)
        run(["ip", "netns", "add", namespace])
        _batch(attach_commands(self.plan, veths, droplet_id))
        with self._lock:
            self._nft.run(rules.attach_elements(veths, resolvers))
        _batch(attach_inside_commands(veths), namespace=self.plan.router)
        with self._impairing:
            self._delayed[droplet_id] = False
            self._delay(droplet_id, self._impairments.delay_of(droplet_id))
        return namespace

    def detach(self, droplet_id: int, veths: Sequence[VethPair]) -> None:
        """Remove a droplet's veth pairs, when its machine is off. Idempotent."""
        namespace = self.plan.namespace(droplet_id)
        if not (netns.FOLDER / namespace).exists():
            return
        for veth in veths:
            run(["ip", "-n", self.plan.router, "link", "delete", "dev", veth.router], check=False)
        with self._lock:
            for line in rules.detach_elements(veths).splitlines():
                self._nft.run(line, check=False)
        run(["ip", "netns", "delete", namespace])
        self._record.gone(ResourceKind.NAMESPACE, namespace)

    def enforce(self, policy: FirewallPolicy) -> None:
        """Enforce the cloud firewalls; the kernel takes the whole table at once, or none of it."""
        self._nft.run(firewalls.ruleset(policy))

    def serve(self, policy: EdgePolicy) -> dict[str, str]:
        """Forward the traffic of load balancers and reserved IPs, and answer for the zones, as ``policy`` has it.

        Return why load balancers cannot be served, by their id.
        """
        wanted = edge.addresses(policy)
        _batch(edge.address_commands("replace", wanted - self._edge_addresses), namespace=self.plan.router)
        failures = self._edge.apply(policy)
        self._nft.run(edge.ruleset(self.plan, policy))
        _batch(edge.address_commands("delete", self._edge_addresses - wanted), namespace=self.plan.router)
        self._edge_addresses = wanted
        return failures

    def impair(self, droplet_id: int, impairment: Impairment) -> None:
        """Impair a droplet's network, also of a droplet that is off.

        Raises:
            MachineFailure: this kernel cannot delay packets; then nothing has changed.
        """
        with self._impairing:
            self._delay(droplet_id, impairment.delay_s)
            self._impairments.set(droplet_id, impairment)
            self._nft.run(self._impairments.ruleset())

    def forget(self, droplet_id: int) -> None:
        """Remove the impairment of a deleted droplet."""
        with self._impairing:
            self._delayed.pop(droplet_id, None)
            if self._impairments.drop(droplet_id):
                self._nft.run(self._impairments.ruleset())

    def metadata_socket(self) -> socket.socket:
        """Return a listening socket of the metadata service, which only droplets can reach."""
        return netns.listen(self.plan.router, METADATA, METADATA_PORT)

    def _delay(self, droplet_id: int, seconds: float) -> None:
        """Run tc, unless there is no delay and none was set; hold ``_impairing``."""
        if not seconds and not self._delayed.get(droplet_id, True):
            return
        for interface in router_interfaces(droplet_id):
            if not self._has(interface):
                continue
            done = self._tc(impairments.delay_words(interface, seconds))
            if seconds and done.returncode != 0:
                message = "this kernel cannot delay packets: it has no sch_netem"
                raise MachineFailure(message)
        self._delayed[droplet_id] = seconds > 0

    def _has(self, interface: str) -> bool:
        return run(["ip", "-n", self.plan.router, "link", "show", interface], check=False).returncode == 0

    def _tc(self, words: Sequence[str]) -> Completed:
        return run(["ip", "netns", "exec", self.plan.router, "tc", *words], check=False)

    def _open_egress(self) -> None:
        groups = cgroups.make(f"{self.cgroup}/router")
        words = [
            "slirp4netns", "--netns-type=path", "--configure", "--mtu=1500", "--disable-host-loopback",
            f"--cidr={self.plan.egress}", f"/run/netns/{self.plan.router}", "tap0",
        ]  # fmt: skip
        joined = " ".join(str(group) for group in groups)
        log = self._folder / "slirp4netns.log"
        self._egress_process = start(["sh", "-ec", JOIN, "sh", joined, *words], output=log)
        wait_until(
            self._egress,
            what="slirp4netns to connect the droplets to the internet",
            seconds=EGRESS_SECONDS,
            every=0.05,
            hint=f"see {log}",
        )

    def _egress(self) -> bool | Pending:
        shown = run(["ip", "-n", self.plan.router, "-4", "route", "show", "default"], check=False)
        return True if "tap0" in shown.stdout else Pending("there is no default route through tap0 yet")


def cgroup_of(plan: NetworkPlan) -> str:
    """Return the cgroup that contains all processes of an emulator."""
    return f"{cgroups.PREFIX}{plan.id}"


def check_range(wanted: IPv4Network, *, besides: NetworkPlan | None = None) -> None:
    """Check that this machine uses no addresses of the public range, except for ``besides``.

    Raises:
        EmulatorError: it does; the error names its routes and addresses in the range.
    """
    ignored = None if besides is None else besides.host_link
    routes = json.loads(run(["ip", "-json", "-4", "route", "show", "table", "all"]).stdout or "[]")
    links = json.loads(run(["ip", "-json", "-4", "addr", "show"]).stdout or "[]")
    found = overlaps(wanted, networks_in_use(routes, links, ignored=ignored))
    if found:
        message = f"this machine already uses addresses of the range {wanted}"
        details = "routes and addresses in the range: " + ", ".join(sorted(set(found)))
        others = [link.name for link in Path("/sys/class/net").glob("bk-*-h") if link.name != ignored]
        if others:
            details += f"\nanother emulator runs, with the link {', '.join(others)}"
        raise EmulatorError(
            message=message, details=details, hint=Command("emulator up", "--public-range", "ANOTHER/15")
        )


def _batch(lines: Sequence[str], *, namespace: str | None = None) -> None:
    inside = [] if namespace is None else ["-n", namespace]
    run(["ip", *inside, "-batch", "-"], stdin="".join(line + "\n" for line in lines))
