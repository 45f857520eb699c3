"""The networks that may reach the APIs from outside: from the cluster file, or from ``--admin-cidr``."""

from collections.abc import Sequence

import click

from bakery.cli.invocation import Invocation
from bakery.errors import UsageError

admin_cidr_option = click.option(
    "--admin-cidr",
    "cidrs",
    multiple=True,
    metavar="CIDR",
    help="Use this network instead of access.admin_cidrs; auto is your own address. Repeatable.",
)


def admin_cidrs(invocation: Invocation, given: Sequence[str]) -> tuple[str, ...]:
    """Return ``given`` (``--admin-cidr``), or else the cluster file's list, with ``auto`` replaced by our address.

    Raises:
        UsageError: our address cannot be found out, or a network is not allowed in the cluster file either.
    """
    from bakery.cloud.access import operator_address

    for text in given:
        check_network(text, "--admin-cidr")
    entries = tuple(dict.fromkeys(given)) or invocation.config.access.admin_cidrs
    return tuple(
        operator_address(invocation.endpoint.address_url) if entry == "auto" else entry for entry in entries
    )


def check_network(text: str, option: str) -> None:
    """Check that a network of the command line may reach the APIs. ``option`` is what the user gave it to.

    Raises:
        UsageError: it is not a network, or too wide.
    """
    from bakery.config.networks import admin_entry_problem

    problem = admin_entry_problem(text)
    if problem:
        message = f"{option} {text}{problem[0].removeprefix(f': {text}')}"
        raise UsageError(message=message, hint=problem[1])
