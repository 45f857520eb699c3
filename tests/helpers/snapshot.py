"""A snapshot in an emulated account that passes for a baked one."""

from typing import Any

from bakery.assets import image_inputs
from bakery.config.defaults import BASE_IMAGE, CONSUL_VERSION, NOMAD_VERSION
from bakery.plan.tags import content_tag
from tests.helpers.emulated import Api

NAME = "bakery-stand-in"


def bake(api: Api) -> int:
    """Make a snapshot with the tag that a bake of the default versions would give it; return its id."""
    droplet = api.active(name="stand-in")
    api.act(droplet["id"], "snapshot", name=NAME)
    images: list[dict[str, Any]] = api.get("/v2/images?private=true").json()["images"]
    image = max(images, key=lambda each: int(each["id"]))
    tag = content_tag(image_inputs(), base=BASE_IMAGE, consul=CONSUL_VERSION, nomad=NOMAD_VERSION)
    api.post("/v2/tags", {"name": tag})
    resources = [{"resource_id": str(image["id"]), "resource_type": "image"}]
    assert api.post(f"/v2/tags/{tag}/resources", {"resources": resources}).status_code == 204
    api.delete(f"/v2/droplets/{droplet['id']}")
    api.settle()
    return int(image["id"])
