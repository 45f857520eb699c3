"""``bakery credentials``: the certificates of the bundle, and credentials for other people and pipelines."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from bakery.cli.answers import print_answer, print_table
from bakery.cli.columns import column_options
from bakery.cli.credentials_at_rest import decrypt, encrypt
from bakery.cli.invocation import invocation_of
from bakery.cli.options import common_options
from bakery.cli.person import Duration, PersonName
from bakery.cli.read_only import read_only
from bakery.cli.recorder import recorded
from bakery.cli.table import Table
from bakery.cli.values import Choice
from bakery.cli.where import other_cloud_option

if TYPE_CHECKING:
    from bakery.operations.people import ListedPerson

ROLES = ("read", "deploy", "metrics")
AUTHORITY_HEADER = ("CERTIFICATE", "NOT AFTER", "DAYS LEFT")
_HEADER = ("NAME", "ROLE", "NAMESPACE", "EXPIRES", "CONSUL TOKEN", "NOMAD TOKEN", "FILES")
_DROPS = ("FILES", "NAMESPACE", "ROLE")


@click.group(invoke_without_command=True)
@common_options
@column_options(AUTHORITY_HEADER)
@click.pass_context
def credentials(context: click.Context) -> None:
    """Show the CAs in the credentials bundle and when they expire. Prints no secret.

    The operator's certificates are renewed every day. bakery status shows when the nodes' certificates expire.

    The commands below give other people and pipelines credentials with fewer rights than the operator's.

    \b
    Examples:
      bakery credentials
      bakery credentials list
    """
    if context.invoked_subcommand is None:
        _show_authorities(context)


def _show_authorities(context: click.Context) -> None:
    from bakery.credentials.authority import ca_fingerprint
    from bakery.credentials.inspect import describe
    from bakery.operations.credentials import load_credentials

    invocation = invocation_of(context)
    bundle = load_credentials(invocation)
    now = datetime.now(UTC)
    rows = [(c.name, f"{c.not_after:%Y-%m-%d}", str(c.days_left(now))) for c in describe(bundle)]
    if invocation.settings.json:
        print_answer(
            invocation.settings,
            "credentials",
            {
                "cluster": bundle.cluster,
                "generation": bundle.generation,
                "ca_fingerprint": ca_fingerprint(bundle),
                "certificates": [
                    {"name": name, "not_after": day, "days_left": int(left)} for name, day, left in rows
                ],
            },
        )
        return
    print_table(invocation.settings, Table(header=AUTHORITY_HEADER, rows=rows))
    file = next(each for each in (invocation.paths.bundle, invocation.paths.encrypted_bundle) if each.exists())
    invocation.console.note(f"generation {bundle.generation}, in {file}")


@credentials.command(short_help="Write certificates and tokens for a person or a pipeline.")
@click.argument("name", type=PersonName())
@click.option(
    "--role",
    type=Choice(ROLES),
    required=True,
    help="read: look at jobs and logs. deploy: also run jobs and exec. metrics: scrape Consul and Nomad.",
)
@click.option(
    "--namespace", default="default", show_default=True, metavar="NAME", help="The Nomad namespace of the rights."
)
@click.option(
    "--ttl",
    type=Duration(),
    default="24h",
    show_default=True,
    metavar="DURATION",
    help="How long the tokens are valid: 90m, 24h or 30d.",
)
@other_cloud_option
@common_options
@recorded
@click.pass_context
def issue(
    context: click.Context,
    name: str,
    role: str,
    namespace: str,
    ttl: timedelta,
    other_cloud: bool,  # noqa: FBT001 - a click flag
) -> None:
    """Write client certificates and tokens for one person or pipeline into a folder to hand on.

    Nothing is created if the name is taken, the namespace does not exist, or the time is too long. The file env in
    the folder sets the variables of consul and nomad. The holder's address must be in access.admin_cidrs.
    By a flaw of Nomad, every role can find out the secrets of jobs in all namespaces (docs/security.md).

    \b
    Examples:
      bakery credentials issue ann --role read
      bakery credentials issue ci --role deploy --ttl 30d
    """
    from bakery.operations.people import IssueRequest, issue_credentials

    invocation = invocation_of(context)
    request = IssueRequest(name=name, role=role, namespace=namespace, ttl=ttl, other_cloud=other_cloud)
    issued = issue_credentials(invocation, request)
    invocation.console.change()
    folder = invocation.paths.issued_to(name).folder
    if invocation.settings.json:
        dates = {"expires": _iso(issued.expires), "certificate_ends": _iso(issued.certificate_ends)}
        print_answer(invocation.settings, "credentials-issue", asdict(issued) | dates | {"folder": str(folder)})
        return
    invocation.console.print(str(folder))
    invocation.console.note(f"{role} in namespace {namespace}, until {issued.expires:%Y-%m-%d %H:%M} UTC")
    invocation.console.note("the folder holds a private key and tokens: hand it on over a private channel only")
    invocation.console.note("by a flaw of Nomad, its holder can find out all jobs' secrets (docs/security.md)")


@credentials.command(name="list", short_help="Show what was issued, and whether its tokens exist.")
@other_cloud_option
@common_options
@column_options(_HEADER)
@read_only()
@click.pass_context
def list_(context: click.Context, other_cloud: bool) -> None:  # noqa: FBT001 - a click flag
    """Show what was issued on this machine, and every issued token in the cluster.

    \b
    Example:
      bakery credentials list -o name
    """
    from bakery.operations.people import list_people

    invocation = invocation_of(context)
    people = list_people(invocation, other_cloud=other_cloud)
    if invocation.settings.json:
        shown = [asdict(each) | {"expires": each.expires and _iso(each.expires)} for each in people]
        print_answer(invocation.settings, "credentials-list", {"people": shown})
        return
    if not people:
        invocation.console.note("no credentials were issued")
        return
    print_table(invocation.settings, Table(header=_HEADER, rows=[_row(each) for each in people], drops=_DROPS))


@credentials.command(short_help="Delete the tokens and files of a name.")
@click.argument("name", type=PersonName())
@other_cloud_option
@common_options
@recorded
@click.pass_context
def revoke(context: click.Context, name: str, other_cloud: bool) -> None:  # noqa: FBT001 - a click flag
    """Delete the tokens that were issued under NAME, and the files on this machine.

    A certificate cannot be revoked: it is valid until its date. Without a token it reads what Consul and
    Nomad show to every certificate.

    \b
    Example:
      bakery credentials revoke ann
    """
    from bakery.operations.people import revoke_credentials

    invocation = invocation_of(context)
    issued = revoke_credentials(invocation, name, other_cloud=other_cloud)
    invocation.console.change()
    ends = issued.certificate_ends if issued else None
    if invocation.settings.json:
        print_answer(
            invocation.settings, "credentials-revoke", {"name": name, "certificate_ends": ends and _iso(ends)}
        )
        return
    until = f"until {ends:%Y-%m-%d %H:%M} UTC" if ends else "until its date"
    invocation.console.print(f"the tokens of {name} are deleted")
    without = "without a token it reads what Consul and Nomad show to every certificate"
    invocation.console.note(f"the certificate is valid {until}; {without}")


credentials.add_command(encrypt)
credentials.add_command(decrypt)


def _row(person: "ListedPerson") -> tuple[str, ...]:
    expires = f"{person.expires:%Y-%m-%d %H:%M}" if person.expires else "-"
    tokens = ("yes" if exists else "no" for exists in (person.consul_token, person.nomad_token))
    here = "here" if person.here else "elsewhere"
    return (person.name, person.role or "-", person.namespace or "-", expires, *tokens, here)


def _iso(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"
