"""Where a secret could have got to: outputs, files, and the arguments and environments of processes."""

import base64
import gzip
import json
import os
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus, unquote, unquote_plus

from bakery.credentials.model import Bundle

EVERY = 0.003
"""Seconds between two looks at the processes."""
PARTS = ("cmdline", "environ")
SHORTEST = 16
"""The last line of a key in PEM may be a few letters, which are anywhere."""
_SECRET_FIELDS = ("key", "secret", "consul_gossip_key", "nomad_gossip_key", "token_seed")


def lines_of(pem: str) -> list[str]:
    """The lines of a key in PEM without its frame and its first line, which many keys share; or the one text."""
    lines = [line for line in pem.splitlines() if len(line) >= SHORTEST and not line.startswith("-")]
    return lines[1:] if len(lines) > 1 else lines


def secrets_in(bundle: Bundle) -> dict[str, str]:
    """Every secret of the bundle by the name of its field."""
    found: dict[str, str] = {}

    def walk(place: str, value: Any) -> None:  # noqa: ANN401 - a part of the bundle
        if isinstance(value, dict):
            for name, part in value.items():
                walk(f"{place}.{name}".removeprefix("."), part)
        elif place.rpartition(".")[2] in _SECRET_FIELDS:
            found.update({f"{place}.{number}": line for number, line in enumerate(lines_of(value))})

    walk("", asdict(bundle))
    return found


def _go_json(text: str) -> str:
    """As Go's encoding/json writes it: HTML in codes, other letters as they are."""
    quoted = json.dumps(text, ensure_ascii=False)
    return quoted.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


SPELLINGS: dict[str, Callable[[str], str]] = {
    "URL": lambda text: quote(text, safe=""),
    "URL in small letters": lambda text: re.sub("%..", lambda code: code[0].lower(), quote(text, safe="")),
    "path": quote,
    "path of Go": lambda text: quote(text, safe="$&+,/:;=@"),
    "query": quote_plus,
    "repr": lambda text: repr({"a": text, "b": "'\""}),
    "repr of bytes": lambda text: repr(text.encode()),
    "JSON": json.dumps,
    "JSON of Go": _go_json,
    "JSON in JSON": lambda text: json.dumps(_go_json(text)),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
}
"""How programs write a text into a log or an error, by name."""


def readings(text: str) -> Iterator[str]:
    """The text as it is, and without the escapes of URLs, Python and JSON."""
    yield text
    unescaped = text
    for _ in range(2):  # JSON may be quoted in JSON
        unescaped = _unescaped(unescaped)
        yield unescaped
    yield unquote(unescaped)
    yield unquote(text)
    yield unquote_plus(text)


def _unescaped(text: str) -> str:
    def character(code: re.Match[str]) -> str:
        if code[0].startswith("\\x"):
            return bytes.fromhex(code[0].replace("\\x", "")).decode(errors="replace")
        if code[0].startswith("\\u"):
            return chr(int(code[0][2:], 16))
        return "\n" if code[0] == "\\n" else code[0][1]

    return re.sub(r"(?:\\x[0-9a-fA-F]{2})+|\\u[0-9a-fA-F]{4}|\\[\\'\"/n]", character, text)


def found_in(text: str, secrets: dict[str, str]) -> list[str]:
    """The names of the secrets that are in ``text``: as they are, in base64, or with escapes."""
    read = set(readings(text))
    forms = {name: (secret, SPELLINGS["base64"](secret)) for name, secret in secrets.items()}
    return [name for name, spelled in forms.items() if any(form in each for form in spelled for each in read)]


def holders(folder: Path, secrets: dict[str, str], *, but: Iterable[Path] = ()) -> list[str]:
    """The files in ``folder`` with a secret, and whose; without those in the folders ``but``."""
    found = []
    for file in sorted(folder.rglob("*")):
        if file.is_file() and not any(file.is_relative_to(each) for each in but):
            content = file.read_bytes()
            if file.suffix == ".gz":
                content = gzip.decompress(content)
            names = found_in(content.decode(errors="replace"), secrets)
            found += [f"{file.relative_to(folder)}: {name}" for name in names]
    return found


@contextmanager
def watched(
    processes: Callable[[], Iterable[Path]], temporary: Path | None = None
) -> Iterator[dict[str, set[str]]]:
    """Collect "cmdline" of ``processes``, and "environ" behind it, while the block runs: a text for each process.

    With a folder for temporary files, "temporary" has the texts of the files that were ever in it.
    """
    seen: dict[str, set[str]] = {"cmdline": set(), "environ": set(), "temporary": set()}
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(EVERY):
            for process in processes():
                with suppress(OSError):
                    words, environment = ((process / name).read_text(errors="replace") for name in PARTS)
                    seen["cmdline"].add(words)
                    seen["environ"].add(f"{words}\0{environment}")
            for folder, _, names in os.walk(temporary) if temporary else ():  # passes over what disappears
                for name in names:
                    with suppress(OSError):
                        seen["temporary"].add(Path(folder, name).read_text(errors="replace"))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        ended.set()
        thread.join()


def all_processes() -> Iterator[Path]:
    """Every process of the machine, as its folder in /proc."""
    return Path("/proc").glob("[0-9]*")


def children() -> Iterator[Path]:
    """The processes that this one started, and theirs."""
    yield from _children(os.getpid())


def _children(pid: int) -> Iterator[Path]:
    with suppress(OSError, ValueError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in map(int, (task / "children").read_text().split()):
                yield Path(f"/proc/{child}")
                yield from _children(child)


def memory_holds(pid: int, text: str) -> bool:
    """Return whether the memory of a process that it may write has ``text`` (proc(5), maps and mem)."""
    wanted = text.encode()
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text(encoding="utf-8").splitlines():
            addresses, rights = line.split()[:2]
            if not rights.startswith("rw"):
                continue
            first, last = (int(each, 16) for each in addresses.split("-"))
            try:
                memory.seek(first)
                if wanted in memory.read(last - first):
                    return True
            except OSError:  # a part that was returned meanwhile, or the kernel's own
                continue
    return False
