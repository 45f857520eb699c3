"""The steps of a launch, from reading the account to a finished journal. Each may be interrupted and run again.

:mod:`bakery.operations.launch_cluster` has the list of all steps, in order.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from bakery.cloud.model import Droplet
from bakery.config.model import Kind
from bakery.errors import BakeryError, DeadlineError, LaunchError, UnauthorizedError, UnprocessableError
from bakery.hints import Command, Hint
from bakery.launch.base.consul_lock import HeldLock, consul_finder, lock_if_led
from bakery.launch.base.members import list_members, members_of
from bakery.launch.base.model import AfterStep, Approve, Changes, LaunchRequest, LaunchResult
from bakery.launch.base.ownership import new_launch_id
from bakery.launch.base.session import Session
from bakery.launch.converge import network
from bakery.launch.converge.droplets import DropletTemplate, create_droplets, wait_until_active
from bakery.launch.converge.duplicates import resolve_duplicate_firewalls, resolve_from_earlier_run
from bakery.launch.converge.enter import (
    ensure_balancer,
    ensure_reserved_ip,
    refused_error,
    wait_until_balancer_active,
)
from bakery.launch.converge.keys import leftover_keys, remove_key, throwaway_key
from bakery.launch.converge.preflight import ssh_key_ids
from bakery.launch.converge.prepare import Prepared, check_user_data_renders, prepare
from bakery.launch.converge.verdict import extra_lines
from bakery.launch.teardown.mend import mend
from bakery.launch.teardown.removal import finish_removals
from bakery.plan.slots import slot_of
from bakery.plan.ways_in import balancer_of

LISTING_SECONDS = 20.0
"""How long a list of the droplets is used again after a step: a node that is dead had its droplet before that."""


@dataclass(kw_only=True)
class Launch:
    """One launch under way: what its steps need, and what they have found and created so far."""

    session: Session
    request: LaunchRequest
    approve: Approve
    held: ExitStack = field(default_factory=ExitStack)
    """Ended with the launch."""
    lock: HeldLock | None = None
    """Set by :func:`hold_lock`, if Consul can give it."""
    run_id: str = field(default_factory=new_launch_id)
    """Drawn anew by each run; the launch of an unfinished run keeps the id of its first run."""
    prepared: Prepared = field(init=False)
    """Set by :func:`read_account`."""
    declined: bool = False
    """Whether ``approve`` returned False: then no further step runs."""
    begun: str = field(init=False)
    """Id of this launch. Set by :func:`create_network`, if there are changes."""
    vpc_id: str = field(init=False)
    """Set by :func:`create_network`, if there are changes."""
    members: dict[str, Droplet] = field(init=False)
    """The planned droplets that exist, by slot."""
    balancer_requested: bool = False
    refused: BakeryError | None = None
    """Why there is no load balancer or no reserved IP; the cluster forms without it."""
    listed: tuple[Droplet, ...] = ()
    """The cluster's droplets as the API listed them at ``listed_at`` of the session's clock."""
    listed_at: float | None = None

    @property
    def changes(self) -> Changes:
        """What this launch changes."""
        return self.prepared.changes

    @property
    def droplets(self) -> tuple[Droplet, ...]:
        """The planned droplets that exist, in the plan's order."""
        return tuple(self.members[node.slot] for node in self.request.plan.nodes if node.slot in self.members)

    @property
    def launch_id(self) -> str:
        """Id of the unfinished launch; if there is none, that of this run."""
        return self.session.journal.now.launch_id or self.run_id

    @property
    def result(self) -> LaunchResult:
        """What the steps so far have done."""
        if self.declined:
            return LaunchResult(changes=self.changes, created=(), droplets=self.changes.unchanged)
        created = tuple(node.name for node in self.changes.new_nodes)
        return LaunchResult(changes=self.changes, created=created, droplets=self.droplets)


def read_account(launch: Launch) -> None:
    """Compare the account with the plan, and refuse a launch that is impossible. Change nothing.

    Raises:
        UsageError, CredentialsError: the preflight found obstacles.
    """
    with launch.session.reporter.step("Looking at the account"):
        _prepare(launch)
    _report(launch.session, launch.changes)


def ask_approval(launch: Launch) -> None:
    """Show the changes, if there are any, and ask whether to make them."""
    if not launch.changes.empty and not launch.approve(launch.changes):
        launch.declined = True


