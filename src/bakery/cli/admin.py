"""Who may reach the APIs from outside: the cluster file's networks, with ``auto`` asked for."""

from collections.abc import Sequence

import click

from bakery.cli.session import Session
from bakery.errors import UsageError

admin_cidr_option = click.option(
    "--admin-cidr", "cidrs", multiple=True, metavar="CIDR", help="Replaces access.admin_cidrs; may be repeated."
)


def admin_cidrs(session: Session, given: Sequence[str]) -> tuple[str, ...]:
    """``given`` (``--admin-cidr``) if there is any, else the file's list with ``auto`` replaced by our address.

    Raises:
        UsageError: the address cannot be learnt, or a network is none or is the whole internet.
    """
    from bakery.cloud.access import operator_address

    if given:
        return tuple(_network(text) for text in given)
    return tuple(
        operator_address(session.endpoint.address_url) if entry == "auto" else entry
        for entry in session.config.access.admin_cidrs
    )


def _network(text: str) -> str:
    import ipaddress

    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        message = f"--admin-cidr {text} is not a network"
        raise UsageError(message, hint="write it as 203.0.113.7/32") from None
    if network.prefixlen == 0:
        message = f"--admin-cidr {text} would open the APIs to everyone"
        raise UsageError(message, hint="name your own address or network")
    return str(network)
