"""Reads the body of a droplet request: checks every field and looks up every reference.

OpenAPI: resources/droplets/models/droplet_create.yml.
"""

import re

from bakery.emulator.account.catalog import SIZES
from bakery.emulator.account.errors import Unprocessable
from bakery.emulator.account.model import Image, NewDroplet
from bakery.emulator.account.tags import is_tag_name
from bakery.emulator.api import fields
from bakery.emulator.api.call import Call
from bakery.emulator.api.resources.references import read_vpc

MAX_NAMES = 10
MAX_NAME = 255
MAX_USER_DATA = 65_536
"""Bytes; the API documents 64 KiB of plain text."""

_NAME = re.compile(r"[a-zA-Z0-9.\-]*[a-zA-Z0-9]")
_WRONG_VPC = "You specified an invalid VPC for Droplet creation: it is not in the selected region."


def read_request(call: Call) -> list[NewDroplet]:
    """Return one new droplet per name.

    Raises Unprocessable; then only the region's default VPC may have been created.
    """
    names = read_names(call.body)
    _check_scopes(call)
    size = _size(call)
    image = read_image(call, call.body)
    region = _region(call, image)
    _check_disk(image, size)
    keys = _public_keys(call)
    user_data = _user_data(call)
    tags = _tags(call)
    features = _features(call)
    public = fields.boolean(call.body, "public_networking", default=True)
    vpc = read_vpc(call, region, refusal=_WRONG_VPC)
    call.state.droplets.check_room(len(names), vpc)
    return [
        NewDroplet(
            name=name,
            region=region,
            size=size,
            image=image,
            vpc=vpc,
            user_data=user_data,
            public_keys=keys,
            tags=tags,
            features=features,
            public_networking=public,
        )
        for name in names
    ]


def _check_scopes(call: Call) -> None:
    """Require the scopes of what the request refers to (OpenAPI: droplet_create.yml)."""
    needed = {"tags": "tag:create", "ssh_keys": "ssh_key:read", "vpc_uuid": "vpc:read", "image": "image:read"}
    call.access.require(*(scope for name, scope in needed.items() if call.body.get(name)))


def read_names(body: fields.Body) -> list[str]:
    names = fields.texts(body, "names") if body.get("names") is not None else [fields.text(body, "name")]
    if not names:
        message = "names can't be blank"
        raise Unprocessable(message)
    if len(names) > MAX_NAMES:
        message = f"You can create at most {MAX_NAMES} Droplets at once."
        raise Unprocessable(message)
    for name in names:
        check_name(name)
    return names


def check_name(name: str) -> None:
    if _NAME.fullmatch(name) is None or len(name) > MAX_NAME:
        message = "Only valid hostname characters are allowed. (a-z, A-Z, 0-9, . and -)"
        raise Unprocessable(message)


def read_image(call: Call, body: fields.Body) -> Image:
    """Return the image by id or slug, if the machines can boot it. Raises Unprocessable."""
    value = body.get("image")
    number = fields.number(value) if isinstance(value, str) else None
    wanted = value if number is None else number
    image = call.state.images.find(wanted) if isinstance(wanted, int | str) else None
    if image is None:
        message = "You specified an invalid image for Droplet creation."
        raise Unprocessable(message)
    reason = call.work.check_image(image)
    if reason is not None:
        message = f"You specified an invalid image for Droplet creation. The emulator: {reason}"
        raise Unprocessable(message)
    return image


def _size(call: Call) -> str:
    size = call.body.get("size")
    if not isinstance(size, str) or size not in SIZES:
        message = "You specified an invalid size for Droplet creation."
        raise Unprocessable(message)
    return size


def _region(call: Call, image: Image) -> str:
    """Return the region by slug or prefix; without one in the request, the VPC's region or any."""
    wanted = call.body.get("region") or _vpc_region(call)
    regions = call.settings.regions
    candidates = [slug for slug in regions if isinstance(wanted, str) and slug.startswith(wanted)]
    if wanted in regions:
        candidates = [wanted]
    if not candidates:
        message = "You specified an invalid region for Droplet creation."
        raise Unprocessable(message)
    fitting = [slug for slug in candidates if slug in image.regions]
    if not fitting:
        message = "The image you specified is not available in the selected region."
        raise Unprocessable(message)
    return fitting[0]


def _vpc_region(call: Call) -> str:
    vpc = call.state.vpcs.find(fields.optional_text(call.body, "vpc_uuid") or "")
    return "" if vpc is None else vpc.region


def _check_disk(image: Image, size: str) -> None:
    if SIZES[size].disk < image.min_disk_size:
        message = f"The image you specified needs a disk of at least {image.min_disk_size} GB."
        raise Unprocessable(message)


def _public_keys(call: Call) -> tuple[str, ...]:
    wanted = fields.mixed(call.body, "ssh_keys")
    keys = [call.state.keys.find(key) for key in wanted]
    unknown = [str(name)[:80] for name, key in zip(wanted, keys, strict=True) if key is None]
    if unknown:
        message = f"{', '.join(unknown)} are invalid key identifiers for Droplet creation."
        raise Unprocessable(message)
    return tuple(key.public_key for key in keys if key is not None)


def _user_data(call: Call) -> str | None:
    user_data = fields.optional_text(call.body, "user_data")
    if user_data is not None and len(user_data.encode()) > MAX_USER_DATA:
        message = "User data is too long (maximum is 64 KiB)."
        raise Unprocessable(message)
    return user_data or None


def _tags(call: Call) -> tuple[str, ...]:
    tags = fields.texts(call.body, "tags")
    for tag in tags:
        if not is_tag_name(tag):
            message = f"Tag name {tag[:255]} is invalid."
            raise Unprocessable(message)
    return tuple(dict.fromkeys(tags))


def _features(call: Call) -> tuple[str, ...]:
    """Return the features that the droplet object lists; check the other switches, which have no effect here."""
    body = call.body
    if fields.boolean(body, "ipv6") and not fields.boolean(body, "public_networking", default=True):
        message = "ipv6 needs public networking."
        raise Unprocessable(message)
    if body.get("volumes"):
        message = "You specified an invalid volume for Droplet creation."
        raise Unprocessable(message)
    features = [name for name in ("backups", "ipv6", "monitoring") if fields.boolean(body, name)]
    fields.boolean(body, "private_networking")
    if fields.boolean(body, "with_droplet_agent"):
        features.append("droplet_agent")
    return (*features, "private_networking")
