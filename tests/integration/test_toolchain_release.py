"""Official releases from a mirror on loopback: whole and right, or nothing at all."""

import os
import shutil
import socket
import ssl
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bakery.credentials.authority import create_authority, issue_leaf
from bakery.errors import BakeryError, ChecksFailedError, MissingToolError, UnreachableError, UsageError
from bakery.toolchain.cache import find_cached
from bakery.toolchain.download import DownloadLimits, fetch_file
from bakery.toolchain.find import find_tool
from bakery.toolchain.model import CNI_PLUGINS, Origin, Places, Tool, ToolName
from bakery.toolchain.pins import PINNED
from bakery.toolchain.release import find_published, this_platform
from tests.helpers.release_mirror import Mirror, MirrorFault, make_zip, serving
from tests.helpers.reporter import RecordingReporter

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
    return Places(
        cache=tmp_path / "cache", releases_url=mirror.url, github_url=mirror.url, checksums=mirror.checksums
    )


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


def test_the_bytes_of_a_download_are_reported(mirror: Mirror, places: Places) -> None:
    """The list of checksums comes first; it is small, and not waited for."""
    program = os.urandom(3 << 20)  # a zip cannot make it smaller
    mirror.add_hashicorp("consul", "1.22.5", program, system=SYSTEM)
    reporter, size = RecordingReporter(), len(mirror.files[f"/consul/1.22.5/{ARCHIVE}"])
    find_tool(ToolName.CONSUL, "1.22.5", places=places, limits=QUICK, reporter=reporter)
    done = [transfer[0] for transfer in reporter.transfers]
    assert {transfer[1] for transfer in reporter.transfers} == {size}
    assert done == sorted(done)
    assert len(done) >= 3
    assert done[-1] == size
    assert reporter.lines == ["downloading consul 1.22.5"]


def test_an_archive_cannot_choose_where_it_writes(mirror: Mirror, places: Places, tmp_path: Path) -> None:
    """Members with other names are never read, wherever they point."""
    archive = make_zip({"../../escaped": b"x", "consul": SCRIPT})
    escaping = Mirror()
    escaping.add_hashicorp("consul", "1.22.5", b"", system=SYSTEM)
    escaping._add("/consul/1.22.5", ARCHIVE, "consul_1.22.5_SHA256SUMS", archive)
    mirror.files |= escaping.files
    mirror.checksums |= escaping.checksums
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


def test_a_site_cannot_replace_an_archive_together_with_its_checksum(mirror: Mirror, places: Places) -> None:
    """The mirror's archive fits the mirror's list, but bakery knows the publisher's.

    Control: with a version that bakery does not know, the mirror's program is taken.
    """
    known = replace(places, checksums={})
    with pytest.raises(ChecksFailedError) as caught:
        find_consul(known)
    assert caught.value.message == f"the published checksum of {ARCHIVE} is not the pinned one"
    assert PINNED[ARCHIVE] in str(caught.value.details)
    assert find_cached(places.cache, ToolName.CONSUL, "1.22.5") is None
    with pytest.raises(ChecksFailedError, match="is not the pinned one"):
        find_published(ToolName.CNI, "1.9.1", places=known, system=SYSTEM, limits=QUICK)
    mirror.add_hashicorp("consul", "1.21.0", SCRIPT, system=SYSTEM)
    assert find_tool(ToolName.CONSUL, "1.21.0", places=known, limits=QUICK).path.read_bytes() == SCRIPT


def test_a_pin_of_the_users_comes_before_bakerys(mirror: Mirror, places: Places) -> None:
    mirror.add_hashicorp("consul", "1.21.0", SCRIPT, system=SYSTEM)
    other = replace(places, checksums={f"consul_1.21.0_{SYSTEM}.zip": "0" * 64})
    with pytest.raises(ChecksFailedError, match="is not the pinned one"):
        find_tool(ToolName.CONSUL, "1.21.0", places=other, limits=QUICK)
    assert find_consul(places).path.read_bytes() == SCRIPT  # the mirror's own build of a version that bakery pins


def test_a_program_of_another_archive_than_the_pinned_one_is_not_taken_from_the_cache(
    mirror: Mirror, places: Places
) -> None:
    found = find_consul(places)
    assert found.origin is Origin.RELEASE
    mirror.faults[".zip"] = MirrorFault.ABSENT
    assert find_consul(places) == found
    with pytest.raises(ChecksFailedError, match="is not the pinned one"):
        find_consul(replace(places, checksums={ARCHIVE: "0" * 64}))


def test_a_site_without_tls_needs_a_pinned_checksum(places: Places) -> None:
    """Refused before anything is sent: the host has no address. Control: the mirror on loopback above."""
    plain = replace(places, releases_url="http://mirror.invalid", checksums={})
    with pytest.raises(UsageError) as caught:
        find_tool(ToolName.CONSUL, "1.21.0", places=plain, limits=QUICK)
    archive = f"consul_1.21.0_{SYSTEM}.zip"
    message = f"mirror.invalid is reached without TLS, and no checksum of {archive} is pinned"
    assert (caught.value.message, caught.value.exit_code) == (message, 2)
    assert "image.checksums" in str(caught.value.hint)
    for allowed in (
        replace(plain, checksums={archive: "0" * 64}),
        replace(plain, releases_url="https://mirror.invalid"),
    ):
        with pytest.raises(MissingToolError, match=r"mirror\.invalid could not be reached"):
            find_tool(ToolName.CONSUL, "1.21.0", places=allowed, limits=QUICK)


