"""What the dashboard shows: the status of the cluster, its jobs and its price, looked at again and again."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from bakery.agents.interface import AgentClients
from bakery.credentials.model import Bundle
from bakery.launch.converge.ways_in import monthly_price
from bakery.observe.jobs import Jobs, find_jobs
from bakery.operations.cluster_status import ClusterStatus, look_again, look_at_cluster
from bakery.operations.context import Context
from bakery.operations.credentials import connect_agents, load_credentials
from bakery.operations.place import check_place
from bakery.plan.slots import as_running
from bakery.wait import Clock, SystemClock

WHOLE_LOOK_SECONDS = 300.0
"""Seconds after which account, snapshots, prices and certificates are looked at again too.

The API admits 5,000 requests an hour (https://docs.digitalocean.com/reference/api/digitalocean/, "Rate limit"). A
look every five seconds with one request makes 720.
"""


@dataclass(frozen=True, kw_only=True)
class ClusterView:
    """One look."""

    status: ClusterStatus
    jobs: Jobs
    prices: Mapping[str, float]
    """US dollars a month, by the slug of the size."""

    @property
    def monthly_usd(self) -> float | None:
        """Price of droplets and load balancer; None if DigitalOcean lists no price for one of the sizes."""
        balancer = self.status.ways_in.balancer
        nodes = balancer.size_unit if balancer is not None else 0
        return monthly_price((each.size for each in self.status.droplets), self.prices, balancer_nodes=nodes)


class ClusterWatcher:
    """Looks at one cluster for as long as it is asked to. It is not for several threads at a time."""

    def __init__(self, context: Context, *, other_cloud: bool, clock: Clock | None = None) -> None:
        self._context = context
        self._other_cloud = other_cloud
        self._clock = clock or SystemClock()
        self._kept: _Kept | None = None
        self._whole_at = 0.0

    def check(self) -> None:
        """Check, before the first look, what each look needs.

        Raises:
            CredentialsError: the cluster's credentials are not here.
            UsageError: the cluster is in another cloud.
        """
        load_credentials(self._context)
        check_place(self._context, insists=self._other_cloud)

    def look(self) -> ClusterView:
        """Look at the cluster.

        Raises:
            BakeryError: as for :func:`bakery.operations.cluster_status.look_at_cluster`.
        """
        kept = self._kept
        if kept is None or self._clock.now() - self._whole_at > WHOLE_LOOK_SECONDS:
            self._kept, self._whole_at = None, self._clock.now()
            kept = self._look_at_everything()
        else:
            kept = replace(kept, status=look_again(self._context, kept.status, kept.bundle, kept.clients))
        self._kept = kept
        running = as_running(kept.status.plan, kept.status.droplets)
        jobs = find_jobs(running, kept.status.droplets, kept.clients)
        return ClusterView(status=kept.status, jobs=jobs, prices=kept.prices)

    def _look_at_everything(self) -> "_Kept":
        """Look at all of it. The operator's certificates, which last a day, are renewed."""
        status = look_at_cluster(self._context, other_cloud=self._other_cloud)
        bundle = load_credentials(self._context)
        return _Kept(
            status=status,
            bundle=bundle,
            clients=connect_agents(self._context, bundle),
            prices={size.slug: size.price_monthly for size in self._context.cloud.list_sizes()},
        )


@dataclass(frozen=True, kw_only=True)
class _Kept:
    """What the next look needs."""

    status: ClusterStatus
    bundle: Bundle
    clients: AgentClients
    prices: Mapping[str, float]
