"""Look up the domains of the cluster file, from this machine."""

import socket
from collections.abc import Callable, Iterable
from concurrent.futures import wait
from functools import partial

from bakery.cloud.together import start_read
from bakery.config.model import BalancerCertificate, Ingress

SECONDS = 3.0
"""Deadline for all answers. A name server that does not answer must not delay a plan."""

Lookup = Callable[[str], bool]


def without_address(domains: Iterable[str], lookup: Lookup | None = None) -> tuple[str, ...]:
    """Return the domains that have no address, in the given order. One whose answer is late counts as having one.

    ``lookup`` returns whether a domain has an address; by default it asks the system's name servers.
    """
    # Not in a pool: Python waits at its end for the threads of a pool, and a look-up cannot be interrupted.
    answers = {domain: start_read(partial(lookup or _has_address, domain)) for domain in domains}
    done, _ = wait(answers.values(), timeout=SECONDS)
    return tuple(domain for domain, answer in answers.items() if answer in done and not answer.result())


def domains_of_the_user(ingress: Ingress) -> tuple[str, ...]:
    """Return the domains whose DNS records the user creates: none if TLS ends at DigitalOcean's load balancer.

    DigitalOcean then creates the A records (OpenAPI: ``disable_lets_encrypt_dns_records`` is false by default).
    """
    balancer = ingress.load_balancer
    ends_tls = balancer is not None and balancer.certificate is BalancerCertificate.LETS_ENCRYPT
    return () if ends_tls else ingress.domains


def address_warning(ingress: Ingress, lookup: Lookup | None = None) -> str | None:
    """Return a warning that names the user's domains without an address; None if there are none."""
    missing = without_address(domains_of_the_user(ingress), lookup)
    if not missing:
        return None
    have = "has" if len(missing) == 1 else "have"
    issued = "; certificates are issued only after that" if ingress.acme_email else ""
    return (
        f"{', '.join(missing)} {have} no address yet: after the launch, create a DNS record with the address of"
        f" the ingress node, of its reserved IP or of its load balancer{issued}"
    )


def _has_address(domain: str) -> bool:
    try:
        return bool(socket.getaddrinfo(domain, None))
    except OSError:
        return False
