"""The command line on droplets in memory, with a Consul and a Nomad in memory whose members they are."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from bakery.agents.interface import AgentClients
from bakery.cloud.model import Droplet
from bakery.config.defaults import CONSUL_VERSION, NOMAD_VERSION
from bakery.emulator.account.model import Droplet as Emulated
from bakery.launch.roll import gate
from bakery.operations import (
    agent_logs,
    cluster,
    cluster_status,
    credentials,
    form_cluster,
    open_ui,
    operator_tokens,
    people,
    run_tokens,
    support,
    watch_cluster,
)
from tests.helpers.cli import CliHarness, cli_harness
from tests.helpers.emulated import Api
from tests.helpers.live_cluster import LiveCluster
from tests.helpers.snapshot import bake

CONNECTING = (
    agent_logs, cluster, cluster_status, credentials, form_cluster, open_ui, operator_tokens, people, run_tokens,
    support, watch_cluster,
)  # fmt: skip
"""Every module that imports ``connect_agents``. One that was imported only after the patch would keep the patched
function."""


class EmulatedDroplets:
    """The droplets of an emulated account, those that are deleted too: what a LiveCluster follows."""

    def __init__(self, api: Api) -> None:
        self._state = api.emulator.state
        self._seen: dict[int, Droplet] = {}

    @property
    def droplets(self) -> dict[int, Droplet]:
        with self._state.lock:
            booted = [droplet for droplet in self._state.droplets.all() if droplet.status != "new"]
            self._seen |= {droplet.id: _as_listed(droplet) for droplet in booted}
        return dict(self._seen)

    def is_there(self, number: int) -> bool:
        with self._state.lock:
            return number in {droplet.id for droplet in self._state.droplets.all()}


def _as_listed(droplet: Emulated) -> Droplet:
    return Droplet(
        id=droplet.id,
        name=droplet.name,
        status=droplet.status,
        created_at=droplet.created_at.isoformat(),
        region=droplet.region,
        size=droplet.size,
        image_id=droplet.image_id,
        tags=tuple(droplet.tags),
        vpc_id=droplet.vpc_id,
        public_ipv4=droplet.public_address,
        private_ipv4=droplet.private_address,
    )


@dataclass(frozen=True, kw_only=True)
class AgentsCli:
    """A cluster of droplets in memory that has joined."""

    at: CliHarness
    live: LiveCluster


@contextmanager
def agents_cli(
    folder: Path, monkeypatch: pytest.MonkeyPatch, text: str, *, nomad: str = NOMAD_VERSION, strict: bool = False
) -> Iterator[AgentsCli]:
    """Launch the cluster of the file ``text``, with this version of Nomad. Its agents answer and vote at once.

    ``strict``: see LiveCluster.
    """
    with cli_harness(folder, monkeypatch) as at:
        live = LiveCluster(EmulatedDroplets(at.api))  # type: ignore[arg-type] # the two members that it uses
        live.ends_drains, live.strict = True, strict

        def clients(*_: object) -> AgentClients:
            return live.running.clients

        for module in CONNECTING:
            monkeypatch.setattr(module, "connect_agents", clients)
        monkeypatch.setattr(gate, "EVERY", 0.02)
        at.write(text)
        if nomad != NOMAD_VERSION:
            live.versions[bake(at.api, nomad=nomad)] = (CONSUL_VERSION, nomad)
        assert at("launch", "--wait", "active", "--yes").code == 0
        at.forget()
        yield AgentsCli(at=at, live=live)
