"""What an error quotes of the cluster file has no value that may be a secret."""

import pytest

from bakery.config.quoted_line import without_secrets

ROLE = ("version: 1", "roles:", "  nomad-client:", "    count: 2  # canary-comment", "    nomad:", "      vault:")


@pytest.mark.parametrize(
    ("line", "before", "shown"),
    [
        ("        role_id: canary, token: correct canary staple", ROLE, "        role_id: ***"),
        ('        value: "Bearer canary"', ROLE, "        value: ***"),
        ("        - Bearer canary", ROLE, "        - ***"),
        ("        canary of a block", ROLE, "        ***"),
        ("        - name: canary", ROLE, "        - name: ***"),
        ("        role_id:", ROLE, "        role_id:"),
        ("    nomad: {vault: {role_id: canary}}", ROLE[:4], "    nomad: ***"),
        ("  nomad-client: {count: 2, consul: {a: canary}}", ROLE[:2], "  nomad-client: {count: 2, consul: ***"),
        ("roles: {nomad-client: {nomad: {a: canary}}}", ROLE[:1], "roles: {nomad-client: {nomad: ***"),
        ("db_password: canary-2, client_secret: canary 3", (), "db_password: ***, client_secret: ***"),
        ("    token: correct canary staple", ("docker:",), "    token: ***"),
        ('{password: "a, canary", username: anna}', (), "{password: ***, username: anna}"),
    ],
)
def test_a_value_that_may_be_secret_is_hidden(line: str, before: tuple[str, ...], shown: str) -> None:
    assert without_secrets(line, before) == shown
    assert "canary" not in shown


@pytest.mark.parametrize(
    ("line", "before"),
    [
        ("  nomad: 1.11.3", ("version: 1", "image:")),
        ("image: {nomad: 1.11.3, consul: 1.22.5}", ("version: 1",)),
        ("    count: three", ROLE[:3]),
        ("      password_env: A_NAME", ("docker:", "  registries:", "    r.example.com:")),
        ("  consul-server: {count: 3}", ROLE[:2]),
        ("    meta: {a: b}", ROLE[:3]),
    ],
)
def test_other_lines_stay(line: str, before: tuple[str, ...]) -> None:
    """Control: an error without its line helps less."""
    assert without_secrets(line, before) == line
