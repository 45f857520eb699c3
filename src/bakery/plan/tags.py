r"""The tags, and the names of Packer's SSH keys, with which bakery finds the resources that it created.

DigitalOcean's tags match ``^[a-zA-Z0-9_\-:]+$``, at most 255 characters
(https://docs.digitalocean.com/reference/api/digitalocean/#tag/Tags), so parts are joined by colons.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Protocol

PREFIX = "bakery"
_CONTENT = f"{PREFIX}:image:"
_VERSIONS = f"{PREFIX}:versions:"
_VERSIONS_TAG = re.compile(_VERSIONS + r"(\d{1,4}-\d{1,4}-\d{1,4}):(\d{1,4}-\d{1,4}-\d{1,4})")
_CLUSTER_TAG = re.compile(rf"{PREFIX}:([a-z0-9-]+)")
_ADDRESS_TAG = re.compile(PREFIX + r":([a-z0-9-]+):reserved-ip:(\d{1,3}-\d{1,3}-\d{1,3}-\d{1,3})")
_INGRESS_TAG = re.compile(PREFIX + r":[a-z0-9-]+:ingress")
_NUMBER = re.compile("[1-9][0-9]{0,8}")
_DROPLET_ID = re.compile("[0-9]{1,18}")
# The name ends in a UUID whose first eight digits are seconds since 1970 (packer-plugin-sdk, uuid/uuid.go).
_PACKER_KEY = re.compile(r"packer-([0-9a-f]{8})-[0-9a-f-]{27}")


class HasTags(Protocol):
    """A resource with tags."""

    @property
    def tags(self) -> tuple[str, ...]: ...


def cluster_tag(cluster: str) -> str:
    """Return the tag of all droplets of the cluster, set when they are created."""
    return f"{PREFIX}:{cluster}"


def cluster_of(tags: Iterable[str]) -> str | None:
    """Return the cluster to which a droplet with these tags belongs; None for the droplet of a build."""
    return next((found[1] for tag in tags if (found := _CLUSTER_TAG.fullmatch(tag))), None)


def role_tag(cluster: str, role: str) -> str:
    """Return the tag of all droplets of a role; the role's firewall is bound to it."""
    return f"{PREFIX}:{cluster}:role:{role}"


def ingress_tag(cluster: str) -> str:
    """Return the tag of all ingress droplets; the load balancer forwards to droplets with it.

    A roll removes it from a droplet before that leaves, while the tag of its role, and so its firewall, stays.
    """
    return f"{PREFIX}:{cluster}:ingress"


def is_ingress_tag(tag: str) -> bool:
    """Return whether the tag is that of the ingress droplets of some cluster."""
    return _INGRESS_TAG.fullmatch(tag) is not None


def address_tag(cluster: str, address: str) -> str:
    """Return the tag that marks a reserved IP as the cluster's: reserved IPs have neither names nor tags."""
    return f"{_address_prefix(cluster)}{address.replace('.', '-')}"


def slot_tag(cluster: str, slot: str) -> str:
    """Return the tag of the droplet in a slot (:class:`bakery.plan.model.Node`).

    The tag itself stays in the account after the droplet is deleted, and shows that the slot once had a droplet.
    """
    return f"{PREFIX}:{cluster}:slot:{slot.removeprefix(f'{cluster}-')}"


def launch_tag(cluster: str, launch_id: str) -> str:
    """Return the tag of all droplets that one launch requested. A retry lists them before it creates any."""
    return f"{PREFIX}:{cluster}:launch:{launch_id}"


def ca_tag(cluster: str, fingerprint: str) -> str:
    """Return the tag that names the CA of a droplet's certificates by 16 hex digits of ``fingerprint``."""
    return f"{PREFIX}:{cluster}:ca:{fingerprint[:16]}"


def generation_tag(cluster: str, generation: int) -> str:
    """Return the tag that names the generation of the secrets in a droplet's user-data."""
    return f"{_generation_prefix(cluster)}{generation}"


def config_tag(cluster: str, digest: str) -> str:
    """Return the tag that names the configuration of a droplet by a digest of it, in hexadecimal digits."""
    return f"{_config_prefix(cluster)}{digest}"


def replaces_tag(cluster: str, droplet_id: int) -> str:
    """Return the tag of a successor: the droplet that takes the place of ``droplet_id`` in its slot.

    A replacement deletes the tag when it is finished, so a droplet with this tag shows one that is not.
    """
    return f"{_replaces_prefix(cluster)}{droplet_id}"


def content_tag(inputs: Mapping[str, bytes], *, base: str, consul: str, nomad: str, traefik: bool = False) -> str:
    """Return a snapshot's tag: a digest of its inputs (:func:`bakery.assets.image_inputs` and versions).

    ``traefik`` is whether Traefik is in the snapshot. Its version is in ``inputs``.
    """
    digest = hashlib.sha256()
    named = {**inputs, "base": base.encode(), "consul": consul.encode(), "nomad": nomad.encode()}
    if traefik:
        named["traefik"] = b""
    for name in sorted(named):
        digest.update(f"{name}\0{len(named[name])}\0".encode())
        digest.update(named[name])
    return f"{_CONTENT}{digest.hexdigest()[:24]}"


