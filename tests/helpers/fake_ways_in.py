"""Load balancers, certificates and reserved IPs of a FakeCloud."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from bakery.cloud.model import Certificate, Droplet, LoadBalancer, LoadBalancerRequest, ReservedIp
from bakery.errors import UnauthorizedError, UnprocessableError

T = TypeVar("T")


def refusal(*, details: str) -> UnprocessableError:
    return UnprocessableError(message="refused", details=details, status=422)


@dataclass
class FakeWaysIn:
    """Base of FakeCloud; the public fields are part of the account."""

    balancers: dict[str, LoadBalancer] = field(default_factory=dict)
    certificates: dict[str, Certificate] = field(default_factory=dict)
    reserved: dict[str, ReservedIp] = field(default_factory=dict)
    balancer_limit: int = 10
    reserved_limit: int = 3
    balancer_after: float = 30
    """Seconds until a load balancer is active."""
    certificate_after: float = 10
    assigned_after: float = 6
    freed_after: float = 0
    """Seconds for which a certificate counts as in use after its load balancer has another or is gone."""
    managed: tuple[str, ...] = ("example.com",)
    """Domains of the account."""
    _in_use_until: dict[str, float] = field(default_factory=dict)
    _assigning: dict[str, tuple[int, float]] = field(default_factory=dict)

    def list_load_balancers(self) -> tuple[LoadBalancer, ...]:
        def listed(balancer: LoadBalancer) -> LoadBalancer:
            behind = tuple(d.id for d in self._droplets() if balancer.tag in d.tags)
            active = balancer.status == "active" or self._age(balancer.id) >= self.balancer_after
            ip = "203.0.113.250" if active and balancer.status != "errored" else ""
            status = "active" if active and balancer.status != "errored" else balancer.status
            return replace(balancer, status=status, ip=ip, droplet_ids=behind)

        return self._do("list_load_balancers", lambda: tuple(map(listed, self.balancers.values())))

    def create_load_balancer(self, request: LoadBalancerRequest) -> LoadBalancer:
        def create() -> LoadBalancer:
            if len(self.balancers) >= self.balancer_limit:
                raise refusal(details="creating this load balancer will exceed your load balancer limit")
            self._check_certificate(request)
            return self.add_balancer(request)

        return self._do("create_load_balancer", create, subject=request.name, mutating=True)

    def add_balancer(self, request: LoadBalancerRequest) -> LoadBalancer:
        number = f"lb-{self._next()}"
        self.balancers[number] = _made(number, request, created_at=self._today(), status="new")
        self._note_birth(number)
        return self.balancers[number]

    def update_load_balancer(self, balancer_id: str, request: LoadBalancerRequest) -> LoadBalancer:
        def update() -> LoadBalancer:
            self._check_certificate(request)
            old = self.balancers[balancer_id]
            self._free_later(old)
            self.balancers[balancer_id] = _made(balancer_id, request, created_at=old.created_at, status=old.status)
            return self.balancers[balancer_id]

        return self._do("update_load_balancer", update, subject=balancer_id, mutating=True)

    def delete_load_balancer(self, balancer_id: str) -> None:
        def delete() -> None:
            if balancer_id in self.balancers:
                self._free_later(self.balancers.pop(balancer_id))

        self._do("delete_load_balancer", delete, subject=balancer_id, mutating=True)

    def list_certificates(self) -> tuple[Certificate, ...]:
        def listed(certificate: Certificate) -> Certificate:
            ready = self._age(certificate.id) >= self.certificate_after
            return replace(certificate, state="verified" if ready else "pending")

        return self._do("list_certificates", lambda: tuple(map(listed, self.certificates.values())))

    def create_certificate(self, name: str, dns_names: tuple[str, ...]) -> Certificate:
        def create() -> Certificate:
            if not all(any(host.endswith(domain) for domain in self.managed) for host in dns_names):
                raise refusal(details="the domain is not managed by DigitalOcean")
            if any(each.name == name for each in self.certificates.values()):
                raise refusal(details="a certificate with this name already exists")
            number = f"cert-{self._next()}"
            self.certificates[number] = Certificate(
                id=number, name=name, state="pending", dns_names=dns_names, created_at=self._today()
            )
            self._note_birth(number)
            return self.certificates[number]

        return self._do("create_certificate", create, subject=name, mutating=True)

    def delete_certificate(self, certificate_id: str) -> None:
        def delete() -> None:
            rules = (rule for balancer in self.balancers.values() for rule in balancer.rules)
            late = self._now_is() < self._in_use_until.get(certificate_id, 0)
            if late or any(rule.certificate_id == certificate_id for rule in rules):
                details = "Make sure the certificate is not in use before deleting it"
                raise UnauthorizedError(message="refused", details=details, status=403)
            self.certificates.pop(certificate_id, None)

        self._do("delete_certificate", delete, subject=certificate_id, mutating=True)

    def list_reserved_ips(self) -> tuple[ReservedIp, ...]:
        return self._do("list_reserved_ips", self._listed_ips)

    def create_reserved_ip(self, droplet_id: int) -> ReservedIp:
        def create() -> ReservedIp:
            if len(self.reserved) >= self.reserved_limit:
                raise refusal(details="You have reached your reserved IP limit.")
            if any(each.droplet_id == droplet_id for each in self._listed_ips()):
                raise refusal(details="The Droplet already has a reserved IP.")
            address = f"203.0.113.{240 + len(self.reserved)}"
            self.reserved[address] = ReservedIp(ip=address, region="fra1", droplet_id=None, locked=True)
            self._assigning[address] = (droplet_id, self._now_is() + self.assigned_after)
            return self.reserved[address]

        return self._do("create_reserved_ip", create, subject=droplet_id, mutating=True)

    def assign_reserved_ip(self, address: str, droplet_id: int) -> None:
        def assign() -> None:
            self._listed_ips()
            if address in self._assigning:
                raise refusal(details="The reserved IP already has a pending event.")
            self._assigning[address] = (droplet_id, self._now_is() + self.assigned_after)

        self._do("assign_reserved_ip", assign, subject=address, mutating=True)

    def delete_reserved_ip(self, address: str) -> None:
        self._do("delete_reserved_ip", lambda: self.reserved.pop(address, None), subject=address, mutating=True)

    def _listed_ips(self) -> tuple[ReservedIp, ...]:
        there = {droplet.id for droplet in self._droplets()}
        for address, (droplet_id, at) in list(self._assigning.items()):
            if self._now_is() >= at:
                del self._assigning[address]
                if address in self.reserved:
                    self.reserved[address] = replace(self.reserved[address], droplet_id=droplet_id)
        for address, each in self.reserved.items():
            holder = each.droplet_id if each.droplet_id in there else None
            self.reserved[address] = replace(each, droplet_id=holder, locked=address in self._assigning)
        return tuple(self.reserved.values())

    def _free_later(self, balancer: LoadBalancer) -> None:
        for rule in balancer.rules:
            self._in_use_until[rule.certificate_id] = self._now_is() + self.freed_after

    def _check_certificate(self, request: LoadBalancerRequest) -> None:
        wanted = {rule.certificate_id for rule in request.rules if rule.certificate_id}
        if not wanted <= self.certificates.keys():
            raise refusal(details="the certificate does not exist")

    # What FakeCloud has.

    def _do(self, name: str, apply: Callable[[], T], *, subject: object = "", mutating: bool = False) -> T:
        raise NotImplementedError

    def _droplets(self) -> list[Droplet]:
        raise NotImplementedError

    def _age(self, key: str) -> float:
        raise NotImplementedError

    def _now_is(self) -> float:
        raise NotImplementedError

    def _note_birth(self, key: str) -> None:
        raise NotImplementedError

    def _next(self) -> int:
        raise NotImplementedError

    def _today(self) -> str:
        raise NotImplementedError


def _made(number: str, request: LoadBalancerRequest, *, created_at: str, status: str) -> LoadBalancer:
    return LoadBalancer(
        id=number,
        name=request.name,
        status=status,
        ip="",
        created_at=created_at,
        tag=request.tag,
        vpc_id=request.vpc_id,
        rules=request.rules,
        health_check=request.health_check,
        proxy_protocol=request.proxy_protocol,
        redirects=request.redirects,
        size_unit=request.size_unit,
        droplet_ids=(),
    )
