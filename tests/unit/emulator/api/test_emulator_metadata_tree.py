"""What a droplet reads about itself (https://docs.digitalocean.com/reference/api/metadata/)."""

from bakery.emulator.api.metadata import metadata_json, metadata_tree
from bakery.emulator.machines.interface import MachineSpec
from bakery.emulator.work.machine_spec import machine_spec
from tests.helpers.emulated import add_droplet, make_state, public_key


def make_spec(*, public: bool = True) -> MachineSpec:
    state = make_state()
    state.vpcs.create(name="v", description="", region="fra1", ip_range="10.100.0.0/20")
    droplet, _ = add_droplet(state, public=public, tags=("bakery:demo",))
    return machine_spec(state, droplet)


def test_the_json_document_has_the_documented_shape() -> None:
    spec = make_spec()

    assert metadata_json(spec) == {
        "droplet_id": spec.droplet_id,
        "hostname": "web-1",
        "user_data": "#cloud-config\n# canary-user-data\n",
        "vendor_data": "#cloud-config\nmanage_etc_hosts: true\n",
        "public_keys": [public_key(1)],
        "region": "fra1",
        "interfaces": {
            "public": [
                {
                    "ipv4": {"ip_address": "198.18.0.10", "netmask": "255.254.0.0", "gateway": "198.18.0.1"},
                    "anchor_ipv4": {"ip_address": "10.17.0.2", "netmask": "255.255.0.0", "gateway": "10.17.0.1"},
                    "mac": spec.public.mac if spec.public else "",
                    "type": "public",
                }
            ],
            "private": [
                {
                    "ipv4": {"ip_address": "10.100.0.2", "netmask": "255.255.240.0", "gateway": ""},
                    "mac": spec.private.mac,
                    "type": "private",
                }
            ],
        },
        "dns": {"nameservers": ["67.207.67.2", "67.207.67.3"]},
        "floating_ip": {"ipv4": {"active": False}},
        "reserved_ip": {"ipv4": {"active": False}},
        "tags": ["bakery:demo"],
        "features": {"dhcp_enabled": False},
    }


def test_the_tree_says_the_same_as_the_document() -> None:
    tree = metadata_tree(make_spec())

    assert tree["interfaces"]["public"]["0"]["anchor_ipv4"]["address"] == "10.17.0.2"
    assert tree["interfaces"]["private"]["0"]["ipv4"]["address"] == "10.100.0.2"
    assert tree["dns"]["nameservers"] == "67.207.67.2\n67.207.67.3"
    assert list(tree["tags"]) == ["bakery:demo"]


def test_a_reserved_ip_is_shown_in_both() -> None:
    state = make_state()
    droplet, _ = add_droplet(state)
    reserved = state.reserved_ips.create("fra1")
    reserved.droplet_id = droplet.id
    spec = machine_spec(state, droplet)

    shown = {"ipv4": {"active": True, "ip_address": "198.18.0.11"}}
    document = metadata_json(spec)
    assert (document["reserved_ip"], document["floating_ip"]) == (shown, shown)
    assert metadata_tree(spec)["reserved_ip"] == {"ipv4": {"active": "true", "ip_address": "198.18.0.11"}}


def test_a_private_droplet_has_no_public_interface() -> None:
    spec = make_spec(public=False)

    assert list(metadata_tree(spec)["interfaces"]) == ["private"]
    assert metadata_json(spec)["interfaces"]["public"] == []
