"""``bakery doctor``: check everything that bakery needs, from this machine."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import click

from bakery.cli import doctor_here
from bakery.cli.answers import print_answer, print_table
from bakery.cli.columns import column_options
from bakery.cli.doctor_model import COLOURS, Check, CheckState
from bakery.cli.invocation import Invocation, invocation_of
from bakery.cli.options import common_options
from bakery.cli.read_only import read_only
from bakery.cli.table import Table
from bakery.console import counted
from bakery.errors import BakeryError, ExitCode
from bakery.hints import Command, Hint

if TYPE_CHECKING:
    from bakery.observe.expiry import Expiry
    from bakery.observe.model import ClusterReport, Condition

EXPIRY_WARNING_DAYS = 30
HEADER = ("STATE", "CHECK", "MESSAGE")
HELP = "HELP"
"""The column of ``--format`` with the remedy, which the table has in a line of its own."""


@click.command()
@click.option("--fix", is_flag=True, help="Remove the causes that can be removed without a loss.")
@common_options
@column_options((*HEADER, HELP))
@read_only(unless="fix")
@click.pass_context
def doctor(context: click.Context, fix: bool) -> int:  # noqa: FBT001 - a click flag
    """Check the cluster file, domains, token, clock, programs, snapshot, state folder and certificates.

    "not yet" means that the next command makes what is missing. --fix deletes the record of a lock whose process
    has ended, and makes the state folder private.

    If the cluster runs, also check that it has no unknown members and only its own gossip keys, that its load
    balancer and its reserved IP work, and when the certificates of its nodes expire. Known vulnerabilities of the
    versions that run, or that the cluster file has, are warnings. Exits 7 if a check fails.

    \b
    Examples:
      bakery doctor
      bakery doctor --fix
      bakery doctor -o json
    """
    invocation = invocation_of(context)
    first = _try("cluster file", _cluster_file, invocation)
    rest = CHECKS if first.passed else WITHOUT_FILE
    checks = [first, *(_try(name, check, invocation) for name, check in rest)]
    if first.passed:
        checks += [
            *_domains(invocation),
            *_ways_in(invocation),
            *_rendered(invocation),
            *_cluster_checks(invocation),
        ]
    checks = _each_cause_once(checks)
    if fix:
        checks = [_fixed(check, invocation) for check in checks]
    if invocation.settings.json:
        print_answer(invocation.settings, "doctor", {"checks": [check.as_json for check in checks]})
    else:
        print_table(invocation.settings, _table(checks, one_line=bool(invocation.settings.columns)))
    return ExitCode.DONE if all(check.passed for check in checks) else ExitCode.CHECKS


def _each_cause_once(checks: list[Check]) -> list[Check]:
    """Return the checks; one that failed for the reason of an earlier one names that one instead."""
    first: dict[tuple[str, str | None], str] = {}
    shown = []
    for check in checks:
        name = first.setdefault((check.message, check.remedy), check.name)
        if name == check.name or check.passed:
            shown.append(check)
        else:
            shown.append(
                Check(name=check.name, state=check.state, message=f"not checked, for the same reason: see {name}")
            )
    return shown


def _table(checks: list[Check], *, one_line: bool) -> Table:
    """Return the table; with ``one_line`` each check is one row, and its remedy is a column."""
    styles = {state.value: COLOURS[state] for state in CheckState}
    if one_line:
        all_in_one = [(check.state.value, check.name, check.message, check.remedy or "-") for check in checks]
        return Table(header=(*HEADER, HELP), rows=all_in_one, styles=styles)
    rows = [row for check in checks for row in _rows(check)]
    return Table(header=HEADER, rows=rows, folds="MESSAGE", styles=styles)


def _rows(check: Check) -> list[tuple[str, str, str]]:
    first = (check.state.value, check.name, check.message)
    return [first, ("", "", f"help: {check.remedy}")] if check.remedy else [first]


def _fixed(check: Check, invocation: Invocation) -> Check:
    """Remove the cause, if that is harmless, and return the check as it is then."""
    if check.fix is None:
        return check
    try:
        check.fix()
    except OSError as error:
        invocation.console.warn(f"{check.name} cannot be fixed: {error.strerror}")
        return check
    return Check(name=check.name, state=CheckState.PASS, message=f"fixed: {check.message}")


def _try(name: str, check: Callable[[Invocation], str | Check], invocation: Invocation) -> Check:
    try:
        result = check(invocation)
        return result if isinstance(result, Check) else Check(name=name, state=CheckState.PASS, message=result)
    except BakeryError as error:
        return _failed(name, error, invocation)


def _failed(name: str, error: BakeryError, invocation: Invocation) -> Check:
    remedy = invocation.settings.spell(error.hint) if error.hint else None
    return Check(name=name, state=CheckState.FAIL, message=error.message, remedy=remedy)


def _not_yet(name: str, message: str, command: Command, invocation: Invocation) -> Check:
    return Check(name=name, state=CheckState.NOT_YET, message=message, remedy=invocation.settings.spell(command))


def _cluster_file(invocation: Invocation) -> str:
    invocation.plan()
    return f"{invocation.config.path} is valid"


def _token(invocation: Invocation) -> str:
    return (
        f"{invocation.place.name} accepts the token; up to {counted(invocation.account.droplet_limit, 'droplet')}"
    )


def _token_of_cluster(invocation: Invocation) -> str:
    """Check the token, and that it belongs to the cloud that the cluster was launched on."""
    from bakery.operations.place import check_place

    message = _token(invocation)
    check_place(invocation, insists=False)
    return message


def _programs(_invocation: Invocation) -> str | Check:
    return _packer({})


def _programs_of_file(invocation: Invocation) -> str | Check:
    """Check that this machine has the Packer that the file's ``image.checksums`` pin, if they pin one."""
    return _packer(invocation.config.image.checksums)


