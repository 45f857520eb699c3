"""The servers of a cluster that runs in the emulator, in the words of Raft and of the gossip pools themselves."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from bakery.errors import CommandError
from bakery.proc import Completed
from tests.helpers.cluster_e2e import LOOK, Cluster, Droplet

T = TypeVar("T")
CONSUL, NOMAD = "consul", "nomad"
_BOTH = ("server", "all-in-one")
_ROLES = {CONSUL: ("consul-server", *_BOTH), NOMAD: ("nomad-server", *_BOTH)}
_STATUS_COLUMN = {CONSUL: 2, NOMAD: 3}
"""Of ``consul members`` and ``nomad server members``."""


@dataclass(frozen=True)
class Peer:
    """A line of ``operator raft list-peers``."""

    name: str
    state: str
    voter: bool


@dataclass(frozen=True)
class Servers:
    """The servers of the cluster called ``name``."""

    cluster: Cluster
    name: str = "demo"

    def droplets(self, product: str) -> tuple[Droplet, ...]:
        tags = {f"bakery:{self.name}:role:{role}" for role in _ROLES[product]}
        return tuple(
            droplet for droplet in self.cluster.droplets(f"bakery:{self.name}") if tags & set(droplet.tags)
        )

    def names(self, product: str) -> set[str]:
        return {droplet.name for droplet in self.droplets(product)}

    def peers(self, product: str) -> list[Peer]:
        """Raft's configuration, through the first server that answers."""
        words = self._rows(product, "operator", "raft", "list-peers")
        return [Peer(name=w[0].removesuffix(".global"), state=w[3], voter=w[4] == "true") for w in words]

    def voters(self, product: str) -> set[str]:
        return {peer.name for peer in self.peers(product) if peer.voter}

    def leader(self, product: str) -> str:
        (found,) = [peer.name for peer in self.peers(product) if peer.state == "leader"]
        return found

    def members(self, product: str) -> dict[str, str]:
        """The gossip pool's word on each member, by name: of all nodes for Consul, of the servers for Nomad."""
        command = ("members",) if product == CONSUL else ("server", "members")
        rows = self._rows(product, *command)
        return {row[0].removesuffix(".global"): row[_STATUS_COLUMN[product]] for row in rows}

    def destroy(self, node: str, *more: str, check: bool = True) -> Completed:
        """``bakery destroy --node``; the server that ``bakery env`` named may be gone afterwards."""
        done = self.cluster.bakery("destroy", "--local", "--yes", "--node", node, *more, check=check)
        self.cluster.forget_env()
        return done

    def replace(self, node: str, *more: str, check: bool = True) -> Completed:
        """``bakery replace``; the server that ``bakery env`` named may be gone afterwards."""
        done = self.cluster.bakery("replace", "--local", "--yes", node, *more, check=check)
        self.cluster.forget_env()
        return done

    def roll(self, *more: str, check: bool = True) -> Completed:
        """``bakery roll``; the servers that ``bakery env`` named may be gone afterwards."""
        done = self.cluster.bakery("roll", "--local", "--yes", *more, check=check, seconds=900)
        self.cluster.forget_env()
        return done

    def launch(self, *more: str, check: bool = True) -> Completed:
        done = self.cluster.bakery("launch", "--local", "--yes", *more, check=check)
        self.cluster.forget_env()
        return done

    def _rows(self, product: str, *words: str) -> list[list[str]]:
        return self._ask(product, lambda address: _table(self.cluster, product, address, *words))

    def _ask(self, product: str, ask: Callable[[str], T]) -> T:
        refused: CommandError | None = None
        for droplet in self.droplets(product):
            try:
                return ask(droplet.public)
            except CommandError as error:
                refused = error
        assert refused is not None, f"{self.name} has no {product} server"
        raise refused


def _table(cluster: Cluster, product: str, address: str, *words: str) -> list[list[str]]:
    """The rows below the header, cut into words."""
    where = {CONSUL: f"-http-addr=https://{address}:8501", NOMAD: f"-address=https://{address}:4646"}
    done = cluster.tool(product, *words, where[product], seconds=LOOK)
    return [line.split() for line in done.stdout.splitlines()[1:]]


def slot_of(name: str) -> str:
    """``demo-consul-server-1`` of ``demo-consul-server-1-7f3a``."""
    return re.sub("-[0-9a-f]{4}$", "", name)
