"""The one definition of healthy: seen once, or waited for."""

from collections.abc import Callable, Sequence

from bakery.agents.interface import AgentClients
from bakery.cloud.model import Droplet
from bakery.console import SILENT, Reporter
from bakery.errors import DeadlineError, NotHealthyError
from bakery.observe.conditions import judge
from bakery.observe.gather import gather
from bakery.observe.model import ClusterReport, NodeReport
from bakery.observe.nodes import report_nodes
from bakery.plan.model import ClusterPlan
from bakery.wait import Clock, Pending, wait_until


def observe_cluster(plan: ClusterPlan, droplets: Sequence[Droplet], clients: AgentClients) -> ClusterReport:
    """Judge the cluster as it is now; reads only, and an agent that does not answer is part of the report.

    ``plan`` holds the nodes that should exist now (a launch of one role passes the plan cut to those);
    ``droplets`` are all droplets with the cluster's tag. Others than planned are reported and do no harm.
    """
    facts = gather(plan, droplets, clients)
    return ClusterReport(
        cluster=plan.cluster,
        conditions=judge(plan, facts),
        nodes=report_nodes(plan, facts),
    )


def wait_until_healthy(
    plan: ClusterPlan,
    list_droplets: Callable[[], Sequence[Droplet]],
    clients: AgentClients,
    *,
    seconds: float,
    every: float = 2.0,
    reporter: Reporter = SILENT,
    clock: Clock | None = None,
) -> ClusterReport:
    """Observe until every condition holds, and return that report.

    ``list_droplets`` is asked each time; its errors pass through. The reporter hears each node's state as it
    changes: active (the droplet), joined (alive in Consul), healthy.

    Raises:
        NotHealthyError: the deadline passed; details hold every unmet condition, one a line, with its culprits.
    """
    progress = _Progress(reporter)

    def check() -> ClusterReport | Pending:
        report = observe_cluster(plan, list_droplets(), clients)
        progress.tell(report.nodes)
        return report if report.healthy else Pending(_unmet(report))

    try:
        return wait_until(
            check,
            what=f"{plan.cluster} to be healthy",
            seconds=seconds,
            every=every,
            clock=clock,
            tell=reporter.waiting,
        )
    except DeadlineError as error:
        message = f"{plan.cluster} is not healthy: {error.brief}"
        hint = "bakery status shows it again; bakery launch goes on from here"
        raise NotHealthyError(message, details=error.details, hint=hint) from None


class _Progress:
    """Tells the reporter only what is new."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._told: dict[str, str] = {}

    def tell(self, nodes: Sequence[NodeReport]) -> None:
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
