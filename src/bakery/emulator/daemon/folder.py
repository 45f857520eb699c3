"""An emulator's folder, and the file in it from which other commands learn its address."""

import json
import os
import re
import secrets
import uuid
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from ipaddress import IPv4Network
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import platformdirs

from bakery.emulator.account.latency import parse_latency
from bakery.emulator.account.settings import DEFAULT_PORT
from bakery.emulator.host.process import start_time
from bakery.emulator.host.record import ResourceRecord
from bakery.emulator.network.plan import DEFAULT_RANGE, MEMORY_RANGE, NetworkPlan
from bakery.errors import EmulatorError
from bakery.files import write_secret
from bakery.hints import Command, Text, joined

MachineKind = Literal["nspawn", "memory"]
EmulatorState = Literal["running", "starting", "crashed"]

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,30}")


@dataclass(frozen=True, kw_only=True)
class EmulatorOptions:
    """The options of ``bakery emulator up``."""

    name: str = "default"
    port: int = DEFAULT_PORT
    machines: MachineKind = "nspawn"
    public_range: IPv4Network = DEFAULT_RANGE
    reuse_addresses: bool = False
    """Give the VPC addresses of deleted droplets to new ones at once."""
    latency: str = "none"
    """As :func:`bakery.emulator.account.latency.parse_latency` takes it."""


@dataclass(frozen=True, kw_only=True)
class EmulatorRecord:
    """One emulator: the address of its API, its token, and its process (``pid`` is 0 before it runs)."""

    name: str
    endpoint: str
    """Base URL without ``/v2``."""
    token: str = field(repr=False)
    address_url: str
    """URL that answers with the operator's address as droplets see it."""
    machines: MachineKind
    public_range: str
    id: str
    """Short and random; part of the name of everything that it creates on this machine."""
    pid: int = 0
    started: int = 0
    """Start of the process in clock ticks after boot, to distinguish it from a later process with the same pid."""
    ready: bool = False
    """Whether the API answers yet."""
    team_uuid: str = ""
    """Team of its account; empty in a file that an older bakery wrote."""
    reuse_addresses: bool = False
    """As in :class:`EmulatorOptions`."""
    latency: str = "none"
    """As in :class:`EmulatorOptions`."""

    @property
    def network(self) -> NetworkPlan:
        """The names and addresses of its network."""
        return NetworkPlan(id=self.id, range=IPv4Network(self.public_range))


