"""Images, and snapshots below ``/v2/snapshots`` (OpenAPI: resources/images, resources/snapshots)."""

from collections.abc import Callable
from typing import Any

from bakery.emulator.account.errors import BadRequest, NotFound, Unprocessable
from bakery.emulator.account.model import Image
from bakery.emulator.api import fields
from bakery.emulator.api.call import NO_CONTENT, Call, Reply, page
from bakery.emulator.api.resources.actions import action_view
from bakery.emulator.api.resources.catalog import timestamp


def list_images(call: Call) -> Reply:
    """List images; ``type`` selects public ones, ``private`` and ``tag_name`` the account's own."""
    if "tag_name" in call.query:
        call.access.require("tag:read")
    images = call.state.images.all()
    for name, keep in _filters(call):
        if name in call.query:
            images = [image for image in images if keep(image)]
    return page(call, "images", images, image_view)


def _filters(call: Call) -> list[tuple[str, Callable[[Image], bool]]]:
    private = call.query.get("private", "").lower() == "true"
    tag = call.state.tags.find(call.query.get("tag_name", ""))
    tagged = {} if tag is None else tag.image_ids
    kind = call.query.get("type")
    return [
        ("private", lambda image: not (private and image.public)),
        ("tag_name", lambda image: image.id in tagged),
        ("type", lambda image: kind == "distribution" and image.type == "base"),
    ]


def get_image(call: Call) -> Reply:
    return Reply(body={"image": image_view(_find(call))})


def update_image(call: Call) -> Reply:
    image = _own(call)
    image.name = fields.optional_text(call.body, "name") or image.name
    image.description = fields.optional_text(call.body, "description") or image.description
    image.distribution = fields.optional_text(call.body, "distribution") or image.distribution
    return Reply(body={"image": image_view(image)})


def delete_image(call: Call) -> Reply:
    _remove(call, _find(call))
    return NO_CONTENT


def act_on_image(call: Call) -> Reply:
    """Transfer an image. ``convert`` is not supported: it converts backups, and there are none."""
    image = _own(call)
    kind = fields.text(call.body, "type")
    if kind != "transfer":
        message = f"The action {kind[:80]} is not supported for this image by the emulator."
        raise Unprocessable(message)
    region = fields.text(call.body, "region")
    if region not in call.settings.regions:
        message = "You specified an invalid region for image transfer."
        raise Unprocessable(message)
    action = call.state.actions.start(kind, resource_id=image.id, resource_type="image", region=region)
    call.work.transfer(image, action, region)
    return Reply(status=201, body={"action": action_view(call, action)})


def list_droplet_snapshots(call: Call) -> Reply:
    droplet = call.state.droplets.get(call.id("droplet"))
    found = (call.state.images.find(image_id) for image_id in droplet.snapshot_ids)
    return page(call, "snapshots", [image for image in found if image is not None], droplet_snapshot_view)


def list_snapshots(call: Call) -> Reply:
    wanted = call.query.get("resource_type")
    snapshots = [] if wanted == "volume" else call.state.images.snapshots()
    return page(call, "snapshots", snapshots, snapshot_view)


def get_snapshot(call: Call) -> Reply:
    return Reply(body={"snapshot": snapshot_view(_snapshot(call))})


def delete_snapshot(call: Call) -> Reply:
    _remove(call, _snapshot(call))
    return NO_CONTENT


def _find(call: Call) -> Image:
    name = call.params["image"]
    number = fields.number(name)
    return call.state.images.get(name if number is None else number)


def _own(call: Call) -> Image:
    image = _find(call)
    if image.public:
        raise NotFound
    return image


def _snapshot(call: Call) -> Image:
    image = call.state.images.get(call.id("snapshot"))
    if image.type != "snapshot":
        message = "the resource is not a snapshot"
        raise BadRequest(message)
    return image


def _remove(call: Call, image: Image) -> None:
    call.state.remove_image(image)
    call.work.delete_snapshot(image)


def image_view(image: Image) -> dict[str, Any]:
    return {
        "id": image.id,
        "name": image.name,
        "distribution": image.distribution,
        "slug": image.slug,
        "public": image.public,
        "regions": list(image.regions),
        "created_at": timestamp(image.created_at),
        "min_disk_size": image.min_disk_size,
        "type": image.type,
        "size_gigabytes": image.size_gigabytes,
        "description": image.description,
        "tags": list(image.tags),
        "status": image.status,
        "error_message": "",
    }


def droplet_snapshot_view(image: Image) -> dict[str, Any]:
    """Return the form of ``/v2/droplets/{id}/snapshots``: an integer id, and no tags."""
    return {
        "id": image.id,
        "name": image.name,
        "created_at": timestamp(image.created_at),
        "regions": list(image.regions),
        "min_disk_size": image.min_disk_size,
        "size_gigabytes": image.size_gigabytes,
        "type": "snapshot",
    }


def snapshot_view(image: Image) -> dict[str, Any]:
    """Return the form of ``/v2/snapshots``: ids are strings."""
    return {
        "id": str(image.id),
        "name": image.name,
        "created_at": timestamp(image.created_at),
        "regions": list(image.regions),
        "resource_id": str(image.droplet_id),
        "resource_type": "droplet",
        "min_disk_size": image.min_disk_size,
        "size_gigabytes": image.size_gigabytes,
        "tags": list(image.tags),
    }
