"""Observe whether the cluster is healthy, once or until it is."""

from collections.abc import Callable, Sequence

from bakery.agents.interface import AgentClients
from bakery.cloud.model import Droplet
from bakery.console import SILENT, Reporter
from bakery.errors import DeadlineError, NotHealthyError, UntrustedError
from bakery.hints import Command, Hint
from bakery.observe.conditions import judge
from bakery.observe.gather import ASK_FOR_KEYS, Facts, Keys, gather
from bakery.observe.key_queries import KeyQueries
from bakery.observe.late import Late
from bakery.observe.model import ClusterReport, ConditionState, NodeReport
from bakery.observe.nodes import report_nodes
from bakery.plan.model import ClusterPlan
from bakery.wait import Clock, Pending, SystemClock, wait_until


def observe_cluster(plan: ClusterPlan, droplets: Sequence[Droplet], clients: AgentClients) -> ClusterReport:
    """Observe the cluster once and return a report. Reads only; an agent that does not answer is in the report.

    ``plan`` has the nodes that should exist now (a launch of one role passes a plan of those nodes only).
    ``droplets`` are all droplets with the cluster's tag; unplanned droplets are listed, but do not fail a
    condition.
    """
    return _report(plan, gather(plan, droplets, clients, keys=ASK_FOR_KEYS))


def _report(plan: ClusterPlan, facts: Facts) -> ClusterReport:
    return ClusterReport(
        cluster=plan.cluster,
        conditions=judge(plan, facts),
        nodes=report_nodes(plan, facts),
    )


CONFIRMING_LOOKS = 2
"""Further healthy observations that are needed after the first. Autopilot's state may be two seconds old, and
gossip may list a deleted droplet as alive: once a destroyed server was taken for its replacement."""
CONFIRM_SECONDS = 1.0
"""Seconds between these observations; shorter than the usual pause, because the user waits for the launch."""
POLLS_PER_LOOK = 4
"""Polls between two observations. An observation sends twenty requests, a poll three at most."""
LATE_LOOKS = 2
"""While Nomad clients are missing, or autopilot says unhealthy, polls find out when that ends, and observations
are so many times as rare."""
NOT_BY_WAITING = {"keyrings": 10.0, "strangers": 60.0}
"""Conditions that waiting does not meet, and the seconds after which the wait ends if only they are unmet. A
droplet that was just deleted is still alive in gossip: up to 45 s as a Nomad server (memberlist's WAN timing), up
to 30 s as a Nomad client (its heartbeat)."""


def wait_until_healthy(
    plan: ClusterPlan,
    list_droplets: Callable[[], Sequence[Droplet]],
    clients: AgentClients,
    *,
    seconds: float,
    every: float = 1.0,
    confirms: bool = True,
    reporter: Reporter = SILENT,
    clock: Clock | None = None,
    on_unhealthy: Callable[[ClusterReport], None] = lambda _: None,
) -> ClusterReport:
    """Observe until every condition is met three times in a row, and return the last report.

    Observations begin ``every`` seconds apart. While Nomad clients are missing, or autopilot says unhealthy, the
    leader is asked for that more often, and an observation follows as soon as it has changed.

    Without ``confirms`` once is enough. That suits a cluster whose droplets are all new: what autopilot and gossip
    said a moment ago can only lack a node, not have one too many.

    The wait ends, with a warning, if only clients that a user has made ineligible keep the cluster from being
    healthy. ``list_droplets`` is called for each observation; its errors pass through. The reporter gets each
    change of a node's state: active (the droplet), joined (alive in Consul), healthy. ``on_unhealthy`` is called
    with each report before the next pause.

    Raises:
        NotHealthyError: the deadline passed; details list every unmet condition with its cause, one per line.
        UntrustedError: only conditions that waiting does not meet are unmet: strangers, or unknown gossip keys.
    """
    looks = CONFIRMING_LOOKS if confirms else 0
    watch = _Watch(
        plan, list_droplets, clients, looks, every=every, reporter=reporter, clock=clock or SystemClock()
    )

    def check() -> ClusterReport | Pending:
        if not watch.is_due():
            return watch.pending
        found = watch.check()
        if isinstance(found, Pending) and watch.last is not None:
            on_unhealthy(watch.last)
        return found

    try:
        return wait_until(
            check,
            what=f"{plan.cluster} to be healthy",
            seconds=seconds,
            every=every / POLLS_PER_LOOK,
            clock=watch.clock,
            tell=reporter.waiting,
        )
    except DeadlineError as error:
        message = f"{plan.cluster} is not healthy: {error.message}"
        hint = Hint(Command("status"), " shows the conditions; ", Command("launch"), " continues from here")
        raise NotHealthyError(message=message, details=error.details, hint=hint) from None


