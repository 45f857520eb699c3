"""A registry of container images that asks for credentials, with a CA of its own: one image, over HTTPS.

https://distribution.github.io/distribution/spec/api/
"""

import gzip
import hashlib
import json
import ssl
import threading
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from bakery.proc import run
from tests.helpers.image_tar import tar_of

_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_CONFIG = "application/vnd.docker.container.image.v1+json"
_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"


@dataclass(frozen=True, kw_only=True)
class PrivateRegistry:
    """Where the registry is, and who may pull."""

    host: str
    """With its port."""
    ca: str
    username: str
    password: str
    refused: list[str]
    """Paths that were asked for without the right credentials."""


@contextmanager
def private_registry(
    address: str, folder: Path, *, name: str, files: Mapping[str, bytes], command: Sequence[str]
) -> Iterator[PrivateRegistry]:
    """Serve the image ``HOST/NAME:1`` with ``files``, by absolute path, to the user ``ci``.

    ``command`` is its entry point, which gets the arguments of a job.
    """
    blobs, manifest = _image(files, command)
    certificate, key = _certificate(address, folder)
    username, password, refused = "ci", "CANARY-registry-e2e", list[str]()
    wanted = "Basic " + b64encode(f"{username}:{password}".encode()).decode()

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer(body=False)

        def do_GET(self) -> None:
            self._answer(body=True)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: ANN401 - the base's signature
            """Say nothing."""

        def _answer(self, *, body: bool) -> None:
            status, kind, content = 200, "application/octet-stream", b"{}"
            digest = self.path.rpartition("/")[2]
            if self.headers.get("Authorization") != wanted:
                refused.append(self.path)
                status = 401
            elif self.path.startswith(f"/v2/{name}/manifests/"):
                kind, content = _MANIFEST, manifest
            elif self.path.startswith(f"/v2/{name}/blobs/"):
                content = blobs[digest]
            elif self.path != "/v2/":
                status = 404
            self.send_response(status)
            self.send_header("WWW-Authenticate", 'Basic realm="registry"')
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Docker-Content-Digest", _digest(content))
            self.end_headers()
            if body:
                self.wfile.write(content)

    server = ThreadingHTTPServer((address, 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield PrivateRegistry(
            host=f"{address}:{server.server_port}",
            ca=certificate.read_text(),
            username=username,
            password=password,
            refused=refused,
        )
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _image(files: Mapping[str, bytes], command: Sequence[str]) -> tuple[dict[str, bytes], bytes]:
    """Return the blobs by digest, and the manifest."""
    layer = tar_of({path.lstrip("/"): content for path, content in files.items()})
    packed = gzip.compress(layer, mtime=0)
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Entrypoint": list(command)},
            "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
        }
    ).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "config": {"mediaType": _CONFIG, "size": len(config), "digest": _digest(config)},
        "layers": [{"mediaType": _LAYER, "size": len(packed), "digest": _digest(packed)}],
    }
    return {_digest(blob): blob for blob in (config, packed)}, json.dumps(manifest).encode()


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _certificate(address: str, folder: Path) -> tuple[Path, Path]:
    """Make a certificate for the address that is its own CA."""
    certificate, key = folder / "registry.pem", folder / "registry-key.pem"
    subject = ["-subj", "/CN=registry", "-addext", f"subjectAltName=IP:{address}"]
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    run(["openssl", "req", "-x509", *kind, *subject, "-keyout", key, "-out", certificate])
    return certificate, key
