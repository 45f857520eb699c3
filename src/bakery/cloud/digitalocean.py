"""The adapter of the Cloud port: python-digitalocean's base class with another transport.

The library's own transport has no time-out, follows links to other hosts, loses pages and logs user-data
(baseapi.py of 1.17.0), so every request uses :mod:`bakery.cloud.transport`.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from digitalocean.baseapi import DELETE, GET, POST, PUT, BaseAPI

from bakery.cloud import parse, parse_edge
from bakery.cloud.endpoint import checked_endpoint
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
from bakery.cloud.transport import Transport, TransportLimits
from bakery.cloud.watch import UNWATCHED, Watcher
from bakery.errors import CredentialsError, NotFoundError, UnprocessableError, UnreachableError
from bakery.wait import Clock

T = TypeVar("T")


def connect(
    *,
    endpoint: str,
    token: str,
    limits: TransportLimits | None = None,
    clock: Clock | None = None,
    watcher: Watcher = UNWATCHED,
) -> "DigitalOcean":
    """Return the API at ``endpoint`` (base URL without ``/v2``). Sends no request yet.

    ``watcher`` is called after every request and before every retry.

    Raises:
        UsageError: the endpoint is not a URL, or is plain http to another machine.
        CredentialsError: there is no token.
    """
    if not token:
        message = "no DigitalOcean token"
        raise CredentialsError(message=message, hint="set DIGITALOCEAN_TOKEN")
    base = checked_endpoint(endpoint)
    silence_library()
    return DigitalOcean(Transport(base, token, limits=limits, clock=clock, watcher=watcher), base=base)


def silence_library() -> None:
    """Disable python-digitalocean's logger: at DEBUG it logs user-data (baseapi.py, line 127 of 1.17.0)."""
    logger = logging.getLogger("digitalocean")
    logger.disabled = True
    logger.propagate = False


