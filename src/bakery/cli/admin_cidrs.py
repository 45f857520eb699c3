"""Who may reach the APIs from outside: the cluster file's networks, with ``auto`` asked for."""

from collections.abc import Sequence

import click

from bakery.cli.session import Session
from bakery.errors import UsageError

admin_cidr_option = click.option(
    "--admin-cidr",
    "cidrs",
    multiple=True,
    metavar="CIDR",
    help="Use this network, or auto, instead of access.admin_cidrs; may be repeated.",
)


def admin_cidrs(session: Session, given: Sequence[str]) -> tuple[str, ...]:
    """``given`` (``--admin-cidr``) if there is any, else the file's list; ``auto`` becomes our own address.

    Raises:
        UsageError: the address cannot be learnt, or a network would be refused in the file too.
    """
    from bakery.cloud.access import operator_address

    for text in given:
        _check(text)
    entries = tuple(dict.fromkeys(given)) or session.config.access.admin_cidrs
    return tuple(operator_address(session.endpoint.address_url) if entry == "auto" else entry for entry in entries)


def _check(text: str) -> None:
    from bakery.config.networks import admin_entry_problem

    problem = admin_entry_problem(text)
    if problem:
        message = f"--admin-cidr {text}{problem[0].removeprefix(f': {text}')}"
        raise UsageError(message=message, hint=problem[1])
