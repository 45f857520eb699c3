"""Each form in which a program writes a secret is cut out."""

import os

import pytest

from bakery.credentials.redaction import without_secrets
from bakery.credentials.spellings import SHORTEST, spelled
from tests.helpers.leaks import SPELLINGS, found_in

SECRETS = {
    "gossip key": "HZiZdug9NtHyTW5evzIj/jI2wEdEueWU+3RF3fHXr4o=",
    "uuid": "4f1c0000-0000-4000-8000-000000000000",
    "password": "a <b>&'\"\\%/+=ä\n€;c",
    "apostrophe": "it's-a-secret",
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("name", SECRETS)
def test_it_is_cut_in_each_form(name: str, spelling: str) -> None:
    written = SPELLINGS[spelling](SECRETS[name])
    text = f"before {written} after"
    assert found_in(text, SECRETS) == [name]  # control
    assert found_in(without_secrets(text, spelled(SECRETS.values())), SECRETS) == []


def test_the_longest_is_first() -> None:
    found = spelled(["secret", "secret-and-more/"])
    assert list(found) == sorted(found, key=len, reverse=True)
    assert without_secrets("secret-and-more%2F", found) == "***"


def test_what_is_too_short_is_left_out() -> None:
    assert spelled(["", "a" * (SHORTEST - 1)]) == ()
    assert "a" * SHORTEST in spelled(["a" * SHORTEST])


def test_a_variable_that_is_not_utf_8_is_a_secret_too() -> None:
    secret = os.fsdecode(b"canary-\xff")
    assert secret in spelled([secret])
