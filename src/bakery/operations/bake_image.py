"""Bake: the snapshot of the cluster file's versions, found in the account or baked by Packer."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from bakery.bake.bake import bake
from bakery.bake.model import BakeRequest, Download, Downloads, Tools
from bakery.bake.request import check_region, choose_size
from bakery.bake.snapshot import find_baked
from bakery.cloud.interface import Cloud
from bakery.cloud.model import Image
from bakery.config.model import Binaries, ClusterConfig
from bakery.console import Reporter
from bakery.operations.context import Context
from bakery.toolchain.find import find_local_tool, find_tool
from bakery.toolchain.model import (
    CNI_VERSION,
    PACKER_VERSION,
    PLUGIN_VERSION,
    TRAEFIK_VERSION,
    Places,
    ToolName,
    places_from_environment,
)
from bakery.toolchain.release import find_published


@dataclass(frozen=True, kw_only=True)
class BakePlan:
    """Whether a snapshot has to be baked."""

    request: BakeRequest
    equal: Image | None
    """The newest snapshot of the same content; None if there is none."""

    @property
    def bakes(self) -> bool:
        """Whether a snapshot has to be baked."""
        return self.request.fresh or self.equal is None


@dataclass(frozen=True, kw_only=True)
class BuildDroplet:
    """The droplet on which the snapshot is baked."""

    size: str
    price_hourly: float | None
    """US dollars; None if the API does not list the size."""


def plan_bake(cloud: Cloud, request: BakeRequest) -> BakePlan:
    """Look for an equal snapshot, before any program: if there is one, no program is needed.

    Raises:
        UsageError: a snapshot has to be baked, and the region cannot bake one.
    """
    plan = BakePlan(request=request, equal=find_baked(cloud, request))
    if plan.bakes:
        check_region(cloud.list_regions(), request.region)
    return plan


def build_droplet(cloud: Cloud, request: BakeRequest) -> BuildDroplet:
    """Return size and price of the build droplet.

    Raises:
        UsageError: the region has no size that can bake.
    """
    sizes = cloud.list_sizes()
    slug = request.size or choose_size(sizes, request.region)
    price = next((size.price_hourly for size in sizes if size.slug == slug), None)
    return BuildDroplet(size=slug, price_hourly=price)


def bake_image(context: Context, plan: BakePlan, approve: Callable[[], None]) -> Image:
    """Bake the snapshot. ``approve`` is called once every program is found; it raises to stop.

    Raises:
        MissingToolError: a program is not found.
        BakeError, CloudError, DeadlineError, LockedError: as for :func:`bakery.bake.bake.bake`.
    """
    tools, downloads = _parts(context.config, context.reporter)
    approve()
    request = replace(plan.request, downloads=downloads)
    return bake(request, tools=tools, cloud=context.cloud, reporter=context.reporter)


def _parts(config: ClusterConfig, reporter: Reporter) -> tuple[Tools, Downloads | None]:
    """Return Packer with its plugin, and the programs to upload or the archives to download."""
    image = config.image
    places = places_from_environment(checksums=image.checksums)
    packer = find_tool(ToolName.PACKER, PACKER_VERSION, places=places, reporter=reporter).path
    plugin = find_tool(ToolName.PLUGIN, PLUGIN_VERSION, places=places, reporter=reporter).path
    versions = {ToolName.CONSUL: image.consul, ToolName.NOMAD: image.nomad, ToolName.CNI: CNI_VERSION}
    if config.has_ingress:
        versions[ToolName.TRAEFIK] = TRAEFIK_VERSION
    # What enters an image is verified: a program on PATH may be anything.
    verified = replace(places, path="")
    local = {name: find_local_tool(name, version, places=verified) for name, version in versions.items()}
    if image.binaries is Binaries.UPLOAD or (image.binaries is Binaries.AUTO and all(local.values())):
        found = {
            name.value: (local[name] or find_tool(name, version, places=verified, reporter=reporter)).path
            for name, version in versions.items()
        }
        cni = found.pop(ToolName.CNI.value)
        return Tools(packer=packer, plugin=plugin, cni=cni, **found), None
    return Tools(packer=packer, plugin=plugin), _downloads(versions, places)


def _downloads(versions: dict[ToolName, str], places: Places) -> Downloads:
    published = {name: find_published(name, version, places=places) for name, version in versions.items()}
    archives = {name: Download(url=file.url, sha256=file.sha256) for name, file in published.items()}
    return Downloads(
        consul=archives[ToolName.CONSUL],
        nomad=archives[ToolName.NOMAD],
        cni=archives[ToolName.CNI],
        traefik=archives.get(ToolName.TRAEFIK),
    )