def _packer(checksums: Mapping[str, str]) -> str | Check:
    from bakery.toolchain.find import find_local_tool
    from bakery.toolchain.model import PACKER_VERSION, ToolName, places_from_environment

    tool = find_local_tool(ToolName.PACKER, PACKER_VERSION, places=places_from_environment(checksums=checksums))
    if tool is not None:
        return f"packer {tool.version} at {tool.path}"
    message = f"packer {PACKER_VERSION} is not on this machine; build-image downloads it"
    return Check(name="programs", state=CheckState.NOT_YET, message=message)


def _snapshot(invocation: Invocation) -> str | Check:
    from bakery.bake.snapshot import OLD_DAYS, age_in_days, is_old
    from bakery.errors import ChecksFailedError
    from bakery.launch.base.agentless import asks_agents_in_vain
    from bakery.launch.converge.preflight_image import image_command
    from bakery.operations.droplets import present_snapshot

    now, versions = datetime.now(UTC), invocation.config.image
    image = present_snapshot(invocation)
    if image is None:
        message = f"there is no snapshot of consul {versions.consul} and nomad {versions.nomad}"
        bakes = not asks_agents_in_vain(invocation.cloud, invocation.config.region)
        return _not_yet("snapshot", message, image_command(bakes=bakes), invocation)
    if is_old(image, now):
        message = f"{image.name} is {age_in_days(image, now)} days old and lacks the security updates since then"
        hint = Hint(Command("build-image", "--fresh"), f" (bake one every {OLD_DAYS} days, and replace the nodes)")
        raise ChecksFailedError(message=message, hint=hint)
    return f"{image.name} is the snapshot that launch uses"


def _versions(invocation: Invocation) -> str:
    from bakery.config.versions import describe_tested

    image = invocation.config.image
    return f"Consul {image.consul} and Nomad {image.nomad}; {describe_tested(image.consul, image.nomad)}"


