"""What tokens may do (https://docs.digitalocean.com/reference/api/scopes/)."""

from dataclasses import replace

import pytest

from bakery.emulator.errors import Forbidden
from bakery.emulator.handlers.grants import NOBODY, grants
from bakery.emulator.routes import ROUTES
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
    [_, scoped] = grants(replace(SETTINGS, scoped_tokens={"scoped": scopes}))

    assert scoped.allows(wanted) is allowed
    if not allowed:
        with pytest.raises(Forbidden):
            scoped.require(wanted)


def test_full_access_allows_everything_and_nobody_nothing() -> None:
    [full] = grants(SETTINGS)

    assert full.token == TOKEN
    assert TOKEN not in repr(full)
    assert full.allows("anything:at_all")
    assert not NOBODY.allows("account:read")


def test_every_path_of_the_api_asks_for_a_scope_and_no_other_does() -> None:
    unguarded = {rule.path for rule in ROUTES if not rule.scopes}

    assert all(path.startswith("/_emulator/") for path in unguarded)
    assert all(rule.path.startswith("/v2/") for rule in ROUTES if rule.scopes)
