"""A download site on a loopback (or other given) address: real archives in the publishers' layout, with faults."""

import hashlib
import io
import ssl
import tarfile
import threading
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

API = "x5.0"


class MirrorFault(Enum):
    ABSENT = auto()
    """404."""
    BROKEN = auto()
    """500."""
    FLIPPED = auto()
    """One byte in the middle is another one."""
    SHORT = auto()
    """The connection ends after half of it."""
    HANG = auto()
    """Not a byte until the mirror closes."""


@dataclass
class Mirror:
    """What the site offers, by path; ``faults`` maps the end of a path to what goes wrong there."""

    files: dict[str, bytes] = field(default_factory=dict)
    checksums: dict[str, str] = field(default_factory=dict)
    """SHA256 of each archive by file name, for ``image.checksums``: they are no archives of the publishers."""
    faults: dict[str, MirrorFault] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    """URL by the path that is redirected to it."""
    requests: list[str] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def add_hashicorp(self, name: str, version: str, program: bytes, *, system: str = "linux_amd64") -> None:
        """``consul``, ``nomad`` or ``packer`` as releases.hashicorp.com offers it."""
        folder, archive = f"/{name}/{version}", f"{name}_{version}_{system}.zip"
        self._add(folder, archive, f"{name}_{version}_SHA256SUMS", make_zip({name: program, "LICENSE.txt": b"-"}))

    def add_plugin(self, version: str, program: bytes, *, system: str = "linux_amd64") -> None:
        """Packer's DigitalOcean plugin as its GitHub releases offer it."""
        name = "packer-plugin-digitalocean"
        stem = f"{name}_v{version}_{API}_{system}"
        folder = f"/digitalocean/{name}/releases/download/v{version}"
        self._add(folder, f"{stem}.zip", f"{name}_v{version}_SHA256SUMS", make_zip({stem: program}))

    def add_cni(self, version: str, plugins: Mapping[str, bytes], *, system: str = "linux-amd64") -> None:
        """The CNI plugins as their GitHub releases offer them."""
        folder = f"/containernetworking/plugins/releases/download/v{version}"
        archive = f"cni-plugins-{system}-v{version}.tgz"
        self._add(folder, archive, f"{archive}.sha256", make_tgz(plugins))

    def fault_for(self, path: str) -> MirrorFault | None:
        """What goes wrong at ``path``."""
        return next((fault for end, fault in self.faults.items() if path.endswith(end)), None)

    def _add(self, folder: str, archive: str, sums: str, content: bytes) -> None:
        self.files[f"{folder}/{archive}"] = content
        self.checksums[archive] = hashlib.sha256(content).hexdigest()
        self.files[f"{folder}/{sums}"] = f"{self.checksums[archive]}  {archive}\n".encode()


def make_zip(members: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression=zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def make_tgz(members: Mapping[str, bytes]) -> bytes:
    """Members are named ``./NAME``, as in the CNI plugins' own archives."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(f"./{name}")
            info.size, info.mode = len(content), 0o755
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def read_set(folder: Path) -> dict[str, bytes]:
    """The programs in a folder, by name."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.suffix != ".json"}


@contextmanager
def serving(mirror: Mirror, *, address: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> Iterator[Mirror]:
    """The mirror over HTTP, or HTTPS, on a port of its own; ``mirror.url`` is its base URL meanwhile."""
    server = ThreadingHTTPServer((address, 0), _handler(mirror))
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    mirror.url = f"{'https' if tls else 'http'}://{address}:{server.server_port}"
    try:
        yield mirror
    finally:
        mirror.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(mirror: Mirror) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            mirror.requests.append(self.path)
            fault = mirror.fault_for(self.path)
            if fault is MirrorFault.HANG:
                mirror.closing.wait()
            elif fault is MirrorFault.BROKEN:
                self.send_error(500)
            elif self.path in mirror.redirects:
                self._redirect(mirror.redirects[self.path])
            elif fault is MirrorFault.ABSENT or self.path not in mirror.files:
                self.send_error(404)
            else:
                self._send(mirror.files[self.path], fault)

        def _redirect(self, url: str) -> None:
            self.send_response(302)
            self.send_header("Location", url)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _send(self, content: bytes, fault: MirrorFault | None) -> None:
            middle = len(content) // 2
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if fault is MirrorFault.FLIPPED:
                content = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
            self.wfile.write(content[:middle] if fault is MirrorFault.SHORT else content)

        def log_message(self, format: str, *args: object) -> None:
            """Tests read ``mirror.requests`` instead."""

    return Handler
