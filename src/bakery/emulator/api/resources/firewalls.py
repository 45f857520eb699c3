"""Cloud firewalls (OpenAPI: resources/firewalls)."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from bakery.emulator.account.errors import Unprocessable
from bakery.emulator.account.model import Firewall, FirewallRule
from bakery.emulator.api import fields
from bakery.emulator.api.call import NO_CONTENT, Call, Reply, page
from bakery.emulator.api.resources.catalog import timestamp
from bakery.emulator.api.resources.firewall_rules import DESTINATIONS, SOURCES, read_rules, rule_view
from bakery.emulator.api.resources.references import read_droplet_ids
from bakery.emulator.work.firewall_sync import droplets_of


def list_firewalls(call: Call) -> Reply:
    return page(call, "firewalls", call.state.firewalls.all(), lambda firewall: firewall_view(call, firewall))


def list_of_droplet(call: Call) -> Reply:
    """List the firewalls that apply to the droplet by its id or one of its tags."""
    droplet = call.state.droplets.get(call.id("droplet"))
    tags = set(droplet.tags)
    found = [
        firewall
        for firewall in call.state.firewalls.all()
        if droplet.id in firewall.droplet_ids or tags & set(firewall.tags)
    ]
    return page(call, "firewalls", found, lambda firewall: firewall_view(call, firewall))


def create_firewall(call: Call) -> Reply:
    """Create a firewall; the answer always has ``waiting``, and a later GET ``succeeded``."""
    inbound, outbound = _rules(call)
    firewall = call.state.firewalls.create(
        name=fields.text(call.body, "name"),
        inbound=inbound,
        outbound=outbound,
        droplet_ids=read_droplet_ids(call),
        tags=_tags(call),
    )
    return Reply(status=202, body={"firewall": {**firewall_view(call, firewall), "status": "waiting"}})


def get_firewall(call: Call) -> Reply:
    return Reply(body={"firewall": firewall_view(call, _find(call))})


def replace_firewall(call: Call) -> Reply:
    """Replace a firewall; lists that the body omits become empty."""
    firewall = _find(call)
    inbound, outbound = _rules(call)
    wanted = replace(
        firewall,
        name=fields.text(call.body, "name"),
        inbound=inbound,
        outbound=outbound,
        droplet_ids=read_droplet_ids(call),
        tags=_tags(call),
    )
    call.state.firewalls.replace(firewall, wanted)
    return Reply(body={"firewall": firewall_view(call, firewall)})


def delete_firewall(call: Call) -> Reply:
    call.state.firewalls.remove(_find(call))
    return NO_CONTENT


def add_rules(call: Call) -> Reply:
    inbound, outbound = _rules(call)
    return _change(
        call,
        lambda old: replace(old, inbound=_merge(old.inbound, inbound), outbound=_merge(old.outbound, outbound)),
    )


def remove_rules(call: Call) -> Reply:
    inbound, outbound = _rules(call)
    return _change(
        call,
        lambda old: replace(
            old, inbound=_without(old.inbound, inbound), outbound=_without(old.outbound, outbound)
        ),
    )


def add_droplets(call: Call) -> Reply:
    ids = read_droplet_ids(call)
    return _change(call, lambda old: replace(old, droplet_ids=list(dict.fromkeys([*old.droplet_ids, *ids]))))


def remove_droplets(call: Call) -> Reply:
    ids = fields.integers(call.body, "droplet_ids")
    return _change(call, lambda old: replace(old, droplet_ids=[i for i in old.droplet_ids if i not in ids]))


def add_tags(call: Call) -> Reply:
    tags = _tags(call)
    return _change(call, lambda old: replace(old, tags=list(dict.fromkeys([*old.tags, *tags]))))


def remove_tags(call: Call) -> Reply:
    tags = {tag.lower() for tag in fields.texts(call.body, "tags")}
    return _change(call, lambda old: replace(old, tags=[tag for tag in old.tags if tag.lower() not in tags]))


def _find(call: Call) -> Firewall:
    return call.state.firewalls.get(call.params["firewall"])


def _change(call: Call, change: Callable[[Firewall], Firewall]) -> Reply:
    firewall = _find(call)
    call.state.firewalls.replace(firewall, change(firewall))
    return NO_CONTENT


def _rules(call: Call) -> tuple[list[FirewallRule], list[FirewallRule]]:
    inbound = read_rules(call.body, "inbound_rules", SOURCES)
    outbound = read_rules(call.body, "outbound_rules", DESTINATIONS)
    for rule in [*inbound, *outbound]:
        rule.targets.tags = [_tag(call, name) for name in rule.targets.tags]
    return inbound, outbound


def _merge(old: list[FirewallRule], new: list[FirewallRule]) -> list[FirewallRule]:
    return [*old, *(rule for rule in new if rule not in old)]


def _without(old: list[FirewallRule], gone: list[FirewallRule]) -> list[FirewallRule]:
    return [rule for rule in old if rule not in gone]


def _tags(call: Call) -> list[str]:
    return [_tag(call, name) for name in fields.texts(call.body, "tags")]


def _tag(call: Call, name: str) -> str:
    """Return the tag's first spelling. A firewall does not create tags: raises Unprocessable for a new one."""
    tag = call.state.tags.find(name)
    if tag is None:
        message = f"tag {name[:255]} does not exist"
        raise Unprocessable(message)
    return tag.name


def firewall_view(call: Call, firewall: Firewall) -> dict[str, Any]:
    settled = call.state.firewalls.is_settled(firewall)
    return {
        "id": firewall.id,
        "name": firewall.name,
        "status": call.state.firewalls.status(firewall),
        "inbound_rules": [rule_view(rule, SOURCES) for rule in firewall.inbound],
        "outbound_rules": [rule_view(rule, DESTINATIONS) for rule in firewall.outbound],
        "created_at": timestamp(firewall.created_at),
        "droplet_ids": list(firewall.droplet_ids),
        "tags": list(firewall.tags),
        "pending_changes": [] if settled else _pending_changes(call, firewall),
    }


def _pending_changes(call: Call, firewall: Firewall) -> list[dict[str, Any]]:
    pending = dict(firewall.pending)
    if firewall.renewed:
        for droplet_id in droplets_of(call.state, firewall):
            pending.setdefault(droplet_id, False)
    return [
        {"droplet_id": droplet_id, "removing": removing, "status": "waiting"}
        for droplet_id, removing in pending.items()
    ]
