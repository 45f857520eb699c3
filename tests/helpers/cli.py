"""The command line for tests: a folder with a cluster file, an account in an emulator, and the command line."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bakery.cli.main import run
from bakery.emulator.account.settings import EmulatorSettings
from bakery.emulator.daemon.folder import EmulatorRecord, emulator_dir
from bakery.emulator.host.process import start_time
from bakery.launch.base.model import Timings
from tests.helpers.cli_schemas import read_answer
from tests.helpers.emulated import LOOPBACK, TOKEN, Api, emulated
from tests.helpers.environment import clear_environment
from tests.helpers.snapshot import bake

BAKERY = Path(sys.executable).with_name("bakery")
SMALL = """\
version: 1
cluster: demo
roles:
  consul-server: {count: 1, size: s-1vcpu-1gb}
  nomad-server: {count: 1, size: s-1vcpu-1gb}
  nomad-client: {count: 2, size: s-1vcpu-1gb}
"""


QUICK = Timings(poll=0.02, firewall_poll=0.02, wave_poll=0.02, successor_poll=0.02)
"""In memory a droplet is there in milliseconds; a pause of seconds between two looks is for the real API."""


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What one command left: its exit code and both streams."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - any JSON value
        """The document on stdout, checked against its published schema, without that schema's name."""
        return read_answer(self.out)


@dataclass(frozen=True, kw_only=True)
class CliHarness:
    """Commands run here, in this process, against ``api``."""

    folder: Path
    api: Api

    def __call__(self, *arguments: str) -> Ran:
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = run(arguments, timings=QUICK)
        return Ran(code=int(code), out=out.getvalue(), err=err.getvalue())

    def write(self, text: str, name: str = "bakery.yaml") -> Path:
        file = self.folder / name
        file.write_text(text, encoding="utf-8")
        return file

    def changing(self) -> list[tuple[str, str]]:
        """Requests that were to change something."""
        return [
            (record.method, record.path)
            for record in self.api.emulator.requests.all()
            if record.method != "GET" and record.path.startswith("/v2")
        ]

    def bake(self) -> int:
        """Make a snapshot that passes for a baked one; return its id."""
        image = bake(self.api)
        self.forget()
        return image

    def forget(self) -> None:
        """Start counting requests anew."""
        self.api.forget_requests()

    def droplets(self, cluster: str = "demo") -> list[str]:
        found = self.api.get(f"/v2/droplets?tag_name=bakery:{cluster}&per_page=200").json()["droplets"]
        return sorted(droplet["name"] for droplet in found)

    def announce(self) -> None:
        """Make this emulator the one that ``--local`` finds."""
        pid = os.getpid()
        emulator_dir("default").write(
            EmulatorRecord(
                name="default",
                endpoint=self.api.url,
                token=TOKEN,
                address_url=f"{self.api.url}/_emulator/address",
                machines="memory",
                public_range="127.64.0.0/10",
                id="test",
                pid=pid,
                started=start_time(pid) or 0,
                ready=True,
            )
        )


@contextmanager
def cli_harness(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    snapshot: bool = True,
    settings: EmulatorSettings = LOOPBACK,
) -> Iterator[CliHarness]:
    """Yield a harness in ``folder`` whose environment names the emulator and holds nothing of the user's."""
    with emulated(settings) as api:
        home_folder = folder / "home"
        work = folder / "work"
        work.mkdir()
        home_folder.mkdir()
        clear_environment(monkeypatch)
        environment = {
            "HOME": str(home_folder),
            "DIGITALOCEAN_API_URL": api.url,
            "DIGITALOCEAN_TOKEN": TOKEN,
            "BAKERY_ADDRESS_URL": f"{api.url}/_emulator/address",
        }
        folders = {f"XDG_{kind}_HOME": str(home_folder / kind.lower()) for kind in ("DATA", "STATE", "CACHE")}
        for name, value in (environment | folders).items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(work)
        at = CliHarness(folder=work, api=api)
        at.write(SMALL)
        if snapshot:
            at.bake()
        yield at
