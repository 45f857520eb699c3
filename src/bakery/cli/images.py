"""``bakery images``: the snapshots that bakery baked."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from bakery.cli.answers import print_answer, print_table
from bakery.cli.columns import column_options
from bakery.cli.invocation import Invocation, invocation_of
from bakery.cli.options import common_options
from bakery.cli.read_only import read_only
from bakery.cli.table import Table
from bakery.errors import UsageError

if TYPE_CHECKING:
    from bakery.cloud.model import Image

HEADER = (
    "ID", "NAME", "REGIONS", "CONSUL", "NOMAD", "DROPLETS", "MIN DISK", "SIZE", "CREATED", "AGE", "CURRENT",
)  # fmt: skip


DROPS = ("MIN DISK", "SIZE", "CREATED", "REGIONS", "DROPLETS", "AGE")
"""Columns to leave out on a narrow terminal, the first first."""


@click.command()
@click.option(
    "--tag", "only_tag", is_flag=True, help="Print the tag of the snapshot that this cluster file needs, and exit."
)
@common_options
@column_options(HEADER)
@read_only()
@click.pass_context
def images(context: click.Context, only_tag: bool) -> None:  # noqa: FBT001 - a click flag
    """List the snapshots that bakery baked in this account.

    CURRENT marks the one that launch would use, and the one with which an unfinished roll continues (roll).
    DROPLETS is how many droplets of the account run from it. A snapshot with 0 droplets and no mark may be
    deleted, unless another cluster file needs it.

    \b
    Examples:
      bakery images
      bakery images -o name
    """
    from bakery.bake.snapshot import age_in_days
    from bakery.operations.droplets import rolled_snapshot, snapshot_tag
    from bakery.plan.tags import is_content_tag

    invocation = invocation_of(context)
    tag = snapshot_tag(invocation.config)
    if only_tag:
        if invocation.settings.json:
            print_answer(invocation.settings, "images-tag", {"tag": tag})
        else:
            invocation.console.print(tag)
        return
    found = [i for i in invocation.cloud.list_images() if any(map(is_content_tag, i.tags))]
    now, current = datetime.now(UTC), _current(invocation, tag)
    used, rolling = [droplet.image_id for droplet in invocation.cloud.list_droplets()], rolled_snapshot(invocation)
    shown = [
        _shown(image, age=age_in_days(image, now))
        | {"current": image.id == current, "rolling": image.id == rolling, "droplets": used.count(image.id)}
        for image in found
    ]
    if invocation.settings.json:
        print_answer(invocation.settings, "images", {"images": shown})
    else:
        rows = [_row(image, each) for image, each in zip(found, shown, strict=True)]
        print_table(invocation.settings, Table(header=HEADER, rows=rows, drops=DROPS))


def _current(invocation: Invocation, tag: str) -> int | None:
    """Return the id of the snapshot that a launch would use: the newest of those with the same content."""
    from bakery.launch.converge.snapshot import find_snapshot

    try:
        return find_snapshot(invocation.cloud, invocation.config, tag).id
    except UsageError:
        return None


def _shown(image: "Image", *, age: int | None) -> dict[str, Any]:
    from bakery.plan.tags import versions_of

    versions = versions_of(image.tags)
    return {
        "id": image.id,
        "name": image.name,
        "regions": list(image.regions),
        "versions": None if versions is None else {"consul": versions[0], "nomad": versions[1]},
        "created_at": image.created_at,
        "min_disk_gb": image.min_disk_size,
        "size_gb": image.size_gigabytes,
        "age_days": age,
    }


def _row(image: "Image", shown: dict[str, Any]) -> tuple[str, ...]:
    versions = shown["versions"] or {"consul": "-", "nomad": "-"}
    marks = [mark for mark, key in (("yes", "current"), ("roll", "rolling")) if shown[key]]
    return (
        str(image.id),
        image.name,
        ",".join(image.regions),
        versions["consul"],
        versions["nomad"],
        str(shown["droplets"]),
        f"{image.min_disk_size} GB",
        f"{image.size_gigabytes:.2f} GB",
        image.created_at,
        "?" if shown["age_days"] is None else f"{shown['age_days']} d",
        ", ".join(marks),
    )
