"""Build Traefik's configuration of an ingress node.

Keys: https://doc.traefik.io/traefik/reference/install-configuration/configuration-options/
"""

from collections.abc import Iterator
from typing import Any

from bakery.config.model import BalancerCertificate, Ingress
from bakery.errors import RenderError
from bakery.plan.ingress import DRAIN_SECONDS, REQUEST_SECONDS
from bakery.plan.ports import HTTP, HTTPS, PING
from bakery.render import paths
from bakery.render.context import RenderContext

_WEB, _SECURE, _PING = "web", "websecure", "ping"
_RESOLVERS = ("http", "tls")
"""Names of the certificate resolvers, one for each challenge: HTTP-01 and TLS-ALPN-01. Only the image's program
``certificates`` uses them: the tags of a job must not spend the limits of the ACME server by accident."""


def traefik_config(context: RenderContext) -> dict[str, Any]:
    """Return Traefik's install configuration. It contains the token for Consul.

    Raises:
        RenderError: the credentials hold no token for Traefik.
    """
    ingress = context.plan.ingress
    config: dict[str, Any] = {
        "global": {"checkNewVersion": False, "sendAnonymousUsage": False},
        # Both are in the journal of the node, which limits their size and removes old lines.
        "log": {"level": "INFO", "noColor": True},
        "accessLog": {"format": "common"},
        "entryPoints": _entry_points(ingress, str(context.plan.vpc_cidr)),
        # Only on a port that the world does not reach: a path on the other ports belongs to the services.
        "ping": {"entryPoint": _PING},
        # A change in Consul takes effect at once; further changes within the time wait for its end.
        "providers": {
            "providersThrottleDuration": "1s",
            "consulCatalog": _consul(context),
            "file": {"directory": paths.TRAEFIK_ROUTES, "watch": True},
        },
    }
    if ingress.acme_email:
        config["certificatesResolvers"] = {name: {"acme": _acme(ingress, name)} for name in _RESOLVERS}
    return config


def traefik_tls(context: RenderContext) -> dict[str, Any]:
    """Return the part of Traefik's routing configuration that does not come from Consul: TLS."""
    pairs = [paths.own_certificate(number) for number in range(1, len(context.plan.ingress.certificates) + 1)]
    routes: dict[str, Any] = {"tls": {"options": {"default": {"minVersion": "VersionTLS12"}}}}
    if pairs:
        routes["tls"]["certificates"] = [{"certFile": cert, "keyFile": key} for cert, key in pairs]
    return routes


def acme_domains(context: RenderContext) -> tuple[str, ...]:
    """Return the domains whose certificates the node requests."""
    return context.plan.ingress.domains if context.plan.ingress.acme_email else ()


def certificate_files(context: RenderContext) -> Iterator[tuple[str, str]]:
    """Yield path and content of the user's certificates and keys.

    Raises:
        RenderError: the credentials hold fewer certificates than the cluster file names.
    """
    held, named = len(context.credentials.certificates), len(context.plan.ingress.certificates)
    if held < named:
        message = f"the credentials of {context.name} hold {held} certificates, the cluster file names {named}"
        raise RenderError(message=message)
    for number, leaf in enumerate(context.credentials.certificates[:named], start=1):
        cert, key = paths.own_certificate(number)
        yield cert, leaf.certificate
        yield key, leaf.key


def _entry_points(ingress: Ingress, vpc_cidr: str) -> dict[str, Any]:
    trust = _trusted(ingress, vpc_cidr)
    common = {"asDefault": True, **trust, "transport": _transport()}
    # Otherwise a client could send X_Forwarded_For, which some programs read as the X-Forwarded-For of Traefik.
    http: dict[str, Any] = {"aliasHeadersStrategy": "delete"}
    # Traefik answers HTTP-01 challenges before it redirects.
    redirect = {"redirections": {"entryPoint": {"to": _SECURE, "scheme": "https"}}}
    return {
        _WEB: {"address": f":{HTTP}", **common, "http": http | (redirect if ingress.has_certificates else {})},
        _SECURE: {"address": f":{HTTPS}", **common, "http": http | {"tls": {}}},
        _PING: {"address": f":{PING}", "transport": _transport()},
    }


def _trusted(ingress: Ingress, vpc_cidr: str) -> dict[str, Any]:
    """Return whose word on the client's address Traefik takes: only a load balancer's, which is in the VPC."""
    balancer = ingress.load_balancer
    if balancer is None:
        return {}
    trust: dict[str, Any] = {}
    if balancer.proxy_protocol:
        trust["proxyProtocol"] = {"trustedIPs": [vpc_cidr]}
    if balancer.certificate is BalancerCertificate.LETS_ENCRYPT:
        trust["forwardedHeaders"] = {"trustedIPs": [vpc_cidr]}
    return trust


def _transport() -> dict[str, Any]:
    """Return how long a node that shuts down still takes requests, and then finishes those under way.

    The health endpoint fails from the beginning of that time.
    """
    life = {"requestAcceptGraceTimeout": f"{DRAIN_SECONDS}s", "graceTimeOut": f"{REQUEST_SECONDS}s"}
    return {"lifeCycle": life}


def _consul(context: RenderContext) -> dict[str, Any]:
    token = context.credentials.consul_ingress_token
    if token is None:
        message = f"the credentials of {context.name} hold no token for Traefik"
        raise RenderError(message=message)
    # A certificate that Traefik may read could be named by the tags of a service: forwardAuth would show it to an
    # address of the tags' choice (https://doc.traefik.io/traefik/reference/routing-configuration/http/middlewares/forwardauth/).
    endpoint = {"address": f"unix://{paths.CONSUL_SOCKET}", "token": token.secret}
    return {"exposedByDefault": False, "watch": True, "endpoint": endpoint}


def _acme(ingress: Ingress, resolver: str) -> dict[str, Any]:
    challenge = {"httpChallenge": {"entryPoint": _WEB}} if resolver == "http" else {"tlsChallenge": {}}
    ca = {"caCertificates": [paths.TRAEFIK_ACME_CA]} if ingress.acme_ca else {}
    return {
        "email": ingress.acme_email,
        "caServer": ingress.acme_directory,
        "storage": paths.TRAEFIK_ACME_STORE,
        "keyType": "EC256",
        **ca,
        **challenge,
    }
