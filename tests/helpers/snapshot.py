"""A snapshot in an emulated account that passes for a baked one."""

from typing import Any

from bakery.assets import image_inputs
from bakery.config.defaults import BASE_IMAGE, CONSUL_VERSION, NOMAD_VERSION
from bakery.plan.tags import content_tag, versions_tag
from tests.helpers.emulated import Api

NAME = "bakery-stand-in"


def bake(
    api: Api,
    *,
    consul: str = CONSUL_VERSION,
    nomad: str = NOMAD_VERSION,
    traefik: bool = False,
    name: str = NAME,
) -> int:
    """Make a snapshot with the tags that a bake of the versions would give it; return its id."""
    droplet = api.active(name="stand-in")
    api.act(droplet["id"], "snapshot", name=name)
    images: list[dict[str, Any]] = api.get("/v2/images?private=true").json()["images"]
    image = max(images, key=lambda each: int(each["id"]))
    content = content_tag(image_inputs(), base=BASE_IMAGE, consul=consul, nomad=nomad, traefik=traefik)
    resources = [{"resource_id": str(image["id"]), "resource_type": "image"}]
    for tag in (content, versions_tag(consul=consul, nomad=nomad)):
        api.post("/v2/tags", {"name": tag})
        assert api.post(f"/v2/tags/{tag}/resources", {"resources": resources}).status_code == 204
    api.delete(f"/v2/droplets/{droplet['id']}")
    api.settle()
    return int(image["id"])
