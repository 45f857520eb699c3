"""Where a tool is looked for, in which order, and what the error says when it is nowhere."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from bakery import proc
from bakery.config.defaults import CONSUL_VERSION, NOMAD_VERSION, TESTED_CONSUL_VERSION, TESTED_NOMAD_VERSION
from bakery.config.schema import ARCHIVE
from bakery.errors import MissingToolError, UsageError
from bakery.toolchain import release
from bakery.toolchain.cache import publish
from bakery.toolchain.find import find_local_tool, find_tool
from bakery.toolchain.model import (
    CNI_VERSION,
    PACKER_VERSION,
    PLUGIN_VERSION,
    TRAEFIK_VERSION,
    Origin,
    Places,
    ToolName,
    places_from_environment,
)
from bakery.toolchain.pins import NOT_PINNED, PINNED
from bakery.toolchain.source import RECIPES, build_key, read_version


def says_content(argv: Sequence[str | Path], **_: object) -> proc.Completed:
    """A program here says what its file holds."""
    return proc.Completed(returncode=0, stdout=Path(argv[0]).read_text(), stderr="")


def put_program(folder: Path, version: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "consul"
    program.write_text(f"Consul v{version}\n")
    program.chmod(0o755)
    return program


def put_cached(cache: Path, version: str) -> None:
    def fill(folder: Path) -> None:
        put_program(folder, version)

    publish(cache, ToolName.CONSUL, version, key="k", origin=Origin.RELEASE, fill=fill)


def test_the_places_in_order(tmp_path: Path) -> None:
    places = Places(cache=tmp_path / "cache", folder=tmp_path / "folder", path=str(tmp_path / "path"))
    found = []
    put_cached(places.cache, "1.22.5")
    found.append(find_tool(ToolName.CONSUL, "1.22.5", places=places, run=says_content).origin)
    put_program(tmp_path / "path", "1.22.5")
    found.append(find_tool(ToolName.CONSUL, "1.22.5", places=places, run=says_content).origin)
    put_program(tmp_path / "folder", "1.22.5")
    found.append(find_tool(ToolName.CONSUL, "1.22.5", places=places, run=says_content).origin)
    assert found == [Origin.RELEASE, Origin.PATH, Origin.FOLDER]


def test_another_version_on_path_is_passed_over(tmp_path: Path) -> None:
    places = Places(cache=tmp_path / "cache", path=str(tmp_path / "path"))
    put_program(tmp_path / "path", "1.22.4")
    assert find_local_tool(ToolName.CONSUL, "1.22.5", places=places, run=says_content) is None
    put_cached(places.cache, "1.22.5")
    tool = find_tool(ToolName.CONSUL, "1.22.5", places=places, run=says_content)
    assert tool.origin is Origin.RELEASE


def test_without_a_path_nothing_of_it_enters_an_image(tmp_path: Path) -> None:
    places = Places(cache=tmp_path / "cache", path=str(tmp_path / "path"))
    put_program(tmp_path / "path", "1.22.5")
    assert find_local_tool(ToolName.CONSUL, "1.22.5", places=places, run=says_content) is not None
    trusted = replace(places, path="")
    assert find_local_tool(ToolName.CONSUL, "1.22.5", places=trusted, run=says_content) is None


def test_nowhere_without_a_download_names_the_ways_out(tmp_path: Path) -> None:
    with pytest.raises(MissingToolError) as caught:
        find_tool(ToolName.CONSUL, "1.22.5", places=Places(cache=tmp_path), download=False, run=says_content)
    assert caught.value.message == "consul 1.22.5 is not on this machine"
    assert caught.value.hint == "`make toolchain` builds it from source with Go; or put consul 1.22.5 on PATH"


def test_for_a_version_that_cannot_be_built_the_other_is_named(tmp_path: Path) -> None:
    """The default version of Nomad comes from the official releases only."""
    with pytest.raises(MissingToolError) as caught:
        find_tool(ToolName.NOMAD, NOMAD_VERSION, places=Places(cache=tmp_path), download=False, run=says_content)
    assert caught.value.hint == (
        "put nomad 2.0.5 on PATH; or take nomad 1.11.3, which `make toolchain` builds from source with Go"
    )


def test_the_environment_moves_the_places() -> None:
    places = places_from_environment(
        {
            "PATH": "/usr/bin",
            "HOME": "/home/u",
            "BAKERY_TOOLCHAIN_DIR": "/opt/tools",
            "BAKERY_RELEASES_URL": "http://127.0.0.1:9/",
        }
    )
    assert (places.folder, places.path) == (Path("/opt/tools"), "/usr/bin")
    assert places.releases_url == "http://127.0.0.1:9"
    assert places.github_url == "https://github.com"


@pytest.mark.parametrize("url", ["https://[::1", "releases.example", "ftp://releases.example", "https://"])
def test_a_download_site_that_is_none_is_named_by_its_variable(url: str) -> None:
    with pytest.raises(UsageError, match="BAKERY_RELEASES_URL is not a URL"):
        places_from_environment({"BAKERY_RELEASES_URL": url})


def test_an_error_about_a_site_without_a_scheme_has_no_password() -> None:
    with pytest.raises(UsageError, match=r"is not a URL: '127\.0\.0\.1:1/x'"):
        places_from_environment({"BAKERY_RELEASES_URL": "user:canary@127.0.0.1:1/x"})


def test_the_password_of_a_site_is_not_in_its_url() -> None:
    """It would be in errors and in Packer's log."""
    with pytest.raises(UsageError, match="BAKERY_RELEASES_URL holds a user or a password") as caught:
        places_from_environment({"BAKERY_RELEASES_URL": "https://ci:canary@releases.example"})
    assert "canary" not in str(caught.value) + str(caught.value.hint)


