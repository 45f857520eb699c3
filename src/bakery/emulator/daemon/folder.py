"""An emulator's folder, and the file that tells other commands where the running one is."""

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

import platformdirs

from bakery.emulator.account.settings import DEFAULT_PORT
from bakery.emulator.host.record import ResourceRecord
from bakery.emulator.network.plan import DEFAULT_RANGE, MEMORY_RANGE, NetworkPlan
from bakery.errors import EmulatorError
from bakery.files import write_secret
from bakery.hints import Command

MachineKind = Literal["nspawn", "memory"]

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,30}")


@dataclass(frozen=True, kw_only=True)
class EmulatorOptions:
    """What ``bakery emulator up`` was asked for."""

    name: str = "default"
    port: int = DEFAULT_PORT
    machines: MachineKind = "nspawn"
    public_range: IPv4Network = DEFAULT_RANGE


@dataclass(frozen=True, kw_only=True)
class EmulatorRecord:
    """One emulator: the address of its API, its token, and its process (``pid`` is 0 before it runs)."""

    name: str
    endpoint: str
    """Base URL without ``/v2``."""
    token: str = field(repr=False)
    address_url: str
    """Answers with the operator's address as droplets see it."""
    machines: MachineKind
    public_range: str
    id: str
    """Short and random; in the name of everything it makes."""
    pid: int = 0
    started: int = 0
    """The process's start in clock ticks after boot, so that a later process of the same number is told apart."""
    ready: bool = False
    """Whether the API answers."""
    team_uuid: str = ""
    """Of its account, which goes with it; empty in a file that an older bakery wrote."""

    @property
    def network(self) -> NetworkPlan:
        """Its names and addresses."""
        return NetworkPlan(id=self.id, range=IPv4Network(self.public_range))


@dataclass(frozen=True, kw_only=True)
class EmulatorDir:
    """The folder of one emulator: all that it keeps is in here."""

    folder: Path

    @property
    def record(self) -> ResourceRecord:
        """What it has made on this machine."""
        return ResourceRecord(self.folder / "record.jsonl")

    @property
    def log(self) -> Path:
        """What the emulator's own process says."""
        return self.folder / "emulator.log"

    @property
    def lock(self) -> Path:
        """Held while it is brought up or down; beside the folder, which goes with the emulator."""
        return self.folder.with_name(f"{self.folder.name}.lock")

    @property
    def account(self) -> Path:
        """All that the API knows; a secret, because user-data is in it."""
        return self.folder / "account.json"

    @property
    def _state(self) -> Path:
        return self.folder / "emulator.json"

    def write(self, running: EmulatorRecord) -> None:
        """Keep it, readable by its owner only."""
        write_secret(self._state, json.dumps(asdict(running), indent=1).encode())

    def read(self) -> EmulatorRecord | None:
        """What was last written, whether it runs or not; None if nothing that can be read."""
        try:
            return EmulatorRecord(**json.loads(self._state.read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def forget(self) -> None:
        """There is no running emulator any more."""
        self._state.unlink(missing_ok=True)
        self.account.unlink(missing_ok=True)

    def remove(self) -> None:
        """Take the logs and the folder away, once nothing that the emulator made is left in it."""
        for log in self.folder.glob("*.log"):
            log.unlink(missing_ok=True)
        for folder in (self.folder / "droplets", self.folder):
            with suppress(OSError):  # not there, or not empty: then it is not only ours
                folder.rmdir()


def parse_options(*, name: str, port: int, machines: str, public_range: str | None) -> EmulatorOptions:
    """Options from words of the command line; without a range, the one that fits the machines.

    Raises:
        EmulatorError: one of them makes no sense.
    """
    if machines not in ("nspawn", "memory"):
        message = f"machines are nspawn or memory, not {machines}"
        raise EmulatorError(message=message)
    kind: MachineKind = "memory" if machines == "memory" else "nspawn"
    if public_range is None:
        fitting = MEMORY_RANGE if kind == "memory" else DEFAULT_RANGE
        return EmulatorOptions(name=name, port=port, machines=kind, public_range=fitting)
    try:
        network = IPv4Network(public_range)
    except ValueError as error:
        message = f"{public_range} is not an IPv4 network"
        raise EmulatorError(
            message=message, details=str(error), hint="for example: --public-range 198.18.0.0/15"
        ) from error
    return EmulatorOptions(name=name, port=port, machines=kind, public_range=network)


def up_command(name: str, machines: MachineKind = "nspawn", *, resumes: bool = False) -> Command:
    """The command that starts such an emulator."""
    kind = ("--machines", "memory") if machines == "memory" else ()
    return Command("emulator up", *_named(name), *kind, *(["--resume"] if resumes else []))


def up_again_command(was: EmulatorRecord) -> Command:
    """The command that starts one that crashed; droplets that boot are still there, and it goes on with them."""
    return up_command(was.name, was.machines, resumes=was.machines == "nspawn")


def down_command(name: str) -> Command:
    """The command that ends it."""
    return Command("emulator down", *_named(name))


def _named(name: str) -> tuple[str, ...]:
    return () if name == "default" else ("--name", name)


def emulator_dir(name: str) -> EmulatorDir:
    """The folder of the emulator ``name``; it is made when something is written.

    Raises:
        EmulatorError: the name cannot be a folder's.
    """
    if not _NAME.fullmatch(name):
        message = f"an emulator cannot be called {name!r}"
        raise EmulatorError(message=message, hint="use lower-case letters, digits and dashes, 31 at most")
    return EmulatorDir(folder=Path(platformdirs.user_data_dir("bakery")) / "emulator" / name)


def list_running() -> tuple[EmulatorRecord, ...]:
    """Every emulator of this user that runs and answers, by name."""
    folder = Path(platformdirs.user_data_dir("bakery")) / "emulator"
    read = (EmulatorDir(folder=place).read() for place in sorted(folder.glob("*")) if place.is_dir())
    return tuple(found for found in read if found is not None and found.ready and is_alive(found))


def new_emulator(options: EmulatorOptions) -> EmulatorRecord:
    """An emulator that does not run yet, with a token of its own."""
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
    )


def start_time(pid: int) -> int | None:
    """When a process started, in clock ticks after boot (proc(5), stat, field 22); None if it is gone."""
    with suppress(OSError):
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        words = text.rpartition(")")[2].split()
        # A first thread that has ended is shown as a zombie while others still hold the sockets.
        ended = words[0] in {"Z", "X"} and len(list(Path(f"/proc/{pid}/task").iterdir())) <= 1
        return None if ended else int(words[19])
    return None


def is_alive(running: EmulatorRecord) -> bool:
    """Whether its very process is there."""
    return running.pid > 0 and start_time(running.pid) == running.started


def with_own_pid(running: EmulatorRecord, *, ready: bool) -> EmulatorRecord:
    """``running`` with this process as the one that serves it."""
    pid = os.getpid()
    values = asdict(running) | {"pid": pid, "started": start_time(pid) or 0, "ready": ready}
    return EmulatorRecord(**values)
