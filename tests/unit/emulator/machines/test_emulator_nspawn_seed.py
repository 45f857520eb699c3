"""The config drive's files, by the shapes of OpenStack's network_data.json and meta_data.json.

https://docs.openstack.org/nova/latest/_downloads/9119ca7ac90aa2990e762c08baea3a36/network_data.json
"""

import json
from pathlib import Path

from bakery.emulator.machines.nspawn_seed import seed_files, write_seed
from tests.helpers.machine_specs import USER_DATA, machine_spec

LATEST = "openstack/latest"


def test_the_instance_is_the_droplet() -> None:
    files = seed_files(machine_spec(public_keys=("ssh-ed25519 AAAA one", "ssh-ed25519 BBBB two")))
    assert json.loads(files[f"{LATEST}/meta_data.json"]) == {
        "uuid": "1001",
        "hostname": "demo-1",
        "name": "demo-1",
        "availability_zone": "fra1",
        "public_keys": {"0": "ssh-ed25519 AAAA one", "1": "ssh-ed25519 BBBB two"},
    }
    assert files[f"{LATEST}/user_data"] == USER_DATA


def test_eth0_has_public_and_anchor_and_eth1_the_vpc() -> None:
    found = json.loads(seed_files(machine_spec())[f"{LATEST}/network_data.json"])
    assert found["links"] == [
        {"id": "eth0", "name": "eth0", "type": "phy", "ethernet_mac_address": "02:00:00:00:00:01", "mtu": 1500},
        {"id": "eth1", "name": "eth1", "type": "phy", "ethernet_mac_address": "02:00:00:00:01:01", "mtu": 1500},
    ]
    shown = [
        (
            network["link"],
            network["ip_address"],
            network["netmask"],
            [route["gateway"] for route in network["routes"]],
        )
        for network in found["networks"]
    ]
    assert shown == [
        ("eth0", "198.18.0.11", "255.254.0.0", ["198.18.0.1"]),
        ("eth0", "10.17.0.11", "255.255.0.0", []),
        ("eth1", "10.100.0.11", "255.255.255.0", []),
    ]
    assert [service["address"] for service in found["services"]] == ["67.207.67.2", "67.207.67.3"]


def test_without_public_networking_eth0_is_the_vpc() -> None:
    found = json.loads(seed_files(machine_spec(public=False))[f"{LATEST}/network_data.json"])
    assert [(network["link"], network["ip_address"]) for network in found["networks"]] == [("eth0", "10.100.0.11")]


def test_what_was_not_given_is_not_there() -> None:
    assert sorted(seed_files(machine_spec(user_data=None))) == [
        f"{LATEST}/meta_data.json",
        f"{LATEST}/network_data.json",
    ]


def test_vendor_data_is_cloud_init_text() -> None:
    files = seed_files(machine_spec(vendor_data="#cloud-config\n{}\n"))
    assert json.loads(files[f"{LATEST}/vendor_data.json"]) == {"cloud-init": "#cloud-config\n{}\n"}


def test_nobody_else_can_read_it(tmp_path: Path) -> None:
    """A real droplet's copy is root's alone; a seed folder is copied with its modes."""
    write_seed(machine_spec(), tmp_path / "seed")
    modes = {path.relative_to(tmp_path).as_posix(): path.stat().st_mode & 0o777 for path in tmp_path.rglob("*")}
    assert modes == {
        "seed": 0o700,
        "seed/openstack": 0o700,
        "seed/openstack/latest": 0o700,
        "seed/openstack/latest/meta_data.json": 0o600,
        "seed/openstack/latest/network_data.json": 0o600,
        "seed/openstack/latest/user_data": 0o600,
    }
