"""Creates an empty snapshot in place of a baked one, for droplets in memory, which do not boot it.

It sends the requests of a bake: create a droplet from the base image, take a snapshot, tag it, delete the droplet.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bakery.console import SILENT, Reporter
from bakery.emulator.account.catalog import SIZES
from bakery.emulator.daemon.folder import EmulatorRecord
from bakery.emulator.daemon.lifecycle import ask
from bakery.errors import EmulatorError
from bakery.hints import Command, Hint
from bakery.wait import Pending, Tell, wait_until

NAME = "bakery-stand-in"
WORK_SECONDS = 600.0
"""A snapshot takes minutes if the emulator has a latency."""


@dataclass(frozen=True, kw_only=True)
class StandIn:
    """The snapshot with the tag."""

    id: int
    name: str
    made: bool
    """False if it existed already."""


def make_stand_in(
    running: EmulatorRecord, *, tag: str, region: str, base: str, reporter: Reporter = SILENT
) -> StandIn:
    """Return a snapshot with ``tag`` in ``region``: an existing one, or a new, empty one of ``base``.

    Raises:
        EmulatorError: the emulator's droplets boot, or it refused a request.
        DeadlineError: the droplet or its snapshot is not ready in time.
    """
    if running.machines != "memory":
        message = f"droplets of the emulator {running.name} boot, and an empty snapshot cannot become a node"
        raise EmulatorError(message=message, hint=Hint("bake a real one: ", Command("build-image", "--local")))
    found = _find(running, tag, region)
    if found is not None:
        return StandIn(id=found["id"], name=found["name"], made=False)
    try:
        with reporter.step("an empty snapshot in place of a baked one"):
            return StandIn(id=_make(running, tag, region, base, reporter.waiting), name=NAME, made=True)
    except EmulatorError as error:
        message = "the emulator created no stand-in snapshot"
        raise EmulatorError(
            message=message, details=error.full_message, hint=error.hint or Command("validate")
        ) from error


def _find(running: EmulatorRecord, tag: str, region: str) -> Mapping[str, Any] | None:
    images = ask(running, f"/v2/images?private=true&tag_name={tag}&per_page=200")["images"]
    return next((image for image in images if region in image["regions"]), None)


def _make(running: EmulatorRecord, tag: str, region: str, base: str, tell: Tell) -> int:
    size = min(SIZES.values(), key=lambda size: size.disk).slug  # droplets need at least the snapshot's disk
    request = {"name": NAME, "region": region, "size": size, "image": base}
    droplet = ask(running, "/v2/droplets", body=request)["droplet"]["id"]
    try:
        _wait_for(running, f"/v2/droplets/{droplet}", "droplet", "active", tell)
        snapshot = {"type": "snapshot", "name": NAME}
        action = ask(running, f"/v2/droplets/{droplet}/actions", body=snapshot)["action"]["id"]
        _wait_for(running, f"/v2/actions/{action}", "action", "completed", tell)
        image: int = ask(running, f"/v2/droplets/{droplet}")["droplet"]["snapshot_ids"][0]
    finally:
        ask(running, f"/v2/droplets/{droplet}", method="DELETE")
    ask(running, "/v2/tags", body={"name": tag})
    resources = [{"resource_id": str(image), "resource_type": "image"}]
    ask(running, f"/v2/tags/{tag}/resources", body={"resources": resources})
    return image


def _wait_for(running: EmulatorRecord, path: str, resource: str, status: str, tell: Tell) -> None:
    def ready() -> bool | Pending:
        now = ask(running, path)[resource]["status"]
        return True if now == status else Pending(f"{path} is {now}")

    wait_until(ready, what=f"{path} to be {status}", seconds=WORK_SECONDS, every=0.2, tell=tell)
