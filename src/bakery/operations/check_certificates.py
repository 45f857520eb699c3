"""Check the user's own certificates for the ingress nodes, before anything is made."""

from datetime import UTC, datetime, timedelta

from bakery.config.findings import FieldPath, dotted
from bakery.config.load import problem_at
from bakery.config.model import ClusterConfig
from bakery.console import Reporter
from bakery.credentials.certificates import end_of, names_of, pair_problem, read_certificates, uncovered
from bakery.errors import ConfigError

_SOON = timedelta(days=7)
_CERTIFICATES = ("ingress", "certificates")


def check_certificates(config: ClusterConfig, reporter: Reporter) -> None:
    """Check that each certificate fits its key and is valid now, and that every domain has a certificate.

    Warn of a certificate that ends soon.

    Raises:
        ConfigError: one does not, or a domain has none.
        CredentialsError: a key cannot be read.
    """
    ingress = config.ingress
    names: list[str] = []
    leaves = read_certificates(ingress, config.path.parent)
    for index, (leaf, files) in enumerate(zip(leaves, ingress.certificates, strict=True)):
        now = datetime.now(UTC)
        problem = pair_problem(leaf, now)
        if problem is not None:
            key, reason = problem
            file = files.cert if key == "cert" else files.key
            raise _at(config, (*_CERTIFICATES, index, key), f"{file} {reason}", _pair_hint(files.cert))
        if (end := end_of(leaf)) - now < _SOON:
            kept = "an ingress node keeps it until the node is replaced"
            reporter.warn(f"{files.cert} ends on {end:%Y-%m-%d %H:%M} UTC: {kept}")
        found = names_of(leaf)
        names += found
        if ingress.domains and len(list(uncovered(ingress.domains, found))) == len(ingress.domains):
            reason = f"{files.cert} is for {', '.join(found) or 'no name'}, and for none of ingress.domains"
            hint = "name another certificate, or correct the domains"
            raise _at(config, (*_CERTIFICATES, index, "cert"), reason, hint)
    if leaves and not ingress.acme_email:
        for domain in uncovered(ingress.domains, names):
            field = ("ingress", "domains", ingress.domains.index(domain))
            hint = "add one to ingress.certificates, or ingress.acme_email, which requests it"
            raise _at(config, field, f"no certificate is for {domain}", hint)


def _at(config: ClusterConfig, field: FieldPath, reason: str, hint: str) -> ConfigError:
    return problem_at(config.path, field, f"{dotted(field)}: {reason}", hint)


def _pair_hint(certificate: str) -> str:
    return f"openssl x509 -in {certificate} -noout -subject -dates -ext subjectAltName shows what it is"
