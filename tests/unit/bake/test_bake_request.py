"""What a bake asks for: the content tag, the size, and the variables that Packer gets."""

import io
import json
import re
import tarfile
from dataclasses import replace
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from bakery import assets
from bakery.bake.model import BakeRequest, Build, Download, Downloads, Tools
from bakery.bake.request import build_request, check_region, choose_size, pack_plugins, write_variables
from bakery.cloud.model import Region
from bakery.config.model import Access, Binaries, ClusterConfig, Image, Kind, Role, Security
from bakery.errors import MissingToolError, UsageError
from bakery.toolchain.model import CNI_VERSION, TRAEFIK_VERSION
from tests.helpers.fake_packer import SIZE

CANARY = "dop_v1_canary"
IMAGE = Image(base="debian-12-x64", consul="1.22.5", nomad="1.11.3", binaries=Binaries.AUTO)
CONFIG = ClusterConfig(
    path=Path("bakery.yaml"), cluster="demo", region="fra1", vpc_cidr=IPv4Network("10.100.0.0/20"), image=IMAGE,
    roles=(), access=Access(admin_cidrs=(), ssh_keys=()),
    security=Security(leaf_days=3650), protect=False, warnings=(),
)  # fmt: skip
DOWNLOADS = Downloads(
    consul=Download(url="https://example.com/consul.zip", sha256="c" * 64),
    nomad=Download(url="https://example.com/nomad.zip", sha256="0" * 64),
    cni=Download(url="https://example.com/cni.tgz", sha256="1" * 64),
)


def request(tmp_path: Path, config: ClusterConfig = CONFIG, downloads: Downloads | None = None) -> BakeRequest:
    return build_request(config, endpoint="http://127.0.0.1:1", token=CANARY, folder=tmp_path, downloads=downloads)


def tag(config: ClusterConfig = CONFIG, **inputs: bytes) -> str:
    every = {"packer/a": b"1", "packer/b": b"2"} | inputs
    return build_request(config, endpoint="", token="", folder=Path(), inputs=every).content_tag


def test_each_input_changes_the_content_tag() -> None:
    tags = {
        tag(),
        tag(replace(CONFIG, image=replace(IMAGE, base="debian-13-x64"))),
        tag(replace(CONFIG, image=replace(IMAGE, consul="1.22.4"))),
        tag(replace(CONFIG, image=replace(IMAGE, nomad="1.11.2"))),
        tag(CONFIG, **{"packer/a": b"12"}),
        tag(CONFIG, **{"packer/b": b"3"}),
        tag(CONFIG, **{"packer/c": b""}),
    }
    assert len(tags) == 7
    assert all(re.fullmatch(r"bakery:image:[0-9a-f]{24}", each) for each in tags)


def test_what_does_not_shape_the_snapshot_does_not_change_its_tag() -> None:
    same = {
        tag(),
        tag(replace(CONFIG, cluster="other", region="ams3", protect=True)),
        tag(replace(CONFIG, image=replace(IMAGE, binaries=Binaries.UPLOAD))),
    }
    assert len(same) == 1


def test_the_real_inputs_hold_template_scripts_files_and_units(tmp_path: Path) -> None:
    inputs = assets.image_inputs()
    assert {"packer/bakery.pkr.hcl", "packer/variables.pkr.hcl", "packer/scripts/clean.sh"} <= inputs.keys()
    assert any(name.startswith("packer/files/") for name in inputs)
    assert any(name.startswith("systemd-units/") for name in inputs)
    assert request(tmp_path).content_tag == tag_of(inputs)


def tag_of(inputs: dict[str, bytes]) -> str:
    return build_request(CONFIG, endpoint="", token="", folder=Path(), inputs=inputs).content_tag


def test_the_smallest_disk_wins_then_the_price() -> None:
    sizes = [
        replace(SIZE, slug="big", disk=50, price_monthly=4.0),
        replace(SIZE, slug="dear", price_monthly=8.0),
        replace(SIZE, slug="cheap", price_monthly=6.0),
        replace(SIZE, slug="elsewhere", disk=20, regions=("ams3",)),
        replace(SIZE, slug="sold-out", disk=20, available=False),
        replace(SIZE, slug="tiny", disk=10, memory=512),
    ]
    assert choose_size(sizes, "fra1") == "cheap"
    with pytest.raises(UsageError, match="the region lon1 has no droplet size"):
        choose_size(sizes, "lon1")


def test_a_download_passes_addresses_and_digests(tmp_path: Path) -> None:
    build = Build(id="b1", folder=tmp_path)
    tools = Tools(packer=tmp_path / "packer", plugin=tmp_path / "plugin")
    file = write_variables(
        request(tmp_path, downloads=DOWNLOADS), build, tools, size="s-1vcpu-1gb", work=tmp_path / "work"
    )
    assert json.loads(file.read_text()) == {
        "region": "fra1",
        "size": "s-1vcpu-1gb",
        "base": "debian-12-x64",
        "snapshot_name": "bakery-b1",
        "build_tag": "bakery:build:b1",
        "content_tag": tag_of(assets.image_inputs()),
        "consul_version": "1.22.5",
        "consul_url": "https://example.com/consul.zip",
        "consul_sha256": "c" * 64,
        "nomad_version": "1.11.3",
        "nomad_url": "https://example.com/nomad.zip",
        "nomad_sha256": "0" * 64,
        "cni_url": "https://example.com/cni.tgz",
        "cni_sha256": "1" * 64,
    }
    assert file.stat().st_mode & 0o777 == 0o600


