"""Launch: from a cluster file to a healthy cluster, as one list of steps.

A new step is a line in ``PREPARE``, ``CONVERGE`` or ``FORM``. A step may be interrupted anywhere and run again.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Generic, TypeVar

from bakery.cloud.model import Droplet, Image
from bakery.credentials.authority import ca_fingerprint
from bakery.credentials.model import Bundle
from bakery.credentials.store import find_bundle
from bakery.credentials.throwaway import throwaway_public_key
from bakery.launch.base.consul_lock import check_free
from bakery.launch.base.model import AfterStep, Approve, Changes, LaunchRequest, LaunchResult, UserDataFor
from bakery.launch.base.patience import reach_now
from bakery.launch.base.session import Session, exclusive, resumable
from bakery.launch.converge import run
from bakery.launch.converge.preflight import check_trust
from bakery.launch.roll.versions import check_joining
from bakery.operations.check_agents import check_agents
from bakery.operations.cluster import not_joined_finder, running_cluster
from bakery.operations.context import Context, open_session, start_reading
from bakery.operations.credentials import ensure_credentials
from bakery.operations.droplets import launch_snapshot, list_droplets
from bakery.operations.form_cluster import bootstrap_consul, bootstrap_nomad, keep_every_server, wait_for_health
from bakery.operations.launch_options import LaunchOptions
from bakery.operations.obstacles import registry_obstacles
from bakery.operations.place import check_place, record_place
from bakery.operations.user_data import user_data_maker

T = TypeVar("T")


@dataclass(kw_only=True)
class Preparation:
    """What a launch works with, as the steps of ``PREPARE`` find or make it."""

    context: Context
    options: LaunchOptions
    bundle: Bundle = field(init=False)
    reads_snapshot: "Future[Image | None]" = field(init=False)
    """The snapshot of new nodes; None if the account has none."""
    reads_droplets: "Future[tuple[Droplet, ...]] | None" = None
    """The cluster's droplets, if its credentials are not here."""
    image: Image | None = field(init=False)
    user_data: UserDataFor = field(init=False)
    creates_cluster: bool = False
    """Whether the cluster had no droplets before this launch. Set when the changes are approved."""

    @property
    def request(self) -> LaunchRequest:
        """The launch request, once every step has run."""
        return LaunchRequest(
            plan=self.options.plan,
            image=self.image,
            ca_fingerprint=ca_fingerprint(self.bundle),
            generation=self.bundle.generation,
            admin_cidrs=self.options.admin_cidrs,
            user_data=self.user_data,
            throwaway_public_key=throwaway_public_key(),
            only_role=self.options.only_role,
            until_healthy=self.options.until_healthy,
            find_not_joined=not_joined_finder(self.context, self.options.plan),
            further_obstacles=registry_obstacles(self.context, self.options.plan),
        )


def _read_credentials(work: Preparation) -> None:
    find_bundle(work.context.paths)


def _check_agents(work: Preparation) -> None:
    check_agents(work.context, work.options.plan)


def _start_reads(work: Preparation) -> None:
    context = work.context
    work.reads_snapshot = start_reading(context, launch_snapshot)
    if find_bundle(context.paths) is None:
        work.reads_droplets = start_reading(context, list_droplets)


def _check_place(work: Preparation) -> None:
    check_place(work.context, insists=work.options.other_cloud)


def _refuse_second_ca(work: Preparation) -> None:
    if work.reads_droplets is not None:
        check_trust(work.reads_droplets.result(), work.options.plan.cluster, None)


def _ensure_credentials(work: Preparation) -> None:
    work.bundle = ensure_credentials(work.context)


def _find_snapshot(work: Preparation) -> None:
    work.image = work.reads_snapshot.result()


def _prepare_user_data(work: Preparation) -> None:
    work.user_data = user_data_maker(work.options.plan, work.bundle, work.context.config.path.parent)


