"""``bakery build-image``: the snapshot, baked by Packer, or found if an equal one exists."""

from typing import TYPE_CHECKING

import click

from bakery.cli import completions
from bakery.cli.answers import print_answer
from bakery.cli.invocation import Invocation, builds_folder, invocation_of
from bakery.cli.options import common_options
from bakery.cli.recorder import recorded
from bakery.cli.where import cloud_line

if TYPE_CHECKING:
    from bakery.cloud.model import Image
    from bakery.operations.bake_image import BakePlan


@click.command("build-image")
@click.option(
    "--size",
    metavar="SLUG",
    shell_complete=completions.sizes,
    help="Size of the build droplet (default: the size with the smallest disk).",
)
@click.option(
    "--fresh", is_flag=True, help="Bake even if a snapshot with this content exists, for security updates."
)
@click.option("--dry-run", is_flag=True, help="Print whether a snapshot would be baked, and exit.")
@common_options
@recorded
@click.pass_context
def build_image(
    context: click.Context,
    size: str | None,
    fresh: bool,  # noqa: FBT001 - a click flag
    dry_run: bool,  # noqa: FBT001 - a click flag
) -> None:
    """Bake one snapshot for all roles with Packer: Consul, Nomad, docker and CNI plugins, not configured.

    If a snapshot with this content exists already, nothing is baked. With --fresh a new one is baked anyway, from
    today's packages of the distribution: launches then use the new one, and the older one is not deleted.

    \b
    Examples:
      bakery build-image
      bakery build-image --fresh       every few weeks, for security updates
    """
    from bakery.bake.request import build_request
    from bakery.operations.bake_image import plan_bake

    invocation = invocation_of(context)
    _ = invocation.place  # a token that is not accepted is said before Packer is looked for
    request = build_request(
        invocation.config,
        endpoint=invocation.endpoint.url,
        token=invocation.token,
        folder=builds_folder(),
        size=size,
        fresh=fresh,
    )
    plan = plan_bake(invocation.cloud, request)
    equal = plan.equal
    if equal is not None and not plan.bakes:
        invocation.console.note(f"{equal.name} already has this content; nothing to bake")
    if dry_run:
        _show_only(invocation, plan)
        return
    image = equal if equal is not None and not plan.bakes else _bake(invocation, plan)
    if invocation.settings.json:
        print_answer(
            invocation.settings,
            "build-image",
            {"id": image.id, "name": image.name, "regions": list(image.regions)},
        )
    invocation.console.note(f"snapshot {image.name} (id {image.id}) is ready in {', '.join(image.regions)}")
    if equal is not None and equal.id != image.id:
        invocation.console.note(f"launches use it from now on; {equal.name} (id {equal.id}) was not deleted")


def _bake(invocation: Invocation, plan: "BakePlan") -> "Image":
    from bakery.operations.bake_image import bake_image

    def approve() -> None:
        if not invocation.settings.yes:
            for line in bake_lines(invocation, plan):
                invocation.note_before_question(line)
            invocation.confirm("bake it?")

    invocation.note_before_question(cloud_line(invocation))
    return bake_image(invocation, plan, approve)


def _show_only(invocation: Invocation, plan: "BakePlan") -> None:
    if invocation.settings.json:
        print_answer(invocation.settings, "build-image-dry-run", {"bakes": plan.bakes})
    elif plan.bakes:
        for line in bake_lines(invocation, plan):
            invocation.console.print(line)


def bake_lines(invocation: Invocation, plan: "BakePlan") -> tuple[str, str]:
    """Return lines on what a bake creates, and its price: https://docs.digitalocean.com/products/snapshots/details/pricing/."""
    from bakery.operations.bake_image import build_droplet

    request, droplet = plan.request, build_droplet(invocation.cloud, plan.request)
    price = "" if droplet.price_hourly is None else f" (${droplet.price_hourly:.3f} an hour)"
    return (
        f"  + snapshot  of {request.base}, Consul {request.consul} and Nomad {request.nomad}, in {request.region}",
        f"baked on a droplet of size {droplet.size}{price}, deleted afterwards;"
        " a snapshot costs $0.06 per GB and month",
    )
