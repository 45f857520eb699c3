"""The metadata service over HTTP (https://docs.digitalocean.com/reference/api/metadata/)."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import requests
from starlette.types import Receive, Scope, Send

from bakery.emulator.account.model import Droplet
from bakery.emulator.account.state import AccountState
from bakery.emulator.api.metadata import build_metadata_app
from tests.helpers import shared_server
from tests.helpers.emulated import add_droplet, make_state, public_key

pytestmark = pytest.mark.integration


@contextmanager
def metadata(state: AccountState, droplet: Droplet) -> Iterator[str]:
    """The service as that droplet sees it."""
    app = build_metadata_app(state)

    async def from_the_droplet(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, "client": (droplet.private_address, 40000)}, receive, send)

    with shared_server.serving(from_the_droplet) as url:
        yield url


def get(url: str) -> requests.Response:
    return requests.get(url, timeout=10, allow_redirects=False)


def test_the_tree() -> None:
    state = make_state()
    state.vpcs.create(name="v", description="", region="fra1", ip_range="10.100.0.0/20")
    droplet, _ = add_droplet(state, tags=("bakery:demo", "role:web"))
    expected = {
        "": "id\nhostname\nuser-data\nvendor-data\npublic-keys\nregion\ninterfaces/\ndns/\n"
        "floating_ip/\nreserved_ip/\ntags/\nfeatures/",
        "id": str(droplet.id),
        "hostname": "web-1",
        "region": "fra1",
        "user-data": "#cloud-config\n# canary-user-data\n",
        "public-keys": public_key(1),
        "interfaces/": "public/\nprivate/",
        "interfaces/public/": "0/",
        "interfaces/public/0/": "ipv4/\nanchor_ipv4/\nmac\ntype",
        "interfaces/public/0/ipv4/address": "198.18.0.10",
        "interfaces/public/0/ipv4/gateway": "198.18.0.1",
        "interfaces/public/0/anchor_ipv4/address": "10.17.0.2",
        "interfaces/private/0/ipv4/address": "10.100.0.2",
        "interfaces/private/0/ipv4/netmask": "255.255.240.0",
        "dns/nameservers": "67.207.67.2\n67.207.67.3",
        "floating_ip/ipv4/active": "false",
        "tags/": "bakery:demo\nrole:web",
        "features/dhcp_enabled": "false",
    }
    with metadata(state, droplet) as url:
        assert {path: get(f"{url}/metadata/v1/{path}").text for path in expected} == expected
        document = get(f"{url}/metadata/v1.json")
        assert document.json()["droplet_id"] == droplet.id
        assert document.headers["content-type"] == "application/json"


@pytest.mark.parametrize("path", ["/metadata/v1", "/metadata/v1/interfaces", "/metadata/v1/interfaces/public/0"])
def test_a_folder_without_its_slash_redirects(path: str) -> None:
    state = make_state()
    droplet, _ = add_droplet(state)
    with metadata(state, droplet) as url:
        answer = get(url + path)

        assert (answer.status_code, answer.headers["location"]) == (301, f"{path}/")


@pytest.mark.parametrize(
    "path",
    ["/", "/metadata", "/metadata/v2/", "/metadata/v1/none", "/metadata/v1/id/x", "/metadata/v1/vendor-data"],
)
def test_what_is_not_there_is_404(path: str) -> None:
    state = make_state(vendor_data=None)
    droplet, _ = add_droplet(state)
    with metadata(state, droplet) as url:
        assert get(url + path).status_code == 404


def test_vendor_data() -> None:
    state = make_state(vendor_data="#cloud-config\nmanage_etc_hosts: true\n")
    droplet, _ = add_droplet(state)
    with metadata(state, droplet) as url:
        assert get(f"{url}/metadata/v1/vendor-data").text == "#cloud-config\nmanage_etc_hosts: true\n"


def test_a_droplet_is_known_by_its_address_and_a_stranger_learns_nothing() -> None:
    """The public network is loopback's here, so that this very client has a droplet's address."""
    theirs = make_state()
    ours = make_state(
        public_network="127.0.0.0/24",
        public_gateway="127.0.0.254",
        host_address="127.0.0.253",
        first_public_address="127.0.0.1",
    )
    droplet, _ = add_droplet(ours)
    add_droplet(theirs)
    assert droplet.public_address == "127.0.0.1"

    with shared_server.serving(build_metadata_app(ours)) as url:
        assert get(f"{url}/metadata/v1/id").text == str(droplet.id)
        ours.remove_droplet(droplet)
        assert get(f"{url}/metadata/v1/id").status_code == 404
    with shared_server.serving(build_metadata_app(theirs)) as url:
        assert get(f"{url}/metadata/v1/user-data").status_code == 404