def _bootstrap_consul(work: Preparation, droplets: tuple[Droplet, ...]) -> None:
    bootstrap_consul(work.context, work.options.plan, work.bundle, droplets, seconds=work.options.deadline)


def _bootstrap_nomad(work: Preparation, droplets: tuple[Droplet, ...]) -> None:
    bootstrap_nomad(work.context, work.options.plan, work.bundle, droplets, seconds=work.options.deadline)


def _wait_for_health(work: Preparation, droplets: tuple[Droplet, ...]) -> None:
    options = work.options
    wait_for_health(
        work.context,
        options.plan,
        work.bundle,
        droplets,
        seconds=options.deadline,
        confirms=not work.creates_cluster,
    )


def _keep_servers(work: Preparation, droplets: tuple[Droplet, ...]) -> None:
    keep_every_server(work.context, work.options.plan, droplets)


@dataclass(frozen=True)
class Step(Generic[T]):
    """One step of a launch: its name, what it does, and why it is there."""

    name: str
    run: Callable[[T], None]
    reason: str


@dataclass(frozen=True)
class FormStep:
    """One step of a launch that talks to the agents; it gets the planned droplets that exist."""

    name: str
    run: Callable[[Preparation, tuple[Droplet, ...]], None]
    reason: str
    forms_cluster: bool = False
    """Whether Consul and Nomad hold data afterwards."""


# A launch runs these lists from top to bottom: one line per step, with the reason for it.
PREPARE: tuple[Step[Preparation], ...] = (
    Step("own configuration", _check_agents, "an agent that refuses its configuration never starts"),
    Step("read credentials", _read_credentials, "unreadable credentials end a launch before its first request"),
    Step("first reads", _start_reads, "account, droplets and snapshot take one answer's time together"),
    Step("cloud", _check_place, "a cluster stays in the cloud and the account in which it was launched"),
    Step("trust check", _refuse_second_ca, "a cluster that has droplets never gets a second CA"),
    Step("credentials", _ensure_credentials, "the first launch makes CAs, gossip keys and tokens"),
    Step("snapshot", _find_snapshot, "new droplets boot from the newest snapshot of the file's versions"),
    Step("user-data", _prepare_user_data, "a node's certificate is issued when its droplet is requested"),
)
CONVERGE: tuple[Step[run.Launch], ...] = (
    Step("preflight", run.read_account, "every obstacle is found before the first change"),
    Step("approval", run.ask_approval, "the user sees changes and price before they are made"),
    Step("lock", run.hold_lock, "two operators never change a running cluster at the same time"),
    Step("earlier runs", run.finish_earlier_runs, "duplicates and half-removed nodes must not become members"),
    Step("network", run.create_network, "no droplet runs without the VPC and a firewall in force"),
    Step("droplets", run.create_nodes, "in waves, because user-data holds the addresses of earlier servers"),
    Step("load balancer", run.create_balancer, "it takes minutes to work, while the droplets boot"),
    Step("Consul servers", run.wait_for_consul_servers, "Consul's access control needs no other droplet"),
)
CONSUL: tuple[FormStep, ...] = (
    FormStep("Consul's access control", _bootstrap_consul, "until then a certificate suffices to take it over"),
)
SERVERS: tuple[Step[run.Launch], ...] = (
    Step("servers", run.wait_for_servers, "Nomad's access control needs the servers and no other droplet"),
)
NOMAD: tuple[FormStep, ...] = (
    FormStep("Nomad's access control", _bootstrap_nomad, "Nomad denies by default", forms_cluster=True),
)
SETTLE: tuple[Step[run.Launch], ...] = (
    Step("active", run.wait_for_nodes, "agents run once their droplets do"),
    Step("address", run.assign_address, "a reserved IP is assigned to a droplet that exists"),
)
FORM: tuple[FormStep, ...] = (
    FormStep("Health", _wait_for_health, "a launch is done when every planned server is a live voter"),
    FormStep("Autopilot", _keep_servers, "a server that is unreachable for seconds stays in Raft"),
)