def versions_tag(*, consul: str, nomad: str) -> str:
    """Return a snapshot's tag that names its versions, with hyphens: a tag has no dots. packer/ sets it too."""
    return f"{_VERSIONS}{consul.replace('.', '-')}:{nomad.replace('.', '-')}"


def versions_of(tags: Iterable[str]) -> tuple[str, str] | None:
    """Return the versions of Consul and Nomad in a snapshot's tags; None for a snapshot of bakery 0.1."""
    found = (_VERSIONS_TAG.fullmatch(tag) for tag in tags)
    return next(((m[1].replace("-", "."), m[2].replace("-", ".")) for m in found if m), None)


def is_content_tag(tag: str) -> bool:
    """Return whether :func:`content_tag` made the tag. A snapshot without one is unfinished, or not bakery's."""
    return tag.startswith(_CONTENT)


def build_tag(build_id: str) -> str:
    """Return the tag of the build droplet and the snapshot of one bake."""
    return f"{PREFIX}:build:{build_id}"


def launches_of(droplets: Iterable[HasTags], cluster: str) -> frozenset[str]:
    """Launch ids that droplets of the cluster carry as tags."""
    return launches_in((tag for droplet in droplets for tag in droplet.tags), cluster)


def launches_in(tags: Iterable[str], cluster: str) -> frozenset[str]:
    """Launch ids of the cluster in ``tags``."""
    prefix = launch_tag(cluster, "")
    return frozenset(tag.removeprefix(prefix) for tag in tags if tag.startswith(prefix))


def authorities_of(droplets: Iterable[HasTags], cluster: str) -> frozenset[str]:
    """CA tags that droplets of the cluster carry."""
    prefix = ca_tag(cluster, "")
    return frozenset(tag for droplet in droplets for tag in droplet.tags if tag.startswith(prefix))


def generation_of(tags: Iterable[str], cluster: str) -> int:
    """Return the generation of the secrets that a droplet with these tags was created with.

    Droplets without a generation tag are of bakery 0.1, which knew generation 1 only.
    """
    prefix = _generation_prefix(cluster)
    numbers = [tag.removeprefix(prefix) for tag in tags if tag.startswith(prefix)]
    return max((int(number) for number in numbers if _NUMBER.fullmatch(number)), default=1)


def config_of(tags: Iterable[str], cluster: str) -> str | None:
    """Return the digest in a droplet's configuration tag; None for a droplet of an older bakery."""
    prefix = _config_prefix(cluster)
    return next((tag.removeprefix(prefix) for tag in tags if tag.startswith(prefix)), None)


def has_generation(tags: Iterable[str], cluster: str) -> bool:
    """Return whether a droplet with these tags has a generation tag: those of bakery 0.1 have none."""
    return any(tag.startswith(_generation_prefix(cluster)) for tag in tags)


def replaced_by(tags: Iterable[str], cluster: str) -> int | None:
    """Return the id of the droplet that a droplet with these tags takes the place of; None for no successor."""
    prefix = _replaces_prefix(cluster)
    numbers = (tag.removeprefix(prefix) for tag in tags if tag.startswith(prefix))
    return next((int(number) for number in numbers if _DROPLET_ID.fullmatch(number)), None)


def role_of_tag(tags: Iterable[str], cluster: str) -> str | None:
    """Return the role in the first of the cluster's role tags; None if there is none."""
    prefix = role_tag(cluster, "")
    return next((tag.removeprefix(prefix) for tag in tags if tag.startswith(prefix)), None)


def address_of_tag(tag: str) -> tuple[str, str] | None:
    """Return the cluster and the reserved IP in a tag of :func:`address_tag`; None for any other tag."""
    match = _ADDRESS_TAG.fullmatch(tag)
    return (match[1], match[2].replace("-", ".")) if match else None


def is_cluster_tag(tag: str, cluster: str) -> bool:
    """Return whether a launch of this cluster makes the tag; False for tags of snapshots and other clusters."""
    makers = (role_tag, slot_tag, launch_tag, ca_tag)
    others = (_generation_prefix(cluster), _config_prefix(cluster), _replaces_prefix(cluster))
    prefixes = (*(make(cluster, "") for make in makers), *others, _address_prefix(cluster))
    return tag in (cluster_tag(cluster), ingress_tag(cluster)) or tag.startswith(prefixes)


def _address_prefix(cluster: str) -> str:
    return f"{PREFIX}:{cluster}:reserved-ip:"


def _generation_prefix(cluster: str) -> str:
    return f"{PREFIX}:{cluster}:gen:"


def _config_prefix(cluster: str) -> str:
    return f"{PREFIX}:{cluster}:config:"


def _replaces_prefix(cluster: str) -> str:
    return f"{PREFIX}:{cluster}:replaces:"


def packer_key_time(name: str) -> int | None:
    """Return when Packer made the SSH key ``name``, in seconds since 1970, or None if Packer did not make it.

    SSH keys have no tags: only the name and its time distinguish Packer's keys from other keys.
    """
    made = _PACKER_KEY.fullmatch(name)
    return None if made is None else int(made[1], 16)