@dataclass(frozen=True, kw_only=True)
class EmulatorDir:
    """The folder of one emulator, with all of its files."""

    folder: Path

    @property
    def record(self) -> ResourceRecord:
        """The resources that it has created on this machine."""
        return ResourceRecord(self.folder / "record.jsonl")

    @property
    def log(self) -> Path:
        """The log of the emulator's own process."""
        return self.folder / "emulator.log"

    @property
    def lock(self) -> Path:
        """Locked while it is started or stopped; beside the folder, which is deleted with the emulator."""
        return self.folder.with_name(f"{self.folder.name}.lock")

    @property
    def account(self) -> Path:
        """The saved account; a secret, because user-data is in it."""
        return self.folder / "account.json"

    @property
    def _state(self) -> Path:
        return self.folder / "emulator.json"

    def write(self, running: EmulatorRecord) -> None:
        """Write the record, readable only by its owner."""
        write_secret(self._state, json.dumps(asdict(running), indent=1).encode())

    def read(self) -> EmulatorRecord | None:
        """Return the last record, whether the emulator runs or not; None if there is none that can be read."""
        try:
            return EmulatorRecord(**json.loads(self._state.read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def forget(self) -> None:
        """Delete the record and the saved account."""
        self._state.unlink(missing_ok=True)
        self.account.unlink(missing_ok=True)

    def remove(self) -> None:
        """Delete the logs and the folder, if nothing that the emulator created is left in it."""
        for log in self.folder.glob("*.log"):
            log.unlink(missing_ok=True)
        for folder in (self.folder / "droplets", self.folder):
            with suppress(OSError):  # it does not exist, or has files that are not ours
                folder.rmdir()


def parse_options(
    *,
    name: str,
    port: int,
    machines: str,
    public_range: str | None,
    reuse_addresses: bool = False,
    latency: str = "none",
) -> EmulatorOptions:
    """Parse options of the command line; the default range depends on the machines.

    Raises:
        EmulatorError: an option is invalid.
    """
    if machines not in ("nspawn", "memory"):
        message = f"machines are nspawn or memory, not {machines}"
        raise EmulatorError(message=message)
    parse_latency(latency)
    kind: MachineKind = "memory" if machines == "memory" else "nspawn"
    if public_range is None:
        fitting = MEMORY_RANGE if kind == "memory" else DEFAULT_RANGE
        network = fitting
    else:
        network = _network(public_range)
    return EmulatorOptions(
        name=name,
        port=port,
        machines=kind,
        public_range=network,
        reuse_addresses=reuse_addresses,
        latency=latency,
    )


def _network(public_range: str) -> IPv4Network:
    try:
        return IPv4Network(public_range)
    except ValueError as error:
        message = f"{public_range} is not an IPv4 network"
        raise EmulatorError(
            message=message, details=str(error), hint="for example: --public-range 198.18.0.0/15"
        ) from error


def up_command(name: str, machines: MachineKind = "nspawn") -> Command:
    """Return the command that starts the emulator ``name``."""
    return Command("emulator up", *_named(name), *(("--machines", "memory") if machines == "memory" else ()))


def up_again_command(was: EmulatorRecord) -> Command:
    """Return the command that starts an emulator again: with its booted droplets, or in memory as it was."""
    start = up_command(was.name, was.machines)
    options = ("--resume",) if was.machines == "nspawn" else _options_of(was)
    return Command(start.verb, *start.arguments, *options)


def start_hint(name: str) -> Text:
    """Return how to start the emulator ``name``, which does not run: again as it was, if it has crashed."""
    crashed = emulator_dir(name).read()
    if crashed is not None:
        return up_again_command(crashed)
    return joined("; with droplets in memory: ", (up_command(name), up_command(name, "memory")))


def _options_of(was: EmulatorRecord) -> tuple[str, ...]:
    """Return the options that are not the defaults of droplets in memory."""
    port = urlsplit(was.endpoint).port
    return (
        *(("--port", str(port)) if port != DEFAULT_PORT else ()),
        *(("--public-range", was.public_range) if was.public_range != str(MEMORY_RANGE) else ()),
        *(("--reuse-addresses",) if was.reuse_addresses else ()),
        *(("--latency", was.latency) if was.latency != "none" else ()),
    )


def down_command(name: str) -> Command:
    """Return the command that stops the emulator ``name``."""
    return Command("emulator down", *_named(name))


def _named(name: str) -> tuple[str, ...]:
    return () if name == "default" else ("--name", name)


def emulator_dir(name: str) -> EmulatorDir:
    """Return the folder of the emulator ``name``, which may not exist yet.

    Raises:
        EmulatorError: the name cannot be the name of a folder.
    """
    if not _NAME.fullmatch(name):
        message = f"{name!r} cannot be the name of an emulator"
        raise EmulatorError(message=message, hint="use lower-case letters, digits and dashes, 31 at most")
    return EmulatorDir(folder=Path(platformdirs.user_data_dir("bakery")) / "emulator" / name)


def find_running(name: str = "default") -> EmulatorRecord | None:
    """Return the emulator ``name`` if it runs and its API has answered, else None."""
    running = emulator_dir(name).read()
    return running if running is not None and running.ready and is_alive(running) else None


def list_emulators() -> tuple[EmulatorRecord, ...]:
    """Return every emulator of this user, sorted by name; :func:`state_of` says whether it runs."""
    folder = Path(platformdirs.user_data_dir("bakery")) / "emulator"
    read = (EmulatorDir(folder=place).read() for place in sorted(folder.glob("*")) if place.is_dir())
    return tuple(found for found in read if found is not None)


def list_running() -> tuple[EmulatorRecord, ...]:
    """Return every emulator of this user that runs and answers, sorted by name."""
    return tuple(found for found in list_emulators() if state_of(found) == "running")


def state_of(record: EmulatorRecord) -> EmulatorState:
    """Return whether the emulator answers, is about to, or has no process although it was not stopped."""
    if not is_alive(record):
        return "crashed"
    return "running" if record.ready else "starting"


def new_emulator(options: EmulatorOptions) -> EmulatorRecord:
    """Return the record of a new emulator, which does not run yet, with a new token."""
    endpoint = f"http://127.0.0.1:{options.port}"
    return EmulatorRecord(
        name=options.name,
        endpoint=endpoint,
        token="dop_v1_" + secrets.token_hex(32),
        address_url=f"{endpoint}/_emulator/address",
        machines=options.machines,
        public_range=str(options.public_range),
        id=secrets.token_hex(2),
        team_uuid=str(uuid.uuid4()),
        reuse_addresses=options.reuse_addresses,
        latency=options.latency,
    )


def is_alive(running: EmulatorRecord) -> bool:
    """Return whether the emulator's process runs."""
    return running.pid > 0 and start_time(running.pid) == running.started


def with_own_pid(running: EmulatorRecord, *, ready: bool) -> EmulatorRecord:
    """Return ``running`` with the pid and start time of this process."""
    pid = os.getpid()
    values = asdict(running) | {"pid": pid, "started": start_time(pid) or 0, "ready": ready}
    return EmulatorRecord(**values)
