"""The account as JSON and back, for an emulator that is resumed. It holds user-data, so it is a secret."""

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from bakery.emulator.account.model import (
    Action,
    Certificate,
    Domain,
    Droplet,
    Firewall,
    Image,
    LoadBalancer,
    ReservedIp,
    SshKey,
    Tag,
    Vpc,
)
from bakery.emulator.account.state import AccountState
from bakery.errors import EmulatorError
from bakery.hints import Command

Snapshot = Mapping[str, list[Any]]


@dataclass(frozen=True, kw_only=True)
class SavedAccount:
    """The records of an account, in the order in which they are written."""

    __pydantic_config__ = ConfigDict(hide_input_in_errors=True)

    actions: list[Action]
    tags: list[Tag]
    keys: list[SshKey]
    images: list[Image]
    vpcs: list[Vpc]
    firewalls: list[Firewall]
    droplets: list[Droplet]
    leaving: list[Droplet]
    load_balancers: list[LoadBalancer] = field(default_factory=list)
    reserved_ips: list[ReservedIp] = field(default_factory=list)
    domains: list[Domain] = field(default_factory=list)
    certificates: list[Certificate] = field(default_factory=list)


_ACCOUNT = TypeAdapter(SavedAccount)


def take_snapshot(state: AccountState) -> Snapshot:
    """Copy all records, so that later changes do not touch them; hold the account's lock.

    It is quick: a finished action does not change any more, so it is not copied.
    """
    records = SavedAccount(
        actions=[],
        tags=state.tags.all(),
        keys=state.keys.all(),
        images=state.images.even_all_deleted(),
        vpcs=state.vpcs.all(),
        firewalls=state.firewalls.all(),
        droplets=state.droplets.all(),
        leaving=state.droplets.leaving(),
        load_balancers=state.load_balancers.all(),
        reserved_ips=state.reserved_ips.all(),
        domains=state.domains.all(),
        certificates=state.certificates.all(),
    )
    actions = [copy.copy(each) if each.completed_at is None else each for each in state.actions.all()]
    return {**_ACCOUNT.dump_python(records), "actions": actions}


def to_json(snapshot: Snapshot) -> str:
    """Write the snapshot as one JSON object; this needs no lock."""
    return json.dumps(snapshot, default=_plain)


def read(text: str) -> SavedAccount:
    """Read what :func:`to_json` wrote.

    Raises:
        EmulatorError: the text is something else. The error has no values: user-data is among them.
    """
    try:
        return _ACCOUNT.validate_json(text)
    except ValidationError as error:
        found = error.errors(include_input=False, include_context=False, include_url=False)
        problems = [": ".join([*(str(part) for part in each["loc"]), each["msg"]]) for each in found[:3]]
        message = "the account that the emulator had saved cannot be read"
        raise EmulatorError(message=message, details="\n".join(problems), hint=Command("emulator down")) from None


def next_id(saved: SavedAccount) -> int:
    """Return an id greater than all that the account has given out."""
    lists = (saved.actions, saved.keys, saved.images, saved.droplets, saved.leaving)
    numbers = [record.id for records in lists for record in records]
    numbers += [reserved.number for reserved in saved.reserved_ips]
    numbers += [record.id for domain in saved.domains for record in domain.records]
    return max(numbers, default=0) + 1


def restore(state: AccountState, saved: SavedAccount) -> None:
    """Replace all records of a new account. Actions that were in progress are errored."""
    state.actions.restore(saved.actions)
    state.tags.restore(saved.tags)
    state.keys.restore(saved.keys)
    state.images.restore(saved.images)
    state.vpcs.restore(saved.vpcs)
    state.firewalls.restore(saved.firewalls)
    state.droplets.restore(saved.droplets, saved.leaving)
    state.load_balancers.restore(saved.load_balancers)
    state.reserved_ips.restore(saved.reserved_ips)
    state.domains.restore(saved.domains)
    state.certificates.restore(saved.certificates)
    for action in state.actions.all():
        if action.status == "in-progress":
            state.actions.finish(action, errored=True)
    for droplet in state.droplets.all():
        droplet.pending_action = None


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Action):
        return vars(value)
    message = f"{type(value).__name__} has no JSON form"
    raise TypeError(message)
