"""The whole account: its resources, one lock, one clock."""

import copy
import threading

from bakery.emulator.account.actions import Actions
from bakery.emulator.account.certificates import Certificates
from bakery.emulator.account.domains import Domains
from bakery.emulator.account.droplets import Droplets
from bakery.emulator.account.firewalls import Firewalls
from bakery.emulator.account.images import Images
from bakery.emulator.account.keys import Keys
from bakery.emulator.account.load_balancers import LoadBalancers
from bakery.emulator.account.model import Droplet, Image, LoadBalancer
from bakery.emulator.account.reserved_ips import ReservedIps
from bakery.emulator.account.settings import EmulatorSettings
from bakery.emulator.account.source import Ids, SystemIds, WallClock, system_clock
from bakery.emulator.account.tags import Tags
from bakery.emulator.account.vpcs import Vpcs


class AccountState:
    """The account in memory. Hold ``lock`` while using it; no method blocks."""

    def __init__(
        self, settings: EmulatorSettings, *, clock: WallClock = system_clock, ids: Ids | None = None
    ) -> None:
        ids = self._ids = ids or SystemIds(settings.first_id)
        self.settings = settings
        self.clock = clock
        self.lock = threading.RLock()
        self.actions = Actions(clock, ids, keep_finished=settings.finished_actions)
        self.keys = Keys(ids)
        self.images = Images(settings, clock, ids)
        self.vpcs = Vpcs(settings, clock, ids)
        self.firewalls = Firewalls(settings, clock, ids)
        self.tags = Tags(self.firewalls.retagged)
        self.droplets = Droplets(settings, clock, ids, tags=self.tags, vpcs=self.vpcs, actions=self.actions)
        public = self.droplets.public
        self.load_balancers = LoadBalancers(settings, clock, ids, public=public, vpcs=self.vpcs)
        self.reserved_ips = ReservedIps(settings, ids, public=public, actions=self.actions)
        self.domains = Domains(ids)
        self.certificates = Certificates(settings, clock, ids)

    def as_it_is(self) -> "AccountState":
        """Return a copy that later changes do not affect; it shares the clock."""
        shared = (self.lock, self.clock, self._ids, self.settings)
        return copy.deepcopy(self, {id(each): each for each in shared})

    def remove_image(self, image: Image) -> None:
        """Delete an image and untag it. Raises Forbidden for a public image."""
        self.images.remove(image)
        self.tags.untag_image(image, list(image.tags))

    def remove_droplet(self, droplet: Droplet) -> None:
        """Delete a droplet; its addresses stay in use until its machine is removed."""
        self.droplets.start_leaving(droplet)
        self.firewalls.forget_droplet(droplet.id)
        self.load_balancers.forget_droplet(droplet.id)
        self.reserved_ips.forget_droplet(droplet.id)

    def droplets_behind(self, balancer: LoadBalancer) -> list[Droplet]:
        """Return the droplets that a load balancer forwards to: those with its tag, or those given by id.

        Droplets of other VPCs are not among them: a load balancer reaches its own VPC only.
        """
        settings = balancer.settings
        tag = self.tags.find(settings.tag) if settings.tag else None
        ids = list(settings.droplet_ids) if tag is None else list(tag.droplet_ids)
        return [droplet for droplet in self.droplets.some(ids) if droplet.vpc_id == balancer.vpc_id]

    def remove_tag(self, name: str) -> None:
        """Delete a tag from the account and from all resources. Raises NotFound."""
        tag = self.tags.get(name)
        for droplet in self.droplets.some(tag.droplet_ids):
            self.tags.untag_droplet(droplet, [tag.name])
        for image_id in list(tag.image_ids):
            self.tags.untag_image(self.images.even_deleted(image_id), [tag.name])
        self.firewalls.forget_tag(tag.name)
        self.tags.remove(tag.name)
