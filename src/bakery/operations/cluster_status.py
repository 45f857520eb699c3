"""The status of a cluster: one observation, and how its droplets compare with what the cluster file asks for."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from bakery.agents.interface import AgentClients
from bakery.bake.snapshot import age_warning
from bakery.cloud.model import Droplet
from bakery.credentials.inspect import first_to_end
from bakery.credentials.model import Bundle
from bakery.hints import Hint, Text
from bakery.launch.base.agentless import none_will_answer
from bakery.launch.converge.snapshot import SnapshotUse
from bakery.launch.roll.need import Wanted
from bakery.observe.expiry import (
    WARNING_SHARE,
    Expiry,
    describe_expiring,
    expiring,
    observe_with_expiry,
    renewal,
)
from bakery.observe.model import ClusterReport
from bakery.operations.context import Context, start_reading
from bakery.operations.credentials import check_own_droplets, connect_agents, load_credentials
from bakery.operations.droplets import compare_snapshots, list_droplets, rolled_snapshot, wanted_now
from bakery.operations.place import check_place
from bakery.operations.served_certificates import certificate_conditions
from bakery.operations.ways_in import NO_WAYS_IN, WaysIn, find_ways_in
from bakery.plan.build import build_plan
from bakery.plan.model import ClusterPlan
from bakery.plan.slots import as_running


@dataclass(frozen=True, kw_only=True)
class ClusterStatus:
    """What ``bakery status`` shows."""

    plan: ClusterPlan
    droplets: tuple[Droplet, ...]
    report: ClusterReport
    expiries: tuple[Expiry, ...]
    wanted: Wanted
    """What a roll that begins now would make of each droplet."""
    snapshots: SnapshotUse
    rolling: int | None
    """Id of the snapshot of an unfinished roll."""
    warnings: tuple[Text, ...]
    """Certificates that expire soon, and a snapshot that is old."""
    now: datetime
    in_vain: bool = False
    """Whether no agent answers and none ever will, because droplets there do not boot."""
    ways_in: WaysIn = NO_WAYS_IN


def look_at_cluster(context: Context, *, other_cloud: bool) -> ClusterStatus:
    """Observe the cluster once. Change nothing.

    Raises:
        UsageError: the cluster was launched in another cloud, and ``other_cloud`` is False.
        CredentialsError: the credentials are not here, or are not those of the droplets.
    """
    plan, bundle = build_plan(context.config), load_credentials(context)
    listing = start_reading(context, list_droplets)
    check_place(context, insists=other_cloud)
    droplets = listing.result()
    check_own_droplets(bundle, droplets, plan.cluster)
    running, clients, now = as_running(plan, droplets), connect_agents(context, bundle), datetime.now(UTC)
    with ThreadPoolExecutor(max_workers=1) as pool:  # the agents take half a second for the gossip keys
        observing = pool.submit(observe_with_expiry, running, droplets, clients, ca_ends=first_to_end(bundle))
        snapshots = compare_snapshots(context, plan, droplets)
        ways_in = find_ways_in(context, plan, droplets)
        served = certificate_conditions(plan, droplets, ways_in.balancer)
        old = age_warning(context.cloud.list_images(), {droplet.image_id for droplet in droplets}, now)
        report, expiries = observing.result()
    return ClusterStatus(
        plan=plan,
        droplets=droplets,
        report=replace(report, conditions=(*report.conditions, *ways_in.conditions, *served)),
        expiries=expiries,
        wanted=wanted_now(context, snapshots.asked, generation=bundle.generation),
        snapshots=snapshots,
        rolling=rolled_snapshot(context),
        warnings=_warnings(old, expiries, now),
        now=now,
        in_vain=none_will_answer(context.cloud, plan.region, report),
        ways_in=ways_in,
    )


def look_again(context: Context, before: ClusterStatus, bundle: Bundle, clients: AgentClients) -> ClusterStatus:
    """Observe the cluster once more, with one request to the API: list the droplets, and ask the agents.

    Snapshots, load balancer and warnings are those of ``before``.
    """
    droplets = list_droplets(context)
    running, now = as_running(before.plan, droplets), datetime.now(UTC)
    report, expiries = observe_with_expiry(running, droplets, clients, ca_ends=first_to_end(bundle))
    wanted = replace(before.wanted, now=now.timestamp())
    return replace(before, droplets=droplets, report=report, expiries=expiries, wanted=wanted, now=now)


def _warnings(old: Text | None, expiries: tuple[Expiry, ...], now: datetime) -> tuple[Text, ...]:
    late = expiring(expiries, now, WARNING_SHARE)
    return (
        *((Hint(describe_expiring(late, now), "; ", renewal(late)),) if late else ()),
        *((old,) if old else ()),
    )
