"""``bakery images``: the snapshots that bakery baked."""

import click

from bakery.cli.session import common_options, session_of

HEADER = ("ID", "NAME", "REGIONS", "MIN DISK", "SIZE", "CREATED", "CURRENT")


@click.command()
@click.option("--tag", "only_tag", is_flag=True, help="Print the content tag that this cluster file asks for.")
@common_options
@click.pass_context
def images(context: click.Context, only_tag: bool) -> None:  # noqa: FBT001 - a click flag
    """List the account's bakery snapshots; CURRENT marks what this cluster file launches from."""
    from bakery.plan.tags import is_content_tag

    session = session_of(context)
    current = session.content_tag()
    if only_tag:
        if session.settings.json:
            session.console.json({"tag": current})
        else:
            session.console.data(current)
        return
    found = [i for i in session.cloud.list_images() if any(is_content_tag(tag) for tag in i.tags)]
    if session.settings.json:
        session.console.json(
            [{"id": i.id, "name": i.name, "regions": list(i.regions), "current": current in i.tags} for i in found]
        )
        return
    session.console.table(
        HEADER,
        [
            (
                str(i.id),
                i.name,
                ",".join(i.regions),
                f"{i.min_disk_size} GB",
                f"{i.size_gigabytes:.2f} GB",
                i.created_at,
                "yes" if current in i.tags else "",
            )
            for i in found
        ],
    )
