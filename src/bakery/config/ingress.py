"""Check and build the key ``ingress`` of the cluster file.

Whether a certificate fits its key and the domains is checked later (:mod:`bakery.operations.check_certificates`):
this room does not parse certificates.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from bakery.config import defaults
from bakery.config.attachments import read_ca, read_pem
from bakery.config.findings import FieldPath, Finding, dotted, quoted
from bakery.config.model import BalancerCertificate, CertificateFiles, Ingress, LoadBalancer, ReservedIp
from bakery.config.schema import CertificateShape, IngressShape

_DOMAIN = re.compile(r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])")
_EMAIL = re.compile(r"[^\s@]{1,64}@[^\s@]+\.[^\s@]+")


def ingress_findings(ingress: IngressShape, nodes: int | None, folder: Path) -> Iterator[Finding]:
    """Yield what is wrong with ``ingress``. ``folder`` is that of the cluster file.

    ``nodes`` is the number of ingress nodes; None if no role is of that kind.
    """
    if nodes is None and ingress != IngressShape():
        message = "ingress has no meaning: no role is of kind ingress"
        yield Finding(path=("ingress",), message=message, hint="add the role: ingress: {count: 1}", at_key=True)
    yield from _domains(ingress)
    yield from _acme(ingress, nodes or 0, folder)
    yield from _certificates(ingress, folder)
    yield from _load_balancer(ingress)
    yield from _reserved_ip(ingress, nodes or 0)


def build_ingress(ingress: IngressShape, folder: Path) -> Ingress:
    """Return the settings of the ingress nodes, from a shape without findings."""
    ca = read_ca(folder, ingress.acme_ca) if ingress.acme_ca else ""
    balancer = ingress.load_balancer
    return Ingress(
        domains=tuple(ingress.domains),
        acme_email=ingress.acme_email,
        acme_directory=ingress.acme_directory if ingress.acme_email else "",
        acme_ca=ca if isinstance(ca, str) else "",
        certificates=tuple(_files(pair, folder) for pair in ingress.certificates),
        load_balancer=None if balancer is None else LoadBalancer(**balancer.model_dump()),
        reserved_ip=ingress.reserved_ip,
    )


def _files(pair: CertificateShape, folder: Path) -> CertificateFiles:
    text = read_pem(folder, pair.cert, "CERTIFICATE")
    return CertificateFiles(cert=pair.cert, key=pair.key, certificate=text if isinstance(text, str) else "")


def _domains(ingress: IngressShape) -> Iterator[Finding]:
    seen: set[str] = set()
    for index, domain in enumerate(ingress.domains):
        path: FieldPath = ("ingress", "domains", index)
        if domain.startswith("*."):
            # https://letsencrypt.org/docs/challenge-types/: only DNS-01 proves a wildcard.
            message = f"{dotted(path)} {quoted(domain)}: a certificate for every name would need DNS-01"
            hint = "list the names; DNS-01 would need a token of your account on the node"
            yield Finding(path=path, message=message, hint=hint)
        elif not _DOMAIN.fullmatch(domain):
            message = f"{dotted(path)} {quoted(domain)} is not a domain"
            yield Finding(path=path, message=message, hint="lower-case, without scheme and port: www.example.com")
        elif domain in seen:
            message = f"{dotted(path)} {quoted(domain)} is given twice"
            yield Finding(path=path, message=message, hint="keep one of them")
        seen.add(domain)
    if len(ingress.domains) > defaults.MAX_DOMAINS:
        message = f"ingress.domains has {len(ingress.domains)} names, at most {defaults.MAX_DOMAINS}"
        yield Finding(path=("ingress", "domains"), message=message, at_key=True)


def _acme(ingress: IngressShape, nodes: int, folder: Path) -> Iterator[Finding]:
    path: FieldPath = ("ingress", "acme_email")
    if ingress.acme_email and not _EMAIL.fullmatch(ingress.acme_email):
        message = f"ingress.acme_email {quoted(ingress.acme_email)} is not an e-mail address"
        yield Finding(path=path, message=message, hint="such as ops@example.com")
    elif ingress.acme_email and not ingress.domains:
        message = "ingress.acme_email has no meaning without ingress.domains: they are what certificates are for"
        yield Finding(path=path, message=message, hint="add domains: [www.example.com]", at_key=True)
    elif ingress.domains and nodes and not (ingress.acme_email or ingress.certificates or ingress.load_balancer):
        message = "ingress.domains has no meaning without acme_email or certificates"
        hint = "add acme_email: your address at Let's Encrypt, or certificates of your own"
        reason = "no certificate would be requested"
        yield Finding(path=("ingress", "domains"), message=f"{message}: {reason}", hint=hint, at_key=True)
    elif ingress.acme_email and nodes > 1:
        # Traefik's store of certificates is a file on the node (https://doc.traefik.io/traefik/https/acme/).
        message = f"ingress.acme_email: {nodes} ingress nodes cannot request certificates: the ACME server's"
        hint = "one node, load_balancer: {certificate: lets-encrypt}, or certificates of your own"
        yield Finding(path=path, message=f"{message} challenge reaches only one of them", hint=hint, at_key=True)
    yield from _acme_server(ingress, folder)


def _acme_server(ingress: IngressShape, folder: Path) -> Iterator[Finding]:
    for key in () if ingress.acme_email else ("acme_directory", "acme_ca"):
        if getattr(ingress, key) != IngressShape.model_fields[key].default:
            message = f"ingress.{key} has no meaning without ingress.acme_email"
            hint = "add acme_email: your address at the ACME server"
            yield Finding(path=("ingress", key), message=message, hint=hint, at_key=True)
    parts = urlsplit(ingress.acme_directory) if ingress.acme_directory.isprintable() else urlsplit("")
    if parts.scheme != "https" or not parts.hostname:
        message = f"ingress.acme_directory {quoted(ingress.acme_directory)} is not an https URL"
        hint = f"such as {defaults.ACME_DIRECTORY}"
        yield Finding(path=("ingress", "acme_directory"), message=message, hint=hint)
    if ingress.acme_ca and isinstance(found := read_ca(folder, ingress.acme_ca), tuple):
        yield Finding(path=("ingress", "acme_ca"), message=f"ingress.acme_ca{found[0]}", hint=found[1])


def _certificates(ingress: IngressShape, folder: Path) -> Iterator[Finding]:
    for index, pair in enumerate(ingress.certificates):
        at: FieldPath = ("ingress", "certificates", index)
        if not pair.cert or not pair.key:
            hint = "for example: {cert: example.pem, key: example-key.pem}"
            yield Finding(path=at, message=f"{dotted(at)} needs cert and key", hint=hint)
            continue
        for key, kind in (("cert", "CERTIFICATE"), ("key", "PRIVATE KEY")):
            path = (*at, key)
            found = read_pem(folder, getattr(pair, key), kind)
            if isinstance(found, tuple):
                yield Finding(path=path, message=f"{dotted(path)}{found[0]}", hint=found[1])


def _load_balancer(ingress: IngressShape) -> Iterator[Finding]:
    balancer, path = ingress.load_balancer, ("ingress", "load_balancer")
    if balancer is None:
        return
    own = [key for key in ("acme_email", "certificates") if getattr(ingress, key)]
    if balancer.certificate is BalancerCertificate.LETS_ENCRYPT:
        if not ingress.domains:
            message = "ingress.load_balancer: lets-encrypt needs ingress.domains, for the certificate"
            yield Finding(path=path, message=message, hint="add domains: [www.example.com]", at_key=True)
        for key in own:
            message = f"ingress.{key} has no meaning: TLS ends at the load balancer"
            hint = "remove it, or write load_balancer: {certificate: passthrough}"
            yield Finding(path=("ingress", key), message=message, hint=hint, at_key=True)
    elif not own:
        message = "ingress.load_balancer: passthrough needs certificates on the ingress nodes, and there are none"
        hint = "add certificates or acme_email, or write load_balancer: {certificate: lets-encrypt}"
        yield Finding(path=path, message=message, hint=hint, at_key=True)


def _reserved_ip(ingress: IngressShape, nodes: int) -> Iterator[Finding]:
    if ingress.reserved_ip is not ReservedIp.AUTO:
        return
    reason = None
    if ingress.load_balancer is not None:
        reason = "the load balancer has an address of its own"
    elif nodes > 1:
        reason = f"an address belongs to one droplet, and there are {nodes} ingress nodes"
    if reason is not None:
        message = f"ingress.reserved_ip cannot be auto: {reason}"
        yield Finding(path=("ingress", "reserved_ip"), message=message, hint="remove it")
