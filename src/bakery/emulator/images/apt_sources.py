"""This machine's Debian package sources, read from apt's files: base images are built from them."""

import shlex
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from bakery.errors import EmulatorError

APT = Path("/etc/apt")
CODENAMES = ("bookworm", "trixie")
"""Releases on the same mirrors: a source of one becomes a source of the other by renaming its suites."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """One entry of sources.list(5)."""

    uris: tuple[str, ...]
    suites: tuple[str, ...]
    components: tuple[str, ...]
    signed_by: str = ""
    """A key ring's path, or an armoured key as the deb822 field holds it; empty for apt's own key rings."""

    def stanza(self) -> str:
        """Return the entry in deb822 form."""
        lines = [
            "Types: deb",
            f"URIs: {' '.join(self.uris)}",
            f"Suites: {' '.join(self.suites)}",
            f"Components: {' '.join(self.components)}",
        ]
        if self.signed_by:
            lines.append(f"Signed-By: {self.signed_by}")
        return "\n".join(lines) + "\n"


def debian_sources(codename: str, *, apt: Path = APT) -> tuple[Source, ...]:
    """Return this machine's entries for ``main`` of ``codename``, with its updates and security suites.

    If there are none, return those of another release of :data:`CODENAMES`, with the suites renamed.

    Raises:
        EmulatorError: there is no entry for any of these releases.
    """
    there = read_sources(apt)
    for known in (codename, *CODENAMES):
        wanted = _of_release(there, known)
        if any(known in source.suites for source in wanted):
            return tuple(_renamed(source, known, codename) for source in wanted)
    message = f"this machine has no package source for Debian {codename}"
    raise EmulatorError(
        message=message,
        details=f"looked for 'main' of {' or '.join(CODENAMES)} in {apt}/sources.list and {apt}/sources.list.d",
        hint=f"add a {codename} entry to {apt}/sources.list.d, or run the emulator on Debian {codename}",
    )


def _of_release(sources: Iterable[Source], codename: str) -> list[Source]:
    return [
        source
        for source in sources
        if "main" in source.components
        and all(suite.partition("-")[0].partition("/")[0] == codename for suite in source.suites)
    ]


def _renamed(source: Source, known: str, codename: str) -> Source:
    return replace(source, suites=tuple(suite.replace(known, codename) for suite in source.suites))


def read_sources(apt: Path) -> tuple[Source, ...]:
    """Return every binary entry of ``sources.list`` and ``sources.list.d``, in apt's order."""
    found: list[Source] = []
    one_line = [apt / "sources.list", *sorted((apt / "sources.list.d").glob("*.list"))]
    for file in one_line:
        if file.is_file():
            found += parse_one_line(file.read_text(encoding="utf-8").splitlines())
    for file in sorted((apt / "sources.list.d").glob("*.sources")):
        found += parse_deb822(file.read_text(encoding="utf-8"))
    return tuple(found)


def parse_one_line(lines: Iterable[str]) -> list[Source]:
    """Parse ``deb [signed-by=…] URI SUITE COMPONENT…`` lines; skip all others."""
    found = []
    for line in lines:
        words = line.partition("#")[0].split()
        if len(words) < 4 or words[0] != "deb":
            continue
        options, rest = _options(words[1:])
        found.append(
            Source(
                uris=(rest[0],),
                suites=(rest[1],),
                components=tuple(rest[2:]),
                signed_by=options.get("signed-by", ""),
            )
        )
    return found


def parse_deb822(text: str) -> list[Source]:
    """Parse stanzas of ``Key: value`` lines (deb822(5)); skip disabled ones and those without binary packages."""
    found = []
    for stanza in _stanzas(text):
        enabled = stanza.get("enabled", "yes").lower() not in {"no", "false", "off", "0", "without"}
        if enabled and "deb" in stanza.get("types", "").split():
            found.append(
                Source(
                    uris=tuple(stanza.get("uris", "").split()),
                    suites=tuple(stanza.get("suites", "").split()),
                    components=tuple(stanza.get("components", "").split()),
                    signed_by=stanza.get("signed-by", ""),
                )
            )
    return found


def key_rings(sources: Iterable[Source]) -> tuple[Path, ...]:
    """Return the key-ring files that the entries name, sorted."""
    named = {word for source in sources for word in source.signed_by.split(",") if word.startswith("/")}
    return tuple(Path(name) for name in sorted(named))


def _options(words: list[str]) -> tuple[dict[str, str], list[str]]:
    if not words[0].startswith("["):
        return {}, words
    closing = next(index for index, word in enumerate(words) if word.endswith("]"))
    inside = shlex.split(" ".join(words[: closing + 1]).strip("[] "))
    pairs = (word.partition("=") for word in inside)
    return {key.lower(): value for key, _, value in pairs}, words[closing + 1 :]


def _stanzas(text: str) -> list[dict[str, str]]:
    stanzas: list[dict[str, str]] = [{}]
    key = ""
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        if not line.strip():
            stanzas.append({})
        elif line[0].isspace():
            stanzas[-1][key] = stanzas[-1].get(key, "") + "\n" + line.rstrip()
        else:
            name, _, value = line.partition(":")
            key = name.strip().lower()
            stanzas[-1][key] = value.strip()
    return [stanza for stanza in stanzas if stanza]
