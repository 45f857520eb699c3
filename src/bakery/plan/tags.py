"""The tags, and the names of Packer's SSH keys, by which bakery finds again what it made.

DigitalOcean's tags match ``^[a-zA-Z0-9_\\-:]+$``, at most 255 characters
(https://docs.digitalocean.com/reference/api/digitalocean/#tag/Tags), so parts are joined by colons.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Protocol

PREFIX = "bakery"
_CONTENT = f"{PREFIX}:image:"
# The name ends in a UUID whose first eight digits are seconds since 1970 (packer-plugin-sdk, uuid/uuid.go).
_PACKER_KEY = re.compile(r"packer-([0-9a-f]{8})-[0-9a-f-]{27}")


class HasTags(Protocol):
    """A droplet, as far as its tags."""

    @property
    def tags(self) -> tuple[str, ...]: ...


def cluster_tag(cluster: str) -> str:
    """On every droplet of the cluster, from its creation on."""
    return f"{PREFIX}:{cluster}"


def role_tag(cluster: str, role: str) -> str:
    """On every droplet of the role; firewalls are bound to it."""
    return f"{PREFIX}:{cluster}:role:{role}"


def slot_tag(cluster: str, slot: str) -> str:
    """On the droplet in a slot (:class:`bakery.plan.model.Node`). It outlives the droplet: it tells that there was
    one."""
    return f"{PREFIX}:{cluster}:slot:{slot.removeprefix(f'{cluster}-')}"


def launch_tag(cluster: str, launch_id: str) -> str:
    """On every droplet that one launch asked for: what a retry lists before it creates."""
    return f"{PREFIX}:{cluster}:launch:{launch_id}"


def ca_tag(cluster: str, fingerprint: str) -> str:
    """Which CA the droplet's certificates come from; ``fingerprint`` is hex, its first 16 digits count."""
    return f"{PREFIX}:{cluster}:ca:{fingerprint[:16]}"


def content_tag(inputs: Mapping[str, bytes], *, base: str, consul: str, nomad: str) -> str:
    """On a snapshot: digest of all that shapes it (:func:`bakery.assets.image_inputs` and the versions)."""
    digest = hashlib.sha256()
    named = {**inputs, "base": base.encode(), "consul": consul.encode(), "nomad": nomad.encode()}
    for name in sorted(named):
        digest.update(f"{name}\0{len(named[name])}\0".encode())
        digest.update(named[name])
    return f"{_CONTENT}{digest.hexdigest()[:24]}"


def is_content_tag(tag: str) -> bool:
    """Whether a tag is one of :func:`content_tag`; a snapshot without any is unfinished, or not bakery's."""
    return tag.startswith(_CONTENT)


def build_tag(build_id: str) -> str:
    """On the build droplet and the snapshot of one bake."""
    return f"{PREFIX}:build:{build_id}"


def launches_of(droplets: Iterable[HasTags], cluster: str) -> frozenset[str]:
    """Launch ids that droplets of the cluster carry as tags."""
    prefix = launch_tag(cluster, "")
    return frozenset(
        tag.removeprefix(prefix) for droplet in droplets for tag in droplet.tags if tag.startswith(prefix)
    )


def authorities_of(droplets: Iterable[HasTags], cluster: str) -> frozenset[str]:
    """CA tags that droplets of the cluster carry."""
    prefix = ca_tag(cluster, "")
    return frozenset(tag for droplet in droplets for tag in droplet.tags if tag.startswith(prefix))


def role_of_tag(tags: Iterable[str], cluster: str) -> str | None:
    """The role that the first of the cluster's role tags names."""
    prefix = role_tag(cluster, "")
    return next((tag.removeprefix(prefix) for tag in tags if tag.startswith(prefix)), None)


def is_cluster_tag(tag: str, cluster: str) -> bool:
    """Whether a tag is one that a launch of this cluster makes; snapshots' and other clusters' are not."""
    prefixes = (role_tag(cluster, ""), slot_tag(cluster, ""), launch_tag(cluster, ""), ca_tag(cluster, ""))
    return tag == cluster_tag(cluster) or tag.startswith(prefixes)


def packer_key_time(name: str) -> int | None:
    """When Packer made the SSH key ``name``, in seconds since 1970; None for a key that is not Packer's.

    Packer's keys cannot be tagged: a name and a time are all there is to go by.
    """
    made = _PACKER_KEY.fullmatch(name)
    return None if made is None else int(made[1], 16)