# Layouts: releases.hashicorp.com, the plugin's .goreleaser.yml, the assets of the CNI plugins' releases.
ADDRESSES = [
    (
        ToolName.CONSUL,
        "1.22.5",
        "https://releases.hashicorp.com/consul/1.22.5/consul_1.22.5_linux_amd64.zip",
        "https://releases.hashicorp.com/consul/1.22.5/consul_1.22.5_SHA256SUMS",
    ),
    (
        ToolName.PLUGIN,
        "1.4.1",
        "https://github.com/digitalocean/packer-plugin-digitalocean/releases/download/v1.4.1/"
        "packer-plugin-digitalocean_v1.4.1_x5.0_linux_amd64.zip",
        "https://github.com/digitalocean/packer-plugin-digitalocean/releases/download/v1.4.1/"
        "packer-plugin-digitalocean_v1.4.1_SHA256SUMS",
    ),
    (
        ToolName.CNI,
        "1.9.1",
        "https://github.com/containernetworking/plugins/releases/download/v1.9.1/cni-plugins-linux-amd64-v1.9.1.tgz",
        "https://github.com/containernetworking/plugins/releases/download/v1.9.1/"
        "cni-plugins-linux-amd64-v1.9.1.tgz.sha256",
    ),
    (
        ToolName.TRAEFIK,
        "3.7.15",
        "https://github.com/traefik/traefik/releases/download/v3.7.15/traefik_v3.7.15_linux_amd64.tar.gz",
        "https://github.com/traefik/traefik/releases/download/v3.7.15/traefik_v3.7.15_checksums.txt",
    ),
]


@pytest.mark.parametrize(("name", "version", "archive", "sums"), ADDRESSES)
def test_official_addresses(name: ToolName, version: str, archive: str, sums: str, tmp_path: Path) -> None:
    built = release.build_release(name, version, places=Places(cache=tmp_path), system="linux_amd64")
    assert (built.archive_url, built.sums_url) == (archive, sums)


def test_checksums_are_read_line_by_line() -> None:
    one, two = "a" * 64, "B" * 64
    sums = f"{one}  ./consul_1_linux_amd64.zip\n{two} *other.zip\nshort  x.zip\n{one}\n<html>\n".encode()
    assert release.published_sums(sums) == {"consul_1_linux_amd64.zip": one, "other.zip": two.lower()}


