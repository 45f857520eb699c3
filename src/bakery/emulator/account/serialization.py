"""The account as plain JSON and back, for an emulator that starts again. User-data is in it: it is a secret."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any, TypeVar

from bakery.emulator.account.model import (
    Action,
    Droplet,
    Firewall,
    FirewallRule,
    FirewallTargets,
    Image,
    SshKey,
    Tag,
    Vpc,
)
from bakery.emulator.account.state import State

T = TypeVar("T")

SavedAccount = Mapping[str, list[dict[str, Any]]]


def dump(state: State) -> str:
    """All records of the account; hold its lock."""
    records: dict[str, list[Any]] = {
        "actions": state.actions.all(),
        "tags": state.tags.all(),
        "keys": state.keys.all(),
        "images": state.images.even_all_deleted(),
        "vpcs": state.vpcs.all(),
        "firewalls": state.firewalls.all(),
        "droplets": state.droplets.all(),
        "leaving": state.droplets.leaving(),
    }
    kept = {name: [asdict(record) for record in found] for name, found in records.items()}
    return json.dumps(kept, default=_text)


def read(text: str) -> SavedAccount:
    """What :func:`dump` wrote."""
    kept: SavedAccount = json.loads(text)
    return kept


def next_id(kept: SavedAccount) -> int:
    """Greater than every number that was given."""
    return max(_ids(kept), default=0) + 1


def restore(state: State, kept: SavedAccount) -> None:
    """Put the records in place of those of a new account. Actions that had not ended are errored."""
    state.actions.restore(_build(Action, raw) for raw in kept["actions"])
    state.tags.restore(_tag(raw) for raw in kept["tags"])
    state.keys.restore(_build(SshKey, raw) for raw in kept["keys"])
    state.images.restore(_build(Image, raw) for raw in kept["images"])
    state.vpcs.restore(_build(Vpc, raw) for raw in kept["vpcs"])
    state.firewalls.restore(_firewall(raw) for raw in kept["firewalls"])
    state.droplets.restore(
        [_build(Droplet, raw) for raw in kept["droplets"]], [_build(Droplet, raw) for raw in kept["leaving"]]
    )
    for action in state.actions.all():
        if action.status == "in-progress":
            state.actions.finish(action, errored=True)
    for droplet in state.droplets.all():
        droplet.pending_action = None


def _ids(kept: SavedAccount) -> Iterator[int]:
    for name in ("actions", "keys", "images", "droplets", "leaving"):
        yield from (int(raw["id"]) for raw in kept[name])


def _build(kind: type[T], raw: Mapping[str, Any]) -> T:
    names = {each.name for each in fields(kind)}  # type: ignore[arg-type]
    return kind(**{name: _value(name, value) for name, value in raw.items() if name in names})


def _value(name: str, value: object) -> object:
    return datetime.fromisoformat(value) if name.endswith("_at") and isinstance(value, str) else value


def _tag(raw: Mapping[str, Any]) -> Tag:
    """JSON's keys are text."""
    return Tag(
        name=raw["name"],
        droplet_ids={int(number): None for number in raw["droplet_ids"]},
        image_ids={int(number): None for number in raw["image_ids"]},
    )


def _firewall(raw: Mapping[str, Any]) -> Firewall:
    firewall = _build(Firewall, raw)
    firewall.inbound = [_rule(rule) for rule in raw["inbound"]]
    firewall.outbound = [_rule(rule) for rule in raw["outbound"]]
    firewall.pending = {int(number): removing for number, removing in raw["pending"].items()}
    return firewall


def _rule(raw: Mapping[str, Any]) -> FirewallRule:
    return FirewallRule(protocol=raw["protocol"], ports=raw["ports"], targets=FirewallTargets(**raw["targets"]))


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    message = f"{value!r} cannot be kept"
    raise TypeError(message)
