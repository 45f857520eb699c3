"""The emulator's own process: serves until a signal to stop, then removes everything it created."""

import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

from bakery.emulator.account.catalog import REGION_FEATURES
from bakery.emulator.account.latency import parse_latency
from bakery.emulator.account.settings import EmulatorSettings
from bakery.emulator.api.metadata import build_metadata_app
from bakery.emulator.daemon.app import build_app, emulator_of
from bakery.emulator.daemon.checks import droplet_room
from bakery.emulator.daemon.folder import EmulatorDir, EmulatorRecord, with_own_pid
from bakery.emulator.daemon.server import RunningServer
from bakery.emulator.daemon.sockets import listen
from bakery.emulator.images import bases
from bakery.emulator.machines.interface import Machines
from bakery.emulator.machines.memory import InMemoryMachines
from bakery.emulator.machines.nspawn import NspawnMachines
from bakery.emulator.network.router import Router
from bakery.errors import EmulatorError
from bakery.hints import Command

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
AUTOGROUP = Path("/proc/self/autogroup")
"""The nice value of this process's session against other sessions (sched(7), the autogroup feature)."""
NICE = "-10"
"""A tenth of the CPU time is then left to each other session and to all droplets, if this one wants all of it."""

log = logging.getLogger("bakery.emulator")


def serve(place: EmulatorDir, *, resume: bool = False) -> None:
    """Serve the emulator whose record is in ``place`` until SIGTERM, SIGINT or SIGHUP; leave nothing behind.

    With ``resume``, continue with the droplets and the account of an emulator that was killed.

    Raises:
        EmulatorError: there is no record, or the port was taken in the meantime.
    """
    planned = place.read()
    if planned is None:
        message = f"{place.folder} has no record of an emulator"
        raise EmulatorError(message=message, hint=Command("emulator up"))
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    os.chdir("/")
    if planned.machines == "nspawn":
        _prefer_this_session()
    place.write(with_own_pid(planned, ready=False))
    try:
        with _stop_signals() as stop, _running(place, planned, resume=resume):
            place.write(with_own_pid(planned, ready=True))
            log.info("%s answers at %s", planned.name, planned.endpoint)
            stop.wait()
            log.info("a signal to stop has arrived")
    finally:
        place.record.remove_all()
        place.record.clear()
        place.forget()
    place.remove()


def _prefer_this_session() -> None:
    """Answer requests at once, also while droplets use all CPUs. The droplets' own groups do not inherit it."""
    with suppress(OSError):  # kernels without autogroups
        AUTOGROUP.write_text(NICE, encoding="ascii")


@contextmanager
def _running(place: EmulatorDir, planned: EmulatorRecord, *, resume: bool) -> Iterator[None]:
    """Start the machines, then the two servers; stop them in the opposite order."""
    url = urlsplit(planned.endpoint)
    with ExitStack() as stack:
        api_socket = listen(url.hostname or "127.0.0.1", url.port or 0)
        stack.callback(api_socket.close)
        machines, metadata_socket = _machines(place, planned, stack, resume=resume)
        boots = isinstance(machines, NspawnMachines)
        app = build_app(_settings(planned), machines, account_file=place.account if boots else None)
        emulator = emulator_of(app)
        if resume and isinstance(machines, NspawnMachines):
            machines.adopt(emulator.work.specs())
            emulator.work.resume()
        stack.callback(emulator.close)
        if metadata_socket is not None:
            stack.callback(RunningServer(build_metadata_app(emulator.state), metadata_socket).stop)
        stack.callback(RunningServer(app, api_socket).stop)
        yield


def _machines(
    place: EmulatorDir, planned: EmulatorRecord, stack: ExitStack, *, resume: bool
) -> tuple[Machines, socket.socket | None]:
    if planned.machines == "memory":
        return InMemoryMachines(), None
    router = Router(planned.network, folder=place.folder, record=place.record)
    base = bases.base_image()
    stack.callback(router.close)
    if not resume:
        router.up()
    machines = NspawnMachines(folder=place.folder, router=router, record=place.record, base=base)
    return machines, router.metadata_socket()


def _settings(planned: EmulatorRecord) -> EmulatorSettings:
    network, limit, latency = planned.network, EmulatorSettings.droplet_limit, parse_latency(planned.latency)
    # Droplets in memory have no guest that could read metadata; clients see that in the regions' features.
    absent = {"metadata"} if planned.machines == "memory" else set()
    return EmulatorSettings(
        tokens=(planned.token,),
        team_uuid=planned.team_uuid or EmulatorSettings.team_uuid,
        team_name=f"emulator {planned.name}",
        droplet_limit=limit if planned.machines == "memory" else min(limit, droplet_room()),
        region_features=tuple(name for name in REGION_FEATURES if name not in absent),
        public_network=str(network.range),
        public_gateway=str(network.gateway),
        host_address=str(network.host),
        first_public_address=str(network.range[10]),
        reuse_vpc_addresses=planned.reuse_addresses,
        latency=latency,
        firewall_delay_s=latency.draw("firewall", ""),
    )


@contextmanager
def _stop_signals() -> Iterator[threading.Event]:
    """Give an event that our signals set, and restore the earlier handlers at the end."""
    stop = threading.Event()

    def tell(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    before = {number: signal.signal(number, tell) for number in SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
