"""``bakery build-image``: the snapshot, baked by Packer, or found if an equal one exists."""

from typing import TYPE_CHECKING

import click

from bakery.cli.options import common_options
from bakery.cli.session import Session, builds_folder, session_of
from bakery.cli.where import cloud_line

if TYPE_CHECKING:
    from bakery.bake.model import BakeRequest, Downloads, Tools
    from bakery.cloud.model import Image


@click.command("build-image")
@click.option(
    "--size", metavar="SLUG", help="Size of the build droplet (default: the size with the smallest disk)."
)
@click.option(
    "--fresh", is_flag=True, help="Bake even if a snapshot with this content exists, for security updates."
)
@click.option("--dry-run", is_flag=True, help="Print whether a snapshot would be baked, and exit.")
@common_options
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
    from bakery.bake.request import build_request, check_region
    from bakery.bake.snapshot import find_baked

    session = session_of(context)
    _ = session.place  # a token that is not accepted is said before Packer is looked for
    request = build_request(
        session.config,
        endpoint=session.endpoint.url,
        token=session.token,
        folder=builds_folder(),
        size=size,
        fresh=fresh,
    )
    # Looked for first: where nothing is to be baked, no program is needed.
    equal = find_baked(session.cloud, request)
    if equal is not None and not fresh:
        session.console.note(f"{equal.name} already has this content; nothing to bake")
    bakes = fresh or equal is None
    if bakes:
        check_region(session.cloud.list_regions(), request.region)
    if dry_run:
        _show_only(session, request, bakes=bakes)
        return
    image = _bake(session, request) if bakes or equal is None else equal
    if session.settings.json:
        session.console.print_json({"id": image.id, "name": image.name, "regions": list(image.regions)})
    session.console.note(f"snapshot {image.name} (id {image.id}) is ready in {', '.join(image.regions)}")
    if equal is not None and equal.id != image.id:
        session.console.note(f"launches use it from now on; {equal.name} (id {equal.id}) was not deleted")


def _bake(session: Session, request: "BakeRequest") -> "Image":
    from dataclasses import replace

    from bakery.bake.bake import bake

    session.note_before_question(cloud_line(session))
    tools, downloads = _parts(session)
    if not session.settings.yes:
        for line in _outlook(session, request):
            session.note_before_question(line)
        session.confirm("bake it?")
    return bake(replace(request, downloads=downloads), tools=tools, cloud=session.cloud, reporter=session.console)


def _show_only(session: Session, request: "BakeRequest", *, bakes: bool) -> None:
    if session.settings.json:
        session.console.print_json({"bakes": bakes})
    elif bakes:
        for line in _outlook(session, request):
            session.console.print(line)


def _outlook(session: Session, request: "BakeRequest") -> tuple[str, str]:
    """Return lines on what a bake creates, and its price: https://docs.digitalocean.com/products/snapshots/details/pricing/."""
    from bakery.bake.request import choose_size

    sizes = session.cloud.list_sizes()
    slug = request.size or choose_size(sizes, request.region)
    price = next((f" (${size.price_hourly:.3f} an hour)" for size in sizes if size.slug == slug), "")
    return (
        f"  + snapshot  of {request.base}, Consul {request.consul} and Nomad {request.nomad}, in {request.region}",
        f"baked on a droplet of size {slug}{price}, deleted afterwards; a snapshot costs $0.06 per GB and month",
    )


def _parts(session: Session) -> "tuple[Tools, Downloads | None]":
    """Packer and its plugin, and either the binaries to upload or the archives for the droplet to fetch."""
    from dataclasses import replace

    from bakery.bake.model import Download, Downloads, Tools
    from bakery.config.model import Binaries
    from bakery.toolchain.find import find_local_tool, find_tool
    from bakery.toolchain.model import (
        CNI_VERSION,
        PACKER_VERSION,
        PLUGIN_VERSION,
        ToolName,
        places_from_environment,
    )
    from bakery.toolchain.release import find_published

    places = places_from_environment()
    packer = find_tool(ToolName.PACKER, PACKER_VERSION, places=places, reporter=session.console).path
    plugin = find_tool(ToolName.PLUGIN, PLUGIN_VERSION, places=places, reporter=session.console).path
    image = session.config.image
    parts = {ToolName.CONSUL: image.consul, ToolName.NOMAD: image.nomad, ToolName.CNI: CNI_VERSION}
    # A program that was only found on PATH is not put into an image.
    trusted = replace(places, path="")
    local = {name: find_local_tool(name, version, places=trusted) for name, version in parts.items()}
    upload = image.binaries is Binaries.UPLOAD or (image.binaries is Binaries.AUTO and all(local.values()))
    if upload:
        found = {
            n: local[n] or find_tool(n, v, places=trusted, reporter=session.console) for n, v in parts.items()
        }
        paths = {name: tool.path for name, tool in found.items()}
        return (
            Tools(
                packer=packer,
                plugin=plugin,
                consul=paths[ToolName.CONSUL],
                nomad=paths[ToolName.NOMAD],
                cni=paths[ToolName.CNI],
            ),
            None,
        )
    published = {name: find_published(name, version, places=places) for name, version in parts.items()}
    archives = {name: Download(url=file.url, sha256=file.sha256) for name, file in published.items()}
    downloads = Downloads(
        consul=archives[ToolName.CONSUL], nomad=archives[ToolName.NOMAD], cni=archives[ToolName.CNI]
    )
    return Tools(packer=packer, plugin=plugin), downloads
