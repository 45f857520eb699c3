"""Actions of one droplet, or of all with a tag (OpenAPI: dropletActions_post.yml)."""

from collections.abc import Callable
from contextlib import suppress

from bakery.emulator.account.catalog import SIZES
from bakery.emulator.account.errors import Unprocessable
from bakery.emulator.account.model import Action, Droplet
from bakery.emulator.api import fields
from bakery.emulator.api.call import Call, Reply
from bakery.emulator.api.resources.actions import action_view
from bakery.emulator.api.resources.droplet_request import check_name, read_image
from bakery.emulator.work.machine_actions import ActionRunner

Start = Callable[[Call, Droplet], Action]

UNSUPPORTED = {
    "enable_backups",
    "disable_backups",
    "change_backup_policy",
    "restore",
    "password_reset",
    "change_kernel",
    "enable_ipv6",
}
"""Documented by DigitalOcean, not supported here."""

SCOPES = {
    "snapshot": "image:create",
    "restore": "droplet:admin",
    "rebuild": "droplet:admin",
    "password_reset": "droplet:admin",
    "resize": "droplet:create",
}
"""The scope that an action needs beside droplet:update."""

_ALREADY = {
    ("power_off", "off"): "Droplet is already powered off",
    ("power_on", "active"): "Droplet is already powered on",
}
"""The API's own messages; the Terraform provider ignores the first (its resource_droplet.go)."""


def act_on_droplet(call: Call) -> Reply:
    droplet = call.state.droplets.get(call.id("droplet"))
    action = _starter(call, _STARTERS)(call, droplet)
    return Reply(status=201, body={"action": action_view(call, action)})


def act_on_tagged(call: Call) -> Reply:
    """Start the action on all droplets with the tag; the answer omits those that cannot do it."""
    start = _starter(call, _BY_TAG)
    tag = call.state.tags.get(call.query.get("tag_name", ""))
    started = []
    for droplet in call.state.droplets.some(tag.droplet_ids):
        with suppress(Unprocessable):
            started.append(start(call, droplet))
    return Reply(status=201, body={"actions": [action_view(call, action) for action in started]})


def _starter(call: Call, starters: dict[str, Start]) -> Start:
    kind = fields.text(call.body, "type")
    call.access.require(*([SCOPES[kind]] if kind in SCOPES else []))
    if kind in UNSUPPORTED:
        message = f"The emulator does not support the action {kind}."
        raise Unprocessable(message)
    if kind not in starters:
        message = f"You specified an invalid action type: {kind[:80]}."
        raise Unprocessable(message)
    return starters[kind]


def _plain(kind: str, work: Callable[[ActionRunner, Droplet, Action], None], *, needs: str | None = None) -> Start:
    """Return how to start an action that has no parameters."""

    def start(call: Call, droplet: Droplet) -> Action:
        action = _start(call, droplet, kind, needs=needs)
        work(call.work, droplet, action)
        return action

    return start


def _snapshot(call: Call, droplet: Droplet) -> Action:
    name = fields.optional_text(call.body, "name") or f"{droplet.name}-{call.state.clock():%Y%m%d%H%M%S}"
    action = _start(call, droplet, "snapshot")
    call.work.snapshot(droplet, action, name)
    return action


def _rebuild(call: Call, droplet: Droplet) -> Action:
    image = read_image(call, call.body)
    action = _start(call, droplet, "rebuild")
    call.work.rebuild(droplet, action, image)
    return action


def _resize(call: Call, droplet: Droplet) -> Action:
    """Resize a droplet that is off; its disk grows only with ``disk`` true, and never shrinks."""
    name, with_disk = fields.text(call.body, "size"), fields.boolean(call.body, "disk")
    size = SIZES.get(name)
    if size is None:
        message = "You specified an invalid size for Droplet resize."
        raise Unprocessable(message)
    if size.disk < droplet.disk:
        message = "This size is not available because it has a smaller disk."
        raise Unprocessable(message)
    action = _start(call, droplet, "resize", needs="off")
    call.work.resize(droplet, action, size, with_disk=with_disk)
    return action


def _rename(call: Call, droplet: Droplet) -> Action:
    name = fields.text(call.body, "name")
    check_name(name)
    action = _start(call, droplet, "rename")
    call.work.rename(droplet, action, name)
    return action


def _start(call: Call, droplet: Droplet, kind: str, *, needs: str | None = None) -> Action:
    """Start an action if the droplet's status is ``needs``; None means every status but ``new``.

    Raises PendingEvent, or Unprocessable in another status.
    """
    fits = droplet.status != "new" if needs is None else droplet.status == needs
    if droplet.pending_action is None and not fits:
        already = _ALREADY.get((kind, droplet.status))
        message = already or f"Droplet is {droplet.status}: it cannot {kind} now."
        raise Unprocessable(message)
    return call.state.droplets.start_action(droplet, kind)


_STARTERS: dict[str, Start] = {
    "power_on": _plain("power_on", ActionRunner.power_on, needs="off"),
    "power_off": _plain("power_off", ActionRunner.power_off, needs="active"),
    "power_cycle": _plain("power_cycle", ActionRunner.power_cycle),
    "reboot": _plain("reboot", ActionRunner.reboot, needs="active"),
    # Also of a droplet that is off (terraform-provider-digitalocean, resource_droplet.go).
    "shutdown": _plain("shutdown", ActionRunner.shutdown),
    "snapshot": _snapshot,
    "rebuild": _rebuild,
    "rename": _rename,
    "resize": _resize,
}

_BY_TAG: dict[str, Start] = {
    kind: _STARTERS[kind] for kind in ("power_cycle", "power_on", "power_off", "shutdown", "snapshot")
}