def hold_lock(launch: Launch) -> None:
    """Hold the lock in Consul until the launch ends. A cluster that is not formed, or has no leader, has none.

    Raises:
        LockedError: another operator's bakery changes the cluster.
    """
    if launch.changes.empty:
        return
    session, changes = launch.session, launch.changes
    there = [droplet for droplet in launch.prepared.present.droplets if droplet not in changes.replaced]
    find = consul_finder(session, launch.request.plan, there)
    leaving = {droplet.name for droplet in changes.replaced}
    launch.lock = launch.held.enter_context(lock_if_led(session, find, leaving=leaving))


def finish_earlier_runs(launch: Launch) -> None:
    """Finish what interrupted runs left: duplicates, removals of nodes, temporary SSH keys.

    Raises:
        RenderError: user-data of a new node cannot be rendered. Nothing has been created so far.
    """
    session, prepared = launch.session, launch.prepared
    resolved = resolve_from_earlier_run(session, prepared.present.droplets)
    removed = finish_removals(session, prepared.request.plan, prepared.changes.replaced, prepared.present.droplets)
    if resolved or removed:
        _prepare(launch)
    check_user_data_renders(launch.prepared.request, launch.changes)
    for key in leftover_keys(launch.prepared.present, session.journal.now, now=session.wall()):
        remove_key(session, key.id)


def create_network(launch: Launch) -> None:
    """Create or update tags, VPC and firewalls, and wait until the firewalls are in force."""
    if launch.changes.empty:
        return
    launch.begun = launch.session.journal.begin(launch.launch_id)
    with launch.session.reporter.step("Network and firewalls"):
        launch.vpc_id = network.ensure_network(
            launch.session,
            launch.prepared.request,
            launch.prepared.present,
            launch.changes,
            launch_id=launch.launch_id,
        )


def create_nodes(launch: Launch) -> None:
    """Create the droplets of new nodes, in waves, with a temporary SSH key.

    Raises:
        LockedError: the lock in Consul is lost, so another operator may change the cluster.
    """
    session, prepared = launch.session, launch.prepared
    if not launch.changes.new_nodes:
        return
    if launch.lock is not None:
        launch.lock.check_if_led()
    session.reporter.expect([node.name for node in launch.changes.new_nodes])
    with (
        session.reporter.step("Droplets"),
        throwaway_key(session, launch.request.throwaway_public_key, launch.launch_id) as key_id,
    ):
        template = DropletTemplate(
            launch=prepared.request,
            launch_id=launch.launch_id,
            vpc_id=launch.vpc_id,
            ssh_keys=(key_id, *ssh_key_ids(launch.request.plan, prepared.present)),
            formed=prepared.formed,
        )
        launch.members = create_droplets(session, template, launch.changes)


def create_balancer(launch: Launch) -> None:
    """Request the load balancer. What DigitalOcean refuses is reported at the end of the launch."""
    _ensure_balancer(launch, "Load balancer", waits=False)


def finish_balancer(launch: Launch) -> None:
    """Create the load balancer if it waits for its certificate."""
    _ensure_balancer(launch, "Load balancer's certificate", waits=True)


def _ensure_balancer(launch: Launch, title: str, *, waits: bool) -> None:
    change, session = launch.changes.balancer, launch.session
    if change is None or launch.balancer_requested or launch.refused is not None:
        return
    with session.reporter.step(title), _going_on(launch, "load balancer"):
        launch.balancer_requested = ensure_balancer(
            session,
            change,
            region=launch.request.plan.region,
            vpc_id=launch.vpc_id,
            launch_id=launch.begun,
            waits=waits,
        )


def assign_address(launch: Launch) -> None:
    """Create the reserved IP, or assign it to the droplet in its slot."""
    change = launch.changes.reserved_ip
    droplet = None if change is None else launch.members.get(change.slot)
    if change is None or droplet is None:
        return
    session = launch.session
    with session.reporter.step("Reserved IP"), _going_on(launch, "reserved IP"):
        ensure_reserved_ip(session, change, droplet)


def wait_for_balancer(launch: Launch) -> None:
    """Wait until the load balancer is active, unless an earlier step failed or no ingress node exists.

    Raises:
        LaunchError: DigitalOcean refused the load balancer or the reserved IP; everything else is done.
        DeadlineError: the load balancer is not active in time, or a certificate or an assignment was not.
    """
    if launch.refused is not None:
        raise launch.refused
    if _is_behind_balancer(launch):
        with launch.session.reporter.step("Load balancer's address"):
            found = wait_until_balancer_active(launch.session)
        launch.session.reporter.note(f"    {found.name} has the address {found.ip}")


