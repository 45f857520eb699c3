"""Clients that are not ours: Packer's calls, and python-digitalocean as it is."""

import digitalocean
import pytest

from tests.helpers.emulated import TOKEN, emulated, public_key

pytestmark = [
    pytest.mark.integration,
    # python-digitalocean calls jsonpickle with defaults that a later jsonpickle changes
    pytest.mark.filterwarnings("ignore:keys will default to True:DeprecationWarning"),
]


def test_the_calls_of_a_packer_build() -> None:
    """In the order of packer-plugin-digitalocean 1.4.1, builder/digitalocean/step_*.go, with its bodies."""
    with emulated() as api:
        regions = api.get("/v2/regions?page=1&per_page=200").json()["regions"]
        assert {"fra1", "nyc3"} <= {region["slug"] for region in regions}
        key = api.post("/v2/account/keys", {"name": "packer-1", "public_key": public_key(1)}).json()["ssh_key"]
        created = api.post("/v2/droplets", packer_droplet(key["id"]))
        assert created.status_code == 202
        droplet_id = created.json()["droplet"]["id"]
        api.settle()
        droplet = api.droplet(droplet_id)
        assert droplet["status"] == "active"
        assert next(net for net in droplet["networks"]["v4"] if net["type"] == "public")["ip_address"]

        actions = f"/v2/droplets/{droplet_id}/actions"
        assert api.post(actions, {"type": "shutdown"}).status_code == 201
        assert api.post(actions, {"type": "shutdown"}).status_code in {201, 422}  # it asks twice at once
        api.settle()
        assert (api.droplet(droplet_id)["status"], api.droplet(droplet_id)["locked"]) == ("off", False)

        snapshot = api.post(actions, {"type": "snapshot", "name": "packer-2"}).json()["action"]
        api.settle()
        assert api.get(f"{actions}/{snapshot['id']}").json()["action"]["status"] == "completed"
        assert api.droplet(droplet_id)["locked"] is False
        [image] = api.get(f"/v2/droplets/{droplet_id}/snapshots").json()["snapshots"]  # exactly one
        assert (image["name"], image["regions"]) == ("packer-2", ["fra1"])

        resources = {"resources": [{"resource_id": str(image["id"]), "resource_type": "image"}]}
        assert api.post("/v2/tags/baked/resources", resources).status_code == 404
        assert api.post("/v2/tags", {"name": "baked"}).status_code == 201
        assert api.post("/v2/tags/baked/resources", resources).status_code == 204
        transfer = api.post(f"/v2/images/{image['id']}/actions", {"type": "transfer", "region": "nyc3"}).json()
        api.settle()
        polled = api.get(f"/v2/images/{image['id']}/actions/{transfer['action']['id']}")
        assert polled.json()["action"]["status"] == "completed"

        assert api.delete(f"/v2/droplets/{droplet_id}").status_code == 204
        assert api.delete(f"/v2/account/keys/{key['id']}").status_code == 204
        [kept] = api.get("/v2/images?private=true&tag_name=baked").json()["images"]
        assert (kept["id"], kept["regions"]) == (image["id"], ["fra1", "nyc3"])


def packer_droplet(key_id: int) -> dict[str, object]:
    return {
        "name": "packer-1",
        "region": "fra1",
        "size": "s-1vcpu-1gb",
        "image": "debian-12-x64",
        "ssh_keys": [key_id],
        "backups": False,
        "ipv6": False,
        "private_networking": False,
        "monitoring": False,
        "user_data": "",
        "tags": [],
        "with_droplet_agent": False,
    }


def test_packer_1_6_6_polls_a_transfer_under_the_wrong_image() -> None:
    with emulated() as api:
        droplet_id = api.active()["id"]
        action = api.act(droplet_id, "snapshot", name="s")

        assert api.get(f"/v2/images/999/actions/{action['id']}").json()["action"]["status"] == "completed"


