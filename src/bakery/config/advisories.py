"""Known vulnerabilities of Consul and Nomad that concern clusters of bakery, by version. Pure data.

Versions are those of the community editions; HashiCorp fixes older minor versions in the enterprise editions only.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from bakery.config.versions import CONSUL, NOMAD, Product, Version, parse_version

_FORUM = "https://discuss.hashicorp.com/t"
_SUBMIT = "a user who may submit jobs may become root on the clients"
_UNCHECKED = "where the snapshot does not check containers (docs/security.md)"


@dataclass(frozen=True, kw_only=True)
class Advisory:
    """One security advisory of HashiCorp."""

    name: str
    product: Product
    affected: Version = (0, 0, 0)
    """The first version that has the vulnerability."""
    fixed: str
    """The first version without it."""
    effect: str
    """What an attacker can do, to follow the version."""
    source: str


ADVISORIES = (
    Advisory(
        name="HCSEC-2025-12",  # CVE-2025-4922
        product=NOMAD,
        fixed="1.10.2",
        effect="a job may get the ACL policies of another job whose name its own begins with",
        source=f"{_FORUM}/hcsec-2025-12-nomad-vulnerable-to-incorrect-acl-policy-lookup-attached-to-a-job/75396",
    ),
    Advisory(
        name="HCSEC-2026-14",  # CVE-2026-6959
        product=NOMAD,
        fixed="2.0.1",
        effect=f"a task may read and write the node's files through links among its logs: {_SUBMIT}",
        source=f"{_FORUM}/hcsec-2026-14-nomad-arbitrary-file-read-write-on-client-host-through-symlink-attack/77416",
    ),
    Advisory(
        name="HCSEC-2026-15",  # CVE-2026-7474
        product=NOMAD,
        fixed="2.0.1",
        effect="a user who may create dynamic host volumes may run programs on the clients",
        source=f"{_FORUM}/hcsec-2026-15-nomad-vulnerable-to-path-traversal-in-dynamic-host-volume-which-may-lead-to-code-execution/77417",
    ),
    Advisory(
        name="HCSEC-2026-19",  # CVE-2026-14373
        product=NOMAD,
        fixed="2.0.4",
        effect=f"docker tasks may use the node's own namespaces, {_UNCHECKED}: {_SUBMIT}",
        source=f"{_FORUM}/hcsec-2026-19-nomad-docker-driver-vulnerable-to-host-namespace-bypass-on-linux/77557",
    ),
    Advisory(
        name="HCSEC-2026-21",  # CVE-2026-14891
        product=NOMAD,
        fixed="2.0.4",
        effect=f"docker tasks may mount any folder of the node, {_UNCHECKED}: {_SUBMIT}",
        source=f"{_FORUM}/hcsec-2026-21-nomad-vulnerable-to-sandbox-escape-in-docker-task-driver/77561",
    ),
    Advisory(
        name="HCSEC-2026-22",  # CVE-2026-14896
        product=NOMAD,
        fixed="2.0.4",
        effect="a user of one namespace may delete another namespace's claims of host volumes",
        source=f"{_FORUM}/hcsec-2026-22-nomad-vulnerable-to-cross-namespace-host-volume-claim-deletion/77562",
    ),
    Advisory(
        name="HCSEC-2025-28",  # CVE-2025-11375; the same of the key/value store is HCSEC-2025-29
        product=CONSUL,
        fixed="1.22.0",
        effect="a token that may send events or write keys may exhaust the memory of a server",
        source=f"{_FORUM}/hcsec-2025-28-consuls-event-endpoint-is-vulnerable-to-denial-of-service/76723",
    ),
    Advisory(
        name="HCSEC-2026-25",  # CVE-2026-19016 and CVE-2026-15970
        product=CONSUL,
        affected=(1, 19, 1),
        fixed="2.0.3",
        effect="a caller with a certificate may delete sessions, and so release locks, without the right to do so",
        source=f"{_FORUM}/hcsec-2026-25-multiple-vulnerabilities-impacting-hashicorp-consul/77629",
    ),
)


def advisories_of(product: Product, version: str) -> tuple[Advisory, ...]:
    """Return the advisories that concern this version, in the order of the table; none for another text."""
    found = parse_version(version)
    if found is None:
        return ()
    return tuple(
        each
        for each in ADVISORIES
        if each.product is product and each.affected <= found < (parse_version(each.fixed) or found)
    )


def advisory_lines(consul: str, nomad: str) -> Iterator[str]:
    """Yield one line for each product whose version has known vulnerabilities."""
    for product, version in ((CONSUL, consul), (NOMAD, nomad)):
        found = advisories_of(product, version)
        if found:
            fixed = max((each.fixed for each in found), key=lambda text: parse_version(text) or (0, 0, 0))
            names = ", ".join(each.name for each in found)
            yield f"{product.name} {version} has known vulnerabilities, fixed in {fixed}: {names}"