SUMS, OTHER_SUMS = "/consul/1.21.0/consul_1.21.0_SHA256SUMS", "/sums"
NETWORK = "network.example"


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    """A site without TLS at another host than this machine, as far as its name says."""
    resolve = socket.getaddrinfo

    def resolved(host: str, *rest: Any, **more: Any) -> Any:  # noqa: ANN401 - as the function of the library
        return resolve("127.0.0.1" if host == NETWORK else host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    made = Mirror()
    made.add_hashicorp("consul", "1.21.0", b"#!/bin/sh\necho 'Consul v1.21.0'\n", system=SYSTEM)
    with serving(made) as served:
        served.url = served.url.replace("127.0.0.1", NETWORK)
        yield served


@pytest.fixture
def with_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    """A site with TLS and a CA that requests trusts."""
    now = datetime.now(UTC)
    ca = create_authority("consul", "demo", now=now)
    leaf = issue_leaf(ca, names=["server.demo.consul"], client=False, server=True, now=now)
    for name, text in (("ca.pem", ca.certificate), ("site.pem", leaf.certificate), ("site.key", leaf.key)):
        (tmp_path / name).write_text(text, encoding="ascii")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "site.pem", tmp_path / "site.key")
    made = Mirror()
    made.add_hashicorp("consul", "1.21.0", SCRIPT, system=SYSTEM)
    with serving(made, tls=context) as served:
        yield served


def _unpinned(places: Places, site: Mirror) -> Places:
    return replace(places, releases_url=site.url, checksums={})


def _find_unpinned(places: Places, site: Mirror) -> Tool:
    return find_tool(ToolName.CONSUL, "1.21.0", places=_unpinned(places, site), limits=QUICK)


def test_a_mirror_on_this_machine_does_not_lead_to_the_network_without_tls(
    mirror: Mirror, network: Mirror, places: Places
) -> None:
    """Refused before anything is sent there. Control: to another port of this machine it may lead."""
    mirror.redirects[SUMS] = network.url + SUMS
    with pytest.raises(MissingToolError) as caught:
        _find_unpinned(places, mirror)
    assert f"it redirects to {NETWORK}, without TLS" in str(caught.value.details)
    assert network.requests == []
    assert find_cached(places.cache, ToolName.CONSUL, "1.21.0") is None
    for path in network.files:
        mirror.redirects[path] = network.url.replace(NETWORK, "127.0.0.1") + path
    assert _find_unpinned(places, mirror).path.exists()


def test_a_pinned_archive_may_come_without_tls(mirror: Mirror, network: Mirror, places: Places) -> None:
    """The control of the test above: the same sites, and nothing to replace."""
    mirror.redirects[f"/consul/1.22.5/{ARCHIVE}"] = "/elsewhere"
    mirror.files["/elsewhere"] = mirror.files[f"/consul/1.22.5/{ARCHIVE}"]
    plain = replace(places, releases_url=mirror.url.replace("127.0.0.1", NETWORK))
    assert find_consul(plain).path.read_bytes() == SCRIPT


def test_no_redirect_on_the_way_leaves_tls(
    with_tls: Mirror, mirror: Mirror, network: Mirror, places: Places
) -> None:
    """Also if the last site has TLS again. Control: from TLS to TLS is allowed."""
    with_tls.files[OTHER_SUMS] = with_tls.files[SUMS]
    with_tls.redirects[SUMS] = with_tls.url + OTHER_SUMS
    assert _find_unpinned(places, with_tls).path.read_bytes() == SCRIPT
    shutil.rmtree(places.cache)
    for between in (network, mirror):
        between.redirects["/between"] = with_tls.url + OTHER_SUMS
        with_tls.redirects[SUMS] = f"{between.url}/between"
        with pytest.raises(MissingToolError) as caught:
            _find_unpinned(places, with_tls)
        assert ", without TLS" in str(caught.value.details)
        assert between.requests == []


def test_no_proxy_is_between_this_machine_and_its_mirror(
    mirror: Mirror, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would be on the way, and there is no TLS. Control: to another host the proxy is used."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    mirror.redirects[f"/consul/1.22.5/{ARCHIVE}"] = f"{mirror.url}/elsewhere"
    mirror.files["/elsewhere"] = mirror.files[f"/consul/1.22.5/{ARCHIVE}"]
    assert find_consul(places).path.read_bytes() == SCRIPT
    with pytest.raises(MissingToolError) as caught:
        find_tool(
            ToolName.CNI,
            "1.9.1",
            places=replace(places, github_url=mirror.url.replace("127.0.0.1", NETWORK)),
            limits=QUICK,
        )
    assert "ProxyError" in str(caught.value.details)


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