ENTER: tuple[Step[run.Launch], ...] = (
    Step("journal", run.finish, "every node has joined: the next launch has nothing to finish"),
    Step("certificate", run.finish_balancer, "a load balancer needs its certificate, which takes minutes"),
    Step(
        "way in", run.wait_for_balancer, "a load balancer without traffic does not keep the cluster from forming"
    ),
    Step("direct access", run.close_direct_access, "once the load balancer is active, nothing else connects"),
)


def launch_cluster(context: Context, options: LaunchOptions, approve: Approve) -> LaunchResult:
    """Launch the cluster. ``approve`` is called with the changes, if there are any, before the first one is made.

    Record in which cloud the cluster is as soon as the changes are approved.

    Raises:
        LockedError: another bakery works on this cluster.
        UsageError: the preflight found obstacles, the cluster is in another cloud, or the file's versions cannot
            join those that run; nothing was created.
        CredentialsError: the credentials are lost, unreadable, or not those of existing droplets.
        CloudError, AgentError, LaunchError, DeadlineError: the launch stopped half-way; the same command continues
            it.
    """

    def approve_and_record(changes: Changes) -> bool:
        there = (*changes.unchanged, *changes.extra)
        reached = reach_now(session, options.plan, there)
        check_free(session, reached.consul)
        check_joining(options.plan, changes.new_nodes, there, reached)
        approved = approve(changes)
        if approved:
            work.creates_cluster = changes.creates_cluster
            record_place(context)
        return approved

    work = Preparation(context=context, options=options)
    for step in PREPARE:
        step.run(work)
    session = open_session(context, running_cluster(context))
    consul, nomad, after = (CONSUL, NOMAD, FORM) if options.until_healthy else ((), (), ())
    result = launch(
        session,
        work.request,
        approve_and_record,
        _bound(work, after),
        consul=_bound(work, consul),
        nomad=_bound(work, nomad),
    )
    record_place(context)
    return result


def launch(
    session: Session,
    request: LaunchRequest,
    approve: Approve,
    after: Sequence[AfterStep] = (),
    *,
    consul: Sequence[AfterStep] = (),
    nomad: Sequence[AfterStep] = (),
) -> LaunchResult:
    """Bring the cluster to the plan. Of existing droplets only those that never came up or joined are replaced.

    ``approve`` is called only if there are changes. The steps of ``consul`` run once the Consul servers are
    active, those of ``nomad`` once all servers are, those of ``after`` once every droplet is, even without
    changes. If one of them misses its deadline, the nodes that ``request.find_not_joined`` names are recorded, and
    the next launch replaces those that still have not joined. A second launch without a change sends no request
    that changes anything. A signal must arrive as an exception in the calling thread.

    Raises:
        LockedError: another bakery works on this cluster.
        UsageError: the preflight found obstacles; nothing was created.
        CredentialsError: existing droplets have another CA.
        CloudError, LaunchError, DeadlineError: the launch stopped half-way; the same command continues it.
    """
    with exclusive(session), resumable(), ExitStack() as held:
        work = run.Launch(session=session, request=request, approve=approve, held=held)
        for step in CONVERGE:
            step.run(work)
            if work.declined:
                return work.result
        for agents_step in consul:
            run.run_after(work, agents_step)
        for step in SERVERS:
            step.run(work)
        for agents_step in nomad:
            run.run_after(work, agents_step)
        for step in SETTLE:
            step.run(work)
        for agents_step in after:
            run.run_after(work, agents_step)
        for step in ENTER:
            step.run(work)
        return work.result


def _bound(work: Preparation, steps: Sequence[FormStep]) -> tuple[AfterStep, ...]:
    return tuple(
        AfterStep(title=step.name, run=partial(step.run, work), forms_cluster=step.forms_cluster) for step in steps
    )