class DigitalOcean(BaseAPI):  # type: ignore[misc] # the library has no types
    """Implements :class:`bakery.cloud.interface.Cloud`. Safe to share between threads."""

    def __init__(self, transport: Transport, *, base: str) -> None:
        # The library gets no token, so that a request that bypasses our transport is refused.
        super().__init__(token="", end_point=f"{base}/v2/")
        self._transport = transport
        self._account: Account | None = None
        self._asking = threading.Lock()

    def get_data(self, url: str, type: str = GET, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Send a request of the library through our transport: GET parameters as query, others as body."""
        if type == GET:
            return self._transport.call(GET, url, query=params)
        return self._transport.call(type, url, body=params)

    def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        self._session.close()
        self._transport.close()

    def get_account(self) -> Account:
        with self._asking:
            if self._account is None:
                self._account = self._one("account", "account", parse.account)
            return self._account

    def list_regions(self) -> tuple[Region, ...]:
        return self._list("regions", "regions", parse.region)

    def list_sizes(self) -> tuple[Size, ...]:
        return self._list("sizes", "sizes", parse.size)

    def list_droplets(self, *, tag: str | None = None) -> tuple[Droplet, ...]:
        return self._list("droplets", "droplets", parse.droplet, None if tag is None else {"tag_name": tag})

    def count_droplets(self) -> int:
        return self._transport.count("droplets")

    def find_droplet(self, droplet_id: int) -> Droplet | None:
        return self._find(f"droplets/{droplet_id}", "droplet", parse.droplet)

    def create_droplet(self, request: DropletRequest) -> Droplet:
        return self._one("droplets", "droplet", parse.droplet, POST, parse.droplet_body(request))

    def shut_down_droplet(self, droplet_id: int) -> None:
        self.get_data(f"droplets/{droplet_id}/actions", POST, {"type": "shutdown"})

    def delete_droplet(self, droplet_id: int) -> None:
        self._delete(f"droplets/{droplet_id}")

    def list_images(self, *, tag: str | None = None) -> tuple[Image, ...]:
        query = {"private": "true"} if tag is None else {"private": "true", "tag_name": tag}
        return self._list("images", "images", parse.image, query)

    def delete_image(self, image_id: int) -> None:
        self._delete(f"images/{image_id}")

    def create_tag(self, name: str) -> None:
        try:
            self.get_data("tags", POST, {"name": name})
        except UnprocessableError:
            if self._find(f"tags/{name}", "tag", dict) is None:
                raise

    def list_tags(self) -> tuple[str, ...]:
        return self._list("tags", "tags", lambda item: str(item["name"]))

    def tag_image(self, image_id: int, tag: str) -> None:
        resources = [{"resource_id": str(image_id), "resource_type": "image"}]
        self.get_data(f"tags/{tag}/resources", POST, {"resources": resources})

    def delete_tag(self, name: str) -> None:
        self._delete(f"tags/{name}")

    def list_ssh_keys(self) -> tuple[SshKey, ...]:
        return self._list("account/keys", "ssh_keys", parse.ssh_key)

    def create_ssh_key(self, name: str, public_key: str) -> SshKey:
        return self._one("account/keys", "ssh_key", parse.ssh_key, POST, {"name": name, "public_key": public_key})

    def delete_ssh_key(self, key_id: int) -> None:
        self._delete(f"account/keys/{key_id}")

    def list_vpcs(self) -> tuple[Vpc, ...]:
        return self._list("vpcs", "vpcs", parse.vpc)

    def count_vpc_members(self, vpc_id: str) -> int:
        return self._transport.count(f"vpcs/{vpc_id}/members")

    def create_vpc(self, *, name: str, description: str, region: str, ip_range: str) -> Vpc:
        body = {"name": name, "description": description, "region": region, "ip_range": ip_range}
        return self._one("vpcs", "vpc", parse.vpc, POST, body)

    def delete_vpc(self, vpc_id: str) -> None:
        self._delete(f"vpcs/{vpc_id}")

    def list_firewalls(self) -> tuple[Firewall, ...]:
        return self._list("firewalls", "firewalls", parse.firewall)

    def create_firewall(self, request: FirewallRequest) -> Firewall:
        return self._one("firewalls", "firewall", parse.firewall, POST, parse.firewall_body(request))

    def update_firewall(self, firewall_id: str, request: FirewallRequest) -> Firewall:
        body = parse.firewall_body(request)
        return self._one(f"firewalls/{firewall_id}", "firewall", parse.firewall, PUT, body)

    def delete_firewall(self, firewall_id: str) -> None:
        self._delete(f"firewalls/{firewall_id}")

    def untag_droplet(self, droplet_id: int, tag: str) -> None:
        resources = [{"resource_id": str(droplet_id), "resource_type": "droplet"}]
        self._delete(f"tags/{tag}/resources", {"resources": resources})

    def list_load_balancers(self) -> tuple[LoadBalancer, ...]:
        return self._list("load_balancers", "load_balancers", parse_edge.load_balancer)

    def create_load_balancer(self, request: LoadBalancerRequest) -> LoadBalancer:
        body = parse_edge.balancer_body(request)
        return self._one("load_balancers", "load_balancer", parse_edge.load_balancer, POST, body)

    def update_load_balancer(self, balancer_id: str, request: LoadBalancerRequest) -> LoadBalancer:
        path, body = f"load_balancers/{balancer_id}", parse_edge.balancer_body(request)
        return self._one(path, "load_balancer", parse_edge.load_balancer, PUT, body)

    def delete_load_balancer(self, balancer_id: str) -> None:
        self._delete(f"load_balancers/{balancer_id}")

    def list_certificates(self) -> tuple[Certificate, ...]:
        return self._list("certificates", "certificates", parse_edge.certificate)

    def create_certificate(self, name: str, dns_names: tuple[str, ...]) -> Certificate:
        body = {"name": name, "type": "lets_encrypt", "dns_names": list(dns_names)}
        return self._one("certificates", "certificate", parse_edge.certificate, POST, body)

    def delete_certificate(self, certificate_id: str) -> None:
        self._delete(f"certificates/{certificate_id}")

    def list_reserved_ips(self) -> tuple[ReservedIp, ...]:
        return self._list("reserved_ips", "reserved_ips", parse_edge.reserved_ip)

    def create_reserved_ip(self, droplet_id: int) -> ReservedIp:
        body = {"droplet_id": droplet_id}
        return self._one("reserved_ips", "reserved_ip", parse_edge.reserved_ip, POST, body)

    def assign_reserved_ip(self, address: str, droplet_id: int) -> None:
        body = {"type": "assign", "droplet_id": droplet_id}
        self.get_data(f"reserved_ips/{address}/actions", POST, body)

    def delete_reserved_ip(self, address: str) -> None:
        self._delete(f"reserved_ips/{address}")

    def _one(
        self,
        path: str,
        key: str,
        read: Callable[[Mapping[str, Any]], T],
        method: str = GET,
        body: Mapping[str, Any] | None = None,
    ) -> T:
        reply = self.get_data(path, method, body)
        with _reading(f"{method} /v2/{path}"):
            return read(reply[key])

    def _find(self, path: str, key: str, read: Callable[[Mapping[str, Any]], T]) -> T | None:
        try:
            return self._one(path, key, read)
        except NotFoundError:
            return None

    def _list(
        self,
        path: str,
        key: str,
        read: Callable[[Mapping[str, Any]], T],
        query: Mapping[str, str | int] | None = None,
    ) -> tuple[T, ...]:
        items = self._transport.collect(path, key, query)
        with _reading(f"GET /v2/{path}"):
            return tuple(read(item) for item in items)

    def _delete(self, path: str, body: Mapping[str, Any] | None = None) -> None:
        try:
            self.get_data(path, DELETE, body)
        except NotFoundError:
            return


@contextmanager
def _reading(what: str) -> Iterator[None]:
    """Turn a missing or wrong field in a reply into UnreachableError, without quoting the reply."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        message = f"the reply to {what} does not have the API's form"
        details = f"missing field {error}" if isinstance(error, KeyError) else "a field has another type"
        raise UnreachableError(message=message, details=details, status=200) from None
