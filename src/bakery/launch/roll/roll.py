"""Replaces every node that differs, one at a time; the plan of the rest is made anew after each."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from math import ceil

from bakery.agents.interface import AclApi, NomadApi
from bakery.agents.model import NomadNode
from bakery.cloud.model import Droplet, Image
from bakery.errors import AgentError, BakeryError, LaunchError, UsageError
from bakery.hints import Command, Hint
from bakery.launch.base.journal import Rolling
from bakery.launch.base.members import complete_listing, list_members
from bakery.launch.base.model import DrainPolicy, Present
from bakery.launch.base.patience import ELECTION_SECONDS, persist, reach_patiently
from bakery.launch.base.session import Session
from bakery.launch.roll.model import Replaced, ReplaceRequest, RollRequest
from bakery.launch.roll.need import UNFINISHED, Because, Need, Wanted, differences, find_needs
from bakery.launch.roll.order import in_roll_order
from bakery.launch.roll.pinned import find_pinned
from bakery.launch.roll.preflight import look, with_droplets
from bakery.launch.roll.replace import Checked, check_replacement, replace_node
from bakery.launch.roll.successor import find_requested
from bakery.launch.roll.target import half_done, target_in
from bakery.launch.roll.versions import check_versions, versions_in, versions_on
from bakery.launch.teardown.drain import give_back
from bakery.launch.teardown.hurt import NO_WORK, Work, look_at_work
from bakery.plan.model import ClusterPlan
from bakery.plan.slots import as_running, slot_of
from bakery.wait import Pending

MINUTES_PER_NODE = 2
"""A droplet boots for about a minute at DigitalOcean; a new server votes after ten healthy seconds."""


@dataclass(frozen=True, kw_only=True)
class RollPlan:
    """What a roll will do."""

    wanted: Wanted
    needs: tuple[Need, ...]
    """In the order of replacement."""
    work: Work
    """What becomes of the work of the clients, as the user knows it."""
    drain: DrainPolicy
    continues: bool
    """Whether an earlier run of the roll was interrupted."""
    present: Present

    @property
    def minutes(self) -> int:
        """About how long it takes, without the drains."""
        return MINUTES_PER_NODE * len(self.needs)

    @property
    def drain_minutes(self) -> int:
        """How long the drains take at most, one after another."""
        return ceil(len(self.work.busy) * self.drain.seconds / 60) if self.drain.drains else 0


def plan_roll(session: Session, request: RollRequest) -> RollPlan:
    """Find the nodes to replace. Change nothing.

    Raises:
        UsageError: the cluster has no droplets, there is no snapshot to replace them with, or a client holds host
        volumes.
    """
    present = look(session, request.replace.launch)
    _check_present(session, request, present)
    wanted = _wanted(session, request)
    needs = _needs(session, request, wanted, present.droplets)
    continues = session.journal.now.roll is not None
    return RollPlan(
        wanted=wanted,
        needs=needs,
        work=_work(session, request, needs, present.droplets),
        drain=request.replace.drain,
        continues=continues,
        present=present,
    )


def _check_present(session: Session, request: RollRequest, present: Present) -> None:
    """Warn of nodes without a droplet: a roll does not create them.

    Raises:
        UsageError: there is no droplet at all.
    """
    if not present.droplets:
        message = f"cluster {session.cluster} has no droplets"
        raise UsageError(message=message, hint=Command("launch"))
    used = {slot_of(droplet, session.cluster) for droplet in present.droplets}
    missing = [node.slot for node in request.replace.launch.plan.nodes if node.slot not in used]
    if missing:
        names = ", ".join(missing)
        session.reporter.warn(Hint(f"{names}: no droplet; to create what is missing: ", Command("launch")))


def check_roll(session: Session, request: RollRequest, plan: RollPlan) -> None:
    """Check that the versions of all can be changed, and that the first node can be replaced now. Change nothing.

    Raises:
        ChecksFailedError: the cluster is not healthy.
        UsageError: one more droplet, or a version, is impossible.
    """
    if plan.needs:
        launch, nodes = request.replace.launch, [need.node for need in plan.needs]
        droplets, image = plan.present.droplets, plan.wanted.image
        versions = versions_in(image, launch) or versions_on(session, launch.plan, image, droplets)
        _check_chosen(request, versions)
        check_versions(session, launch.plan, versions, nodes, droplets)
        _check(session, _pinned(request, image), plan.needs[0], plan.present)


def _check_chosen(request: RollRequest, versions: tuple[str, str] | None) -> None:
    """Check that the rules of versions can be applied to the snapshot that the user chose.

    Raises:
        UsageError: its versions are not known.
    """
    if request.image is not None and versions is None:
        message = f"the versions of Consul and Nomad in snapshot {request.image.name} are not known"
        details = "an earlier bakery baked it, which did not record them in a tag"
        raise UsageError(message=message, details=details, hint=Hint("bake a new one: ", Command("build-image")))


def run_roll(session: Session, request: RollRequest, plan: RollPlan) -> tuple[Replaced, ...]:
    """Replace the nodes. The caller holds the lock file and has the user's consent.

    Raises:
        ChecksFailedError, DeadlineError: the roll stopped; nodes that are not replaced are untouched.
        CloudError, AgentError, UsageError: the roll stopped half-way; the same command continues it.
    """
    wanted = plan.wanted
    if plan.needs:
        session.journal.record_roll(_begun(session, request, wanted))
    done: list[Replaced] = []
    made: set[str] = set()
    with _giving_back(session, request):
        while True:
            present = with_droplets(plan.present, complete_listing(session, list_members(session)))
            needs = _needs(session, request, wanted, present.droplets)
            need = next((need for need in needs if not _is_new(request, wanted, need, made)), None)
            if need is None:
                break
            if need.droplet.name in made:
                message = f"{need.droplet.name} still differs after its replacement: {', '.join(need.reasons)}"
                raise LaunchError(message=message, hint=Command("status"))
            with _counting(len(done), len(plan.needs)):
                done.append(_replace(session, request, plan, need, present))
            if need.reasons != UNFINISHED:  # a successor of an earlier run may be from another snapshot
                made.add(done[-1].new)
        _give_back(session, request)
    _end(session, request, wanted, [droplet for droplet in present.droplets if droplet.name not in made])
    return tuple(done)


def _begun(session: Session, request: RollRequest, wanted: Wanted) -> Rolling:
    """Return the record of the roll. A run for fewer nodes does not make an unfinished roll smaller."""
    earlier, roles, because = session.journal.now.roll, set(request.roles), set(request.because)
    if earlier is not None:
        roles = roles.union(earlier.roles) if roles and earlier.roles else set()
        because |= {Because(reason) for reason in earlier.because}
    return Rolling(
        image_id=wanted.image.id,
        started=wanted.now,
        ineligible=earlier.ineligible if earlier is not None else (),
        roles=tuple(sorted(roles)),
        because=tuple(sorted(because)),
    )


def _is_new(request: RollRequest, wanted: Wanted, need: Need, made: Collection[str]) -> bool:
    """Whether this run made the droplet, and only its age differs: the clocks of machine and API may differ."""
    others = request.because - {Because.AGE}
    plan = request.replace.launch.plan
    return need.droplet.name in made and not differences(plan, need.node, need.droplet, wanted, others)


def _end(session: Session, request: RollRequest, wanted: Wanted, droplets: Collection[Droplet]) -> None:
    """Record the end of the roll, unless this run was for fewer nodes than an interrupted one."""
    roll = session.journal.now.roll
    if roll is None:
        return
    because = frozenset(Because(reason) for reason in roll.because)
    left = find_needs(request.replace.launch.plan, droplets, wanted, because=because, roles=roll.roles)
    if not left:
        session.journal.record_roll(None)
        return
    names = ", ".join(need.droplet.name for need in left)
    session.reporter.warn(Hint(f"the roll that was interrupted is not finished ({names}): ", Command("roll")))


def _wanted(session: Session, request: RollRequest) -> Wanted:
    launch, roll = request.replace.launch, session.journal.now.roll
    image = request.image or launch.image
    if request.image is None:
        image = find_pinned(session, launch) or image
    if image is None:
        message = "there is no snapshot to make droplets from"
        raise UsageError(message=message, hint=Command("build-image"))
    started = session.wall() if roll is None else roll.started
    return Wanted(image=image, generation=launch.generation, now=started, oldest_days=request.oldest_days)


def _pinned(request: RollRequest, image: Image) -> ReplaceRequest:
    return replace(request.replace, launch=replace(request.replace.launch, image=image))


def _needs(
    session: Session, request: RollRequest, wanted: Wanted, droplets: tuple[Droplet, ...]
) -> tuple[Need, ...]:
    plan = request.replace.launch.plan
    needs = find_needs(
        plan,
        droplets,
        wanted,
        because=request.because,
        roles=request.roles,
        half_done=half_done(session.journal.now, droplets),
    )
    if not needs:
        return ()
    return in_roll_order(needs, _leaders(session, plan, droplets))


def _leaders(session: Session, plan: ClusterPlan, droplets: tuple[Droplet, ...]) -> frozenset[str]:
    """Return the VPC addresses of the leaders of Consul and Nomad, as far as there are leaders."""
    reached = reach_patiently(session, plan, droplets)
    apis: tuple[AclApi, ...] = tuple(api for api in (reached.consul, reached.nomad) if api is not None)

    def look() -> frozenset[str] | Pending:
        try:
            found = {api.leader().rpartition(":")[0] for api in apis}
        except AgentError as error:
            return Pending(error.full_message)
        return frozenset(found) if all(found) else Pending("a leader is being elected")

    return session.wait(look, what="the leaders of Consul and Nomad", seconds=ELECTION_SECONDS, every=1.0)


def _check(session: Session, request: ReplaceRequest, need: Need, present: Present) -> Checked:
    target = target_in(request.launch.plan, present.droplets, session.journal.now, need.node)
    alive = need.reasons != UNFINISHED
    return check_replacement(session, request, find_requested(session, target), present, alive=alive)


def _replace(session: Session, request: RollRequest, plan: RollPlan, need: Need, present: Present) -> Replaced:
    one = _pinned(request, plan.wanted.image)
    if need.node.kind.is_nomad_client:
        old = partial(_make_ineligible, session, request, plan.wanted, need.node.role)
        one = replace(one, before_removal=old)
    checked = _check(session, one, need, present)
    session.reporter.note(f"{need.droplet.name}: {'; '.join(need.reasons)}")
    return replace_node(session, one, replace(checked, work=plan.work))


def _make_ineligible(
    session: Session, request: RollRequest, wanted: Wanted, role: str, droplets: tuple[Droplet, ...]
) -> None:
    """Make the old clients of the role ineligible, so that work does not move to one that leaves later.

    Source: https://developer.hashicorp.com/nomad/docs/commands/node/drain ("recommended you first disable
    scheduling eligibility").
    """
    plan = request.replace.launch.plan
    nomad = reach_patiently(session, plan, droplets).nomad
    needs = find_needs(plan, droplets, wanted, because=request.because, roles=(role,))

    def make(nomad: NomadApi) -> None:
        roll = session.journal.now.roll
        old = [node.id for node in _nodes_of(nomad, needs) if node.eligible]
        session.journal.record_ineligible(dict.fromkeys((*(roll.ineligible if roll else ()), *old)))
        for node_id in old:
            nomad.set_ineligible(node_id)

    if nomad is not None:
        persist(session, partial(make, nomad), what=f"Nomad to give the old clients of {role} no more work")


def _nodes_of(nomad: NomadApi, needs: tuple[Need, ...]) -> tuple[NomadNode, ...]:
    """Return Nomad's entries of the droplets to replace, by name and address."""
    places = {(need.droplet.name, need.droplet.private_ipv4) for need in needs}
    return tuple(node for node in nomad.nodes() if (node.name, node.address) in places)


@contextmanager
def _giving_back(session: Session, request: RollRequest) -> Iterator[None]:
    """If the block fails or is interrupted, make the clients eligible that the roll made ineligible."""
    try:
        yield
    except BaseException:
        _give_back(session, request)
        raise


def _give_back(session: Session, request: RollRequest) -> None:
    roll = session.journal.now.roll
    if roll is None or not roll.ineligible:
        return
    nomad = reach_patiently(session, request.replace.launch.plan, list_members(session)).nomad
    if nomad is not None:
        give_back(session, nomad)


@contextmanager
def _counting(done: int, total: int) -> Iterator[None]:
    try:
        yield
    except BakeryError as error:
        counted = f"{done} of {total} nodes are replaced; "
        error.hint = Hint(counted, error.hint) if error.hint else f"{counted}run the same command again"
        raise


def _work(session: Session, request: RollRequest, needs: tuple[Need, ...], droplets: tuple[Droplet, ...]) -> Work:
    working = [need.droplet for need in needs if need.node.kind.is_nomad_client or need.node.kind.is_ingress]
    if not working:
        return NO_WORK
    plan = as_running(request.replace.launch.plan, droplets)
    return look_at_work(session, plan, working, droplets, request.replace.drain, replaced=True)
