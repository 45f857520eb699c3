"""``bakery credentials``: the certificates of the bundle, without its secrets."""

from datetime import UTC, datetime

import click

from bakery.cli.options import common_options
from bakery.cli.session import session_of


@click.command()
@common_options
@click.pass_context
def credentials(context: click.Context) -> None:
    """Show the CAs in the credentials bundle and when they expire. Prints no secret.

    The operator's certificates are renewed every day. bakery status shows when the nodes' certificates expire.
    """
    from bakery.credentials.authority import ca_fingerprint
    from bakery.credentials.inspect import describe
    from bakery.operations.credentials import load_credentials

    session = session_of(context)
    bundle = load_credentials(session)
    now = datetime.now(UTC)
    rows = [(c.name, f"{c.not_after:%Y-%m-%d}", str(c.days_left(now))) for c in describe(bundle)]
    if session.settings.json:
        session.console.print_json(
            {
                "cluster": bundle.cluster,
                "generation": bundle.generation,
                "ca_fingerprint": ca_fingerprint(bundle),
                "certificates": [
                    {"name": name, "not_after": day, "days_left": int(left)} for name, day, left in rows
                ],
            }
        )
        return
    session.console.print_table(("CERTIFICATE", "NOT AFTER", "DAYS LEFT"), rows)
    session.console.note(f"generation {bundle.generation}, in {session.paths.bundle}")
