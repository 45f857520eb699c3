"""Droplets (OpenAPI: resources/droplets)."""

from datetime import timedelta
from typing import Any

from bakery.emulator.account.catalog import SIZES
from bakery.emulator.account.errors import Unprocessable
from bakery.emulator.account.model import Action, Droplet
from bakery.emulator.api.call import NO_CONTENT, Call, Handler, Reply, page
from bakery.emulator.api.resources.catalog import disk_view, region_view, size_view, timestamp
from bakery.emulator.api.resources.droplet_request import read_request
from bakery.emulator.api.resources.images import image_view


def list_droplets(call: Call) -> Reply:
    """List all droplets, or those with ``tag_name`` or ``name``; a list of GPU droplets is empty."""
    return page(call, "droplets", _chosen(call), lambda droplet: droplet_view(call, droplet))


def _chosen(call: Call) -> list[Droplet]:
    tag_name, name = call.query.get("tag_name"), call.query.get("name")
    if tag_name and (name or "type" in call.query):
        message = "tag_name cannot be combined with name or type."
        raise Unprocessable(message)
    if call.query.get("type") == "gpus":
        return []
    if tag_name:
        call.access.require("tag:read")
        return _tagged(call, tag_name)
    droplets = call.state.droplets.all()
    if name:
        return [droplet for droplet in droplets if droplet.name.lower() == name.lower()]
    return droplets


def _tagged(call: Call, tag_name: str) -> list[Droplet]:
    tag = call.state.tags.find(tag_name)
    return [] if tag is None else call.state.droplets.some(tag.droplet_ids)


def list_nothing(key: str) -> Handler:
    """Return a handler for a kind of resource that no droplet has here: an empty page under ``key``."""

    def handler(call: Call) -> Reply:
        call.state.droplets.get(call.id("droplet"))
        return page(call, key, (), dict)

    return handler


def list_neighbors(call: Call) -> Reply:
    """Answer with no droplets: all are on one machine, which does not count as a shared hypervisor."""
    call.state.droplets.get(call.id("droplet"))
    return Reply(body={"droplets": []})


def create_droplets(call: Call) -> Reply:
    """Create one droplet (``name``) or up to ten (``names``); they boot after the 202."""
    made = [call.state.droplets.create(new) for new in read_request(call)]
    views = [droplet_view(call, droplet) for droplet, _ in made]
    for droplet, action in made:
        call.work.create(droplet, action)
    links = {"actions": [_action_link(call, action) for _, action in made]}
    if call.body.get("names") is None:
        return Reply(status=202, body={"droplet": views[0], "links": links})
    return Reply(status=202, body={"droplets": views, "links": links})


def get_droplet(call: Call) -> Reply:
    return Reply(body={"droplet": droplet_view(call, call.state.droplets.get(call.id("droplet")))})


def delete_droplet(call: Call) -> Reply:
    """Delete a droplet, also while an action is in progress: its machine is removed after the action."""
    _remove(call, call.state.droplets.get(call.id("droplet")))
    return NO_CONTENT


def delete_droplets(call: Call) -> Reply:
    """Delete all droplets with ``tag_name``; without a tag nothing is deleted."""
    tag_name = call.query.get("tag_name")
    if not tag_name:
        message = "tag_name can't be blank"
        raise Unprocessable(message)
    for droplet in _tagged(call, tag_name):
        _remove(call, droplet)
    return NO_CONTENT


def _remove(call: Call, droplet: Droplet) -> None:
    call.state.remove_droplet(droplet)
    call.work.destroy(droplet)


def _action_link(call: Call, action: Action) -> dict[str, Any]:
    return {"id": action.id, "rel": action.type, "href": f"{call.base_url}/v2/actions/{action.id}"}


FIELD_SCOPES = {
    "image": "image:read",
    "backup_ids": "image:read",
    "snapshot_ids": "image:read",
    "volume_ids": "block_storage:read",
    "tags": "tag:read",
    "vpc_uuid": "vpc:read",
}
"""The scope that a token needs to read a field (OpenAPI: droplet.yml)."""


def droplet_view(call: Call, droplet: Droplet) -> dict[str, Any]:
    """Return the droplet object, without the fields whose scope the token lacks."""
    view = _whole_view(call, droplet)
    if call.access.scopes is None:
        return view
    hidden = {name for name, scope in FIELD_SCOPES.items() if not call.access.allows(scope)}
    return {name: value for name, value in view.items() if name not in hidden}


def _whole_view(call: Call, droplet: Droplet) -> dict[str, Any]:
    size = SIZES[droplet.size]
    return {
        "id": droplet.id,
        "name": droplet.name,
        "memory": size.memory,
        "vcpus": size.vcpus,
        "disk": droplet.disk,
        "disk_info": [disk_view(droplet.disk)],
        "locked": _is_locked(call, droplet),
        "status": droplet.status,
        "kernel": None,
        "created_at": timestamp(droplet.created_at),
        "features": list(droplet.features),
        "backup_ids": [],
        "next_backup_window": None,
        "snapshot_ids": list(droplet.snapshot_ids),
        "image": image_view(call.state.images.even_deleted(droplet.image_id)),
        "volume_ids": [],
        "size": size_view(size, call.settings.regions),
        "size_slug": droplet.size,
        "networks": {"v4": _networks(call, droplet), "v6": []},
        "region": region_view(droplet.region, call.settings.region_features),
        "tags": list(droplet.tags),
        "vpc_uuid": droplet.vpc_id,
    }


def _is_locked(call: Call, droplet: Droplet) -> bool:
    """Return whether an action locks the droplet; a create does not, as in the API's example."""
    if droplet.pending_action is None:
        return False
    return call.state.actions.get(droplet.pending_action).type != "create"


def _networks(call: Call, droplet: Droplet) -> list[dict[str, Any]]:
    """Return the addresses to show: none before the droplet is active, the VPC address after its delay.

    The anchor address is never shown.
    """
    settings = call.settings
    if droplet.active_at is None:
        return []
    if call.state.clock() < droplet.active_at + timedelta(
        seconds=settings.latency.draw("addresses", droplet.name)
    ):
        return []
    networks = []
    if call.state.clock() >= droplet.active_at + timedelta(seconds=settings.private_address_delay_s):
        # OpenAPI's examples of droplets have "nil" as the gateway of a private address
        networks.append(_network(droplet.private_address, _vpc_netmask(call, droplet), "nil", "private"))
    if droplet.public_address is not None:
        netmask = call.state.droplets.public.netmask
        networks.append(_network(droplet.public_address, netmask, settings.public_gateway, "public"))
    return networks


def _vpc_netmask(call: Call, droplet: Droplet) -> str:
    return call.state.vpcs.pool(droplet.vpc_id).netmask


def _network(address: str, netmask: str, gateway: str, kind: str) -> dict[str, Any]:
    return {"ip_address": address, "netmask": netmask, "gateway": gateway, "type": kind}
