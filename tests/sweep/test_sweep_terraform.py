"""DigitalOcean's Terraform provider as it comes, against an emulator whose droplets are in memory.

OpenTofu is built from its Go module. The provider is not: ``tofu providers mirror`` gets the published one into a
folder, and BAKERY_TERRAFORM_PROVIDERS names it. No test asks a registry of providers.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bakery.proc import Completed, run
from tests.helpers.emulated import TOKEN, Api, emulated, public_key
from tests.helpers.go.programs import MODULES, build_client
from tests.helpers.tools import absent

pytestmark = [pytest.mark.sweep, pytest.mark.timeout(0)]

PROVIDERS = "BAKERY_TERRAFORM_PROVIDERS"
CONFIGURATIONS = MODULES / "tofu"
MIRROR = f"tofu -chdir={CONFIGURATIONS}/account providers mirror /FOLDER"
RUN_S = 600


@pytest.fixture
def api() -> Iterator[Api]:
    with emulated() as api:
        yield api


class Tofu:
    """OpenTofu in a folder of its own, with one configuration and the user's mirror of providers."""

    def __init__(self, program: Path, api: Api, folder: Path, providers: Path, configuration: str) -> None:
        shutil.copy(CONFIGURATIONS / configuration / "main.tf", folder)
        mirror = f"filesystem_mirror {{\n    path = {json.dumps(str(providers))}\n  }}"
        (folder / "cli.tfrc").write_text(f"provider_installation {{\n  {mirror}\n}}\n")
        self._program, self._folder = program, folder
        self.env = {
            "HOME": str(folder),
            "TF_CLI_CONFIG_FILE": str(folder / "cli.tfrc"),
            "DIGITALOCEAN_API_URL": api.url,
            "DIGITALOCEAN_TOKEN": TOKEN,
            "TF_VAR_public_key": public_key(1),
        }
        self.run("init")

    def run(self, *words: str, check: bool = True) -> Completed:
        command, *more = words
        argv: list[str | Path] = [self._program, command, *more, "-no-color"]
        return run(argv, env=self.env, cwd=self._folder, seconds=RUN_S, check=check)

    def apply(self, **variables: object) -> None:
        """They hold from now on."""
        self.env |= {f"TF_VAR_{name}": _value(value) for name, value in variables.items()}
        self.run("apply", "-auto-approve")

    def refusal(self, **variables: object) -> str:
        """What an apply that fails says, on one line; the variables hold for it alone."""
        before = self.env
        self.env = before | {f"TF_VAR_{name}": _value(value) for name, value in variables.items()}
        done = self.run("apply", "-auto-approve", check=False)
        self.env = before
        assert done.returncode == 1
        return " ".join(done.stderr.split())

    def has_drift(self) -> bool:
        """-detailed-exitcode: 0 without changes, 2 with some."""
        done = self.run("plan", "-detailed-exitcode", check=False)
        assert done.returncode in {0, 2}, done.stderr
        return done.returncode == 2

    def outputs(self) -> dict[str, Any]:
        printed = json.loads(run([self._program, "output", "-json"], env=self.env, cwd=self._folder).stdout)
        return {name: entry["value"] for name, entry in printed.items()}


MakeTofu = Callable[[str], Tofu]