class _Watch:
    """Counts healthy observations in a row, and the time for which waiting has been pointless."""

    def __init__(
        self,
        plan: ClusterPlan,
        list_droplets: Callable[[], Sequence[Droplet]],
        clients: AgentClients,
        confirming_looks: int,
        *,
        every: float,
        reporter: Reporter,
        clock: Clock,
    ) -> None:
        self.clock = clock
        self._confirming_looks, self._every = confirming_looks, every
        self._plan, self._list_droplets, self._clients = plan, list_droplets, clients
        self._reporter, self._progress = reporter, _Progress(reporter)
        self._hopeless_since: float | None = None
        self._keys = Keys(consul=KeyQueries(clock), nomad=KeyQueries(clock))
        self._late: Late | None = None
        self._looked_at = 0.0
        self.last: ClusterReport | None = None
        """The last report."""
        self.pending = Pending("nothing is observed yet")
        """What the last report lacks."""

    def is_due(self) -> bool:
        """Return whether to observe now: at first, after a pause, and when what was late has come."""
        if self._late is None:
            return True
        since = self.clock.now() - self._looked_at
        if not self._late.exist:
            return since >= self._every
        return since >= LATE_LOOKS * self._every or self._late.have_come()

    def check(self) -> ClusterReport | Pending:
        report = self._look()
        for _ in range(self._confirming_looks):
            if not report.settled:
                break
            self.clock.sleep(CONFIRM_SECONDS)
            report = self._look()
        if report.settled:
            for condition in report.missing:
                if condition.by_choice:
                    self._reporter.warn(f"{condition.message} ({condition.help})")
            return report
        self._stop_if_waiting_cannot_help(report)
        self.pending = Pending(_unmet(report))
        return self.pending

    def _look(self) -> ClusterReport:
        facts = gather(self._plan, self._list_droplets(), self._clients, keys=self._keys)
        self._late, self._looked_at = Late(self._plan, facts, self._clients), self.clock.now()
        report = self.last = _report(self._plan, facts)
        self._progress.tell(report.nodes)
        return report

    def _stop_if_waiting_cannot_help(self, report: ClusterReport) -> None:
        if any(one.state is ConditionState.UNKNOWN or one.name not in NOT_BY_WAITING for one in report.missing):
            self._hopeless_since = None
            return
        if self._hopeless_since is None:
            self._hopeless_since = self.clock.now()
        patience = max(NOT_BY_WAITING[condition.name] for condition in report.missing)
        if self.clock.now() - self._hopeless_since >= patience:
            message = f"{report.cluster} runs, but it contains strangers or unknown gossip keys"
            hint = "; ".join(condition.help for condition in report.missing if condition.help)
            raise UntrustedError(message=message, details=_unmet(report), hint=hint)


class _Progress:
    """Reports each node's state once per change."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._told: dict[str, str] = {}

    def tell(self, nodes: Sequence[NodeReport]) -> None:
        if not self._told:
            self._reporter.expect([node.name for node in nodes])
        for node in nodes:
            state = _state(node)
            if state and self._told.get(node.name) != state:
                self._told[node.name] = state
                self._reporter.node(node.name, state)


def _state(node: NodeReport) -> str | None:
    if node.healthy:
        return "healthy"
    if node.droplet_status != "active":
        return None
    return "joined" if node.consul == "alive" else "active"


def _unmet(report: ClusterReport) -> str:
    return "\n".join(f"{condition.name}: {condition.message}" for condition in report.missing)
