"""What a user would do instead of baking: install the programs at boot, with cloud-init."""

import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from typing import Any

WAIT_S = 600
CONSUL_HTTP = 8500
_AGENT = "consul, agent, -server, -bootstrap-expect=1, -data-dir=/opt/bench, -bind=127.0.0.1, -client=0.0.0.0"
START = f"""
  - [mkdir, -p, /opt/bench]
  - [systemd-run, --unit=bench-consul, {_AGENT}]
"""
"""A Consul server of its own on either droplet: what differs is where its program comes from."""
BAKED = f"#cloud-config\nruncmd:{START}"


def installed(source: str) -> str:
    """Return user-data that installs what a baked image contains, then starts Consul. ``source`` is a URL."""
    fetch = "".join(
        f"  - [curl, -sSfo, /usr/local/bin/{name}, {source}/{name}]\n  - [chmod, '755', /usr/local/bin/{name}]\n"
        for name in ("consul", "nomad")
    )
    packages = "package_update: true\npackages: [ca-certificates, curl, dnsmasq-base, docker.io, nftables]\n"
    return f"#cloud-config\n{packages}runcmd:\n{fetch}{START[1:]}"


def seconds_to_leader(call: Callable[..., Any], image: int | str, user_data: str) -> float:
    """Return the seconds from the request for one droplet until its Consul has a leader. ``call`` is the API."""
    size = "s-2vcpu-2gb"
    body = {"name": "alternative", "region": "fra1", "size": size, "image": image, "user_data": user_data}
    started = time.monotonic()
    droplet = call("POST", "/v2/droplets", body)["droplet"]["id"]
    try:
        while not _has_leader(call("GET", f"/v2/droplets/{droplet}")["droplet"]["networks"]["v4"]):
            if time.monotonic() - started > WAIT_S:
                message = f"waited {WAIT_S} s for Consul on one droplet"
                raise SystemExit(message)
            time.sleep(0.2)
        return time.monotonic() - started
    finally:
        call("DELETE", f"/v2/droplets/{droplet}")


def _has_leader(networks: list[dict[str, str]]) -> bool:
    for network in networks:
        if network["type"] == "public":
            url = f"http://{network['ip_address']}:{CONSUL_HTTP}/v1/status/leader"
            with suppress(OSError), urllib.request.urlopen(url, timeout=2) as answer:
                return answer.read() not in (b"", b'""')
    return False
