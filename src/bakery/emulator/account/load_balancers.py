"""Load balancers: their droplets, their addresses, and whether their traffic is forwarded."""

from collections.abc import Iterable
from datetime import timedelta

from bakery.emulator.account.addresses import AddressPool
from bakery.emulator.account.errors import NotFound, Unprocessable
from bakery.emulator.account.model import BalancerSettings, LoadBalancer, Vpc
from bakery.emulator.account.settings import EmulatorSettings
from bakery.emulator.account.source import Ids, WallClock
from bakery.emulator.account.vpcs import Vpcs


class LoadBalancers:
    """All load balancers of the account, and the addresses that they use."""

    def __init__(
        self, settings: EmulatorSettings, clock: WallClock, ids: Ids, *, public: AddressPool, vpcs: Vpcs
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._ids = ids
        self._public = public
        self._vpcs = vpcs
        self._balancers: dict[str, LoadBalancer] = {}
        self.forwards = False
        """Whether the machines forward traffic: then a load balancer is active once they do."""

    def restore(self, balancers: Iterable[LoadBalancer]) -> None:
        """Replace all load balancers; restore VPCs first."""
        self._balancers = {balancer.id: balancer for balancer in balancers}
        for balancer in self._balancers.values():
            self._public.mark_taken(balancer.address)
            self._vpcs.pool(balancer.vpc_id).mark_taken(balancer.private_address)

    def all(self) -> list[LoadBalancer]:
        return list(self._balancers.values())

    def find(self, balancer_id: str) -> LoadBalancer | None:
        return self._balancers.get(balancer_id.lower())

    def get(self, balancer_id: str) -> LoadBalancer:
        balancer = self.find(balancer_id)
        if balancer is None:
            raise NotFound
        return balancer

    def members(self, vpc_id: str) -> list[LoadBalancer]:
        """Return the load balancers of a VPC."""
        return [balancer for balancer in self._balancers.values() if balancer.vpc_id == vpc_id]

    def create(self, settings: BalancerSettings, *, region: str, vpc: Vpc) -> LoadBalancer:
        """Create a load balancer in status ``new``. Raises Unprocessable."""
        if len(self._balancers) >= self._settings.load_balancer_limit:
            message = "creating this load balancer will exceed your load balancer limit"
            raise Unprocessable(message)
        pools = (self._public, self._vpcs.pool(vpc.id))
        if full := next((pool for pool in pools if pool.free < 1), None):
            message = f"There are no free addresses left in {full.network}."
            raise Unprocessable(message)
        now = self._clock()
        balancer = LoadBalancer(
            id=self._ids.uuid(),
            region=region,
            vpc_id=vpc.id,
            created_at=now,
            address=pools[0].take(),
            private_address=pools[1].take(),
            settings=settings,
            active_at=None if self.forwards else now + self._latency(settings.name),
        )
        self._balancers[balancer.id] = balancer
        return balancer

    def set_forwarded(self, balancer: LoadBalancer, failure: str | None) -> None:
        """Record that the traffic of the load balancer is forwarded, or why it cannot be."""
        balancer.failure = failure
        if failure is None and balancer.active_at is None:
            balancer.active_at = balancer.created_at + self._latency(balancer.settings.name)

    def remove(self, balancer: LoadBalancer) -> None:
        del self._balancers[balancer.id]
        self._public.release(balancer.address)
        self._vpcs.pool(balancer.vpc_id).release(balancer.private_address)

    def status(self, balancer: LoadBalancer) -> str:
        """Return new, active or errored."""
        if balancer.failure is not None:
            return "errored"
        active = balancer.active_at is not None and self._clock() >= balancer.active_at
        return "active" if active else "new"

    def forget_droplet(self, droplet_id: int) -> None:
        """Remove a deleted droplet from all load balancers."""
        for balancer in self._balancers.values():
            if droplet_id in balancer.settings.droplet_ids:
                balancer.settings.droplet_ids.remove(droplet_id)

    def using(self, certificate_id: str) -> list[LoadBalancer]:
        """Return the load balancers that terminate TLS with the certificate."""
        return [
            balancer
            for balancer in self._balancers.values()
            if any(rule.certificate_id == certificate_id for rule in balancer.settings.rules)
        ]

    def _latency(self, name: str) -> timedelta:
        return timedelta(seconds=self._settings.latency.draw("balancer", name))