def _domains(invocation: Invocation) -> list[Check]:
    """Return the check of the domains, if the user creates DNS records for any."""
    from bakery.operations.domains import address_warning, domains_of_the_user

    ingress = invocation.config.ingress
    domains = domains_of_the_user(ingress)
    if not domains:
        return []
    warning = address_warning(ingress)
    state = CheckState.WARN if warning else CheckState.PASS
    return [Check(name="domains", state=state, message=warning or f"{', '.join(domains)}: with an address")]


def _ways_in(invocation: Invocation) -> list[Check]:
    """Return a check of the planned load balancer, and one of the reserved IP."""
    from bakery.operations.droplets import list_droplets
    from bakery.operations.ways_in import find_ways_in

    try:
        droplets = list_droplets(invocation)
        found = find_ways_in(invocation, invocation.plan(), droplets).conditions
    except BakeryError as error:
        return [_failed("ways in", error, invocation)]
    return [_way_in(condition, invocation, launched=bool(droplets)) for condition in found]


def _way_in(condition: "Condition", invocation: Invocation, *, launched: bool) -> Check:
    from bakery.observe.model import ConditionState

    if condition.state is ConditionState.OK:
        return Check(name=condition.name, state=CheckState.PASS, message=condition.message)
    if not launched:
        return _not_yet(condition.name, "the first launch makes it", Command("launch"), invocation)
    remedy = condition.help or invocation.settings.spell(Command("launch"))
    return Check(name=condition.name, state=CheckState.FAIL, message=condition.message, remedy=remedy)


def _rendered(invocation: Invocation) -> list[Check]:
    """Return a warning for each role whose rendered file would make a node with old certificates."""
    from bakery.operations.render_by_hand import stale_roles

    plan = invocation.plan()
    try:
        stale = stale_roles(invocation, plan)
    except BakeryError as error:
        return [_failed("rendered", error, invocation)]
    roles = {node.name: node.role for node in plan.nodes}
    checks = []
    for name in stale:
        options = ("--role", roles[name], "--node", name) if name in roles else ("--role", name)
        message = f"the rendered file of {name} is out of date: the cluster's certificates have changed since"
        remedy = invocation.settings.spell(Command("render", *options, "-o", "rendered"))
        checks.append(Check(name="rendered", state=CheckState.WARN, message=message, remedy=remedy))
    return checks


def _certificates(invocation: Invocation) -> str | Check:
    from bakery.credentials.inspect import describe
    from bakery.errors import ChecksFailedError
    from bakery.operations.credentials import has_credentials, load_credentials
    from bakery.operations.droplets import list_droplets

    if not has_credentials(invocation.paths) and not list_droplets(invocation):
        return _not_yet("certificates", "the first launch makes them", Command("launch"), invocation)
    now = datetime.now(UTC)
    first = min(describe(load_credentials(invocation)), key=lambda certificate: certificate.not_after)
    left = first.days_left(now)
    if left < EXPIRY_WARNING_DAYS:
        message = f"the {first.name} expires in {counted(left, 'day')}"
        raise ChecksFailedError(message=message)
    return f"the first to expire is the {first.name}, in {counted(left, 'day')}"


def _cluster_checks(invocation: Invocation) -> list[Check]:
    """Return the checks of the running cluster, from one observation."""
    try:
        looked = _look(invocation)
    except BakeryError as error:
        failed = [_failed(name, error, invocation) for name in CLUSTER_CHECKS]
        return [*failed, *_advisories(error.message, invocation)]
    conditions = [_try(name, partial(_condition, looked, name), invocation) for name in CONDITIONS]
    certificates = _try(NODE_CERTIFICATES, partial(_node_certificates, looked), invocation)
    return [*conditions, certificates, *_advisories(looked, invocation)]


@dataclass(frozen=True, kw_only=True)
class _Look:
    """The state of the cluster."""

    report: "ClusterReport"
    expiries: "tuple[Expiry, ...]"


