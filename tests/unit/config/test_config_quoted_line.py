"""What an error quotes of the cluster file has no value that may be a secret."""

import pytest

from bakery.config.quoted_line import hide_secrets

MERGING = [
    "roles:\n  pool:\n    nomad:\n      vault:\n        {}\n",
    "roles:\n  pool:\n    nomad:\n   {}\n",  # indented too little
    "roles: {{pool: {{consul: {{a:\n{}\n}}}}}}\n",
    'roles:\n\t? "nomad"\n\t: {}\n',
    'a: "x # y", nomad: [\n{}\n]\n',
]


@pytest.mark.parametrize("file", MERGING)
@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("        role_id: canary, token: correct canary staple", "        role_id: ***"),
        ('  value: "Bearer canary"', "  value: ***"),
        ("\tvault: {h: canary}", "\tvault: ***"),
        ("        - Bearer canary", "        - ***"),
        ("        - name: canary", "        - name: ***"),
        ('{"h": "Bearer canary-four", "x"', "***"),
        ('     "canary-8b" "x" ]}', "     ***"),
        ("    nomad: {vault: {role_id: canary}}", "    nomad: ***"),
        ("roles: {nomad-client: {nomad: {a: canary}}}", "roles: ***"),
        ("        role_id:", "        role_id:"),
    ],
)
def test_no_value_of_a_file_that_merges_keys_is_shown(file: str, line: str, shown: str) -> None:
    assert hide_secrets(line, file.format(line)) == shown
    assert "canary" not in shown


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("db_password: canary-2, client_secret: canary 3", "db_password: ***, client_secret: ***"),
        ("    token: correct canary staple", "    token: ***"),
        ("      password_env: canary!", "      password_env: ***"),
        ('{password: "a, canary", username: anna}', "{password: ***, username: anna}"),
    ],
)
def test_a_value_of_a_key_that_is_called_like_a_secret_is_hidden(line: str, shown: str) -> None:
    assert hide_secrets(line, f"version: 1\n{line}\n") == shown


@pytest.mark.parametrize(
    "line",
    [
        "  nomad: 1.11.3",
        'image: {nomad: "1.11.3", consul: 1.22.5}',
        "    count: three  # a comment",
        "  nomad-client: {count: 3, meta: {a: b}}",
        "#   nomad: {vault: {}}",
    ],
)
def test_other_lines_stay(line: str) -> None:
    """Control: an error without its line helps less."""
    assert hide_secrets(line, f"version: 1\n{line}\n") == line
