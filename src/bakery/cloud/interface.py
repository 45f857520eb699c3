"""The port to DigitalOcean. The adapter is :mod:`bakery.cloud.digitalocean`; fakes live in tests.

Lists are whole (every page read and checked) and in the API's order. Every call has a time-out. GET and DELETE are
retried within bounds; **POST never is**: after an unclear create the caller lists by tag first.

Raises, all calls: UnauthorizedError (401, 403), RateLimitedError (429 beyond patience), UnprocessableError
(400, 409, 412, 422), UnreachableError (no usable reply), NotFoundError (404; ``find_`` gives None, ``delete_``
takes it as done).
"""

from typing import Protocol

from bakery.cloud.model import (
    Account,
    Droplet,
    DropletRequest,
    Firewall,
    FirewallRequest,
    Image,
    Region,
    Size,
    SshKey,
    Vpc,
)


class Cloud(Protocol):
    """DigitalOcean's API, as far as bakery uses it."""

    def get_account(self) -> Account: ...

    def list_regions(self) -> tuple[Region, ...]: ...

    def list_sizes(self) -> tuple[Size, ...]: ...

    def list_droplets(self, *, tag: str) -> tuple[Droplet, ...]: ...

    def find_droplet(self, droplet_id: int) -> Droplet | None: ...

    def create_droplet(self, request: DropletRequest) -> Droplet: ...

    def delete_droplet(self, droplet_id: int) -> None: ...

    def list_images(self, *, tag: str | None = None) -> tuple[Image, ...]:
        """The account's own images (``private=true``), by tag if one is given."""

    def delete_image(self, image_id: int) -> None: ...

    def create_tag(self, name: str) -> None:
        """Idempotent."""

    def list_tags(self) -> tuple[str, ...]: ...

    def tag_image(self, image_id: int, tag: str) -> None: ...

    def delete_tag(self, name: str) -> None: ...

    def list_ssh_keys(self) -> tuple[SshKey, ...]: ...

    def create_ssh_key(self, name: str, public_key: str) -> SshKey: ...

    def delete_ssh_key(self, key_id: int) -> None: ...

    def list_vpcs(self) -> tuple[Vpc, ...]: ...

    def create_vpc(self, *, name: str, description: str, region: str, ip_range: str) -> Vpc: ...

    def delete_vpc(self, vpc_id: str) -> None: ...

    def list_firewalls(self) -> tuple[Firewall, ...]: ...

    def create_firewall(self, request: FirewallRequest) -> Firewall: ...

    def update_firewall(self, firewall_id: str, request: FirewallRequest) -> Firewall: ...

    def delete_firewall(self, firewall_id: str) -> None: ...
