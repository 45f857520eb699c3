"""TLS certificates (OpenAPI: resources/certificates)."""

from typing import Any

from bakery.emulator.account.errors import Forbidden, Unprocessable
from bakery.emulator.account.model import Certificate
from bakery.emulator.api import fields
from bakery.emulator.api.call import NO_CONTENT, Call, Reply, page
from bakery.emulator.api.resources.catalog import timestamp


def list_certificates(call: Call) -> Reply:
    """List the certificates, only the one with ``name`` if the query has one."""
    name = call.query.get("name")
    found = [each for each in call.state.certificates.all() if name in (None, each.name)]
    return page(call, "certificates", found, lambda each: certificate_view(call, each))


def create_certificate(call: Call) -> Reply:
    kind = fields.optional_text(call.body, "type") or "custom"
    if kind not in {"custom", "lets_encrypt"}:
        message = "type must be custom or lets_encrypt"
        raise Unprocessable(message)
    certificate = _upload(call) if kind == "custom" else _issue(call)
    return Reply(status=201, body={"certificate": certificate_view(call, certificate)})


def get_certificate(call: Call) -> Reply:
    return Reply(body={"certificate": certificate_view(call, _find(call))})


def delete_certificate(call: Call) -> Reply:
    """Delete a certificate. Raises Forbidden while a load balancer uses it."""
    certificate = _find(call)
    if call.state.load_balancers.using(certificate.id):
        # DigitalOcean's Terraform provider waits if the answer is 403 with these words
        # (digitalocean/certificate/resource_certificate.go, certificateDeleteBlockedByLoadBalancer).
        message = "Make sure the certificate is not in use before deleting it"
        raise Forbidden(message)
    call.state.certificates.remove(certificate)
    return NO_CONTENT


def _find(call: Call) -> Certificate:
    return call.state.certificates.get(call.params["certificate"])


def _upload(call: Call) -> Certificate:
    return call.state.certificates.upload(
        fields.text(call.body, "name"),
        leaf=fields.text(call.body, "leaf_certificate"),
        private_key=fields.text(call.body, "private_key"),
        chain=fields.optional_text(call.body, "certificate_chain") or "",
    )


def _issue(call: Call) -> Certificate:
    """Issue a certificate for names in domains of the account: DigitalOcean proves the ownership by DNS."""
    name, dns_names = fields.text(call.body, "name"), fields.texts(call.body, "dns_names")
    if not dns_names:
        message = "dns_names can't be blank"
        raise Unprocessable(message)
    for each in dns_names:
        if call.state.domains.find_holding(each.removeprefix("*.")) is None:
            message = f"{each[:253]} is not in a domain that is managed by DigitalOcean"
            raise Unprocessable(message)
    return call.state.certificates.issue(name, [each.lower() for each in dns_names])


def certificate_view(call: Call, certificate: Certificate) -> dict[str, Any]:
    return {
        "id": certificate.id,
        "name": certificate.name,
        "not_after": timestamp(certificate.not_after),
        "sha1_fingerprint": certificate.sha1_fingerprint,
        "created_at": timestamp(certificate.created_at),
        "dns_names": list(certificate.dns_names),
        "state": call.state.certificates.state(certificate),
        "type": certificate.type,
    }
