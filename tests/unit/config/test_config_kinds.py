"""What each kind of node runs, and that no kind can be forgotten."""

import ast
from pathlib import Path

import pytest

from bakery.config.model import Kind

SOURCE = Path(__file__).parents[3] / "src" / "bakery"
# Where kinds stand by name: the answers to every question about them, and the built-in roles and sizes.
HOMES = {"config/model.py", "config/defaults.py"}

CONSUL_SERVER, NOMAD_SERVER, NOMAD_CLIENT = "Consul server", "Nomad server", "Nomad client"
INGRESS = "ingress"
EXPECTED = {
    Kind.CONSUL_SERVER: {CONSUL_SERVER},
    Kind.NOMAD_SERVER: {NOMAD_SERVER},
    Kind.NOMAD_CLIENT: {NOMAD_CLIENT},
    Kind.SERVER: {CONSUL_SERVER, NOMAD_SERVER},
    Kind.ALL_IN_ONE: {CONSUL_SERVER, NOMAD_SERVER, NOMAD_CLIENT},
    Kind.INGRESS: {INGRESS},
}


@pytest.mark.parametrize("kind", list(Kind))
def test_what_a_kind_runs(kind: Kind) -> None:
    runs = EXPECTED[kind]
    assert kind.is_consul_server == (CONSUL_SERVER in runs)
    assert kind.is_nomad_server == (NOMAD_SERVER in runs)
    assert kind.is_nomad_client == (NOMAD_CLIENT in runs)
    assert kind.is_ingress == (INGRESS in runs)
    assert kind.is_any_server == bool(runs & {CONSUL_SERVER, NOMAD_SERVER})
    assert kind.runs_nomad == bool(runs & {NOMAD_SERVER, NOMAD_CLIENT})


def compared_by_name(text: str) -> bool:
    """Whether the source has ``Kind.SERVER`` or the like, of this Kind and not of the emulator's."""
    names = {kind.name for kind in Kind}
    return any(
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and (node.value.id, node.attr in names) == ("Kind", True)
        for node in ast.walk(ast.parse(text))
    )


def test_only_exhaustive_matches_name_a_kind() -> None:
    """Elsewhere a comparison with one kind would answer for a new kind by accident."""
    found = {
        str(file.relative_to(SOURCE))
        for file in SOURCE.rglob("*.py")
        if compared_by_name(file.read_text(encoding="utf-8"))
    }
    assert found == HOMES


def test_a_comparison_with_a_kind_is_found() -> None:
    """Control."""
    assert compared_by_name("clients = [role for role in roles if role.kind is Kind.NOMAD_CLIENT]")


@pytest.mark.parametrize("file", sorted(HOMES))
def test_every_match_on_a_kind_ends_in_assert_never(file: str) -> None:
    """mypy then refuses a match that lacks a kind."""
    matches = [node for node in ast.walk(ast.parse((SOURCE / file).read_text())) if isinstance(node, ast.Match)]
    assert matches
    for match in matches:
        assert ast.unparse(match.cases[-1]).startswith("case _:\n    assert_never("), ast.unparse(match)
