"""Launch, rerun and destroy over HTTP against the emulator with in-memory machines."""

import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from bakery.cloud import parse
from bakery.cloud.digitalocean import DigitalOcean, connect
from bakery.cloud.model import DropletRequest, FirewallRequest, Image
from bakery.cloud.transport import TransportLimits
from bakery.config.paths import StatePaths
from bakery.launch.base.model import DestroyRequest, LaunchResult, RemovalRequest, Targets, Timings
from bakery.launch.base.session import Session
from bakery.launch.converge.firewalls import OUTBOUND
from bakery.launch.teardown.destroy import destroy
from bakery.launch.teardown.destroy_some import destroy_node
from bakery.operations.launch_cluster import launch
from bakery.plan.slots import slot_of
from tests.helpers.emulated import SETTINGS, TOKEN, Api, emulated, public_key
from tests.helpers.launch_harness import NAMES, launch_request, small_plan
from tests.helpers.state import paths_in

pytestmark = pytest.mark.integration

TIMINGS = Timings(
    poll=0.05, firewall_poll=0.05, wave_poll=0.05, settle=2, address=30, active=30, firewall=30, gone=30
)
LIMITS = TransportLimits(first_pause=0.05)


@pytest.fixture
def api() -> Iterator[Api]:
    with emulated(replace(SETTINGS, private_address_delay_s=0.1, firewall_delay_s=0.1)) as api:
        yield api


@pytest.fixture
def cloud(api: Api) -> Iterator[DigitalOcean]:
    with closing(connect(endpoint=api.url, token=TOKEN, limits=LIMITS)) as cloud:
        yield cloud


@pytest.fixture
def paths(tmp_path: Path) -> StatePaths:
    return paths_in(tmp_path)


def _image(cloud: DigitalOcean) -> Image:
    return parse.image(cloud.get_data("images/debian-12-x64")["image"])


def _launch(cloud: DigitalOcean, paths: StatePaths) -> LaunchResult:
    request = launch_request(_image(cloud), key=public_key(7))
    return launch(_session(cloud, paths), request, lambda changes: True)


def _session(cloud: DigitalOcean, paths: StatePaths) -> Session:
    return Session(cloud=cloud, cluster="demo", paths=paths, timings=TIMINGS)


def _destroy(cloud: DigitalOcean, paths: StatePaths) -> Targets:
    return destroy(_session(cloud, paths), DestroyRequest(plan=small_plan()))


def _changing(api: Api) -> list[tuple[str, str]]:
    return [
        (r.method, r.path) for r in api.emulator.requests.all() if r.method != "GET" and r.path.startswith("/v2")
    ]


def _account(cloud: DigitalOcean, *tags: str) -> dict[str, set[str]]:
    return {
        "droplets": {d.name for tag in tags for d in cloud.list_droplets(tag=tag)},
        "vpcs": {vpc.name for vpc in cloud.list_vpcs()},
        "firewalls": {firewall.name for firewall in cloud.list_firewalls()},
        "keys": {key.name for key in cloud.list_ssh_keys()},
        "tags": set(cloud.list_tags()),
    }


def _add_strangers(cloud: DigitalOcean) -> None:
    vpc = cloud.create_vpc(
        name="bakery-demo-2",
        description="bakery cluster demo-2, launch deadbeef",
        region="fra1",
        ip_range="10.3.0.0/20",
    )
    key = cloud.create_ssh_key("bakery-demo-launch-deadbeef", public_key(1))
    cloud.create_ssh_key("demo", public_key(2))
    for name, tag in (
        ("demo-nomad-client-1", "bakery:demo-2"),
        ("demo-nomad-client-4", "mine"),
        ("demo", "bakery"),
    ):
        cloud.create_droplet(
            DropletRequest(
                name=name,
                region="fra1",
                size="s-1vcpu-1gb",
                image="debian-12-x64",
                tags=(tag,),
                vpc_id=vpc.id,
                ssh_keys=(key.id,),
                user_data="#cloud-config\n",
            )
        )
    cloud.create_tag("bakery:demo-2:role:consul-server")
    for name in ("demo-consul-server", "demo-2-consul-server-deadbeef"):
        request = FirewallRequest(
            name=name, inbound=(), outbound=OUTBOUND, tags=("bakery:demo-2:role:consul-server",)
        )
        cloud.create_firewall(request)