def test_python_digitalocean_drives_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with emulated() as api:
        monkeypatch.setenv("DIGITALOCEAN_END_POINT", f"{api.url}/v2/")
        manager = digitalocean.Manager(token=TOKEN)

        key = digitalocean.SSHKey(token=TOKEN, name="k", public_key=public_key(1))
        key.create()
        assert [found.id for found in manager.get_all_sshkeys()] == [key.id]

        droplet = digitalocean.Droplet(
            token=TOKEN,
            name="web-1",
            region="fra1",
            size_slug="s-1vcpu-1gb",
            image="debian-12-x64",
            ssh_keys=[key.id],
            tags=["demo"],
            user_data="#cloud-config\n",
        )
        droplet.create()
        api.settle()
        droplet.load()
        assert (droplet.status, droplet.ip_address, droplet.tags) == ("active", "198.18.0.10", ["demo"])
        assert droplet.private_ip_address.startswith("10.")
        assert [action.type for action in droplet.get_actions()] == ["create"]
        assert [found.id for found in manager.get_all_droplets(tag_name="demo")] == [droplet.id]

        made = digitalocean.Droplet.create_multiple(
            token=TOKEN, names=["a", "b"], region="fra1", size_slug="s-1vcpu-1gb", image="debian-12-x64"
        )
        assert [found.name for found in made] == ["a", "b"]

        droplet.take_snapshot("baked")
        api.settle()
        [image] = manager.get_my_images()
        assert image.name == "baked"
        assert len(manager.get_all_sizes()) == 7
        assert len(manager.get_all_regions()) == 10


def test_python_digitalocean_keeps_tags_vpcs_and_firewalls(monkeypatch: pytest.MonkeyPatch) -> None:
    with emulated() as api:
        monkeypatch.setenv("DIGITALOCEAN_END_POINT", f"{api.url}/v2/")
        manager = digitalocean.Manager(token=TOKEN)
        droplet_id = api.active()["id"]

        tag = digitalocean.Tag(token=TOKEN, name="demo")
        tag.create()
        tag.add_droplets([str(droplet_id)])
        assert api.droplet(droplet_id)["tags"] == ["demo"]
        tag.remove_droplets([str(droplet_id)])
        assert api.droplet(droplet_id)["tags"] == []

        vpc = digitalocean.VPC(token=TOKEN, name="demo", region="fra1", ip_range="10.100.0.0/20")
        vpc.create()
        assert "demo" in [found.name for found in manager.get_all_vpcs()]
        vpc.destroy()

        rule = digitalocean.InboundRule(
            protocol="tcp", ports="22", sources=digitalocean.Sources(addresses=["0.0.0.0/0"])
        )
        firewall = digitalocean.Firewall(token=TOKEN, name="demo", inbound_rules=[rule], tags=["demo"])
        firewall.create()
        firewall.add_droplets([droplet_id])
        [found] = manager.get_all_firewalls()
        assert (found.name, found.droplet_ids, found.inbound_rules[0].ports) == ("demo", [droplet_id], "22")
        firewall.destroy()

        tag.delete()
        digitalocean.Droplet(token=TOKEN, id=droplet_id).destroy()
        assert manager.get_all_droplets() == []
        assert manager.get_all_tags() == []


