"""When the certificates of droplets expire: measured in a TLS handshake, or estimated from a droplet's age."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from bakery.agents.interface import AgentClients
from bakery.agents.model import CertificateDates
from bakery.cloud.model import Droplet
from bakery.console import counted
from bakery.errors import AgentError
from bakery.hints import Command, Hint, Text
from bakery.observe import health
from bakery.observe.gather import api_address
from bakery.observe.model import ClusterReport
from bakery.plan.model import ClusterPlan, Node
from bakery.plan.tags import has_generation

WARNING_SHARE = 0.2
FAILURE_SHARE = 0.1
"""Shares of a certificate's life: with less left, ``status`` warns and ``doctor`` fails."""
FIRST_VERSION_DAYS = 365
"""Life of the certificates of droplets that bakery 0.1 created."""
_PARALLEL = 16

_Ask = Callable[[], CertificateDates]
_Questions = dict[int, list[_Ask]]
"""By droplet id."""


class Source(StrEnum):
    """How the dates are known."""

    MEASURED = "measured"
    """Read from the certificate that the agent sends in a TLS handshake."""
    ESTIMATED = "estimated"
    """Computed from the droplet's creation, ``security.leaf_days`` and the end of the CA."""


@dataclass(frozen=True, kw_only=True)
class Expiry:
    """When the first certificate of a droplet expires."""

    droplet_id: int
    name: str
    """The droplet's."""
    begins: datetime
    ends: datetime
    source: Source

    def share_left(self, now: datetime) -> float:
        """Return the share of its life that is left; 0 or less once it has expired."""
        return (self.ends - now) / max(self.ends - self.begins, timedelta(seconds=1))

    def days_left(self, now: datetime) -> int:
        """Return the whole days until it expires; negative once it has."""
        return (self.ends - now).days


def find_expiry(
    plan: ClusterPlan, droplets: Sequence[Droplet], clients: AgentClients, *, ca_ends: datetime
) -> tuple[Expiry, ...]:
    """Return when the certificates of each droplet expire, in the order of ``droplets``. Raises no AgentError.

    The nodes of ``plan`` have the names of the droplets. Servers and one Nomad client are asked first. The other
    clients are asked only if that client answers, because the API of clients is open to the VPC only. The rest is
    estimated.
    """
    first, others = _questions(plan, droplets, clients)
    measured = _ask_all(first)
    if any(droplet_id in measured for droplet_id in others):
        measured |= _ask_all({one: asks for one, asks in others.items() if one not in measured})
    found = (_expiry(plan, droplet, measured.get(droplet.id, ()), ca_ends) for droplet in droplets)
    return tuple(expiry for expiry in found if expiry is not None)


def observe_with_expiry(
    plan: ClusterPlan, droplets: Sequence[Droplet], clients: AgentClients, *, ca_ends: datetime
) -> tuple[ClusterReport, tuple[Expiry, ...]]:
    """Run :func:`bakery.observe.health.observe_cluster` and :func:`find_expiry` at the same time."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        expiries = pool.submit(find_expiry, plan, droplets, clients, ca_ends=ca_ends)
        return health.observe_cluster(plan, droplets, clients), expiries.result()


def expiring(expiries: Iterable[Expiry], now: datetime, share: float) -> tuple[Expiry, ...]:
    """Return those with less than ``share`` of their life left, sorted by date."""
    return tuple(sorted((e for e in expiries if e.share_left(now) < share), key=lambda e: (e.ends, e.name)))


def describe_expiring(expiries: Sequence[Expiry], now: datetime) -> str:
    """Return a clause with the number of ``expiries`` (not empty) and the name and date of the first to expire."""
    first = expiries[0]
    days = first.days_left(now)
    when = f"expire on {first.ends:%Y-%m-%d} (in {counted(days, 'day')}, {first.source.value})"
    if days < 0:
        when = f"expired on {first.ends:%Y-%m-%d} ({first.source.value})"
    if len(expiries) == 1:
        return f"the certificates of {first.name} {when}"
    return f"the certificates of {len(expiries)} nodes expire soon; those of {first.name} {when}"


def renewal(expiries: Sequence[Expiry]) -> Text:
    """Return how to renew certificates: they are issued when a droplet is created."""
    if len(expiries) == 1:
        return Hint("replace it: ", Command("replace", expiries[0].name))
    return Hint("replace the nodes: ", Command("roll", "--because", "age", "--older-than", "0"))


def _questions(
    plan: ClusterPlan, droplets: Sequence[Droplet], clients: AgentClients
) -> tuple[_Questions, _Questions]:
    """Return the questions to the servers and one client, and those to all clients."""
    nodes = {node.name: node for node in plan.nodes}
    active = [d for d in droplets if d.status == "active" and d.name in nodes and api_address(d)]
    servers = {d.id: _server_questions(nodes[d.name], d, clients) for d in active}
    asked = {droplet_id: asks for droplet_id, asks in servers.items() if asks}
    others = {
        d.id: [clients.nomad_client(d.private_ipv4).certificate]
        for d in active
        if d.private_ipv4 and d.id not in asked
    }
    probe = dict(list(others.items())[:1])
    return asked | probe, others


def _server_questions(node: Node, droplet: Droplet, clients: AgentClients) -> list[_Ask]:
    """Return a question to each of the node's agents whose API is open to the operator."""
    address, asks = api_address(droplet), []
    if node.kind.is_consul_server:
        asks.append(clients.consul(address).certificate)
    if node.kind.is_nomad_server:
        asks.append(clients.nomad(address).certificate)
    return asks


def _ask_all(questions: _Questions) -> dict[int, tuple[CertificateDates, ...]]:
    """Return the answers by droplet id, without droplets that gave none."""
    rows = [(droplet_id, ask) for droplet_id, asks in questions.items() for ask in asks]
    with ThreadPoolExecutor(max_workers=_PARALLEL) as pool:
        dates = list(pool.map(_ask_one, (ask for _, ask in rows)))
    answers: dict[int, tuple[CertificateDates, ...]] = {}
    for (droplet_id, _), found in zip(rows, dates, strict=True):
        if found is not None:
            answers[droplet_id] = (*answers.get(droplet_id, ()), found)
    return answers


def _ask_one(ask: _Ask) -> CertificateDates | None:
    try:
        return ask()
    except AgentError:
        return None


def _expiry(
    plan: ClusterPlan, droplet: Droplet, measured: Sequence[CertificateDates], ca_ends: datetime
) -> Expiry | None:
    """Return None if no agent answered and the droplet's date of creation cannot be read."""
    if measured:
        first = min(measured, key=lambda dates: dates.ends)
        return _of(droplet, first, Source.MEASURED)
    try:
        created = datetime.fromisoformat(droplet.created_at).astimezone(UTC)
    except ValueError:
        return None
    days = plan.leaf_days if has_generation(droplet.tags, plan.cluster) else FIRST_VERSION_DAYS
    ends = min(created + timedelta(days=days), ca_ends)
    return _of(droplet, CertificateDates(begins=created, ends=ends), Source.ESTIMATED)


def _of(droplet: Droplet, dates: CertificateDates, source: Source) -> Expiry:
    return Expiry(droplet_id=droplet.id, name=droplet.name, begins=dates.begins, ends=dates.ends, source=source)
