"""SSH keys (OpenAPI: resources/ssh_keys)."""

from typing import Any

from bakery.emulator.account.model import SshKey
from bakery.emulator.api import fields
from bakery.emulator.api.call import NO_CONTENT, Call, Reply, page


def list_keys(call: Call) -> Reply:
    return page(call, "ssh_keys", call.state.keys.all(), key_view)


def create_key(call: Call) -> Reply:
    key = call.state.keys.create(fields.text(call.body, "name"), fields.text(call.body, "public_key"))
    return Reply(status=201, body={"ssh_key": key_view(key)})


def get_key(call: Call) -> Reply:
    return Reply(body={"ssh_key": key_view(call.state.keys.get(call.params["key"]))})


def rename_key(call: Call) -> Reply:
    key = call.state.keys.get(call.params["key"])
    key.name = fields.text(call.body, "name")
    return Reply(body={"ssh_key": key_view(key)})


def delete_key(call: Call) -> Reply:
    call.state.keys.remove(call.params["key"])
    return NO_CONTENT


def key_view(key: SshKey) -> dict[str, Any]:
    return {"id": key.id, "fingerprint": key.fingerprint, "public_key": key.public_key, "name": key.name}
