"""Pebble, the ACME server that Let's Encrypt makes for tests, and a name server that answers with one address."""

import http.client
import json
import os
import ssl
import subprocess  # noqa: TID251 - only the type of what bakery.proc.start returns
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bakery.credentials.model import Authority
from bakery.proc import start
from bakery.wait import Pending, wait_until
from tests.helpers.go.programs import build_client
from tests.helpers.ports import free_port
from tests.helpers.real_agents import LOOPBACK, stop, write_tls
from tests.helpers.tls import forge_leaf, unconstrained_authority

SECONDS = 30.0
# https://github.com/letsencrypt/pebble#testing-at-full-speed, #invalid-anti-replay-nonce-errors
QUICK = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0", "PEBBLE_AUTHZREUSE": "0"}


@dataclass(frozen=True, kw_only=True)
class Pebble:
    """A running ACME server."""

    directory: str
    """URL of its directory."""
    authority: Authority
    """CA of the server's own certificate; not of the certificates that it issues."""
    management: str
    """Address and port of its management API."""
    names: str
    """Address and port of the name server's management API."""
    log_file: Path

    @property
    def log(self) -> str:
        return self.log_file.read_text(encoding="utf-8")

    def point_to(self, address: str) -> None:
        """Let the name server answer every name with ``address``."""
        connection = http.client.HTTPConnection(self.names, timeout=5)
        try:
            connection.request("POST", "/set-default-ipv4", json.dumps({"ip": address}))
            assert connection.getresponse().status == 200
        finally:
            connection.close()

    def root(self) -> str:
        """The CA of the certificates that it issues, as PEM."""
        context = ssl.create_default_context(cadata=self.authority.certificate)
        connection = http.client.HTTPSConnection(self.management, timeout=5, context=context)
        try:
            connection.request("GET", "/roots/0")
            return connection.getresponse().read().decode()
        finally:
            connection.close()


@contextmanager
def running_pebble(
    folder: Path,
    *,
    http_port: int,
    tls_port: int,
    listen: str = LOOPBACK,
    settings: Mapping[str, str] | None = None,
) -> Iterator[Pebble]:
    """An ACME server that validates every domain on this machine, on these two ports. Stopped at the end."""
    program = build_client("pebble")
    now = datetime.now(UTC)
    authority = unconstrained_authority(now=now)
    leaf = forge_leaf(
        authority, ["localhost"], not_before=now - timedelta(hours=1), not_after=now + timedelta(days=1),
        address=listen,
    )  # fmt: skip
    tls = write_tls(folder / "pebble-tls", authority.certificate, leaf)
    port, management, dns, names_port = (free_port() for _ in range(4))
    config = {
        "listenAddress": f"{listen}:{port}",
        "managementListenAddress": f"{listen}:{management}",
        "certificate": str(tls.certificate),
        "privateKey": str(tls.key),
        "httpPort": http_port,
        "tlsPort": tls_port,
        "ocspResponderURL": "",
        "externalAccountBindingRequired": False,
    }
    (folder / "pebble.json").write_text(json.dumps({"pebble": config}))
    names: list[str | Path] = [
        program.parent / "pebble-challtestsrv", "-defaultIPv4", LOOPBACK, "-defaultIPv6", "", "-dnsserver",
        f"{LOOPBACK}:{dns}", "-doh", "", "-http01", "", "-https01", "", "-tlsalpn01", "", "-management",
        f"{LOOPBACK}:{names_port}",
    ]  # fmt: skip
    acme: list[str | Path] = [program, "-config", folder / "pebble.json", "-dnsserver", f"{LOOPBACK}:{dns}"]
    processes: list[subprocess.Popen[bytes]] = [
        start(names, output=folder / "names.log"),
        start(acme, output=folder / "pebble.log", env=os.environ | QUICK | dict(settings or {})),
    ]
    pebble = Pebble(
        directory=f"https://{listen}:{port}/dir",
        authority=authority,
        management=f"{listen}:{management}",
        names=f"{LOOPBACK}:{names_port}",
        log_file=folder / "pebble.log",
    )
    try:
        wait_until(lambda: _answers(pebble), what="the ACME server", seconds=SECONDS, every=0.1)
        yield pebble
    finally:
        for process in processes:
            stop(process)


def _answers(pebble: Pebble) -> bool | Pending:
    try:
        return bool(pebble.root())
    except OSError as error:
        return Pending(f"{error}: {pebble.log[-300:]}")
