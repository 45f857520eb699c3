"""An empty snapshot in place of a baked one, for droplets in memory: what is inside it does not matter there.

The requests are those of a bake: a droplet from the base image, a snapshot of it, the tag, and the droplet's end.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bakery.emulator.account.catalog import SIZES
from bakery.emulator.daemon.folder import EmulatorRecord
from bakery.emulator.daemon.lifecycle import ask
from bakery.errors import EmulatorError
from bakery.hints import Command, Hint
from bakery.wait import Pending, wait_until

NAME = "bakery-stand-in"
WORK_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class StandIn:
    """The snapshot that carries the tag."""

    id: int
    name: str
    made: bool
    """False: it was there already."""


def make_stand_in(running: EmulatorRecord, *, tag: str, region: str, base: str) -> StandIn:
    """A snapshot of ``base`` in ``region`` that carries ``tag``: one that is there, or a new, empty one.

    Raises:
        EmulatorError: its droplets boot, or it refuses a request.
        DeadlineError: the droplet or its snapshot is not ready in time.
    """
    if running.machines != "memory":
        message = f"the droplets of the emulator {running.name} boot: an empty snapshot would never become a node"
        raise EmulatorError(message=message, hint=Hint("bake a real one: ", Command("build-image", "--local")))
    found = _find(running, tag, region)
    if found is not None:
        return StandIn(id=found["id"], name=found["name"], made=False)
    try:
        return StandIn(id=_make(running, tag, region, base), name=NAME, made=True)
    except EmulatorError as error:
        message = "the emulator made no stand-in"
        raise EmulatorError(
            message=message, details=error.full_message, hint=error.hint or Command("validate")
        ) from error


def _find(running: EmulatorRecord, tag: str, region: str) -> Mapping[str, Any] | None:
    images = ask(running, f"/v2/images?private=true&tag_name={tag}&per_page=200")["images"]
    return next((image for image in images if region in image["regions"]), None)


def _make(running: EmulatorRecord, tag: str, region: str, base: str) -> int:
    size = min(SIZES.values(), key=lambda size: size.disk).slug  # a snapshot fits no smaller disk than its own
    request = {"name": NAME, "region": region, "size": size, "image": base}
    droplet = ask(running, "/v2/droplets", body=request)["droplet"]["id"]
    try:
        _wait_for(running, f"/v2/droplets/{droplet}", "droplet", "active")
        order = {"type": "snapshot", "name": NAME}
        action = ask(running, f"/v2/droplets/{droplet}/actions", body=order)["action"]["id"]
        _wait_for(running, f"/v2/actions/{action}", "action", "completed")
        image: int = ask(running, f"/v2/droplets/{droplet}")["droplet"]["snapshot_ids"][0]
    finally:
        ask(running, f"/v2/droplets/{droplet}", method="DELETE")
    ask(running, "/v2/tags", body={"name": tag})
    resources = [{"resource_id": str(image), "resource_type": "image"}]
    ask(running, f"/v2/tags/{tag}/resources", body={"resources": resources})
    return image


def _wait_for(running: EmulatorRecord, path: str, thing: str, status: str) -> None:
    def ready() -> bool | Pending:
        now = ask(running, path)[thing]["status"]
        return True if now == status else Pending(f"{path} is {now}")

    wait_until(ready, what=f"{path} to be {status}", seconds=WORK_SECONDS, every=0.2)
