"""Texts of merged configuration are hidden however the file spells them."""

import textwrap

import pytest

from bakery.config.merged_texts import hide_merged_texts
from bakery.errors import ConfigError

FILE = """\
version: 1
cluster: demo  # a comment
roles:
  consul-server:
    count: 3
    consul:
      {spelled}
      enabled: true
  nomad-client: {{count: 2, nomad: {{vault: {{token: 'canary-inside'}}}}, meta: {{a: not-merged-text}}}}
"""
SECRETS = ("canary", "k7", "4711", "'k'")
"""Short ones too: only their place is replaced."""


@pytest.mark.parametrize(
    "spelled",
    [
        "token: k7",
        "token: 4711",
        "token: 'k'",
        "token: canary-plain",
        "token: 'it''s-a-canary'",
        r'token: "canary\x2dof\ncodes"',
        "token: canary-folded\n  over-lines",
        "token: |\n  canary-block\n  of-lines",
        "token: >-\n  canary-folded\n\n  block",
        "tokens: [canary-first, [canary-second]]",
        'more: {"b": "canary-json"}',
    ],
)
def test_however_it_is_spelled(spelled: str) -> None:
    text = FILE.format(spelled=textwrap.indent(spelled, "      ").lstrip())
    assert any(secret in spelled for secret in SECRETS)
    hidden = hide_merged_texts(text)
    assert [secret for secret in SECRETS if secret in hidden] == []
    assert hidden.count("***") >= 2
    assert "      enabled: true\n" in hidden
    assert "meta: {a: not-merged-text}" in hidden
    assert "cluster: demo  # a comment" in hidden


def test_a_file_that_is_not_yaml_is_named() -> None:
    with pytest.raises(ConfigError, match="not YAML any more"):
        hide_merged_texts("roles: [canary-broken")


def test_a_file_without_roles_stays() -> None:
    for text in ("version: 1\n", "roles: 7\n", "roles: {a: 7, b: {nomad: true}}\n", ""):
        assert hide_merged_texts(text) == text
