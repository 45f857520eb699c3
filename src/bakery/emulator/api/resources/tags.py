"""Tags and their resources (OpenAPI: resources/tags)."""

from collections.abc import Callable
from typing import Any

from bakery.emulator.account.errors import InvalidTag, NotFound, Unprocessable
from bakery.emulator.account.model import Droplet, Image, Tag
from bakery.emulator.account.tags import is_tag_name
from bakery.emulator.api import fields
from bakery.emulator.api.call import NO_CONTENT, Call, Reply, page


def list_tags(call: Call) -> Reply:
    return page(call, "tags", call.state.tags.all(), lambda tag: tag_view(call, tag))


def create_tag(call: Call) -> Reply:
    name = call.body.get("name")
    if not isinstance(name, str) or not is_tag_name(name):
        message = "name is invalid, must match ^[a-zA-Z0-9_\\-:]+$ and have at most 255 characters"
        raise InvalidTag(message)
    return Reply(status=201, body={"tag": tag_view(call, call.state.tags.ensure(name))})


def get_tag(call: Call) -> Reply:
    return Reply(body={"tag": tag_view(call, call.state.tags.get(call.params["tag"]))})


def delete_tag(call: Call) -> Reply:
    call.state.remove_tag(call.params["tag"])
    return NO_CONTENT


def tag_resources(call: Call) -> Reply:
    tags = call.state.tags
    return _for_each(call, tags.tag_droplet, tags.tag_image)


def untag_resources(call: Call) -> Reply:
    tags = call.state.tags
    return _for_each(call, tags.untag_droplet, tags.untag_image)


def _for_each(
    call: Call, on_droplet: Callable[[Droplet, list[str]], None], on_image: Callable[[Image, list[str]], None]
) -> Reply:
    """Tag or untag all resources, or none: each is looked up before any is changed."""
    tag = call.state.tags.get(call.params["tag"])
    resources = [_resource(call, entry) for entry in fields.objects(call.body, "resources")]
    if not resources:
        message = "resources can't be blank"
        raise Unprocessable(message)
    for resource in resources:
        if isinstance(resource, Droplet):
            on_droplet(resource, [tag.name])
        else:
            on_image(resource, [tag.name])
    return NO_CONTENT


def _resource(call: Call, entry: fields.Body) -> Droplet | Image:
    number = fields.number(str(entry.get("resource_id", "")))
    kind = fields.text(entry, "resource_type")
    call.access.require(f"{kind}:update")
    if number is None or kind not in {"droplet", "image"}:
        raise NotFound
    return call.state.droplets.get(number) if kind == "droplet" else call.state.images.get(number)


def tag_view(call: Call, tag: Tag) -> dict[str, Any]:
    droplets = _count_view(f"{call.base_url}/v2/droplets", tag.droplet_ids)
    images = _count_view(f"{call.base_url}/v2/images", tag.image_ids)
    nothing = {"count": 0}
    total = {"count": len(tag.droplet_ids) + len(tag.image_ids)}
    last = droplets.get("last_tagged_uri") or images.get("last_tagged_uri")
    if last is not None:
        total["last_tagged_uri"] = last
    kinds = {"volumes": nothing, "volume_snapshots": nothing, "databases": nothing}
    return {"name": tag.name, "resources": {**total, "droplets": droplets, "images": images, **kinds}}


def _count_view(url: str, ids: dict[int, None]) -> dict[str, Any]:
    return {"count": len(ids)} | ({"last_tagged_uri": f"{url}/{next(reversed(ids))}"} if ids else {})