def test_archives_of_the_default_versions_are_pinned() -> None:
    """Those that enter a snapshot, and those that run here. A new version needs its checksums."""
    versions = [
        (ToolName.CONSUL, CONSUL_VERSION), (ToolName.NOMAD, NOMAD_VERSION), (ToolName.PACKER, PACKER_VERSION),
        (ToolName.CONSUL, TESTED_CONSUL_VERSION), (ToolName.NOMAD, TESTED_NOMAD_VERSION),
        (ToolName.CNI, CNI_VERSION), (ToolName.PLUGIN, PLUGIN_VERSION), (ToolName.TRAEFIK, TRAEFIK_VERSION),
    ]  # fmt: skip
    places = Places(cache=Path("cache"))
    archives = {
        release.build_release(name, version, places=places, system=release.DROPLET).archive: name
        for name, version in versions
    }
    assert {archives[archive] for archive in archives.keys() - PINNED.keys()} == NOT_PINNED
    assert all(len(bytes.fromhex(sha256)) == 32 for sha256 in PINNED.values())
    assert len(set(PINNED.values())) == len(PINNED)
    assert [archive for archive in PINNED if not re.fullmatch(ARCHIVE, archive)] == []


def test_clusters_that_boot_in_tests_have_the_version_that_is_built() -> None:
    """The default version of Nomad is not on a machine without the official releases, such as that of CI."""
    files = {file.name: file.read_text() for file in (Path(__file__).parents[2] / "e2e").glob("test_*.py")}
    with_file = {
        name for name, text in files.items() if "version: 1\ncluster" in text or "version: 1\\ncluster" in text
    }
    plan_only = {"test_emulator_firewalls.py"}
    assert {name for name in with_file - plan_only if "nomad: " not in files[name]} == set()
    assert len(with_file) > 3


def test_the_wrapper_modules_are_the_versions_that_bakery_asks_for() -> None:
    assert read_version(ToolName.PACKER) == PACKER_VERSION
    assert read_version(ToolName.PLUGIN) == PLUGIN_VERSION
    assert read_version(ToolName.CNI) == CNI_VERSION
    assert read_version(ToolName.TRAEFIK) == TRAEFIK_VERSION
    assert read_version(ToolName.CONSUL) == TESTED_CONSUL_VERSION
    assert read_version(ToolName.NOMAD) == TESTED_NOMAD_VERSION


def test_each_input_of_a_build_changes_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    def key(version: str = "1.11.3", sums: bytes = b"sums", go: str = "go1.26.8 linux amd64") -> str:
        return build_key(ToolName.NOMAD, version, sums=sums, go=go)

    keys = {key(), key(version="1.11.2"), key(sums=b"Sums"), key(go="go1.26.9 linux amd64")}
    monkeypatch.setitem(RECIPES, ToolName.NOMAD, replace(RECIPES[ToolName.NOMAD], cgo=False))
    keys.add(key())
    monkeypatch.setitem(RECIPES, ToolName.NOMAD, replace(RECIPES[ToolName.NOMAD], tags=("ui",)))
    keys.add(key())
    assert len(keys) == 6


@pytest.mark.parametrize("name", RECIPES)
def test_only_what_no_droplet_calls_is_compiled_without_inlining(name: ToolName) -> None:
    """Control: all other packages have Go's own flags, as in a release."""
    compiled = [flag for flag in RECIPES[name].flags("1.0") if flag.startswith("-gcflags")]
    assert "-gcflags=github.com/aws/...=-l" in compiled
    assert not [flag for flag in compiled if flag.startswith(("-gcflags=all", "-gcflags=github.com/hashicorp"))]


@pytest.mark.parametrize("name", RECIPES)
def test_builds_with_and_without_cgo_share_their_packages(name: ToolName) -> None:
    """``net`` has the same files in both then, so Go's cache has it, and what imports it, once."""
    tags = RECIPES[name].flags("1.0")[RECIPES[name].flags("1.0").index("-tags") + 1].split(",")
    assert {"netgo", "osusergo"} <= set(tags)


def test_nomad_is_built_with_cgo_and_as_a_release() -> None:
    """Without them it has no exec driver, and ships mock_driver (command/agent/… build tags of Nomad 1.11.3)."""
    recipe = RECIPES[ToolName.NOMAD]
    assert recipe.cgo
    assert "release" in recipe.tags
