"""Obstacles of the sizes of new droplets: unknown, not in the region, or with too small a disk. Pure."""

from collections.abc import Iterable, Iterator, Sequence

from bakery.cloud.model import Image, Size
from bakery.config.findings import nearest
from bakery.launch.base.model import Obstacle
from bakery.plan.model import ClusterPlan, Node


def size_obstacles(
    plan: ClusterPlan, sizes: Sequence[Size], nodes: Sequence[Node], image: Image | None
) -> Iterator[Obstacle]:
    """Yield an obstacle for each size of ``nodes`` that cannot be used; ``sizes`` are those of DigitalOcean."""
    by_slug = {size.slug: size for size in sizes}
    fit = [size for size in sizes if _lacks(size, plan.region, image) is None]
    for slug in dict.fromkeys(node.size for node in nodes):
        size = by_slug.get(slug)
        missing = ("size_unknown", f"DigitalOcean has no size {slug!r}")
        lacks = missing if size is None else _lacks(size, plan.region, image)
        if lacks is not None:
            fields = _fields(node.role for node in nodes if node.size == slug)
            yield Obstacle(code=lacks[0], message=lacks[1], hint=_hint(slug, fit, fields))


def _lacks(size: Size, region: str, image: Image | None) -> tuple[str, str] | None:
    if not size.available or region not in size.regions:
        return "size_not_in_region", f"size {size.slug} is not to be had in region {region}"
    if image is not None and size.disk < image.min_disk_size:
        disks = f"has a disk of {size.disk} GB, snapshot {image.name} needs {image.min_disk_size} GB"
        return "size_disk_too_small", f"size {size.slug} {disks}"
    return None


def _fields(roles: Iterable[str]) -> str:
    return ", ".join(f"roles.{role}.size" for role in dict.fromkeys(roles))


def _hint(slug: str, fit: list[Size], fields: str) -> str:
    guess = nearest(slug, [size.slug for size in fit])
    if guess is not None:
        return f"did you mean {guess}? set {fields}"
    cheapest = min(fit, key=lambda size: (size.price_monthly, size.slug), default=None)
    return f"set {fields}" + (f", for example to {cheapest.slug}" if cheapest else " to another size")
