"""What tokens may do (https://docs.digitalocean.com/reference/api/scopes/)."""

from dataclasses import replace

import pytest

from bakery.emulator.account.errors import Forbidden
from bakery.emulator.api.routes import ROUTES
from bakery.emulator.api.tokens import ANONYMOUS, AccessTokens
from tests.helpers.emulated import SETTINGS, TOKEN

# token scopes, wanted, allowed
TABLE = [
    (("droplet:read",), "droplet:read", True),
    (("droplet:read",), "droplet:update", False),
    (("droplet:read",), "image:read", True),
    (("droplet:read",), "regions:read", True),
    (("droplet:read",), "tag:read", False),
    (("read",), "firewall:read", True),
    (("read",), "firewall:create", False),
    (("droplet:create",), "droplet:read", False),
    ((), "account:read", False),
]


@pytest.mark.parametrize(("scopes", "wanted", "allowed"), TABLE)
def test_scopes(scopes: tuple[str, ...], wanted: str, *, allowed: bool) -> None:
    scoped = AccessTokens(replace(SETTINGS, scoped_tokens={"scoped": scopes})).find("scoped")

    assert scoped.allows(wanted) is allowed
    if not allowed:
        with pytest.raises(Forbidden):
            scoped.require(wanted)


def test_full_access_allows_everything_and_nobody_nothing() -> None:
    full = AccessTokens(SETTINGS).find(TOKEN)

    assert full.token == TOKEN
    assert TOKEN not in repr(full)
    assert full.allows("anything:at_all")
    assert not ANONYMOUS.allows("account:read")


def test_tokens_can_be_made_later_and_strangers_are_nobody() -> None:
    known = AccessTokens(SETTINGS)
    made = known.make(["droplet:read"])

    assert known.find(made.token) == made
    assert made.allows("sizes:read")
    assert made.token.startswith("dop_v1_")
    assert known.find(made.token[:-1]) is ANONYMOUS
    assert known.find("") is ANONYMOUS


def test_every_path_of_the_api_asks_for_a_scope_and_no_other_does() -> None:
    unguarded = {rule.path for rule in ROUTES if not rule.scopes}

    assert all(path.startswith("/_emulator/") for path in unguarded)
    assert all(rule.path.startswith("/v2/") for rule in ROUTES if rule.scopes)