def _value(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


@pytest.fixture(scope="module")
def providers() -> Path:
    folder = os.environ.get(PROVIDERS)
    if not folder or not list(Path(folder).glob("**/*terraform-provider-digitalocean*")):
        absent(f"no Terraform provider: `{MIRROR}` gets it, and {PROVIDERS}=/FOLDER names it")
    return Path(folder).resolve()


@pytest.fixture
def make_tofu(api: Api, tmp_path: Path, providers: Path) -> MakeTofu:
    return lambda configuration: Tofu(build_client("tofu"), api, tmp_path, providers, configuration)


LISTS = ("droplets", "account/keys", "tags", "vpcs", "firewalls", "images?private=true", "snapshots")


def account(api: Api) -> list[Any]:
    """Everything that the account holds."""
    api.settle()
    return [api.get(f"/v2/{path}").json() for path in LISTS]


def webs(api: Api) -> list[dict[str, Any]]:
    droplets = [entry for entry in api.get("/v2/droplets").json()["droplets"] if entry["name"] != "private"]
    return sorted(droplets, key=lambda entry: str(entry["name"]))


def test_terraform_makes_an_account_and_takes_it_away_again(make_tofu: MakeTofu, api: Api) -> None:
    before = account(api)
    tofu = make_tofu("account")
    tofu.apply()

    assert tofu.outputs() == {
        "limit": 10000,
        "cheapest": "s-1vcpu-512mb-10gb",
        "project": "Default",
        "tagged": ["web-0", "web-1", "web-2"],
        "addresses": [_public(droplet) for droplet in webs(api)],
        "private": ["", False],
    }
    for droplet in webs(api):
        spec = api.machines.machines[droplet["id"]].spec
        assert (droplet["status"], droplet["tags"], spec.user_data) == ("active", ["web"], "#cloud-config\n")
        assert spec.public_keys == (public_key(1),)
    assert not tofu.has_drift()

    tofu.apply(tags=["web", "more"], ports="53")
    assert [droplet["tags"] for droplet in webs(api)] == [["web", "more"]] * 3
    [firewall] = api.get("/v2/firewalls").json()["firewalls"]
    assert sorted(firewall["tags"]) == ["more", "web"]
    assert {rule["ports"] for rule in firewall["inbound_rules"]} == {"22", "53", "0"}
    assert not tofu.has_drift()

    tofu.run("destroy", "-auto-approve")
    assert account(api) == before


def test_terraform_resizes_and_finds_what_was_done_behind_its_back(make_tofu: MakeTofu, api: Api) -> None:
    tofu = make_tofu("account")
    tofu.apply()
    first, second, third = (droplet["id"] for droplet in webs(api))

    assert "it has a smaller disk" in tofu.refusal(size="s-1vcpu-512mb-10gb")
    assert [(entry["status"], entry["size_slug"]) for entry in webs(api)] == [("active", "s-1vcpu-1gb")] * 3

    api.act(first, "power_off")
    tofu.apply(size="s-2vcpu-2gb")
    assert [(entry["status"], entry["disk"]) for entry in webs(api)] == [("active", 60)] * 3
    assert not tofu.has_drift()

    api.act(second, "rename", name="renamed")
    assert tofu.has_drift()
    tofu.apply()
    assert api.droplet(second)["name"] == "web-1"
    api.delete(f"/v2/droplets/{third}")
    api.settle()
    assert tofu.has_drift()
    tofu.apply()
    assert [entry["id"] for entry in webs(api)][:2] == [first, second]
    assert len(webs(api)) == 3
    assert not tofu.has_drift()

    api.act(first, "power_off")
    tofu.run("destroy", "-auto-approve")
    assert api.get("/v2/droplets").json()["droplets"] == []


def test_terraform_makes_a_way_in_changes_it_and_takes_it_away_again(make_tofu: MakeTofu, api: Api) -> None:
    """The provider asks for a load balancer each 15 seconds, and for a certificate after ten."""
    ways_in = ("load_balancers", "certificates", "reserved_ips", "domains")

    def only(kind: str) -> dict[str, Any]:
        (found,) = api.get(f"/v2/{kind}").json()[kind]
        return dict(found)

    before = account(api)
    tofu = make_tofu("way-in")
    tofu.apply()
    balancer, certificate, reserved = (only(kind) for kind in ways_in[:3])
    assert (balancer["status"], len(balancer["droplet_ids"])) == ("active", 2)
    assert balancer["forwarding_rules"][1]["certificate_id"] == certificate["id"]
    assert tofu.outputs() == {"address": balancer["ip"], "reserved": reserved["ip"], "mail": "example.com"}
    assert reserved["droplet"]["name"] == "web-0"
    [firewall] = api.get("/v2/firewalls").json()["firewalls"]
    assert firewall["inbound_rules"][0]["sources"] == {"load_balancer_uids": [balancer["id"]]}
    assert not tofu.has_drift()

    tofu.apply(host="shop", proxy_protocol=True, holder=1)
    assert only("certificates")["dns_names"] == ["shop.example.com"]
    assert only("load_balancers")["enable_proxy_protocol"] is True
    assert only("reserved_ips")["droplet"]["name"] == "web-1"
    assert not tofu.has_drift()

    api.delete(f"/v2/load_balancers/{balancer['id']}")
    assert tofu.has_drift()
    tofu.run("destroy", "-auto-approve")
    assert [api.get(f"/v2/{kind}").json()[kind] for kind in ways_in] == [[]] * 4
    assert account(api) == before


def test_terraform_shows_the_apis_own_words(make_tofu: MakeTofu, api: Api) -> None:
    api.post("/v2/account/keys", {"name": "first", "public_key": public_key(1)})
    api.post("/v2/vpcs", {"name": "first", "region": "fra1", "ip_range": "10.100.0.0/20"})
    before = account(api)
    said = make_tofu("refused").refusal()

    for words in (
        "Only valid hostname characters are allowed. (a-z, A-Z, 0-9, . and -)",
        "You specified an invalid image for Droplet creation.",
        "You specified an invalid size for Droplet creation.",
        "You specified an invalid region for Droplet creation.",
        "You specified an invalid VPC for Droplet creation",
        "99 are invalid key identifiers for Droplet creation.",
        "SSH Key is already in use on your account",
        "tag nobody-made-it does not exist",
        "overlaps",
        "Error creating Volume",
    ):
        assert words in said
    assert account(api) == before


def _public(droplet: dict[str, Any]) -> str:
    [address] = [entry["ip_address"] for entry in droplet["networks"]["v4"] if entry["type"] == "public"]
    return str(address)
