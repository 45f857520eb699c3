"""Actions of droplets and images, by every path that shows them (OpenAPI: resources/actions)."""

from typing import Any

from bakery.emulator.account.errors import NotFound
from bakery.emulator.account.model import Action
from bakery.emulator.api import fields
from bakery.emulator.api.call import Call, Reply, page
from bakery.emulator.api.resources.catalog import region_view, timestamp


def list_actions(call: Call) -> Reply:
    """Answer with all actions, newest first, as DigitalOcean does."""
    return page(call, "actions", call.state.actions.all()[::-1], lambda action: action_view(call, action))


def get_action(call: Call) -> Reply:
    return Reply(body={"action": action_view(call, call.state.actions.get(call.id("action")))})


def list_droplet_actions(call: Call) -> Reply:
    droplet = call.state.droplets.get(call.id("droplet"))
    return page(
        call, "actions", call.state.actions.of_droplet(droplet.id)[::-1], lambda action: action_view(call, action)
    )


def get_droplet_action(call: Call) -> Reply:
    """Answer with one action of a droplet, also of a deleted one."""
    action = call.state.actions.get(call.id("action"))
    if action.resource_id != call.id("droplet"):
        raise NotFound
    return Reply(body={"action": action_view(call, action)})


def list_image_actions(call: Call) -> Reply:
    number = fields.number(call.params["image"])
    image = call.state.images.get(call.params["image"] if number is None else number)
    return page(
        call, "actions", call.state.actions.of_image(image.id)[::-1], lambda action: action_view(call, action)
    )


def get_image_action(call: Call) -> Reply:
    """Ignore the image's id in the path: Packer 1.6.6 sends the id of another action there."""
    return get_action(call)


def action_view(call: Call, action: Action) -> dict[str, Any]:
    return {
        "id": action.id,
        "status": action.status,
        "type": action.type,
        "started_at": timestamp(action.started_at),
        "completed_at": None if action.completed_at is None else timestamp(action.completed_at),
        "resource_id": action.resource_id,
        "resource_type": action.resource_type,
        "region": region_view(action.region, call.settings.region_features),
        "region_slug": action.region,
    }
