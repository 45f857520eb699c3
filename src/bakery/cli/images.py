"""``bakery images``: the snapshots that bakery baked."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from bakery.cli.options import common_options
from bakery.cli.session import Session, session_of
from bakery.errors import UsageError

if TYPE_CHECKING:
    from bakery.cloud.model import Image

HEADER = ("ID", "NAME", "REGIONS", "MIN DISK", "SIZE", "CREATED", "AGE", "CURRENT")


@click.command()
@click.option(
    "--tag", "only_tag", is_flag=True, help="Print the tag of the snapshot that this cluster file needs, and exit."
)
@common_options
@click.pass_context
def images(context: click.Context, only_tag: bool) -> None:  # noqa: FBT001 - a click flag
    """List the snapshots that bakery baked in this account. CURRENT marks the one that launch would use."""
    from bakery.bake.snapshot import age_in_days
    from bakery.operations.droplets import snapshot_tag
    from bakery.plan.tags import is_content_tag

    session = session_of(context)
    tag = snapshot_tag(session.config)
    if only_tag:
        if session.settings.json:
            session.console.print_json({"tag": tag})
        else:
            session.console.print(tag)
        return
    found = [i for i in session.cloud.list_images() if any(map(is_content_tag, i.tags))]
    now, current = datetime.now(UTC), _current(session, tag)
    shown = [_shown(image, current=image.id == current, age=age_in_days(image, now)) for image in found]
    if session.settings.json:
        session.console.print_json(shown)
    else:
        rows = [_row(image, each) for image, each in zip(found, shown, strict=True)]
        session.console.print_table(HEADER, rows)


def _current(session: Session, tag: str) -> int | None:
    """Return the id of the snapshot that a launch would use: the newest of those with the same content."""
    from bakery.launch.converge.snapshot import find_snapshot

    try:
        return find_snapshot(session.cloud, session.config, tag).id
    except UsageError:
        return None


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
