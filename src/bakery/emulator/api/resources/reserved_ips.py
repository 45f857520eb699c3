"""Reserved IPs, also under their old name, floating IPs (OpenAPI: resources/reserved_ips, floating_ips)."""

from typing import Any

from bakery.emulator.account.errors import NotFound, Unprocessable
from bakery.emulator.account.model import Action, Droplet, ReservedIp
from bakery.emulator.api import fields
from bakery.emulator.api.call import NO_CONTENT, Call, Handler, Reply, page
from bakery.emulator.api.resources.actions import action_view
from bakery.emulator.api.resources.catalog import region_view
from bakery.emulator.api.resources.droplets import droplet_view
from bakery.emulator.api.resources.projects import PROJECT_ID
from bakery.emulator.api.resources.references import get_droplet


def list_as(key: str) -> Handler:
    """Return a handler that lists reserved IPs under ``key``."""

    def list_reserved(call: Call) -> Reply:
        return page(call, key, call.state.reserved_ips.all(), lambda each: reserved_view(call, each))

    return list_reserved


def create_as(key: str) -> Handler:
    """Return a handler that creates a reserved IP, in a region or for a droplet."""

    def create(call: Call) -> Reply:
        if call.body.get("droplet_id") is None:
            return Reply(status=202, body={key: reserved_view(call, _reserve(call)), "links": {}})
        droplet = get_droplet(call, _droplet_id(call))
        reserved, action = _reserve_for(call, droplet)
        links = {
            "droplets": [_link(call, "droplets", droplet.id, "droplet")],
            "actions": [_link(call, "actions", action.id, action.type)],
        }
        return Reply(status=202, body={key: reserved_view(call, reserved), "links": links})

    return create


def get_as(key: str) -> Handler:
    """Return a handler that answers with one reserved IP."""

    def get(call: Call) -> Reply:
        return Reply(body={key: reserved_view(call, _find(call))})

    return get


def delete_reserved(call: Call) -> Reply:
    """Delete a reserved IP; an assigned one is unassigned with it."""
    reserved = _find(call)
    _refuse_locked(reserved)
    call.state.reserved_ips.remove(reserved)
    return NO_CONTENT


def list_actions(call: Call) -> Reply:
    actions = call.state.actions.of_reserved_ip(_find(call).number)[::-1]
    return page(call, "actions", actions, lambda action: _action_view(call, action))


def get_action(call: Call) -> Reply:
    action = call.state.actions.get(call.id("action"))
    if action.resource_id != _find(call).number:
        raise NotFound
    return Reply(body={"action": _action_view(call, action)})


def act(call: Call) -> Reply:
    """Assign the reserved IP to a droplet, also from another one, or unassign it."""
    reserved, kind = _find(call), fields.text(call.body, "type")
    if kind not in {"assign", "unassign"}:
        message = f"You specified an invalid action type: {kind[:80]}."
        raise Unprocessable(message)
    droplet_id = _droplet_id(call) if kind == "assign" else None
    if droplet_id is not None:
        droplet = call.state.droplets.get(droplet_id)
        call.state.reserved_ips.check_assignable(reserved, droplet, reserved.region)
    action = call.state.reserved_ips.start_action(reserved, f"{kind}_ip")
    call.work.assign(reserved, action, droplet_id)
    return Reply(status=201, body={"action": _action_view(call, action)})


def _find(call: Call) -> ReservedIp:
    return call.state.reserved_ips.get(call.params["reserved"])


def _refuse_locked(reserved: ReservedIp) -> None:
    if reserved.pending_action is not None:
        message = "The reserved IP has a pending event."
        raise Unprocessable(message)


def _reserve(call: Call) -> ReservedIp:
    region = fields.text(call.body, "region")
    if region not in call.settings.regions:
        message = "You specified an invalid region."
        raise Unprocessable(message)
    reserved = call.state.reserved_ips.create(region)
    action = call.state.reserved_ips.start_action(reserved, "reserve_ip")
    call.state.reserved_ips.finish_action(reserved, action)
    return reserved


def _reserve_for(call: Call, droplet: Droplet) -> tuple[ReservedIp, Action]:
    call.state.reserved_ips.check_assignable(None, droplet, droplet.region)
    reserved = call.state.reserved_ips.create(droplet.region)
    action = call.state.reserved_ips.start_action(reserved, "assign_ip")
    call.work.assign(reserved, action, droplet.id)
    return reserved, action


def _droplet_id(call: Call) -> int:
    value = call.body.get("droplet_id")
    number = value if isinstance(value, int) and not isinstance(value, bool) else fields.number(str(value))
    if number is None:
        message = "droplet_id must be a number"
        raise Unprocessable(message)
    return number


def _link(call: Call, path: str, number: object, rel: str) -> dict[str, Any]:
    return {"id": number, "rel": rel, "href": f"{call.base_url}/v2/{path}/{number}"}


def _action_view(call: Call, action: Action) -> dict[str, Any]:
    return {**action_view(call, action), "project_id": PROJECT_ID}


def reserved_view(call: Call, reserved: ReservedIp) -> dict[str, Any]:
    """Return the object; while an assignment is in progress it shows the droplet from before."""
    droplet = None if reserved.droplet_id is None else call.state.droplets.get(reserved.droplet_id)
    return {
        "ip": reserved.ip,
        "region": region_view(reserved.region, call.settings.region_features),
        "droplet": None if droplet is None else droplet_view(call, droplet),
        "locked": reserved.pending_action is not None,
        "project_id": PROJECT_ID,
    }
