"""``bakery doctor``: check everything that bakery needs, from this machine."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import click

from bakery.cli.options import common_options
from bakery.cli.session import Session, session_of
from bakery.console import counted
from bakery.errors import BakeryError, ExitCode
from bakery.hints import Command, Hint

if TYPE_CHECKING:
    from bakery.observe.expiry import Expiry
    from bakery.observe.model import ClusterReport

EXPIRY_WARNING_DAYS = 30


@dataclass(frozen=True, kw_only=True)
class Check:
    """One check and its result."""

    name: str
    passed: bool
    message: str
    remedy: str | None = None


@click.command()
@common_options
@click.pass_context
def doctor(context: click.Context) -> int:
    """Check the cluster file, the token, the programs, the snapshot and the certificates.

    If the cluster runs, also check that it has no unknown members and only its own gossip keys, and when the
    certificates of its nodes expire. Exits 7 if a check fails.
    """
    session = session_of(context)
    first = _try("cluster file", _cluster_file, session)
    rest = CHECKS if first.passed else WITHOUT_FILE
    checks = [first, *(_try(name, check, session) for name, check in rest)]
    if first.passed:
        checks += _cluster_checks(session)
    console = session.console
    if session.settings.json:
        console.print_json([vars(check) for check in checks])
    else:
        for check in checks:
            word = (
                console.style("pass", "green", out=True)
                if check.passed
                else console.style("FAIL", "red", out=True)
            )
            console.print(f"{word}  {check.name:<13} {check.message}")
            if check.remedy:
                console.print(f"      {'':<13} help: {check.remedy}")
    return ExitCode.DONE if all(check.passed for check in checks) else ExitCode.CHECKS


def _try(name: str, check: Callable[[Session], str], session: Session) -> Check:
    try:
        return Check(name=name, passed=True, message=check(session))
    except BakeryError as error:
        return _failed(name, error, session)


def _failed(name: str, error: BakeryError, session: Session) -> Check:
    remedy = session.settings.spell(error.hint) if error.hint else None
    return Check(name=name, passed=False, message=error.message, remedy=remedy)


def _cluster_file(session: Session) -> str:
    session.plan()
    return f"{session.config.path} is valid"


def _token(session: Session) -> str:
    return f"{session.place.name} accepts the token; up to {counted(session.account.droplet_limit, 'droplet')}"


def _token_of_cluster(session: Session) -> str:
    """Check the token, and that it belongs to the cloud that the cluster was launched on."""
    from bakery.operations.place import check_place

    message = _token(session)
    check_place(session, insists=False)
    return message


def _programs(_session: Session) -> str:
    from bakery.toolchain.find import find_tool
    from bakery.toolchain.model import PACKER_VERSION, ToolName, places_from_environment

    places = places_from_environment()
    tool = find_tool(ToolName.PACKER, PACKER_VERSION, places=places, download=False)
    return f"packer {tool.version} at {tool.path}"


def _snapshot(session: Session) -> str:
    from bakery.bake.snapshot import OLD_DAYS, age_in_days, is_old
    from bakery.errors import ChecksFailedError
    from bakery.launch.converge.snapshot import find_snapshot
    from bakery.operations.droplets import snapshot_tag

    now = datetime.now(UTC)
    image = find_snapshot(session.cloud, session.config, snapshot_tag(session.config))
    if is_old(image, now):
        message = f"{image.name} is {age_in_days(image, now)} days old and lacks the security updates since then"
        hint = Hint(Command("build-image", "--fresh"), f" (bake one every {OLD_DAYS} days, and replace the nodes)")
        raise ChecksFailedError(message=message, hint=hint)
    return f"{image.name} is the snapshot that launch uses"


def _certificates(session: Session) -> str:
    from bakery.credentials.inspect import describe
    from bakery.errors import ChecksFailedError
    from bakery.operations.credentials import load_credentials

    now = datetime.now(UTC)
    first = min(describe(load_credentials(session)), key=lambda certificate: certificate.not_after)
    left = first.days_left(now)
    if left < EXPIRY_WARNING_DAYS:
        message = f"the {first.name} expires in {counted(left, 'day')}"
        raise ChecksFailedError(message=message)
    return f"the first to expire is the {first.name}, in {counted(left, 'day')}"


def _cluster_checks(session: Session) -> list[Check]:
    """Return the checks of the running cluster, from one observation."""
    try:
        looked = _look(session)
    except BakeryError as error:
        return [_failed(name, error, session) for name in CLUSTER_CHECKS]
    conditions = [_try(name, partial(_condition, looked, name), session) for name in CONDITIONS]
    return [*conditions, _try(NODE_CERTIFICATES, partial(_node_certificates, looked), session)]


@dataclass(frozen=True, kw_only=True)
class _Look:
    """The state of the cluster."""

    report: "ClusterReport"
    expiries: "tuple[Expiry, ...]"


def _look(session: Session) -> _Look | str:
    """Return the state of the cluster, or why it was not asked."""
    from bakery.credentials.inspect import first_to_end
    from bakery.credentials.store import find_bundle
    from bakery.observe.expiry import observe_with_expiry
    from bakery.operations.credentials import connect_agents, load_credentials
    from bakery.operations.droplets import list_droplets
    from bakery.plan.slots import as_running

    plan = session.plan()
    droplets = list_droplets(session)
    if not droplets:
        return f"{plan.cluster} has no droplets"
    if find_bundle(session.paths) is None:
        return f"there are no credentials of {plan.cluster} here"
    bundle = load_credentials(session)
    running, clients = as_running(plan, droplets), connect_agents(session, bundle)
    report, expiries = observe_with_expiry(running, droplets, clients, ca_ends=first_to_end(bundle))
    return _Look(report=report, expiries=expiries)


def _condition(looked: _Look | str, name: str, _session: Session) -> str:
    """Return the message of that condition of ``bakery status``.

    Raises:
        ChecksFailedError: it is not met, or the cluster cannot be asked.
    """
    from bakery.errors import ChecksFailedError

    if isinstance(looked, str):
        return f"not checked: {looked}"
    condition = next(one for one in looked.report.conditions if one.name == name)
    if condition in looked.report.missing:
        raise ChecksFailedError(message=condition.message, hint=condition.help or Command("status"))
    return condition.message


def _node_certificates(looked: _Look | str, _session: Session) -> str:
    """Return which nodes must be replaced soon, or when the first certificate of a node expires.

    Raises:
        ChecksFailedError: less than a tenth of a certificate's life is left.
    """
    from bakery.errors import ChecksFailedError
    from bakery.observe.expiry import FAILURE_SHARE, WARNING_SHARE, describe_expiring, expiring, renewal

    now = datetime.now(UTC)
    if isinstance(looked, str):
        return f"not checked: {looked}"
    if late := expiring(looked.expiries, now, FAILURE_SHARE):
        raise ChecksFailedError(message=describe_expiring(late, now), hint=renewal(late))
    if late := expiring(looked.expiries, now, WARNING_SHARE):
        return f"{describe_expiring(late, now)}; replace the nodes"
    if not looked.expiries:
        return "no agent answered, and no droplet has a date"
    first = min(looked.expiries, key=lambda expiry: expiry.ends)
    return f"the first to expire are those of {first.name}, on {first.ends:%Y-%m-%d} ({first.source.value})"


WITHOUT_FILE: tuple[tuple[str, Callable[[Session], str]], ...] = (("token", _token), ("programs", _programs))
CHECKS = (
    ("token", _token_of_cluster),
    ("programs", _programs),
    ("snapshot", _snapshot),
    ("certificates", _certificates),
)
"""Checks that need a cluster file."""
CONDITIONS = ("strangers", "keyrings")
"""Conditions of ``bakery status`` that another launch would not fix."""
NODE_CERTIFICATES = "node certs"
CLUSTER_CHECKS = (*CONDITIONS, NODE_CERTIFICATES)