@pytest.mark.parametrize("count", [1, 200, 201])
def test_python_digitalocean_reads_every_page(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    with emulated() as api:
        monkeypatch.setenv("DIGITALOCEAN_END_POINT", f"{api.url}/v2/")
        for start in range(0, count, 10):
            api.create(names=[f"n{number}" for number in range(start, min(start + 10, count))], tags=["demo"])

        droplets = digitalocean.Manager(token=TOKEN).get_all_droplets(tag_name="demo")

        assert len({droplet.id for droplet in droplets}) == count


def test_python_digitalocean_acts_on_droplets_and_images(monkeypatch: pytest.MonkeyPatch) -> None:
    with emulated() as api:
        monkeypatch.setenv("DIGITALOCEAN_END_POINT", f"{api.url}/v2/")
        manager = digitalocean.Manager(token=TOKEN)
        droplet = manager.get_droplet(api.active(tags=["demo"])["id"])

        for act, status in ((droplet.shutdown, "off"), (droplet.power_on, "active"), (droplet.power_off, "off")):
            act()
            api.settle()
            assert manager.get_droplet(droplet.id).status == status
        droplet.resize("s-2vcpu-2gb", disk=False)
        droplet.load()
        api.settle()
        assert manager.get_droplet(droplet.id).size_slug == "s-2vcpu-2gb"
        droplet.rename("web-2")
        api.settle()
        assert [found.name for found in manager.get_all_droplets()] == ["web-2"]

        droplet.take_snapshot("baked")
        api.settle()
        [snapshot] = manager.get_droplet_snapshots()
        image = manager.get_image(int(snapshot.id))
        image.transfer("nyc3")
        api.settle()
        assert manager.get_image(image.id).regions == ["fra1", "nyc3"]
        image.rename("better")
        assert [found.name for found in manager.get_my_images()] == ["better"]
        # it tags a snapshot of a droplet as one of a volume, which is not there
        api.post("/v2/tags", {"name": "baked"})
        with pytest.raises(digitalocean.NotFoundError):
            digitalocean.Tag(token=TOKEN, name="baked").add_snapshots([snapshot.id])
        snapshot.destroy()
        assert manager.get_my_images() == []


def test_python_digitalocean_finds_the_rest_of_the_account(monkeypatch: pytest.MonkeyPatch) -> None:
    with emulated() as api:
        monkeypatch.setenv("DIGITALOCEAN_END_POINT", f"{api.url}/v2/")
        manager = digitalocean.Manager(token=TOKEN)

        assert manager.get_account().status == "active"
        assert manager.get_balance().account_balance == "0.00"
        assert [project.name for project in manager.get_all_projects()] == ["Default"]
        assert manager.get_default_project().is_default is True
        for listed in (
            manager.get_all_load_balancers(),
            manager.get_all_floating_ips(),
            manager.get_all_volumes(),
            manager.get_all_certificates(),
            manager.get_all_domains(),
        ):
            assert listed == []


def test_python_digitalocean_makes_a_way_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """It knows reserved IPs by their old name only."""
    with emulated() as api:
        monkeypatch.setenv("DIGITALOCEAN_END_POINT", f"{api.url}/v2/")
        manager = digitalocean.Manager(token=TOKEN)
        droplet_id = api.active(tags=["demo"])["id"]

        rule = digitalocean.ForwardingRule(
            entry_protocol="tcp", entry_port=80, target_protocol="tcp", target_port=8080
        )
        balancer = digitalocean.LoadBalancer(
            token=TOKEN,
            name="web",
            region="fra1",
            tag="demo",
            forwarding_rules=[rule],
            health_check=digitalocean.HealthCheck(),
            sticky_sessions=digitalocean.StickySessions(),
        )
        balancer.create()
        balancer.load()
        assert (balancer.status, balancer.droplet_ids) == ("active", [droplet_id])
        assert [found.name for found in manager.get_all_load_balancers()] == ["web"]
        balancer.destroy()

        floating = digitalocean.FloatingIP(token=TOKEN, region_slug="fra1")
        floating.reserve()
        floating.assign(droplet_id)
        api.settle()
        assert manager.get_floating_ip(floating.ip).droplet["id"] == droplet_id
        floating.destroy()

        domain = digitalocean.Domain(token=TOKEN, name="example.com", ip_address="192.0.2.1")
        domain.create()
        domain.create_new_domain_record(type="A", name="www", data="192.0.2.7")
        assert [record.data for record in domain.get_records() if record.type == "A"] == ["192.0.2.1", "192.0.2.7"]
        domain.destroy()


def test_python_digitalocean_meets_refusals(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own defects included: a tag's 400 has neither id nor message, and it asks for both."""
    with emulated() as api:
        monkeypatch.setenv("DIGITALOCEAN_END_POINT", f"{api.url}/v2/")

        with pytest.raises(digitalocean.NotFoundError):
            digitalocean.Manager(token=TOKEN).get_droplet(12)
        with pytest.raises(digitalocean.DataReadError, match="Unable to authenticate you"):
            digitalocean.Manager(token="wrong").get_account()
        with pytest.raises(IndexError):
            digitalocean.Tag(token=TOKEN, name="a.b").create()