def close_direct_access(launch: Launch) -> None:
    """Let only the load balancer connect to the ingress nodes, unless the cluster file keeps them open."""
    if _is_behind_balancer(launch):
        network.close_direct_access(launch.session, launch.request)


def _is_behind_balancer(launch: Launch) -> bool:
    plan = launch.request.plan
    return balancer_of(plan) is not None and any(node.slot in launch.members for node in plan.ingress_nodes)


def wait_for_consul_servers(launch: Launch) -> None:
    """Wait until the Consul servers that this launch wants are active."""
    _wait_for_wanted(launch, lambda kind: kind.is_consul_server)


def wait_for_servers(launch: Launch) -> None:
    """Wait until the servers that this launch wants are active."""
    _wait_for_wanted(launch, lambda kind: kind.is_any_server)


def _wait_for_wanted(launch: Launch, wanted: Callable[[Kind], bool]) -> None:
    servers = [node.slot for node in launch.request.wanted if wanted(node.kind)]
    running = [slot for slot in servers if launch.members[slot].status != "off"]
    launch.members = wait_until_active(launch.session, launch.members, running)


def wait_for_nodes(launch: Launch) -> None:
    """Wait until the droplets are active, and remove firewalls that another launch created, too."""
    session, plan = launch.session, launch.request.plan
    launch.members = wait_until_active(session, launch.members, [node.slot for node in launch.request.wanted])
    if launch.changes.new_firewalls:
        resolve_duplicate_firewalls(session, plan.firewalls, session.cloud.list_firewalls())


def run_after(launch: Launch, step: AfterStep) -> None:
    """Run a step that needs the agents, then remove dead nodes that have no droplet."""
    session = launch.session
    with session.reporter.step(step.title), _recording_not_joined(launch):
        step.run(launch.droplets)
    if step.forms_cluster:
        session.journal.record_formed()
    # Gossip finds a dead member within half a minute, so each step may find more of them. A Consul that this
    # launch forms has no dead members.
    if session.running is not None and launch.prepared.formed.consul:
        mend(session, launch.request.plan, _listed(launch))


def _listed(launch: Launch) -> tuple[Droplet, ...]:
    """List the cluster's droplets, at most every ``LISTING_SECONDS``."""
    now = launch.session.clock.now()
    if launch.listed_at is None or now - launch.listed_at >= LISTING_SECONDS:
        launch.listed, launch.listed_at = list_members(launch.session), now
    return launch.listed


def finish(launch: Launch) -> None:
    """Record in the journal that the launch is done."""
    session = launch.session
    session.journal.finish(listed_since=session.wall() - session.timings.settle)


def _prepare(launch: Launch) -> None:
    launch.prepared = prepare(launch.session, launch.request, launch.run_id)
    launch.members = members_of(launch.session, launch.changes.unchanged)


@contextmanager
def _going_on(launch: Launch, what: str) -> Iterator[None]:
    """If the block fails for good, warn, and keep the error for the end of the launch: the cluster forms first."""
    try:
        yield
    except (UnprocessableError, UnauthorizedError) as error:
        if isinstance(error, UnauthorizedError) and error.rejects_token:
            raise
        launch.refused = refused_error(what, error)
    except (LaunchError, DeadlineError) as error:
        launch.refused = error
    else:
        return
    launch.session.reporter.warn(f"{launch.refused.full_message}; the launch continues without the {what}")


@contextmanager
def _recording_not_joined(launch: Launch) -> Iterator[None]:
    """If the block misses its deadline, record the nodes that have not joined: the next launch replaces them."""
    session, droplets = launch.session, launch.droplets
    try:
        yield
    except DeadlineError:
        names = launch.request.find_not_joined(droplets)
        slots = {slot_of(d, session.cluster): d.name for d in droplets if d.name in names}
        for slot in session.journal.record_not_joined(slots):
            session.reporter.warn(f"{slots[slot]} never joined; unless it does, the next launch replaces it")
        raise


def _report(session: Session, changes: Changes) -> None:
    for line in changes.later:
        session.reporter.warn(line)
    for line in extra_lines(changes.extra):
        session.reporter.warn(line)
    for droplet in changes.duplicates:
        duplicate = f"{slot_of(droplet, session.cluster)} exists more than once (droplet {droplet.id})"
        session.reporter.warn(
            Hint(f"{duplicate}; to remove the newest: ", Command("destroy", "--node", droplet.name))
        )