def test_launch_rerun_and_destroy(api: Api, cloud: DigitalOcean, paths: StatePaths) -> None:
    _add_strangers(cloud)
    watched = ("bakery:demo", "bakery:demo-2", "mine", "bakery")
    before = _account(cloud, *watched)
    api.emulator.requests.clear()

    result = _launch(cloud, paths)
    assert sorted(d.name for d in result.droplets) == NAMES
    assert all(d.status == "active" and d.private_ipv4 for d in result.droplets)
    assert len([r for r in api.emulator.requests.all() if r.path == "/v2/droplets" and r.method == "POST"]) == 9
    assert _account(cloud, *watched)["keys"] == before["keys"], "the throw-away key is gone"

    (vpc,) = {droplet.vpc_id for droplet in result.droplets}
    assert cloud.count_vpc_members(str(vpc)) == 9
    strangers = len(api.get("/v2/droplets?per_page=200").json()["droplets"]) - 9
    assert strangers > 0
    assert cloud.count_droplets() == 9 + strangers

    api.emulator.requests.clear()
    assert _launch(cloud, paths).changes.empty
    assert _changing(api) == []

    _destroy(cloud, paths)
    assert _account(cloud, *watched) == before


def test_lost_replies_and_server_errors_leave_exactly_nine(
    api: Api, cloud: DigitalOcean, paths: StatePaths
) -> None:
    for skip, fault in ((1, {"lost_reply": True}), (3, {"status": 500}), (5, {"status": 429, "retry_after": 1})):
        body = {"method": "POST", "path": "/v2/droplets", "skip": skip, **fault}
        assert api.post("/_emulator/faults", body).status_code == 201
    _launch(cloud, paths)
    assert sorted(d.name for d in cloud.list_droplets(tag="bakery:demo")) == NAMES
    posts = [r for r in api.emulator.requests.all() if (r.method, r.path) == ("POST", "/v2/droplets")]
    assert len(posts) > 9, "control: the faults were met"


def test_one_node_is_removed_and_comes_back(cloud: DigitalOcean, paths: StatePaths) -> None:
    _launch(cloud, paths)
    destroy_node(_session(cloud, paths), RemovalRequest(plan=small_plan()), "demo-nomad-client-2")
    assert len(cloud.list_droplets(tag="bakery:demo")) == 8
    (created,) = _launch(cloud, paths).created
    assert re.fullmatch("demo-nomad-client-2-[0-9a-f]{4}", created)
    droplets = cloud.list_droplets(tag="bakery:demo")
    assert sorted(slot_of(droplet, "demo") for droplet in droplets) == NAMES
    assert sorted({*NAMES, created} - {"demo-nomad-client-2"}) == sorted(droplet.name for droplet in droplets)


def test_a_regions_first_vpc_stays(paths: StatePaths) -> None:
    """DigitalOcean makes it the region's default, which cannot be deleted."""
    with (
        emulated(replace(SETTINGS, default_vpcs=False)) as api,
        closing(connect(endpoint=api.url, token=TOKEN, limits=LIMITS)) as cloud,
    ):
        _launch(cloud, paths)
        targets = _destroy(cloud, paths)
        assert [kept.name for kept in targets.not_removed] == ["bakery-demo"]
        assert [vpc.name for vpc in cloud.list_vpcs()] == ["bakery-demo"]
        _launch(cloud, paths)
        assert sorted(d.name for d in cloud.list_droplets(tag="bakery:demo")) == NAMES
