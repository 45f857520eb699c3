"""The adapter and the fake have every call of the port, with its parameters: the library's base hides gaps."""

import inspect
import logging

import pytest

from bakery.cloud.digitalocean import DigitalOcean, connect
from bakery.cloud.interface import Cloud
from tests.helpers.fake_cloud import FakeCloud

CALLS = sorted(name for name in vars(Cloud) if not name.startswith("_"))


@pytest.mark.parametrize("member", [DigitalOcean, FakeCloud])
@pytest.mark.parametrize("name", CALLS)
def test_every_call_of_the_port_is_there(name: str, member: type) -> None:
    port = inspect.signature(getattr(Cloud, name))
    assert inspect.signature(getattr(member, name)) == port


def test_the_port_has_calls() -> None:
    """Control: the table above is not empty."""
    assert {"create_droplet", "list_droplets", "delete_vpc"} <= set(CALLS)


def test_the_library_is_silent_and_holds_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its logger prints request bodies at DEBUG, and its base reads the environment."""
    monkeypatch.setenv("DIGITALOCEAN_ACCESS_TOKEN", "CANARY-environment")
    cloud = connect(endpoint="https://api.digitalocean.com", token="CANARY-token")
    assert logging.getLogger("digitalocean").disabled
    assert cloud.tokens == [""]
    assert "CANARY" not in repr(cloud) + str(cloud) + repr(vars(cloud))
    cloud.close()
