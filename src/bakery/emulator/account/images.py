"""Images: the public bases and the account's own snapshots."""

from collections.abc import Iterable
from datetime import UTC, datetime

from bakery.emulator.account.catalog import BASE_IMAGE_DISK, BASE_IMAGES
from bakery.emulator.account.errors import Forbidden, NotFound
from bakery.emulator.account.model import Droplet, Image
from bakery.emulator.account.settings import EmulatorSettings
from bakery.emulator.account.source import Ids, WallClock

_BASES_CREATED = datetime(2026, 1, 1, tzinfo=UTC)
_GIGABYTE = 1024**3


class Images:
    """All images of the account: base images, snapshots, and deleted snapshots."""

    def __init__(self, settings: EmulatorSettings, clock: WallClock, ids: Ids) -> None:
        self._clock = clock
        self._ids = ids
        self._images: dict[int, Image] = {}
        self._by_slug: dict[str, Image] = {}
        for slug in settings.base_images:
            self._add_base(slug, settings.regions)

    def restore(self, images: Iterable[Image]) -> None:
        """Replace all images."""
        self._images = {image.id: image for image in images}
        self._by_slug = {image.slug: image for image in self._images.values() if image.slug is not None}

    def even_all_deleted(self) -> list[Image]:
        """Return all images, deleted ones included."""
        return list(self._images.values())

    def all(self) -> list[Image]:
        return [image for image in self._images.values() if image.status != "deleted"]

    def snapshots(self) -> list[Image]:
        """Return all snapshots that are not deleted."""
        return [image for image in self.all() if image.type == "snapshot"]

    def find(self, id_or_slug: int | str) -> Image | None:
        image = self._by_slug.get(id_or_slug) if isinstance(id_or_slug, str) else self._images.get(id_or_slug)
        return None if image is None or image.status == "deleted" else image

    def get(self, id_or_slug: int | str) -> Image:
        image = self.find(id_or_slug)
        if image is None:
            raise NotFound
        return image

    def even_deleted(self, image_id: int) -> Image:
        """Return the image with this id, deleted or not: droplets refer to the image they were created from."""
        return self._images[image_id]

    def new_id(self) -> int:
        """Return an id for a snapshot that is still being taken."""
        return self._ids.number()

    def add_snapshot(self, image_id: int, *, name: str, droplet: Droplet, disk: int, size: int) -> Image:
        """Add a snapshot of the droplet; ``disk`` is in GB, ``size`` in bytes."""
        image = Image(
            id=image_id,
            name=name,
            distribution=self.even_deleted(droplet.image_id).distribution,
            slug=None,
            type="snapshot",
            key=snapshot_key(image_id),
            public=False,
            regions=[droplet.region],
            created_at=self._clock(),
            min_disk_size=disk,
            size_gigabytes=round(size / _GIGABYTE, 2),
            droplet_id=droplet.id,
        )
        self._images[image.id] = image
        droplet.snapshot_ids.append(image.id)
        return image

    def remove(self, image: Image) -> None:
        if image.public:
            raise Forbidden
        image.status = "deleted"

    def _add_base(self, slug: str, regions: tuple[str, ...]) -> None:
        distribution, name = BASE_IMAGES.get(slug, ("Unknown", slug))
        image = Image(
            id=self._ids.number(),
            name=name,
            distribution=distribution,
            slug=slug,
            type="base",
            key=slug,
            public=True,
            regions=list(regions),
            created_at=_BASES_CREATED,
            min_disk_size=BASE_IMAGE_DISK,
            size_gigabytes=0.5,
        )
        self._images[image.id] = self._by_slug[slug] = image


def snapshot_key(image_id: int) -> str:
    """Return the name under which the machines have the snapshot with this id."""
    return f"snapshot-{image_id}"
