"""Before Nomad clients are destroyed their work moves elsewhere; if Nomad does not answer, they go as they are."""

from collections.abc import Callable, Iterable

from bakery.agents.interface import NomadApi
from bakery.cloud.model import Droplet
from bakery.console import SILENT, Reporter
from bakery.errors import AgentError, DeadlineError
from bakery.wait import Clock, Pending, wait_until

DRAIN_SECONDS = 300
"""Then Nomad stops what could not be moved."""
GRACE_SECONDS = 30

Drain = Callable[[tuple[Droplet, ...]], None]
"""Called with the droplets that are about to go."""


def no_drain(droplets: tuple[Droplet, ...]) -> None:
    """Of a cluster whose Nomad nobody can ask."""


def drain_clients(
    nomad: NomadApi,
    names: Iterable[str],
    *,
    seconds: int = DRAIN_SECONDS,
    reporter: Reporter = SILENT,
    clock: Clock | None = None,
) -> None:
    """Move the work off the Nomad clients among ``names``, and wait until it is gone or Nomad has stopped it.

    A Nomad that does not answer, or does not finish, is warned of: the user has asked for the nodes to go.
    """
    wanted = set(names)
    try:
        ids = {node.id for node in nomad.nodes() if node.name in wanted and node.status == "ready"}
        for node_id in ids:
            nomad.drain(node_id, seconds=seconds)
        if ids:
            reporter.note(
                f"    moving the work of {', '.join(sorted(wanted))} to other nodes (at most {seconds} s)"
            )
            _wait(nomad, ids, seconds + GRACE_SECONDS, clock=clock, tell=reporter.waiting)
    except (AgentError, DeadlineError) as error:
        reporter.warn(f"not drained: {', '.join(sorted(wanted))} ({error.summary})")


def _wait(
    nomad: NomadApi, ids: set[str], seconds: float, *, clock: Clock | None, tell: Callable[[str], None]
) -> None:
    def check() -> bool | Pending:
        busy = sorted(node.name for node in nomad.nodes() if node.id in ids and node.draining)
        return Pending(f"{', '.join(busy)} still has work") if busy else True

    wait_until(check, what="Nomad to move the work away", seconds=seconds, every=2, clock=clock, tell=tell)
