"""Where a secret could have got to: outputs, files, and the arguments and environments of processes."""

import base64
import gzip
import json
import os
import re
import struct
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from itertools import count
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


def _form(text: str) -> str:
    """As URLSearchParams and the forms of web pages write it."""
    return quote_plus(text, safe="*").replace("~", "%7E")


def _mixed_case(text: str) -> str:
    numbers = count()
    return re.sub("%..", lambda code: code[0].lower() if next(numbers) % 2 else code[0], quote(text, safe=""))


def _dotnet_json(text: str) -> str:
    """As System.Text.Json writes it: also ``+``, quotation marks and apostrophes in codes, in capitals."""

    def code(character: re.Match[str]) -> str:
        return "".join(f"\\u{unit:04X}" for unit in _utf_16(character[0]))

    return re.sub(r"[^A-Za-z0-9 !#$%()*,./:;=?@\[\]^_{|}~-]", code, text)


def _utf_16(text: str) -> tuple[int, ...]:
    content = text.encode("utf-16-be", errors="surrogatepass")
    return struct.unpack(f">{len(content) // 2}H", content)


def hclog(text: str) -> str:
    """As Consul's and Nomad's logs have the value of a field: a backslash stays (hclog, writeEscapedForOutput)."""
    return text.replace('"', '\\"').replace("\n", "\\n")


SPELLINGS: dict[str, Callable[[str], str]] = {
    "URL": lambda text: quote(text, safe=""),
    "URL in small letters": lambda text: re.sub("%..", lambda code: code[0].lower(), quote(text, safe="")),
    "URL in both": _mixed_case,
    "each character in a URL": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    "path": quote,
    "path of Go": lambda text: quote(text, safe="$&+,/:;=@"),
    "query": quote_plus,
    "form": _form,
    "repr": lambda text: repr({"a": text, "b": "'\""}),
    "repr of bytes": lambda text: repr(text.encode()),
    "each byte": lambda text: "".join(f"\\x{byte:02x}" for byte in text.encode()),
    "JSON": json.dumps,
    "JSON of Go": _go_json,
    "JSON of PHP": lambda text: json.dumps(text).replace("/", "\\/"),
    "JSON of .NET": _dotnet_json,
    "each character in JSON": lambda text: "".join(f"\\u{unit:04x}" for unit in _utf_16(text)),
    "JSON in JSON": lambda text: json.dumps(_go_json(text)),
    "URL in JSON": lambda text: _dotnet_json(quote_plus(text)),
    "JSON in a URL": lambda text: quote(_go_json(text), safe=""),
    "hclog": hclog,
    "JSON in hclog": lambda text: hclog(json.dumps(text)),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 without padding": lambda text: base64.b64encode(text.encode()).decode().rstrip("="),
    "base64url": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "base64 in a URL": lambda text: quote(base64.b64encode(text.encode()).decode(), safe=""),
}
"""How programs write a text into a log or an error, by name."""


def readings(text: str) -> set[str]:
    """The text as it is, and without up to two layers of the escapes of URLs, Python, JSON and agents' logs."""
    found = outer = {text}
    for _ in range(2):
        outer = {read(each) for each in outer for read in (unquote, unquote_plus, _unescaped, _without_hclogs)}
        found = found | outer
    return found


def _without_hclogs(text: str) -> str:
    return text.replace('\\"', '"')


def _unescaped(text: str) -> str:
    def character(code: re.Match[str]) -> str:
        if code[0].startswith("\\x"):
            return bytes.fromhex(code[0].replace("\\x", "")).decode(errors="replace")
        if code[0].startswith("\\u"):
            return bytes.fromhex(code[0].replace("\\u", "")).decode("utf-16-be", errors="replace")
        return "\n" if code[0] == "\\n" else code[0][1]

    return re.sub(r"(?:\\x[0-9a-fA-F]{2})+|(?:\\u[0-9a-fA-F]{4})+|\\[\\'\"/n]", character, text)


def found_in(text: str, secrets: dict[str, str]) -> list[str]:
    """The names of the secrets that are in ``text``: as they are, in base64, or with escapes."""
    read = readings(text)
    return [
        name for name, secret in secrets.items() if any(form in each for form in _plain(secret) for each in read)
    ]


def _plain(secret: str) -> set[str]:
    """The secret and its base64, also without padding and for URLs. A gossip key is base64 itself."""
    found = {secret, SPELLINGS["base64"](secret)}
    found |= {each.rstrip("=") for each in found if re.fullmatch(r"[A-Za-z0-9+/]{5,}={1,2}", each)}
    return found | {
        each.translate(str.maketrans("+/", "-_")) for each in found if re.fullmatch(r"[\w+/]{16,}", each)
    }


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
