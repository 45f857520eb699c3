"""The config drive of a droplet as files: cloud-init's ConfigDrive data source reads them from a seed folder.

Source of the layout: cloudinit/sources/helpers/openstack.py and DigitalOcean's own config drive.
"""

import json
from pathlib import Path

from bakery.emulator.machines.interface import Interface, MachineSpec
from bakery.files import ensure_private_folder, write_secret

SEED = "var/lib/cloud/seed/config_drive"
"""Path of the seed in the guest. Only here does ds-identify accept ``latest`` without other versions."""

_ANY = "0.0.0.0"  # noqa: S104 - a route's destination, nothing binds to it


def seed_files(spec: MachineSpec) -> dict[str, str]:
    """Return the config drive: the content of each file by its path below :data:`SEED`."""
    files = {
        "meta_data.json": _json(_meta_data(spec)),
        "network_data.json": _json(_network_data(spec)),
    }
    if spec.user_data is not None:
        files["user_data"] = spec.user_data
    if spec.vendor_data is not None:
        files["vendor_data.json"] = _json({"cloud-init": spec.vendor_data})
    return {f"openstack/latest/{name}": content for name, content in files.items()}


def write_seed(spec: MachineSpec, folder: Path) -> None:
    """Write the config drive into ``folder``, readable only by its owner."""
    ensure_private_folder(folder)
    for name, content in seed_files(spec).items():
        write_secret(folder / name, content.encode())


def _meta_data(spec: MachineSpec) -> dict[str, object]:
    return {
        "uuid": str(spec.droplet_id),  # becomes cloud-init's instance-id
        "hostname": spec.name,
        "name": spec.name,
        "availability_zone": spec.region,
        "public_keys": {str(number): key for number, key in enumerate(spec.public_keys)},
    }


def _network_data(spec: MachineSpec) -> dict[str, object]:
    links = []
    networks = []
    if spec.public is not None:
        links.append(_link("eth0", spec.public))
        networks.append(_network("public", "eth0", spec.public, gateway=True))
        if spec.anchor is not None:
            networks.append(_network("anchor", "eth0", spec.anchor, gateway=False))
    inside = "eth0" if spec.public is None else "eth1"
    links.append(_link(inside, spec.private))
    networks.append(_network("private", inside, spec.private, gateway=spec.public is None))
    services = [{"type": "dns", "address": address} for address in spec.dns]
    return {"links": links, "networks": networks, "services": services}


def _link(name: str, interface: Interface) -> dict[str, object]:
    return {"id": name, "name": name, "type": "phy", "ethernet_mac_address": interface.mac, "mtu": 1500}


def _network(name: str, link: str, interface: Interface, *, gateway: bool) -> dict[str, object]:
    routes = []
    if gateway and interface.gateway is not None:
        routes.append({"network": _ANY, "netmask": _ANY, "gateway": interface.gateway})
    return {
        "id": name,
        "link": link,
        "type": "ipv4",
        "ip_address": interface.address,
        "netmask": interface.netmask,
        "routes": routes,
    }


def _json(value: object) -> str:
    return json.dumps(value, indent=1, sort_keys=True)
