"""Has the machines serve the account's load balancers, reserved IPs and domains, after every change."""

import logging

from bakery.emulator.account.domains import full_name
from bakery.emulator.account.model import Domain, DomainRecord, ForwardingRule, HealthCheck, LoadBalancer
from bakery.emulator.account.state import AccountState
from bakery.emulator.machines.interface import (
    Balancer,
    Check,
    EdgePolicy,
    Listener,
    Machines,
    TlsCertificate,
    Zone,
    ZoneRecord,
)
from bakery.emulator.work.change_thread import ChangeThread

log = logging.getLogger("bakery.emulator")


class EdgeSync:
    """Has the machines serve the newest state; it may skip states in between, and works in a thread."""

    def __init__(self, state: AccountState, machines: Machines) -> None:
        self._state = state
        self._machines = machines
        self._served = EdgePolicy()
        self._thread = ChangeThread("edge-sync", self._serve)
        if machines.forwards:
            state.load_balancers.forwards = True
            self._thread.start()
            self._thread.notice()  # a resumed account may have load balancers

    def notice(self) -> None:
        """Serve the account soon, if something of it that is served has changed."""
        self._thread.notice()

    def close(self) -> None:
        """End the thread."""
        self._thread.close()

    def _serve(self) -> None:
        with self._state.lock:
            policy = policy_of(self._state)
        if policy == self._served:
            return
        try:
            failures = self._machines.serve(policy)
            self._served = policy
        except Exception as error:
            log.exception("the load balancers, reserved IPs and domains could not be served")
            failures = {served.id: str(error) for served in policy.balancers}
        with self._state.lock:
            for served in policy.balancers:
                balancer = self._state.load_balancers.find(served.id)
                if balancer is not None:
                    self._state.load_balancers.set_forwarded(balancer, failures.get(served.id))


def policy_of(state: AccountState) -> EdgePolicy:
    """Return what the machines are to serve."""
    return EdgePolicy(
        balancers=tuple(_balancer(state, balancer) for balancer in state.load_balancers.all()),
        reserved=_reserved(state),
        zones=tuple(_zone(domain) for domain in state.domains.all()),
    )


def _reserved(state: AccountState) -> tuple[tuple[str, str], ...]:
    pairs = []
    for reserved in state.reserved_ips.all():
        droplet = None if reserved.droplet_id is None else state.droplets.get(reserved.droplet_id)
        if droplet is not None and droplet.anchor_address is not None:
            pairs.append((reserved.ip, droplet.anchor_address))
    return tuple(pairs)


def _balancer(state: AccountState, balancer: LoadBalancer) -> Balancer:
    settings = balancer.settings
    droplets = state.droplets_behind(balancer)
    return Balancer(
        id=balancer.id,
        address=balancer.address,
        source=balancer.private_address,
        listeners=tuple(_listener(state, balancer, rule) for rule in settings.rules),
        targets=tuple(droplet.private_address for droplet in droplets if droplet.active_at is not None),
        check=_check(settings.health_check),
        proxy_protocol=settings.enable_proxy_protocol,
        allow=tuple(source.partition(":")[2] for source in settings.allow),
        deny=tuple(source.partition(":")[2] for source in settings.deny),
        idle_s=settings.http_idle_timeout_seconds,
    )


def _listener(state: AccountState, balancer: LoadBalancer, rule: ForwardingRule) -> Listener:
    certificate = state.certificates.find(rule.certificate_id)
    is_http = rule.entry_protocol != "tcp" and not rule.tls_passthrough
    return Listener(
        port=rule.entry_port,
        is_http=is_http,
        target_port=rule.target_port,
        tls=TlsCertificate(chain=certificate.chain, private_key=certificate.private_key) if certificate else None,
        tls_to_target=is_http and rule.target_protocol == "https",
        redirects=rule.entry_protocol == "http" and balancer.settings.redirect_http_to_https,
    )


def _check(check: HealthCheck) -> Check:
    return Check(
        protocol=check.protocol,
        port=check.port,
        path=check.path,
        interval_s=check.check_interval_seconds,
        timeout_s=check.response_timeout_seconds,
        unhealthy_after=check.unhealthy_threshold,
        healthy_after=check.healthy_threshold,
    )


def _zone(domain: Domain) -> Zone:
    return Zone(name=domain.name, records=tuple(_record(record, domain) for record in domain.records))


def _record(record: DomainRecord, domain: Domain) -> ZoneRecord:
    data = domain.name if record.data == "@" else record.data
    return ZoneRecord(
        name=full_name(record, domain).lower(),
        type=record.type,
        ttl=record.ttl,
        data=data,
        priority=record.priority or 0,
        weight=record.weight or 0,
        port=record.port or 0,
        flags=record.flags or 0,
        tag=record.tag or "",
    )
