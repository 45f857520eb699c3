"""Ask an ingress node, over TLS, which of its domains have no certificate of the ACME server yet."""

import socket
import ssl
from collections.abc import Sequence
from concurrent.futures import wait
from dataclasses import replace
from functools import partial

from bakery.cloud.model import Droplet, LoadBalancer
from bakery.cloud.together import start_read
from bakery.observe.model import Condition
from bakery.observe.verdict import judged
from bakery.plan.model import ClusterPlan
from bakery.plan.ports import HTTPS
from bakery.plan.slots import slot_of

SECONDS = 3.0
"""Deadline for all answers."""
UNKNOWN = "unknown.invalid"
"""A name that no certificate is for (RFC 6761, 6.4)."""
_CAUSES = (
    "its DNS record does not lead to the node, or the ACME server refuses it: the reason is in the node's journal,"
    " journalctl --unit=traefik"
)


def certificate_conditions(
    plan: ClusterPlan, droplets: Sequence[Droplet], balancer: LoadBalancer | None
) -> tuple[Condition, ...]:
    """Return a condition that names domains without a certificate; none if no certificate is requested.

    It blocks nothing: a DNS record may be created long after the launch, and other domains are served.
    """
    domains = plan.ingress.domains if plan.ingress.acme_email else ()
    nodes = {node.slot for node in plan.ingress_nodes}
    addresses = [d.public_ipv4 for d in droplets if slot_of(d, plan.cluster) in nodes and d.public_ipv4]
    address = balancer.ip if balancer is not None else next(iter(addresses), None)
    if not domains or not address:
        return ()
    faults = [f"no certificate for {domain} yet" for domain in without_certificate(domains, address)]
    condition = judged("ingress-certificates", faults, "every domain has a certificate", help_text=_CAUSES)
    return (replace(condition, blocks=False),)


def without_certificate(domains: Sequence[str], address: str, port: int = HTTPS) -> tuple[str, ...]:
    """Return the domains for which Traefik shows the certificate that it made for itself, in the given order.

    Traefik shows it for each name without a certificate. A domain without an answer is left out: then
    another condition says that Traefik does not take requests.
    """
    asked = [UNKNOWN, *domains]
    answers = [start_read(partial(_shown, name, address, port)) for name in asked]
    wait(answers, timeout=SECONDS)
    shown = [answer.result() if answer.done() else None for answer in answers]
    return tuple(name for name, found in zip(domains, shown[1:], strict=True) if found and found == shown[0])


def _shown(name: str, address: str, port: int) -> bytes | None:
    """Return the certificate for ``name``, as DER; None without an answer. Nothing is sent to the server."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # what it shows, trusted or not
    try:
        with (
            socket.create_connection((address, port), SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=name) as tls,
        ):
            return tls.getpeercert(binary_form=True)
    except OSError:
        return None
