"""The metadata service that droplets see at 169.254.169.254.

The tree is that of https://docs.digitalocean.com/reference/api/metadata/; the JSON document is an object, as
DigitalOcean's own Go client decodes it.
"""

import json
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from bakery.emulator.account.state import AccountState
from bakery.emulator.machines.interface import Interface, MachineSpec
from bakery.emulator.work.machine_spec import machine_spec

Tree = dict[str, Any]
"""Folders are dicts, values are text."""

ROOT = "/metadata/v1"


def build_metadata_app(state: AccountState) -> Starlette:
    """Build the service that answers every droplet about itself; the client's address identifies the droplet."""

    async def serve(request: Request) -> Response:
        with state.lock:
            spec = _find_spec(state, request)
        return _not_found() if spec is None else _answer(spec, request.url.path)

    return Starlette(routes=[Route("/{path:path}", serve, methods=["GET"])])


def _find_spec(state: AccountState, request: Request) -> MachineSpec | None:
    """Return the spec of the droplet that asks; None for another client and for a deleted droplet."""
    droplet = None if request.client is None else state.droplets.find_by_address(request.client.host)
    if droplet is None or not state.droplets.exists(droplet.id):
        return None
    return machine_spec(state, droplet)


def _answer(spec: MachineSpec, path: str) -> Response:
    if path == f"{ROOT}.json":
        return Response(json.dumps(metadata_json(spec)), media_type="application/json")
    if path != ROOT and not path.startswith(f"{ROOT}/"):
        return _not_found()
    found = _walk(metadata_tree(spec), [part for part in path.removeprefix(ROOT).split("/") if part])
    if found is None:
        return _not_found()
    if isinstance(found, str):
        return PlainTextResponse(found)
    if not path.endswith("/"):
        return RedirectResponse(f"{path}/", status_code=301)
    return PlainTextResponse("\n".join(_index(found)))


def _walk(tree: Tree, parts: list[str]) -> Tree | str | None:
    found: Tree | str | None = tree
    for part in parts:
        found = found.get(part) if isinstance(found, dict) else None
    return found


def _index(tree: Tree) -> list[str]:
    """List a folder: names of folders end in a slash, a tag is a name without a value."""
    return [f"{name}/" if isinstance(value, dict) else name for name, value in tree.items()]


def _not_found() -> Response:
    return PlainTextResponse("not found", status_code=404)


def metadata_tree(spec: MachineSpec) -> Tree:
    """Return the folders and values below ``/metadata/v1/``."""
    public = {} if spec.public is None else {"0": _interface_tree(spec.public, "public", spec.anchor)}
    kinds = {"public": public, "private": {"0": _interface_tree(spec.private, "private", None)}}
    reserved = {"ipv4": _reserved(spec, active="true", inactive="false")}
    tree: Tree = {
        "id": str(spec.droplet_id),
        "hostname": spec.name,
        "user-data": spec.user_data,
        "vendor-data": spec.vendor_data,
        "public-keys": "\n".join(spec.public_keys),
        "region": spec.region,
        "interfaces": {kind: tree for kind, tree in kinds.items() if tree},
        "dns": {"nameservers": "\n".join(spec.dns)},
        "floating_ip": reserved,
        "reserved_ip": reserved,
        "tags": dict.fromkeys(spec.tags, ""),
        "features": {"dhcp_enabled": "false"},
    }
    return {name: value for name, value in tree.items() if value is not None}


def _reserved(spec: MachineSpec, *, active: str | bool, inactive: str | bool) -> dict[str, str | bool]:
    if spec.reserved_ip is None:
        return {"active": inactive}
    return {"active": active, "ip_address": spec.reserved_ip}


def _interface_tree(interface: Interface, kind: str, anchor: Interface | None) -> Tree:
    tree: Tree = {"ipv4": _address_tree(interface)}
    if anchor is not None:
        tree["anchor_ipv4"] = _address_tree(anchor)
    return {**tree, "mac": interface.mac, "type": kind}


def _address_tree(interface: Interface) -> Tree:
    return {
        "address": interface.address,
        "netmask": interface.netmask,
        "gateway": interface.gateway or "",
    }


def metadata_json(spec: MachineSpec) -> dict[str, Any]:
    """Return the document at ``/metadata/v1.json``."""
    public = [] if spec.public is None else [_interface_json(spec.public, "public", spec.anchor)]
    reserved = {"ipv4": _reserved(spec, active=True, inactive=False)}
    document: dict[str, Any] = {
        "droplet_id": spec.droplet_id,
        "hostname": spec.name,
        "user_data": spec.user_data,
        "vendor_data": spec.vendor_data,
        "public_keys": list(spec.public_keys),
        "region": spec.region,
        "interfaces": {"public": public, "private": [_interface_json(spec.private, "private", None)]},
        "dns": {"nameservers": list(spec.dns)},
        "floating_ip": reserved,
        "reserved_ip": reserved,
        "tags": list(spec.tags),
        "features": {"dhcp_enabled": False},
    }
    return {name: value for name, value in document.items() if value is not None}


def _interface_json(interface: Interface, kind: str, anchor: Interface | None) -> dict[str, Any]:
    document: dict[str, Any] = {"ipv4": _address_json(interface), "mac": interface.mac, "type": kind}
    if anchor is not None:
        document["anchor_ipv4"] = _address_json(anchor)
    return document


def _address_json(interface: Interface) -> dict[str, str]:
    return {
        "ip_address": interface.address,
        "netmask": interface.netmask,
        "gateway": interface.gateway or "",
    }