def upload_tools(tmp_path: Path) -> Tools:
    (tmp_path / "cni").mkdir()
    for name in ("bridge", "portmap"):
        (tmp_path / "cni" / name).write_text(name)
    (tmp_path / "cni" / "tool.json").write_text("{}")
    (tmp_path / "consul").write_text("consul")
    (tmp_path / "nomad").write_text("nomad")
    return Tools(
        packer=tmp_path / "packer",
        plugin=tmp_path / "plugin",
        consul=tmp_path / "consul",
        nomad=tmp_path / "nomad",
        cni=tmp_path / "cni",
    )


def test_an_upload_passes_files_under_the_names_that_the_build_knows(tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir(mode=0o700)
    build = Build(id="b1", folder=tmp_path)
    file = write_variables(request(tmp_path), build, upload_tools(tmp_path), size="s", work=work)
    variables = json.loads(file.read_text())
    assert [Path(path).name for path in variables["uploads"]] == ["consul", "nomad", "cni.tar"]
    assert [Path(path).is_file() for path in variables["uploads"]] == [True, True, True]
    # printf consul | sha256sum
    assert variables["consul_sha256"] == "b713f0bd8f48dfad2263cabc455ade78f7e4e99a548101f31f935686dff67124"
    assert not any(name.endswith("_url") for name in variables)


WITH_INGRESS = replace(
    CONFIG,
    roles=(Role(name="edge", kind=Kind.INGRESS, count=0, size="s-1vcpu-1gb", node_pool="default"),),
)


def test_traefik_is_in_the_snapshot_of_a_cluster_with_an_ingress_role(tmp_path: Path) -> None:
    assert tag(WITH_INGRESS) != tag()
    tools = replace(upload_tools(tmp_path), traefik=tmp_path / "traefik")
    (tmp_path / "traefik").write_text("traefik")
    (tmp_path / "work").mkdir()
    build = Build(id="b1", folder=tmp_path)
    file = write_variables(request(tmp_path, WITH_INGRESS), build, tools, size="s", work=tmp_path / "work")
    variables = json.loads(file.read_text())
    assert [Path(path).name for path in variables["uploads"]] == ["consul", "nomad", "cni.tar", "traefik"]
    # printf traefik | sha256sum
    assert variables["traefik_sha256"] == "858bd5f51000cf273d4de32ef14ac9c5887cce3076ab8f8f1b2e30fd499afab6"


def test_traefik_is_downloaded_with_its_digest(tmp_path: Path) -> None:
    archive = Download(url="https://example.com/traefik.tar.gz", sha256="2" * 64)
    downloads = replace(DOWNLOADS, traefik=archive)
    tools, build = Tools(packer=tmp_path, plugin=tmp_path), Build(id="b1", folder=tmp_path)
    asked = request(tmp_path, WITH_INGRESS, downloads=downloads)
    variables = json.loads(write_variables(asked, build, tools, size="s", work=tmp_path / "work").read_text())
    assert (variables["traefik_url"], variables["traefik_sha256"]) == (archive.url, "2" * 64)


def test_an_upload_without_a_binary_names_it(tmp_path: Path) -> None:
    tools = replace(upload_tools(tmp_path), nomad=None)
    (tmp_path / "work").mkdir()
    with pytest.raises(MissingToolError, match="there is no nomad on this machine to upload"):
        write_variables(
            request(tmp_path), Build(id="b1", folder=tmp_path), tools, size="s", work=tmp_path / "work"
        )


def test_the_plugins_make_the_same_tar_every_time(tmp_path: Path) -> None:
    cni = upload_tools(tmp_path).cni
    assert cni is not None
    first = pack_plugins(cni)
    (cni / "bridge").touch()
    assert pack_plugins(cni) == first
    with tarfile.open(fileobj=io.BytesIO(first)) as tar:
        assert [(m.name, m.mode) for m in tar.getmembers()] == [("bridge", 0o755), ("portmap", 0o755)]


def test_the_token_hides(tmp_path: Path) -> None:
    assert CANARY not in repr(request(tmp_path))


@pytest.mark.parametrize(("name", "version"), [("cni", CNI_VERSION), ("traefik", TRAEFIK_VERSION)])
def test_the_template_installs_the_versions_that_the_toolchain_has(name: str, version: str) -> None:
    """The version is in the template, because the content tag covers that."""
    variables = (assets.PACKER / "variables.pkr.hcl").read_text(encoding="utf-8")
    found = re.search(rf'variable "{name}_version" \{{\n.*\n\s*default = "(.*)"', variables)
    assert found is not None
    assert found[1] == version


def test_a_region_without_metadata_service_is_refused() -> None:
    """There cloud-init learns no SSH key, and Packer waits ten minutes for nothing."""
    regions = [Region(slug="fra1", available=True), Region(slug="ams3", available=True, features=("ipv6",))]
    check_region(regions, "fra1")
    with pytest.raises(UsageError, match="nothing can be baked in ams3"):
        check_region(regions, "ams3")
