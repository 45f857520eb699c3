"""Tags, and the droplets and images that have them."""

import re
from collections.abc import Iterable
from typing import Protocol

from bakery.emulator.account.errors import NotFound, Unprocessable
from bakery.emulator.account.model import Droplet, Image, Tag

_PATTERN = re.compile(r"[a-zA-Z0-9_\-:]{1,255}")


def is_tag_name(name: str) -> bool:
    """Return whether this is a valid tag name (OpenAPI, resources/tags/models/tag.yml)."""
    return _PATTERN.fullmatch(name) is not None


class Retagged(Protocol):
    """Called with every tag that a droplet gets or loses."""

    def __call__(self, droplet_id: int, tag: str, *, removing: bool) -> None: ...


class Tags:
    """Tags by name. Case does not matter; the first spelling of a name is shown."""

    def __init__(self, retagged: Retagged) -> None:
        self._retagged = retagged
        self._tags: dict[str, Tag] = {}

    def restore(self, tags: Iterable[Tag]) -> None:
        """Replace all tags."""
        self._tags = {tag.name.lower(): tag for tag in tags}

    def all(self) -> list[Tag]:
        return list(self._tags.values())

    def find(self, name: str) -> Tag | None:
        return self._tags.get(name.lower())

    def get(self, name: str) -> Tag:
        tag = self.find(name)
        if tag is None:
            raise NotFound
        return tag

    def ensure(self, name: str) -> Tag:
        """Return the tag, after creating it if it is new. Raises Unprocessable for an invalid name."""
        if not is_tag_name(name):
            message = f"Tag name {name[:255]} is invalid: only letters, numbers, colons, dashes and underscores."
            raise Unprocessable(message)
        return self._tags.setdefault(name.lower(), Tag(name=name))

    def remove(self, name: str) -> Tag:
        """Delete the tag and return it; untag its resources first."""
        tag = self.get(name)
        del self._tags[name.lower()]
        return tag

    def tag_droplet(self, droplet: Droplet, names: Iterable[str]) -> None:
        """Add the tags to the droplet; create those that are new."""
        for name in names:
            tag = self.ensure(name)
            if droplet.id not in tag.droplet_ids:
                self._retagged(droplet.id, tag.name, removing=False)
            tag.droplet_ids[droplet.id] = None
            _add(droplet.tags, tag.name)

    def untag_droplet(self, droplet: Droplet, names: Iterable[str]) -> None:
        """Remove the tags from the droplet."""
        for name in names:
            if self.get(name).droplet_ids.pop(droplet.id, 0) is None:
                self._retagged(droplet.id, name, removing=True)
            _drop(droplet.tags, name)

    def tag_image(self, image: Image, names: Iterable[str]) -> None:
        """Add the tags to the image; create those that are new."""
        for name in names:
            tag = self.ensure(name)
            tag.image_ids[image.id] = None
            _add(image.tags, tag.name)

    def untag_image(self, image: Image, names: Iterable[str]) -> None:
        """Remove the tags from the image."""
        for name in names:
            self.get(name).image_ids.pop(image.id, None)
            _drop(image.tags, name)


def _add(tags: list[str], name: str) -> None:
    if name not in tags:
        tags.append(name)


def _drop(tags: list[str], name: str) -> None:
    tags[:] = [tag for tag in tags if tag.lower() != name.lower()]
