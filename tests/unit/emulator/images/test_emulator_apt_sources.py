"""apt's source files: sources.list(5), with example hosts."""

from pathlib import Path

import pytest

from bakery.emulator.images.apt_sources import (
    Source,
    debian_sources,
    key_rings,
    parse_deb822,
    parse_one_line,
    read_sources,
)
from bakery.errors import EmulatorError

DEB822 = """\
# a comment
Types: deb deb-src
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/example.gpg

Enabled: no
Types: deb
URIs: http://other.example/debian
Suites: bookworm
Components: main

Types: deb-src
URIs: http://mirror.example/debian
Suites: bookworm
Components: main

Types: deb
URIs: http://mirror.example/security
Suites: bookworm-security
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 bm90IGEga2V5
 -----END PGP PUBLIC KEY BLOCK-----
"""

MAIN = Source(
    uris=("http://mirror.example/debian",),
    suites=("bookworm", "bookworm-updates"),
    components=("main", "contrib"),
    signed_by="/usr/share/keyrings/example.gpg",
)
ARMOURED = """
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 bm90IGEga2V5
 -----END PGP PUBLIC KEY BLOCK-----"""


def test_deb822_without_the_disabled_and_the_source_stanza() -> None:
    security = Source(
        uris=("http://mirror.example/security",),
        suites=("bookworm-security",),
        components=("main",),
        signed_by=ARMOURED,
    )
    assert parse_deb822(DEB822) == [MAIN, security]


def test_one_line_entries() -> None:
    lines = [
        "deb http://mirror.example/debian bookworm main contrib # a remark",
        "deb-src http://mirror.example/debian bookworm main",
        "# deb http://other.example/debian bookworm main",
        "deb [arch=amd64 signed-by=/etc/apt/keyrings/k.gpg] http://mirror.example/x bookworm main",
        "deb [ signed-by=/etc/apt/keyrings/k.gpg ] http://mirror.example/y bookworm main",
        "",
    ]
    found = [
        (source.uris[0], source.suites, source.components, source.signed_by) for source in parse_one_line(lines)
    ]
    assert found == [
        ("http://mirror.example/debian", ("bookworm",), ("main", "contrib"), ""),
        ("http://mirror.example/x", ("bookworm",), ("main",), "/etc/apt/keyrings/k.gpg"),
        ("http://mirror.example/y", ("bookworm",), ("main",), "/etc/apt/keyrings/k.gpg"),
    ]


def test_what_is_written_for_the_droplet_reads_back_the_same() -> None:
    sources = parse_deb822(DEB822)
    assert parse_deb822("\n".join(source.stanza() for source in sources)) == sources


def _apt(folder: Path, **files: str) -> Path:
    (folder / "sources.list.d").mkdir()
    for name, text in files.items():
        (folder / "sources.list.d" / name.replace("__", ".")).write_text(text)
    return folder


def test_entries_of_other_systems_are_left_out(tmp_path: Path) -> None:
    apt = _apt(
        tmp_path,
        debian__sources=DEB822,
        node__list="deb http://node.example/repo nodistro main",
        next__list="deb http://mirror.example/debian trixie main",
        notes__txt="deb http://mirror.example/debian bookworm main",
    )
    (apt / "sources.list").write_text("deb http://first.example/debian bookworm-backports main\n")
    assert len(read_sources(apt)) == 5
    chosen = debian_sources("bookworm", apt=apt)
    assert [source.uris[0] for source in chosen] == [
        "http://first.example/debian",
        "http://mirror.example/debian",
        "http://mirror.example/security",
    ]


def test_a_machine_without_a_source_for_it_is_told_so(tmp_path: Path) -> None:
    apt = _apt(tmp_path, ubuntu__list="deb http://mirror.example/ubuntu noble main")
    with pytest.raises(EmulatorError) as caught:
        debian_sources("bookworm", apt=apt)
    assert caught.value.message == "this machine has no package source for Debian bookworm"
    assert caught.value.hint is not None


def test_sources_for_one_release_lead_to_the_next(tmp_path: Path) -> None:
    """Debian 13 on a Debian 12 host, from the same mirrors."""
    apt = _apt(tmp_path, debian__sources=DEB822, notes__txt="")
    assert [(source.uris[0], source.suites) for source in debian_sources("trixie", apt=apt)] == [
        ("http://mirror.example/debian", ("trixie", "trixie-updates")),
        ("http://mirror.example/security", ("trixie-security",)),
    ]


def test_its_own_sources_go_before_anothers(tmp_path: Path) -> None:
    own = "deb http://own.example/debian trixie main"
    apt = _apt(tmp_path, debian__sources=DEB822, own__list=own)
    assert [source.uris[0] for source in debian_sources("trixie", apt=apt)] == ["http://own.example/debian"]


def test_key_rings_are_the_files_that_are_named() -> None:
    assert key_rings(parse_deb822(DEB822)) == (Path("/usr/share/keyrings/example.gpg"),)
