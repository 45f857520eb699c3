"""The port to DigitalOcean. The adapter is :mod:`bakery.cloud.digitalocean`; fakes live in tests.

Lists are complete (every page is read and checked) and in the API's order. Every call has a time-out. GET, PUT and
DELETE are retried a few times; **POST never is**: after a create without a reply the caller first lists by tag.

All calls may raise UnauthorizedError (401, 403), RateLimitedError (429 for longer than the limit),
UnprocessableError (400, 409, 412, 422), UnreachableError (no usable reply) and NotFoundError (404; but ``find_``
returns None, and ``delete_`` returns as if it had deleted the resource).
"""

from typing import Protocol

from bakery.cloud.model import (
    Account,
    Certificate,
    Droplet,
    DropletRequest,
    Firewall,
    FirewallRequest,
    Image,
    LoadBalancer,
    LoadBalancerRequest,
    Region,
    ReservedIp,
    Size,
    SshKey,
    Vpc,
)


class Cloud(Protocol):
    """The part of DigitalOcean's API that bakery uses.

    Each method is one call, named as in the API's reference.
    """

    def get_account(self) -> Account:
        """Return the account of the token. The API is asked once."""

    def list_regions(self) -> tuple[Region, ...]:
        """Return all regions."""

    def list_sizes(self) -> tuple[Size, ...]:
        """Return all droplet sizes."""

    def list_droplets(self, *, tag: str | None = None) -> tuple[Droplet, ...]:
        """Return the droplets with ``tag``; all of the account if it is None."""

    def count_droplets(self) -> int:
        """Return how many droplets the account has, those of other programs too."""

    def find_droplet(self, droplet_id: int) -> Droplet | None:
        """Return the droplet; None if there is none with that id."""

    def create_droplet(self, request: DropletRequest) -> Droplet:
        """Request a droplet. It is ``new`` when this returns."""

    def shut_down_droplet(self, droplet_id: int) -> None:
        """Request that the system of the droplet shuts down. It is still running when this returns.

        UnprocessableError if it is off, or if another action runs on it.
        """

    def delete_droplet(self, droplet_id: int) -> None:
        """Delete the droplet. No error if it does not exist."""

    def list_images(self, *, tag: str | None = None) -> tuple[Image, ...]:
        """Return the account's own images (``private=true``), only those with ``tag`` if one is given."""

    def delete_image(self, image_id: int) -> None:
        """Delete the image. No error if it does not exist."""

    def create_tag(self, name: str) -> None:
        """Create the tag. No error if it exists."""

    def list_tags(self) -> tuple[str, ...]:
        """Return the names of all tags."""

    def tag_image(self, image_id: int, tag: str) -> None:
        """Add a tag, which must exist, to an image."""

    def delete_tag(self, name: str) -> None:
        """Delete the tag, not the resources with it. No error if it does not exist."""

    def list_ssh_keys(self) -> tuple[SshKey, ...]:
        """Return all SSH keys of the account."""

    def create_ssh_key(self, name: str, public_key: str) -> SshKey:
        """Add a public key to the account."""

    def delete_ssh_key(self, key_id: int) -> None:
        """Delete the key. No error if it does not exist."""

    def list_vpcs(self) -> tuple[Vpc, ...]:
        """Return all VPCs."""

    def count_vpc_members(self, vpc_id: str) -> int:
        """Return how many droplets, load balancers and other resources have an address in the VPC."""

    def create_vpc(self, *, name: str, description: str, region: str, ip_range: str) -> Vpc:
        """Create a VPC."""

    def delete_vpc(self, vpc_id: str) -> None:
        """Delete the VPC. No error if it does not exist; UnprocessableError if it has members."""

    def list_firewalls(self) -> tuple[Firewall, ...]:
        """Return all firewalls."""

    def create_firewall(self, request: FirewallRequest) -> Firewall:
        """Create a firewall. Droplets get its rules when its status is ``succeeded``."""

    def update_firewall(self, firewall_id: str, request: FirewallRequest) -> Firewall:
        """Replace all fields of a firewall."""

    def delete_firewall(self, firewall_id: str) -> None:
        """Delete the firewall. No error if it does not exist."""

    def untag_droplet(self, droplet_id: int, tag: str) -> None:
        """Remove the tag from the droplet. No error if one of them does not exist."""

    def list_load_balancers(self) -> tuple[LoadBalancer, ...]:
        """Return all load balancers."""

    def create_load_balancer(self, request: LoadBalancerRequest) -> LoadBalancer:
        """Request a load balancer. It is ``new`` when this returns, and has no address."""

    def update_load_balancer(self, balancer_id: str, request: LoadBalancerRequest) -> LoadBalancer:
        """Replace all fields of a load balancer."""

    def delete_load_balancer(self, balancer_id: str) -> None:
        """Delete the load balancer. No error if it does not exist."""

    def list_certificates(self) -> tuple[Certificate, ...]:
        """Return all certificates of load balancers."""

    def create_certificate(self, name: str, dns_names: tuple[str, ...]) -> Certificate:
        """Request a certificate of Let's Encrypt. The names must be in domains of the account."""

    def delete_certificate(self, certificate_id: str) -> None:
        """Delete the certificate. No error if it does not exist; the API refuses it while it is in use."""

    def list_reserved_ips(self) -> tuple[ReservedIp, ...]:
        """Return all reserved IPs."""

    def create_reserved_ip(self, droplet_id: int) -> ReservedIp:
        """Reserve an address for the droplet. It is assigned some seconds after this returns."""

    def assign_reserved_ip(self, address: str, droplet_id: int) -> None:
        """Assign a reserved IP to the droplet, from another one too. It takes effect after some seconds."""

    def delete_reserved_ip(self, address: str) -> None:
        """Delete the reserved IP. No error if it does not exist."""
