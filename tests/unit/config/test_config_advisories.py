"""The advisories that concern a version, against a table written by hand."""

import pytest

from bakery.config.advisories import ADVISORIES, advisories_of, advisory_lines
from bakery.config.versions import CONSUL, NOMAD, Product

DOCKER = ["HCSEC-2026-19", "HCSEC-2026-21", "HCSEC-2026-22"]
TABLE = [
    (NOMAD, "1.9.4", ["HCSEC-2025-12", "HCSEC-2026-14", "HCSEC-2026-15", *DOCKER]),
    (NOMAD, "1.10.2", ["HCSEC-2026-14", "HCSEC-2026-15", *DOCKER]),
    (NOMAD, "1.11.3", ["HCSEC-2026-14", "HCSEC-2026-15", *DOCKER]),
    (NOMAD, "2.0.0", ["HCSEC-2026-14", "HCSEC-2026-15", *DOCKER]),
    (NOMAD, "2.0.1", DOCKER),
    (NOMAD, "2.0.3", DOCKER),
    (NOMAD, "2.0.4", []),
    (CONSUL, "1.19.0", ["HCSEC-2025-28"]),
    (CONSUL, "1.21.5", ["HCSEC-2025-28", "HCSEC-2026-25"]),
    (CONSUL, "1.22.5", ["HCSEC-2026-25"]),
    (CONSUL, "2.0.2", ["HCSEC-2026-25"]),
    (CONSUL, "2.0.3", []),
    (NOMAD, "a fork", []),
]


@pytest.mark.parametrize(("product", "version", "names"), TABLE)
def test_which_concern_a_version(product: Product, version: str, names: list[str]) -> None:
    assert [each.name for each in advisories_of(product, version)] == names


def test_each_has_its_source() -> None:
    for each in ADVISORIES:
        assert each.source.startswith(f"https://discuss.hashicorp.com/t/{each.name.lower()}-")


def test_one_line_for_each_product() -> None:
    assert list(advisory_lines("1.22.5", "1.11.3")) == [
        "Consul 1.22.5 has known vulnerabilities, fixed in 2.0.3: HCSEC-2026-25",
        "Nomad 1.11.3 has known vulnerabilities, fixed in 2.0.4:"
        " HCSEC-2026-14, HCSEC-2026-15, HCSEC-2026-19, HCSEC-2026-21, HCSEC-2026-22",
    ]
    assert list(advisory_lines("2.0.3", "2.0.4")) == []
