"""The clusters with a state folder on this machine, and those of the account by the tags of their droplets."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bakery.cloud.interface import Cloud
from bakery.cloud.model import Droplet
from bakery.config.paths import StatePaths, known_clusters
from bakery.errors import UnauthorizedError, UsageError
from bakery.launch.base.ownership import cluster_of_balancer
from bakery.launch.base.place import Place, load_place
from bakery.launch.converge.ways_in import monthly_price
from bakery.operations.credentials import has_credentials
from bakery.plan.tags import cluster_of, is_ingress_tag


@dataclass(frozen=True, kw_only=True)
class ListedCluster:
    """One cluster."""

    name: str
    droplets: int | None
    """How many droplets it has; None if the account was not asked, or is not the cluster's."""
    active: int | None
    regions: tuple[str, ...]
    monthly_usd: float | None
    """Price of its droplets and its load balancer a month; None if it is not known."""
    credentials: bool
    """Whether its credentials are in the state folder."""
    launched_on: str | None
    """The cloud in which it was launched, as the state folder records it."""
    here: bool
    """Whether it may be in the account that was asked."""


def list_clusters(cluster_file: Path, cloud: Cloud | None, place: Place | None) -> tuple[ListedCluster, ...]:
    """Return the clusters in alphabetical order. Without ``cloud`` only those with a state folder are known.

    ``place`` is the account of ``cloud``. The requests are the same for any number of clusters.
    """
    account = _Account() if cloud is None else _read_account(cloud)
    known = known_clusters(cluster_file)
    return tuple(_listed(name, known.get(name), account, place) for name in sorted({*known, *account.droplets}))


@dataclass(frozen=True, kw_only=True)
class _Account:
    """What the account has of all clusters."""

    droplets: Mapping[str, list[Droplet]] = field(default_factory=dict)
    prices: Mapping[str, float] = field(default_factory=dict)
    """Of a droplet a month, by size."""
    balancers: Mapping[str, int] | None = field(default_factory=dict)
    """Number of nodes of the cluster's load balancer, by cluster; None if the token may not list them."""

    def balancer_nodes(self, name: str) -> int | None:
        """Return the number of nodes of the cluster's load balancer, 0 without one; None if it is not known."""
        if self.balancers is None:
            return None if any(map(_is_ingress, self.droplets.get(name, ()))) else 0
        return self.balancers.get(name, 0)


def _read_account(cloud: Cloud) -> _Account:
    droplets: dict[str, list[Droplet]] = {}
    for droplet in cloud.list_droplets():
        name = cluster_of(droplet.tags)
        if name is not None:
            droplets.setdefault(name, []).append(droplet)
    prices = {size.slug: size.price_monthly for size in cloud.list_sizes()} if droplets else {}
    has_ingress = any(_is_ingress(each) for members in droplets.values() for each in members)
    return _Account(droplets=droplets, prices=prices, balancers=_nodes_of_balancers(cloud) if has_ingress else {})


def _is_ingress(droplet: Droplet) -> bool:
    return any(map(is_ingress_tag, droplet.tags))


def _nodes_of_balancers(cloud: Cloud) -> dict[str, int] | None:
    """Return the numbers of nodes by cluster; None if the token may not list load balancers."""
    try:
        listed = cloud.list_load_balancers()
    except UnauthorizedError as error:
        if error.rejects_token:
            raise
        return None
    named = ((cluster_of_balancer(each.name), each.size_unit) for each in listed)
    return {name: nodes for name, nodes in named if name is not None}


def _listed(name: str, paths: StatePaths | None, account: _Account, place: Place | None) -> ListedCluster:
    members = tuple(account.droplets.get(name, ()))
    launched = _place(paths)
    here = place is not None and (bool(members) or launched is None or launched.is_same(place))
    sizes, nodes = [droplet.size for droplet in members], account.balancer_nodes(name)
    return ListedCluster(
        name=name,
        droplets=len(members) if here else None,
        active=sum(droplet.status == "active" for droplet in members) if here else None,
        regions=tuple(sorted({droplet.region for droplet in members})),
        monthly_usd=monthly_price(sizes, account.prices, balancer_nodes=nodes) if here else None,
        credentials=paths is not None and has_credentials(paths),
        launched_on=launched.name if launched is not None else None,
        here=here,
    )


def _place(paths: StatePaths | None) -> Place | None:
    """Return the recorded cloud. A record that cannot be read counts as none, so that the list does not fail."""
    try:
        return load_place(paths.place) if paths is not None else None
    except UsageError:
        return None
