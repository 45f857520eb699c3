"""Enforces the account's firewalls on the machines after every change that they depend on."""

import logging

from bakery.emulator.account.model import Droplet, Firewall, FirewallRule, FirewallTargets
from bakery.emulator.account.state import AccountState
from bakery.emulator.machines.interface import AllowRule, FirewallBinding, FirewallPolicy, FirewallRules, Machines
from bakery.emulator.work.change_thread import ChangeThread

log = logging.getLogger("bakery.emulator")


class FirewallSync:
    """Enforces the newest revision of the firewalls; it may skip revisions in between, and works in a thread."""

    def __init__(self, state: AccountState, machines: Machines) -> None:
        self._state = state
        self._machines = machines
        self._seen = state.firewalls.revision
        self._thread = ChangeThread("firewalls", self._enforce, delay_s=state.settings.firewall_delay_s)
        if machines.enforces_firewalls:
            state.firewalls.in_force = 0
            self._thread.start()
            if self._seen:
                self._thread.notice()  # a resumed account: which revision the machines enforce is unknown

    def notice(self) -> None:
        """Enforce the firewalls soon if their revision has changed; call it with the account's lock held."""
        revision = self._state.firewalls.revision
        if revision != self._seen:
            self._seen = revision
            self._thread.notice()

    def close(self) -> None:
        """End the thread."""
        self._thread.close()

    def _enforce(self) -> None:
        firewalls = self._state.firewalls
        with self._state.lock:
            revision = firewalls.revision
            policy = policy_of(self._state)
        failure = None
        try:
            self._machines.enforce(policy)
        except Exception as error:
            log.exception("the firewalls could not be enforced")
            failure = str(error)
        with self._state.lock:
            firewalls.in_force, firewalls.failure = revision, failure


def droplets_of(state: AccountState, firewall: Firewall) -> list[int]:
    """Return the ids of the droplets that the firewall applies to, by id or by tag."""
    ids = dict.fromkeys(firewall.droplet_ids)
    for name in firewall.tags:
        ids |= _tagged(state, name)
    return list(ids)


def policy_of(state: AccountState) -> FirewallPolicy:
    """Return all firewalls in the form that the machines take. Deleted droplets get no traffic."""
    firewalls = state.firewalls.all()
    rules = [rule for firewall in firewalls for rule in [*firewall.inbound, *firewall.outbound]]
    bound: dict[int, list[int]] = {droplet.id: [] for droplet in state.droplets.leaving()}
    for number, firewall in enumerate(firewalls):
        for droplet_id in droplets_of(state, firewall):
            bound.setdefault(droplet_id, []).append(number)
    return FirewallPolicy(
        firewalls=tuple(
            FirewallRules(
                inbound=tuple(_allow_rule(rule) for rule in firewall.inbound),
                outbound=tuple(_allow_rule(rule) for rule in firewall.outbound),
            )
            for firewall in firewalls
        ),
        groups=_groups(state, [rule.targets for rule in rules]),
        bindings=tuple(
            FirewallBinding(droplet_id=droplet_id, firewalls=tuple(found)) for droplet_id, found in bound.items()
        ),
    )


def _allow_rule(rule: FirewallRule) -> AllowRule:
    targets = rule.targets
    return AllowRule(
        protocol=rule.protocol,
        ports=rule.ports,
        networks=tuple(targets.addresses),
        groups=(
            *(_by_tag(name) for name in targets.tags),
            *(_by_id(number) for number in targets.droplet_ids),
            *(_by_balancer(balancer_id) for balancer_id in targets.load_balancer_uids),
        ),
    )


def _groups(state: AccountState, targets: list[FirewallTargets]) -> dict[str, tuple[str, ...]]:
    groups = {}
    for name in {name for target in targets for name in target.tags}:
        groups[_by_tag(name)] = _addresses(state.droplets.some(_tagged(state, name)))
    for number in {number for target in targets for number in target.droplet_ids}:
        known = [state.droplets.get(number)] if state.droplets.exists(number) else []
        groups[_by_id(number)] = _addresses(known)
    for balancer_id in {balancer_id for target in targets for balancer_id in target.load_balancer_uids}:
        balancer = state.load_balancers.find(balancer_id)
        both = () if balancer is None else (balancer.address, balancer.private_address)
        groups[_by_balancer(balancer_id)] = both
    return groups


def _by_balancer(balancer_id: str) -> str:
    return f"load balancer {balancer_id.lower()}"


def _by_tag(name: str) -> str:
    return f"tag {name.lower()}"


def _by_id(droplet_id: int) -> str:
    return f"droplet {droplet_id}"


def _tagged(state: AccountState, name: str) -> dict[int, None]:
    tag = state.tags.find(name)
    return {} if tag is None else tag.droplet_ids


def _addresses(droplets: list[Droplet]) -> tuple[str, ...]:
    """Return the public and VPC addresses of the droplets."""
    both = [address for droplet in droplets for address in (droplet.public_address, droplet.private_address)]
    return tuple(address for address in both if address is not None)