def _look(invocation: Invocation) -> _Look | str:
    """Return the state of the cluster, or why it was not asked."""
    from bakery.credentials.inspect import first_to_end
    from bakery.credentials.store import find_bundle
    from bakery.launch.base.agentless import NO_AGENTS, none_will_answer
    from bakery.observe.expiry import observe_with_expiry
    from bakery.operations.credentials import check_own_droplets, connect_agents, load_credentials
    from bakery.operations.droplets import list_droplets
    from bakery.plan.slots import as_running

    plan = invocation.plan()
    droplets = list_droplets(invocation)
    if not droplets:
        return f"{plan.cluster} has no droplets"
    if find_bundle(invocation.paths) is None:
        return f"there are no credentials of {plan.cluster} here"
    bundle = load_credentials(invocation)
    check_own_droplets(bundle, droplets, plan.cluster)
    running, clients = as_running(plan, droplets), connect_agents(invocation, bundle)
    report, expiries = observe_with_expiry(running, droplets, clients, ca_ends=first_to_end(bundle))
    if none_will_answer(invocation.cloud, plan.region, report):
        return NO_AGENTS
    return _Look(report=report, expiries=expiries)


def _condition(looked: _Look | str, name: str, _invocation: Invocation) -> str | Check:
    """Return the message of that condition of ``bakery status``; a warning if the cluster is healthy without it.

    Raises:
        ChecksFailedError: it is not met, or the cluster cannot be asked.
    """
    from bakery.errors import ChecksFailedError
    from bakery.observe.model import ConditionState

    if isinstance(looked, str):
        return f"not checked: {looked}"
    condition = next(one for one in looked.report.conditions if one.name == name)
    if condition.state is ConditionState.MISSING and not condition.blocks:
        return Check(name=name, state=CheckState.WARN, message=condition.message, remedy=condition.help)
    if condition in looked.report.missing:
        raise ChecksFailedError(message=condition.message, hint=condition.help or Command("status"))
    return condition.message


def _node_certificates(looked: _Look | str, invocation: Invocation) -> str | Check:
    """Return when the first certificate of a node expires, or a warning that names nodes to replace soon.

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
        remedy, message = invocation.settings.spell(renewal(late)), describe_expiring(late, now)
        return Check(name=NODE_CERTIFICATES, state=CheckState.WARN, message=message, remedy=remedy)
    if not looked.expiries:
        return "no agent answered, and no droplet has a date"
    first = min(looked.expiries, key=lambda expiry: expiry.ends)
    return f"the first to expire are those of {first.name}, on {first.ends:%Y-%m-%d} ({first.source.value})"


def _advisories(looked: _Look | str, invocation: Invocation) -> list[Check]:
    """Return a warning for each known vulnerability, or one check that there is none."""
    from bakery.operations.advisories import find_versions

    versions = find_versions(invocation.config, None if isinstance(looked, str) else looked.report)
    found = [
        Check(
            name=each.name,
            state=CheckState.WARN,
            message=f"{on.product.name} {on.version} {on.where}: {each.effect}",
            remedy=f"fixed in {each.fixed}: {each.source}",
        )
        for on in versions
        for each in on.advisories
    ]
    known = " and ".join(f"{on.product.name} {on.version}" for on in versions)
    none = Check(name="advisories", state=CheckState.PASS, message=f"{known} have no known vulnerability")
    return found or [none]


Checks = tuple[tuple[str, Callable[[Invocation], str | Check]], ...]
WITHOUT_FILE: Checks = (("token", _token), ("clock", doctor_here.clock), ("programs", _programs))
CHECKS: Checks = (
    ("token", _token_of_cluster),
    ("clock", doctor_here.clock),
    ("droplet limit", doctor_here.droplet_limit),
    ("programs", _programs_of_file),
    ("versions", _versions),
    ("snapshot", _snapshot),
    ("certificates", _certificates),
    ("locks", doctor_here.locks),
    ("state folder", doctor_here.modes),
)
"""Checks that need a cluster file."""
CONDITIONS = ("strangers", "keyrings")
"""Conditions of ``bakery status`` that another launch would not fix."""
NODE_CERTIFICATES = "node certs"
CLUSTER_CHECKS = (*CONDITIONS, NODE_CERTIFICATES)
