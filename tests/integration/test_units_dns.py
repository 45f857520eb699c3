"""prepare-dns keeps the droplet's own resolvers, at the first boot and at every later one."""

import json
from pathlib import Path

import pytest

from bakery.assets import PACKER
from bakery.proc import run

pytestmark = pytest.mark.integration

SCRIPT = PACKER / "files/usr/local/lib/bakery/prepare-dns"
DIGITALOCEAN = "nameserver 67.207.67.2\nnameserver 67.207.67.3\n"


@pytest.fixture
def node(tmp_path: Path) -> Path:
    for folder in ("etc/bakery", "var/lib/bakery", "run/bakery-dns", "run/systemd/resolve"):
        (tmp_path / folder).mkdir(parents=True)
    # Every computer has the address 127.0.0.1.
    (tmp_path / "etc/bakery/node.json").write_text(json.dumps({"kind": "k", "vpc": "127.0.0.0/24"}, indent=1))
    (tmp_path / "etc/resolv.conf").write_text(f"# by cloud-init\n{DIGITALOCEAN}search example.com\n")
    return tmp_path


def prepare(node: Path) -> tuple[str, str]:
    """Run the script; return the resolvers of the forwarder, and those of programs on the node."""
    run(["sh", SCRIPT, node])
    shown = (node / "etc/resolv.conf").read_text().splitlines()
    return (node / "var/lib/bakery/resolv.conf").read_text(), "\n".join(shown[1:])


def test_the_forwarder_asks_the_droplets_resolvers(node: Path) -> None:
    assert prepare(node) == (DIGITALOCEAN, "nameserver 169.254.1.1")


def test_a_later_boot_keeps_them(node: Path) -> None:
    prepare(node)
    assert prepare(node) == (DIGITALOCEAN, "nameserver 169.254.1.1")


def test_resolvers_that_were_written_since_replace_them(node: Path) -> None:
    prepare(node)
    (node / "etc/resolv.conf").write_text("nameserver 192.0.2.53\n")
    assert prepare(node) == ("nameserver 192.0.2.53\n", "nameserver 169.254.1.1")


def test_systemd_resolveds_stub_is_replaced_by_its_resolvers(node: Path) -> None:
    """As on Ubuntu: the stub is on the loopback interface, and resolv.conf is a link to it."""
    stub = node / "run/systemd/resolve/stub-resolv.conf"
    stub.write_text("nameserver 127.0.0.53\noptions edns0\n")
    (node / "run/systemd/resolve/resolv.conf").write_text(DIGITALOCEAN)
    (node / "etc/resolv.conf").unlink()
    (node / "etc/resolv.conf").symlink_to(stub)
    assert prepare(node) == (DIGITALOCEAN, "nameserver 169.254.1.1")
    assert stub.read_text().startswith("nameserver 127.0.0.53"), "the link was replaced, not its target"


def test_it_listens_on_the_vpc_address_alone(node: Path) -> None:
    prepare(node)
    assert (node / "run/bakery-dns/listen.conf").read_text() == "listen-address=127.0.0.1\n"


def test_user_data_without_the_vpc_is_no_error(node: Path) -> None:
    (node / "etc/bakery/node.json").write_text(json.dumps({"kind": "k"}, indent=1))
    prepare(node)
    assert (node / "run/bakery-dns/listen.conf").read_text() == "\n"
