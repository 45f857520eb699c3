"""Other people's things, with names and tags that a careless pattern would take for cluster demo's."""

from bakery.cloud.interface import Cloud
from bakery.cloud.model import DropletRequest, FirewallRequest
from bakery.launch.converge.firewalls import OUTBOUND
from tests.helpers.emulated import public_key

# Cluster "demo-nomad" with role "server" has droplets of the same names as cluster "demo" with "nomad-server".
DROPLETS = (
    ("demo-nomad-server-1", ("bakery:demo-nomad", "bakery:demo-nomad:role:server")),
    ("demo-nomad-server-2", ("bakery:demo-nomad", "bakery:demo-nomad:role:server")),
    ("demo-nomad-client-1", ("bakery:demo-2",)),
    ("demo-nomad-client-4", ("mine",)),
    ("demo", ("bakery",)),
)
FIREWALLS = (
    ("demo-nomad-server-deadbeef", "bakery:demo-nomad:role:server"),
    ("demo-2-consul-server-deadbeef", "bakery:demo-2:role:consul-server"),
    ("demo-consul-server", "mine"),
)
VPCS = (
    ("bakery-demo-nomad", "bakery cluster demo-nomad, launch deadbeef", "10.1.0.0/20"),
    ("demo", "bakery cluster demo, launch deadbeef", "10.2.0.0/20"),
)
KEYS = ("bakery-demo-launch-deadbeef", "bakery-demo-nomad-launch-deadbeef", "demo")
TAGS = ("bakery:demo2", "bakery:demo-nomad:launch:deadbeef", "bakery:image:demo")


def add_strangers(cloud: Cloud, *, size: str = "s-1vcpu-1gb", image: int | str = "debian-12-x64") -> None:
    """Sixteen of them."""
    vpcs = [
        cloud.create_vpc(name=name, description=text, region="fra1", ip_range=cidr) for name, text, cidr in VPCS
    ]
    keys = [cloud.create_ssh_key(name, public_key(number)) for number, name in enumerate(KEYS, 100)]
    for tag in TAGS:
        cloud.create_tag(tag)
    for name, tags in DROPLETS:
        cloud.create_droplet(
            DropletRequest(
                name=name,
                region="fra1",
                size=size,
                image=image,
                tags=tags,
                vpc_id=vpcs[0].id,
                ssh_keys=(keys[0].id,),
                user_data="#cloud-config\n",
            )
        )
    for name, tag in FIREWALLS:
        cloud.create_tag(tag)
        cloud.create_firewall(FirewallRequest(name=name, inbound=(), outbound=OUTBOUND, tags=(tag,)))
