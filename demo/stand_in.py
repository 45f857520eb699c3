"""Registers a snapshot without Packer: for droplets that never boot, where what is inside does not matter.

    python demo/stand_in.py TAG

These are the API calls of a bake: a droplet from the base image, a snapshot of it, the tag, and the droplet's end.
Where and as whom: DIGITALOCEAN_API_URL and DIGITALOCEAN_TOKEN, as ``bakery emulator env`` prints them. Refused
for any other machine than this one.
"""

import json
import os
import sys
import threading
import urllib.request
from typing import Any
from urllib.parse import urlsplit

URL = os.environ["DIGITALOCEAN_API_URL"]
SECONDS = 60


def call(method: str, path: str, body: dict[str, Any] | None = None) -> Any:  # noqa: ANN401 - JSON
    request = urllib.request.Request(  # noqa: S310 - http to this machine only, see main
        f"{URL}/v2/{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={
            "Authorization": f"Bearer {os.environ['DIGITALOCEAN_TOKEN']}",
            "Content-Type": "application/json",
        },
    )
    with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310
        return json.loads(reply.read() or b"null")


def wait_for(path: str, thing: str, status: str) -> None:
    pause = threading.Event()
    for _ in range(SECONDS * 10):
        if call("GET", path)[thing]["status"] == status:
            return
        pause.wait(0.1)
    sys.exit(f"error: {path} did not become {status} within {SECONDS} s")


def main(tag: str) -> None:
    if urlsplit(URL).hostname != "127.0.0.1":
        sys.exit(f"error: {URL} is not an emulator on this machine")
    wish = {"name": "stand-in", "region": "fra1", "size": "s-1vcpu-1gb", "image": "debian-12-x64"}
    droplet = call("POST", "droplets", wish)["droplet"]["id"]
    wait_for(f"droplets/{droplet}", "droplet", "active")
    action = call("POST", f"droplets/{droplet}/actions", {"type": "snapshot", "name": "bakery-stand-in"})
    wait_for(f"actions/{action['action']['id']}", "action", "completed")
    image = call("GET", f"droplets/{droplet}")["droplet"]["snapshot_ids"][0]
    call("POST", "tags", {"name": tag})
    call("POST", f"tags/{tag}/resources", {"resources": [{"resource_id": str(image), "resource_type": "image"}]})
    call("DELETE", f"droplets/{droplet}")


if __name__ == "__main__":
    main(sys.argv[1])
