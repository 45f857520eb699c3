"""An emulated DigitalOcean over in-memory machines, for tests: its state alone, or served on loopback."""

import base64
import itertools
import json
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests
from starlette.types import ASGIApp

from bakery.emulator.account.model import Action, Droplet, NewDroplet, Vpc
from bakery.emulator.account.settings import EmulatorSettings
from bakery.emulator.account.source import SystemIds, system_clock
from bakery.emulator.account.state import AccountState
from bakery.emulator.daemon.app import Emulator, build_app, emulator_of
from tests.helpers import shared_server
from tests.helpers.queues import drain
from tests.helpers.schemas import check_recording
from tests.helpers.scripted_machines import ScriptedMachines

TOKEN = "canary-emulator-token"
SETTINGS = EmulatorSettings(tokens=(TOKEN,))
LOOPBACK = replace(
    SETTINGS,
    public_network="127.64.0.0/10",
    public_gateway="127.64.0.1",
    host_address="127.64.0.2",
    first_public_address="127.64.0.10",
)
"""For droplets in memory that a program dials: a connection to a loopback address is refused at once."""
WORK_S = 20.0


class ManualClock:
    """UTC time that moves only when a test moves it."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def advance(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


class CountingIds(SystemIds):
    """Numbers and UUIDs that count up: the same in every run."""

    def __init__(self) -> None:
        super().__init__(first=1001)
        self._uuids = itertools.count(1)

    def uuid(self) -> str:
        return str(uuid.UUID(int=next(self._uuids)))


def make_state(clock: ManualClock | None = None, **changes: Any) -> AccountState:  # noqa: ANN401 - fields of EmulatorSettings
    """A state with its own clock, ids that count from 1001, and no default VPCs unless asked for."""
    settings = replace(SETTINGS, **{"default_vpcs": False, **changes})
    return AccountState(settings, clock=clock or ManualClock(), ids=CountingIds())


def add_droplet(
    state: AccountState,
    *,
    name: str = "web-1",
    tags: tuple[str, ...] = (),
    public: bool = True,
    vpc: Vpc | None = None,
) -> tuple[Droplet, Action]:
    """A droplet in fra1 with everything else by default, and its create action."""
    return state.droplets.create(
        NewDroplet(
            name=name,
            region="fra1",
            size="s-1vcpu-1gb",
            image=state.images.get("debian-12-x64"),
            vpc=vpc or state.vpcs.default_of("fra1"),
            user_data="#cloud-config\n# canary-user-data\n",
            public_keys=(public_key(1),),
            tags=tags,
            features=("private_networking",),
            public_networking=public,
        )
    )


def public_key(number: int) -> str:
    """An ed25519 public key line (RFC 8709) that belongs to nobody; another for every number."""
    kind = b"ssh-ed25519"
    blob = len(kind).to_bytes(4, "big") + kind + (32).to_bytes(4, "big") + number.to_bytes(32, "big")
    return f"ssh-ed25519 {base64.b64encode(blob).decode()} key-{number}"


@dataclass(frozen=True, kw_only=True)
class Api:
    """A client that says what it sends and raises nothing."""

    url: str
    emulator: Emulator
    machines: ScriptedMachines
    session: requests.Session

    def call(
        self, method: str, path: str, body: object = None, *, headers: dict[str, str | None] | None = None
    ) -> requests.Response:
        """``body`` is sent as JSON, bytes as they are."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        return self.session.request(
            method, self.url + path, data=data, headers=headers, timeout=30, allow_redirects=False
        )

    def get(self, path: str) -> requests.Response:
        return self.call("GET", path)

    def post(self, path: str, body: object) -> requests.Response:
        return self.call("POST", path, body)

    def delete(self, path: str, body: object = None) -> requests.Response:
        return self.call("DELETE", path, body)

    def settle(self) -> None:
        """Wait until every action has ended."""
        drain(self.emulator.work.queues, WORK_S)

    def requests(self) -> list[tuple[str, str]]:
        """Return method and path of every request since :meth:`forget_requests`."""
        return [(each.method, each.path) for each in self.emulator.requests.all()]

    def forget_requests(self) -> None:
        self.emulator.requests.clear()

    def create(self, **changes: object) -> dict[str, Any]:
        """The droplet object of the 202."""
        answer = self.post("/v2/droplets", {**DROPLET, **changes})
        assert answer.status_code == 202, answer.text
        body: dict[str, Any] = answer.json()
        droplet: dict[str, Any] = body["droplet"] if "droplet" in body else body["droplets"][0]
        return droplet

    def active(self, **changes: object) -> dict[str, Any]:
        """The object of a new droplet that is active."""
        droplet_id = self.create(**changes)["id"]
        self.settle()
        return self.droplet(droplet_id)

    def droplet(self, droplet_id: int) -> dict[str, Any]:
        droplet: dict[str, Any] = self.get(f"/v2/droplets/{droplet_id}").json()["droplet"]
        return droplet

    def act(self, droplet_id: int, kind: str, **more: object) -> dict[str, Any]:
        """The action, when it has ended."""
        answer = self.post(f"/v2/droplets/{droplet_id}/actions", {"type": kind, **more})
        assert answer.status_code == 201, answer.text
        self.settle()
        action: dict[str, Any] = self.get(f"/v2/actions/{answer.json()['action']['id']}").json()["action"]
        return action


DROPLET: dict[str, object] = {
    "name": "web-1",
    "region": "fra1",
    "size": "s-1vcpu-1gb",
    "image": "debian-12-x64",
}


@contextmanager
def emulated(
    settings: EmulatorSettings = SETTINGS,
    *,
    clock: ManualClock | None = None,
    machines: ScriptedMachines | None = None,
    has_bugs: bool = False,
    account_file: Path | None = None,
    around: Callable[[ASGIApp], ASGIApp] = lambda app: app,
) -> Iterator[Api]:
    """A served emulator with a client that holds its token.

    Every answer is recorded and held against tests/schemas; ``has_bugs`` allows answers of 500. The
    account is saved in ``account_file``; ``around`` wraps the app.
    """
    machines = machines or ScriptedMachines()
    app = build_app(settings, machines, clock=clock or system_clock, account_file=account_file)
    emulator = emulator_of(app)
    session = requests.Session()
    session.trust_env = False  # a proxy or a netrc of the machine's must not take part
    session.headers["Authorization"] = f"Bearer {TOKEN}"
    with tempfile.TemporaryDirectory() as folder:
        answers = Path(folder) / "answers.jsonl"
        emulator.recording.start(str(answers))
        with shared_server.serving(around(app)) as url, session:
            try:
                yield Api(url=url, emulator=emulator, machines=machines, session=session)
            finally:
                emulator.faults.clear()
                emulator.close()
        check_recording(answers, allows_500=has_bugs)
