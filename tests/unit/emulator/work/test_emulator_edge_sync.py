"""From the account to what the machines serve: load balancers, reserved IPs, zones."""

from bakery.emulator.account.model import (
    BalancerSettings,
    FirewallRule,
    FirewallTargets,
    ForwardingRule,
    HealthCheck,
    LoadBalancer,
)
from bakery.emulator.account.state import AccountState
from bakery.emulator.machines.interface import Balancer, Check, EdgePolicy, Listener, TlsCertificate
from bakery.emulator.work.edge_sync import policy_of
from bakery.emulator.work.firewall_sync import policy_of as firewalls_of
from tests.helpers.emulated import add_droplet, make_state
from tests.helpers.tls import self_signed


def rule(entry: str, entry_port: int, target: str, target_port: int, **more: object) -> ForwardingRule:
    values = {"entry_protocol": entry, "entry_port": entry_port, "target_protocol": target}
    return ForwardingRule(**values, target_port=target_port, **more)  # type: ignore[arg-type]


def add_balancer(state: AccountState, *rules: ForwardingRule, **changes: object) -> LoadBalancer:
    values = {"name": "web", "health_check": HealthCheck(), "droplet_ids": [], "tag": "demo"} | changes
    settings = BalancerSettings(rules=list(rules), **values)  # type: ignore[arg-type]
    return state.load_balancers.create(settings, region="fra1", vpc=state.vpcs.default_of("fra1"))


def test_a_load_balancer_forwards_to_active_droplets_with_its_tag() -> None:
    state = make_state()
    state.vpcs.create(name="v", description="", region="fra1", ip_range="10.100.0.0/20")
    state.load_balancers.forwards = True
    first, _ = add_droplet(state, tags=("demo",))
    add_droplet(state, name="booting", tags=("demo",))
    add_droplet(state, name="other")
    state.droplets.set_active(first)
    made = add_balancer(state, rule("tcp", 443, "tcp", 8443), enable_proxy_protocol=True, allow=["ip:192.0.2.1"])

    assert policy_of(state) == EdgePolicy(
        balancers=(
            Balancer(
                id=made.id,
                address="198.18.0.13",
                source="10.100.0.5",
                listeners=(Listener(port=443, is_http=False, target_port=8443),),
                targets=("10.100.0.2",),
                check=Check(
                    protocol="http",
                    port=80,
                    path="/",
                    interval_s=10,
                    timeout_s=5,
                    unhealthy_after=5,
                    healthy_after=3,
                ),
                proxy_protocol=True,
                allow=("192.0.2.1",),
            ),
        )
    )
    assert state.load_balancers.status(made) == "new"
    state.load_balancers.set_forwarded(made, None)
    assert state.load_balancers.status(made) == "active"
    state.load_balancers.set_forwarded(made, "the port is taken")
    assert state.load_balancers.status(made) == "errored"


def test_each_kind_of_rule() -> None:
    state = make_state()
    pem = self_signed("www.example.com")
    certificate = state.certificates.upload("c", leaf=pem.certificate, private_key=pem.key, chain="")
    own = {"certificate_id": certificate.id}
    add_balancer(
        state,
        rule("http", 80, "http", 8080),
        rule("https", 443, "https", 443, tls_passthrough=True),
        rule("https", 444, "http", 8080, **own),
        rule("https", 445, "https", 443, **own),
        redirect_http_to_https=True,
    )
    tls = TlsCertificate(chain=pem.certificate, private_key=pem.key)

    (balancer,) = policy_of(state).balancers
    assert balancer.listeners == (
        Listener(port=80, is_http=True, target_port=8080, redirects=True),
        Listener(port=443, is_http=False, target_port=443),
        Listener(port=444, is_http=True, target_port=8080, tls=tls),
        Listener(port=445, is_http=True, target_port=443, tls=tls, tls_to_target=True),
    )
    assert "PRIVATE KEY" not in repr(balancer)


def test_a_reserved_ip_leads_to_the_anchor_and_a_domain_is_a_zone() -> None:
    state = make_state()
    droplet, _ = add_droplet(state)
    state.reserved_ips.create("fra1")
    reserved = state.reserved_ips.create("fra1")
    reserved.droplet_id = droplet.id
    state.domains.create("example.com", "192.0.2.1")

    policy = policy_of(state)
    assert policy.reserved == ((reserved.ip, "10.17.0.2"),)
    (zone,) = policy.zones
    assert [(record.name, record.type, record.data) for record in zone.records][-1] == (
        "example.com",
        "A",
        "192.0.2.1",
    )


def test_a_firewall_may_name_a_load_balancer() -> None:
    state = make_state()
    made = add_balancer(state, rule("tcp", 443, "tcp", 8443))
    targets = FirewallTargets(load_balancer_uids=[made.id, "gone"])
    allowed = FirewallRule(protocol="tcp", ports="8443", targets=targets)
    state.firewalls.create(name="web", inbound=[allowed], outbound=[], droplet_ids=[], tags=[])

    groups = firewalls_of(state).groups
    assert groups == {
        f"load balancer {made.id}": (made.address, made.private_address),
        "load balancer gone": (),
    }
