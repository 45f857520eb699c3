"""What an error quotes of the cluster file has no value that may be a secret."""

import pytest

from bakery.config.document import Document, Place
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
        ("db_password: canary-2, client_secret: canary 3", "db_password: ***"),
        ("    token: correct canary staple", "    token: ***"),
        ("      password_env: canary!", "      password_env: ***"),
        ('{password: "a, canary", username: anna}', "{password: ***"),
        (r'password: "ab\"canary"', "password: ***"),
        ("password: 'it''s-canary'", "password: ***"),
        ("password: ab,canary", "password: ***"),
        ("password: ab}canary", "password: ***"),
        ("pass: canary", "pass: ***"),
        ("auth: canary", "auth: ***"),
        ("pwd: canary", "pwd: ***"),
        ("bearer: canary", "bearer: ***"),
        ("pasword_env: canary", "pasword_env: ***"),
        ("username_env: canary", "username_env: ***"),
        ("digitalocean_key: canary", "digitalocean_key: ***"),
        ('"ssh-key" : canary', '"ssh-key" : ***'),
        ("ssh_keys: [a], key: canary", "ssh_keys: [a], key: ***"),
    ],
)
def test_a_value_of_a_key_that_is_called_like_a_secret_is_hidden(line: str, shown: str) -> None:
    assert hide_secrets(line, f"version: 1\n{line}\n") == shown


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ('  "https://me:canary@ghcr.io": {a: b}', '  "https://***@ghcr.io": {a: b}'),
        ('acme_directory: "u:canary@host/x"', 'acme_directory: "***@host/x"'),
        ("a: https://can@ary:can/a ry@host", "a: https://***@host"),
        (f"username: dop_v1_{'c' * 64}", "username: ***"),
        ("a: AGE-SECRET-KEY-1CANARY", "a: ***"),
    ],
)
def test_a_user_of_a_url_and_a_token_are_hidden(line: str, shown: str) -> None:
    assert hide_secrets(line, f"version: 1\n{line}\n") == shown


@pytest.mark.parametrize("value", ["5canary", "5.canary", '"5canary"', "12345678", "1.2 canary"])
def test_under_a_role_a_value_that_begins_with_a_digit_is_not_a_version(value: str) -> None:
    text = f"roles:\n  pool:\n    consul: {value}\n"
    assert hide_secrets(f"    consul: {value}", text) == "    consul: ***"


def shown_line(text: str, number: int) -> str:
    return Document(text=text).problem(Place(line=number, column=1), "a problem").source


@pytest.mark.parametrize(
    ("text", "number", "shown"),
    [
        ('password:\n  "canary" x: y\n', 2, "  ***"),
        ("password: |\n  canary-1\n  canary 2: x\n", 3, "  ***"),
        ("password: # here\n\n# and\n  canary\n", 4, "  ***"),
        ('? "password"\n: canary\n', 2, "***"),
        ("{a: b, token:\n canary}\n", 2, " ***"),
    ],
)
def test_a_line_that_may_continue_a_secret_is_hidden(text: str, number: int, shown: str) -> None:
    assert shown_line(text, number) == shown


@pytest.mark.parametrize(
    "text", ["password: x\ncount:\n  - three\n", "ssh_keys:\n\n  - three\n", "# key\n\n  - three\n"]
)
def test_a_line_after_another_key_stays(text: str) -> None:
    """Control."""
    assert shown_line(text, 3) == "  - three"


def test_a_password_is_hidden_where_the_line_is_cut() -> None:
    text = f"a: https://me:{'canary' * 100}@ghcr.io"
    assert shown_line(text, 1) == "a: https://***@ghcr.io"


@pytest.mark.parametrize(
    "line",
    [
        "  nomad: 1.11.3",
        "acme_email: ops@example.com",
        "ssh_keys: [a, me@laptop]",
        "load_balancer: {certificate: passthrough}",
        "  nomad: '1.11.3'  # a comment",
        'image: {nomad: "1.11.3", consul: 1.22.5}',
        "    count: three  # a comment",
        "  nomad-client: {count: 3, meta: {a: b}}",
        "#   nomad: {vault: {}}",
    ],
)
def test_other_lines_stay(line: str) -> None:
    """Control: an error without its line helps less."""
    assert hide_secrets(line, f"version: 1\n{line}\n") == line
