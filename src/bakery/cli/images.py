"""``bakery images``: the snapshots that bakery baked."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from bakery.cli.session import common_options, session_of

if TYPE_CHECKING:
    from bakery.cloud.model import Image

HEADER = ("ID", "NAME", "REGIONS", "MIN DISK", "SIZE", "CREATED", "AGE", "CURRENT")


@click.command()
@click.option("--tag", "only_tag", is_flag=True, help="Print the content tag that this cluster file asks for.")
@common_options
@click.pass_context
def images(context: click.Context, only_tag: bool) -> None:  # noqa: FBT001 - a click flag
    """List the account's bakery snapshots; CURRENT marks what this cluster file launches from."""
    from bakery.bake.snapshot import age_in_days
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
    now = datetime.now(UTC)
    shown = [_shown(image, current=current in image.tags, age=age_in_days(image, now)) for image in found]
    if session.settings.json:
        session.console.json(shown)
    else:
        rows = [_row(image, each) for image, each in zip(found, shown, strict=True)]
        session.console.table(HEADER, rows)


def _shown(image: "Image", *, current: bool, age: int | None) -> dict[str, Any]:
    return {
        "id": image.id,
        "name": image.name,
        "regions": list(image.regions),
        "current": current,
        "created_at": image.created_at,
        "age_days": age,
    }


def _row(image: "Image", shown: dict[str, Any]) -> tuple[str, ...]:
    return (
        str(image.id),
        image.name,
        ",".join(image.regions),
        f"{image.min_disk_size} GB",
        f"{image.size_gigabytes:.2f} GB",
        image.created_at,
        "?" if shown["age_days"] is None else f"{shown['age_days']} d",
        "yes" if shown["current"] else "",
    )
