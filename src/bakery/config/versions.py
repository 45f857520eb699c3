"""The versions of Consul and Nomad that bakery accepts."""

import re
from dataclasses import dataclass

from bakery.config import defaults
from bakery.config.findings import quoted
from bakery.config.schema import VERSION

Version = tuple[int, int, int]
Minor = tuple[int, int]
PAIRS: dict[Minor, tuple[Minor, Minor]] = {
    (1, 9): ((1, 17), (1, 22)),
    (1, 10): ((1, 19), (1, 22)),
    (1, 11): ((1, 19), (1, 22)),
    (2, 0): ((1, 19), (1, 22)),
}
"""First and last minor version of Consul that HashiCorp lists for a minor version of Nomad, in any edition of
https://developer.hashicorp.com/nomad/docs/networking/consul#compatibility (1.9.4, 1.10.5, 1.11.3 and 2.0)."""


FIRST_INTRODUCTION: Version = (1, 11, 0)
"""The first Nomad that introduces clients (hashicorp/nomad nomad/leader.go, minVersionNodeIntro)."""


@dataclass(frozen=True, kw_only=True)
class Product:
    """The version rules of one product."""

    name: str
    minimum: str
    minimum_reason: str
    refused: dict[str, str]
    """Refused versions and the reason."""
    default: str
    tested: str
    """The version that bakery's tests run."""
    last_minor_of_1: int
    """The minor version of major version 1 that 2.0 follows."""


CONSUL = Product(
    name="Consul",
    minimum="1.17.0",
    # Consul's CHANGELOG, 1.17.0: GH-17155 and the dns token.
    minimum_reason="which introduced tls.defaults.verify_server_hostname and acl.tokens.dns",
    # Consul's version-specific upgrade notes.
    refused={"1.13.8": "Nomad must not be used with it"},
    default=defaults.CONSUL_VERSION,
    tested=defaults.TESTED_CONSUL_VERSION,
    last_minor_of_1=22,
)
NOMAD = Product(
    name="Nomad",
    minimum="1.9.4",
    # Nomad's CHANGELOG, 1.9.4: GH-24561.
    minimum_reason="because earlier agents stop joining after the first failure",
    # Nomad's CHANGELOG: withdrawn releases.
    refused=dict.fromkeys(("1.7.0", "1.7.1", "1.9.2"), "HashiCorp withdrew it"),
    default=defaults.NOMAD_VERSION,
    tested=defaults.TESTED_NOMAD_VERSION,
    last_minor_of_1=11,
)


def parse_version(text: str) -> Version | None:
    """Return ``1.22.5`` as three numbers; None for text of any other form."""
    if len(text) > 32 or not re.fullmatch(VERSION, text):
        return None
    major, minor, patch = (int(part) for part in text.split("."))
    return major, minor, patch


def version_problem(product: Product, text: str) -> tuple[str, str] | None:
    """Return why bakery does not accept this version, and a hint; None if it does."""
    version = parse_version(text)
    if version is None:
        return f"must be an exact version X.Y.Z, not {quoted(text)}", f"such as {product.default}"
    hint = f"{product.tested} is what bakery's tests run"
    if text in product.refused:
        return f"{product.name} {text} is refused: {product.refused[text]}", hint
    if version < (parse_version(product.minimum) or version):
        message = (
            f"{product.name} {text} is too old: bakery needs {product.minimum} or later, {product.minimum_reason}"
        )
        return message, hint
    return None


def pair_warning(consul: str, nomad: str) -> str | None:
    """Return a warning if HashiCorp's table does not list the two versions together; else None."""
    of_consul, of_nomad = parse_version(consul), parse_version(nomad)
    listed = PAIRS.get(of_nomad[:2]) if of_nomad is not None else None
    if of_consul is None or listed is None or listed[0] <= of_consul[:2] <= listed[1]:
        return None
    lowest, highest = (f"{major}.{minor}" for major, minor in listed)
    return f"HashiCorp lists Nomad {nomad} with Consul {lowest} to {highest}, not with {consul}"


def version_warning(product: Product, text: str) -> str | None:
    """Return a warning about an accepted version; None for the default, and if there is no reason for one."""
    version = parse_version(text)
    if version is None or version[0] < 2 or text == product.default:
        return None
    return f"{product.name} {text} is accepted, but bakery's tests do not run {product.name} {version[0]}.x"


def describe_tested(consul: str, nomad: str) -> str:
    """Return a sentence about the pair that bakery's tests run, for a cluster with these versions."""
    if (consul, nomad) == (CONSUL.tested, NOMAD.tested):
        return "bakery's tests run these versions"
    return f"bakery's tests run Consul {CONSUL.tested} and Nomad {NOMAD.tested}"
