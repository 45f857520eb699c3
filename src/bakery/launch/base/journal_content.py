"""What the journal of a cluster contains."""

from dataclasses import dataclass

BALANCER, CERTIFICATE, RESERVED_IP = "load balancer", "load balancer's certificate", "reserved IP"
"""Create requests; none of them contains the slot of a droplet, which has no spaces."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """One create request."""

    what: str
    """The slot of the droplet, or "vpc", "ssh-key", "firewall NAME", "tag NAME", :data:`BALANCER`,
    :data:`CERTIFICATE`, :data:`RESERVED_IP`."""
    at: float
    """Epoch seconds, just before the request was sent."""
    droplet_id: int | None = None
    """Id in the reply; None while there is no reply."""
    failed: bool = False
    """The droplet did not become active in time."""
    not_joined: bool = False
    """The droplet is active, but its agent had not appeared in gossip when the launch gave up."""

    @property
    def is_for_droplet(self) -> bool:
        return self.what not in ("vpc", "ssh-key") and " " not in self.what


@dataclass(frozen=True, kw_only=True)
class Replacing:
    """A node whose replacement is not finished."""

    old_id: int
    slot: str
    name: str
    address: str | None
    """Address in the VPC."""


@dataclass(frozen=True, kw_only=True)
class Departing:
    """A node whose removal is not finished."""

    droplet_id: int
    name: str
    address: str | None
    """Address in the VPC."""


@dataclass(frozen=True, kw_only=True)
class Rolling:
    """A roll that is not finished: a rerun has the same target."""

    image_id: int
    """The snapshot of new droplets."""
    started: float
    """Epoch seconds."""
    ineligible: tuple[str, ...] = ()
    """Ids of Nomad nodes that the roll made ineligible, so that work does not move to nodes that leave too."""
    roles: tuple[str, ...] = ()
    """Only these roles; all if empty."""
    because: tuple[str, ...] = ()
    """The reasons for which nodes are replaced."""


@dataclass(frozen=True, kw_only=True)
class Journal:
    """The content of the file."""

    cluster: str
    launch_id: str | None = None
    """Id of the unfinished launch; None if there is none."""
    launches: tuple[str, ...] = ()
    """Every launch id of this cluster, oldest first."""
    requests: tuple[Request, ...] = ()
    deleted_ids: tuple[int, ...] = ()
    """Ids of droplets that bakery deleted. The API's lists may show them for some seconds more."""
    leaving: tuple[int, ...] = ()
    """Ids of droplets whose removal from the cluster has begun. The next launch replaces them."""
    drained: tuple[str, ...] = ()
    """Ids of Nomad nodes that bakery drained for a removal that is not finished, and that took work before."""
    formed: tuple[str, ...] = ()
    """"consul" and "nomad", once the unfinished launch has bootstrapped their ACLs."""
    never_joined: tuple[str, ...] = ()
    """Slots in which the unfinished launch deleted a droplet that never came up or never joined."""
    replacing: tuple[Replacing, ...] = ()
    """Nodes that are being replaced: what the API does not know of them once their droplets are deleted."""
    departing: tuple[Departing, ...] = ()
    """Nodes that are being removed. Consul, Nomad and the ACLs forget them once their droplets are deleted."""
    roll: Rolling | None = None
    vpc_id: str | None = None
    """Id of the VPC; set only if bakery created it."""
    firewall_ids: tuple[str, ...] = ()
    balancer_id: str | None = None
    certificate_id: str | None = None
    """Of the load balancer."""
    reserved_ip: str | None = None
    """The reserved IP that bakery created for the cluster."""
    ssh_key_id: int | None = None
    """Id of the launch's temporary SSH key, until it is deleted."""

    def request(self, what: str) -> Request | None:
        """Return the create request for ``what``, if there is one."""
        return next((request for request in self.requests if request.what == what), None)

    @property
    def failed_ids(self) -> frozenset[int]:
        """Ids of droplets that did not become active in time."""
        return frozenset(r.droplet_id for r in self.requests if r.failed and r.droplet_id is not None)

    @property
    def not_joined_ids(self) -> frozenset[int]:
        """Ids of droplets that were active and had not joined when a launch gave up."""
        return frozenset(r.droplet_id for r in self.requests if r.not_joined and r.droplet_id is not None)
