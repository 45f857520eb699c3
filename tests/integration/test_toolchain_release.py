"""Official releases from a mirror on loopback: whole and right, or nothing at all."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bakery.errors import BakeryError, ChecksFailedError, MissingToolError, UnreachableError
from bakery.toolchain.cache import find_cached
from bakery.toolchain.download import DownloadLimits, fetch_file
from bakery.toolchain.find import find_tool
from bakery.toolchain.model import CNI_PLUGINS, Origin, Places, Tool, ToolName
from bakery.toolchain.release import find_published, this_platform
from tests.helpers.release_mirror import Mirror, MirrorFault, make_zip, serving

pytestmark = pytest.mark.integration

SYSTEM = this_platform()
SCRIPT = b"#!/bin/sh\necho 'Consul v1.22.5'\n"
PLUGIN = b"#!/bin/sh\necho plugin\n"
ARCHIVE = f"consul_1.22.5_{SYSTEM}.zip"
QUICK = DownloadLimits(connect=5, silence=0.5)


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    mirror = Mirror()
    mirror.add_hashicorp("consul", "1.22.5", SCRIPT, system=SYSTEM)
    mirror.add_plugin("1.4.1", PLUGIN, system=SYSTEM)
    mirror.add_cni("1.9.1", {name: name.encode() for name in CNI_PLUGINS}, system=SYSTEM.replace("_", "-"))
    with serving(mirror):
        yield mirror


@pytest.fixture
def places(mirror: Mirror, tmp_path: Path) -> Places:
    return Places(cache=tmp_path / "cache", releases_url=mirror.url, github_url=mirror.url)


def find_consul(places: Places, limits: DownloadLimits = QUICK) -> Tool:
    return find_tool(ToolName.CONSUL, "1.22.5", places=places, limits=limits)


def test_a_release_is_fetched_once(mirror: Mirror, places: Places) -> None:
    tool = find_consul(places)
    assert (tool.origin, tool.path.read_bytes()) == (Origin.RELEASE, SCRIPT)
    assert tool.path.stat().st_mode & 0o777 == 0o755
    assert [path.name for path in tool.path.parent.iterdir() if path.name != "tool.json"] == ["consul"]
    asked = list(mirror.requests)
    assert asked == ["/consul/1.22.5/consul_1.22.5_SHA256SUMS", f"/consul/1.22.5/{ARCHIVE}"]
    assert find_consul(places) == tool
    assert mirror.requests == asked


def test_the_plugin_and_the_set_come_from_github(places: Places) -> None:
    plugin = find_tool(ToolName.PLUGIN, "1.4.1", places=places, limits=QUICK)
    assert (plugin.path.name, plugin.path.read_bytes()) == ("packer-plugin-digitalocean", PLUGIN)
    cni = find_tool(ToolName.CNI, "1.9.1", places=places, limits=QUICK)
    assert {name: (cni.path / name).read_text() for name in CNI_PLUGINS} == {n: n for n in CNI_PLUGINS}


FAULTS: list[tuple[str, MirrorFault, type[BakeryError], str]] = [
    (
        ".zip",
        MirrorFault.FLIPPED,
        ChecksFailedError,
        "the download of consul 1.22.5 does not have the published SHA256",
    ),
    (".zip", MirrorFault.SHORT, MissingToolError, "consul 1.22.5 is not on this machine, and 127.0.0.1"),
    (".zip", MirrorFault.ABSENT, MissingToolError, "does not have consul_1.22.5_"),
    (".zip", MirrorFault.HANG, MissingToolError, "consul 1.22.5 is not on this machine, and 127.0.0.1"),
    (".zip", MirrorFault.BROKEN, MissingToolError, "consul 1.22.5 is not on this machine, and 127.0.0.1"),
    ("SHA256SUMS", MirrorFault.ABSENT, MissingToolError, "does not have consul_1.22.5_SHA256SUMS"),
    ("SHA256SUMS", MirrorFault.HANG, MissingToolError, "consul 1.22.5 is not on this machine, and 127.0.0.1"),
]


@pytest.mark.parametrize(("end", "fault", "error", "words"), FAULTS)
def test_a_fault_is_named_and_leaves_nothing(
    end: str, fault: MirrorFault, error: type[BakeryError], words: str, mirror: Mirror, places: Places
) -> None:
    mirror.faults[end] = fault
    with pytest.raises(error) as caught:
        find_consul(places)
    assert words in caught.value.message
    assert caught.value.hint
    left = [path for path in places.cache.rglob("*") if path.is_file() and path.suffix != ".lock"]
    assert left == []
    assert find_cached(places.cache, ToolName.CONSUL, "1.22.5") is None
    mirror.faults.clear()
    assert find_consul(places).path.read_bytes() == SCRIPT


def test_an_unreachable_site_is_named_with_both_ways_out(places: Places) -> None:
    unreachable = replace(places, releases_url="http://127.0.0.1:9")
    with pytest.raises(MissingToolError) as caught:
        find_consul(unreachable)
    assert caught.value.message == "consul 1.22.5 is not on this machine, and 127.0.0.1:9 could not be reached"
    assert caught.value.hint == "`make toolchain` builds it from source with Go; or put consul 1.22.5 on PATH"


def test_sums_that_do_not_name_the_archive_are_refused(mirror: Mirror, places: Places) -> None:
    mirror.files["/consul/1.22.5/consul_1.22.5_SHA256SUMS"] = f"{'a' * 64}  other.zip\n".encode()
    with pytest.raises(ChecksFailedError, match="the published checksums do not have consul_"):
        find_consul(places)


def test_a_file_that_is_too_large_is_not_read_to_its_end(mirror: Mirror, tmp_path: Path) -> None:
    url = f"{mirror.url}/consul/1.22.5/{ARCHIVE}"
    with pytest.raises(UnreachableError):
        fetch_file(url, tmp_path / "archive", replace(QUICK, size=10))
    assert fetch_file(url, tmp_path / "archive", QUICK)


def test_an_archive_cannot_choose_where_it_writes(mirror: Mirror, places: Places, tmp_path: Path) -> None:
    """Members with other names are never read, wherever they point."""
    archive = make_zip({"../../escaped": b"x", "consul": SCRIPT})
    escaping = Mirror()
    escaping.add_hashicorp("consul", "1.22.5", b"", system=SYSTEM)
    escaping._add("/consul/1.22.5", ARCHIVE, "consul_1.22.5_SHA256SUMS", archive)
    mirror.files |= escaping.files
    assert find_consul(places).path.read_bytes() == SCRIPT
    assert list(tmp_path.rglob("escaped")) == []


def test_an_archive_without_the_program_is_refused(mirror: Mirror, places: Places) -> None:
    mirror._add("/consul/1.22.5", ARCHIVE, "consul_1.22.5_SHA256SUMS", make_zip({"README": b"x"}))
    with pytest.raises(MissingToolError, match="does not contain consul"):
        find_consul(places)


def test_a_site_whose_name_cannot_be_one_is_not_reached(places: Places) -> None:
    with pytest.raises(MissingToolError, match=r"releases\.\.example could not be reached"):
        find_consul(replace(places, releases_url="https://releases..example"))


def test_what_a_droplet_fetches_is_pinned(mirror: Mirror, places: Places) -> None:
    published = find_published(ToolName.CONSUL, "1.22.5", places=places, system=SYSTEM, limits=QUICK)
    sums = mirror.files["/consul/1.22.5/consul_1.22.5_SHA256SUMS"].decode()
    assert published.url == f"{mirror.url}/consul/1.22.5/{ARCHIVE}"
    assert published.sha256 == sums.split()[0]


def test_a_program_on_path_is_asked_for_its_version(places: Places, tmp_path: Path) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "consul").write_bytes(SCRIPT)
    (folder / "consul").chmod(0o755)
    on_path = replace(places, path=f"{folder}:/usr/bin:/bin")
    assert find_consul(on_path).origin is Origin.PATH
    shutil.rmtree(places.cache, ignore_errors=True)
    (folder / "consul").write_bytes(SCRIPT.replace(b"1.22.5", b"1.22.4"))
    assert find_consul(on_path).origin is Origin.RELEASE
