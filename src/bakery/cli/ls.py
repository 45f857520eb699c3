"""``bakery ls``: the clusters that are known here or in the account."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from bakery.cli.answers import print_answer, print_table
from bakery.cli.columns import column_options
from bakery.cli.invocation import invocation_of
from bakery.cli.options import common_options
from bakery.cli.read_only import read_only
from bakery.cli.table import Table
from bakery.cli.where import cloud_line
from bakery.errors import CredentialsError
from bakery.hints import Command, Hint

if TYPE_CHECKING:
    from bakery.operations.list_clusters import ListedCluster

HEADER = ("CLUSTER", "DROPLETS", "ACTIVE", "REGION", "A MONTH", "CREDENTIALS", "LAUNCHED ON")
DROPS = ("LAUNCHED ON", "REGION", "ACTIVE")


@click.command()
@common_options
@column_options(HEADER)
@read_only()
@click.pass_context
def ls(context: click.Context) -> None:
    """List the clusters with a state folder beside the cluster file, and those in the account by their tags.

    CREDENTIALS is "here" if this machine can administer the cluster. A dash in DROPLETS means that the account was
    not asked, or that the cluster was launched in another one. A MONTH is the price of the droplets and the
    load balancer, without snapshots. No cluster file is needed.

    \b
    Examples:
      bakery ls
      bakery ls -o json
    """
    from bakery.operations.list_clusters import list_clusters

    invocation = invocation_of(context)
    try:
        cloud, place = invocation.cloud, invocation.place
    except CredentialsError:
        if invocation.names_token:
            raise
        cloud, place = None, None
        invocation.console.note("no token: only the clusters that are known here are listed")
    found = list_clusters(invocation.settings.cluster_file, cloud, place)
    if invocation.settings.json:
        print_answer(invocation.settings, "ls", {"clusters": [asdict(each) for each in found]})
        return
    if place is not None:
        invocation.console.note(cloud_line(invocation))
    if not found:
        invocation.console.note(Hint("there is no cluster yet; to begin: ", Command("init")))
        return
    print_table(invocation.settings, Table(header=HEADER, rows=[_row(each) for each in found], drops=DROPS))


def _row(cluster: "ListedCluster") -> tuple[str, ...]:
    price = cluster.monthly_usd
    return (
        cluster.name,
        "-" if cluster.droplets is None else str(cluster.droplets),
        "-" if cluster.active is None else str(cluster.active),
        ",".join(cluster.regions) or "-",
        "-" if price is None else f"${price:.2f}",
        "here" if cluster.credentials else "elsewhere",
        cluster.launched_on or "-",
    )
