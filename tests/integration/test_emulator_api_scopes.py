"""Tokens that may not do everything (https://docs.digitalocean.com/reference/api/scopes/)."""

from dataclasses import replace

import pytest

from bakery.emulator.account.settings import EmulatorSettings
from tests.helpers.emulated import DROPLET, SETTINGS, Api, emulated, public_key

pytestmark = pytest.mark.integration

SCOPED = "canary-scoped-token"
AS_SCOPED: dict[str, str | None] = {"Authorization": f"Bearer {SCOPED}"}
FORBIDDEN = "You do not have permission to perform this action."


def settings(*scopes: str) -> EmulatorSettings:
    return replace(SETTINGS, scoped_tokens={SCOPED: scopes})


def status(api: Api, method: str, path: str, body: object = None) -> int:
    return api.call(method, path, body, headers=AS_SCOPED).status_code


# method, path, body, the scopes without which it is refused; OpenAPI: "security" of each operation
TABLE: list[tuple[str, str, object, tuple[str, ...]]] = [
    ("GET", "/v2/account", None, ("account:read",)),
    ("GET", "/v2/regions", None, ("regions:read",)),
    ("GET", "/v2/sizes", None, ("sizes:read", "regions:read")),
    ("GET", "/v2/account/keys", None, ("ssh_key:read",)),
    ("POST", "/v2/account/keys", {"name": "k", "public_key": public_key(9)}, ("ssh_key:create",)),
    ("GET", "/v2/droplets", None, ("droplet:read",)),
    ("GET", "/v2/droplets?tag_name=demo", None, ("droplet:read", "tag:read")),
    ("POST", "/v2/droplets", DROPLET, ("droplet:create", "image:read")),
    ("POST", "/v2/droplets", {**DROPLET, "tags": ["a"]}, ("droplet:create", "image:read", "tag:create")),
    ("DELETE", "/v2/droplets?tag_name=none", None, ("droplet:delete", "tag:read")),
    ("GET", "/v2/actions", None, ("actions:read",)),
    ("GET", "/v2/images?tag_name=demo", None, ("image:read", "tag:read")),
    ("POST", "/v2/tags", {"name": "b"}, ("tag:create",)),
    ("GET", "/v2/vpcs", None, ("vpc:read",)),
    ("POST", "/v2/vpcs", {"name": "v", "region": "fra1"}, ("vpc:create",)),
    ("GET", "/v2/firewalls", None, ("firewall:read",)),
    ("GET", "/v2/projects/default", None, ("project:read",)),
]


@pytest.mark.parametrize(("method", "path", "body", "scopes"), TABLE, ids=lambda value: str(value)[:40])
def test_each_scope_is_needed(method: str, path: str, body: object, scopes: tuple[str, ...]) -> None:
    for missing in scopes:
        with emulated(settings(*(scope for scope in scopes if scope != missing))) as api:
            answer = api.call(method, path, body, headers=AS_SCOPED)
            assert (answer.status_code, answer.json()["id"]) == (403, "forbidden"), missing
            assert answer.json()["message"] == FORBIDDEN
    with emulated(settings(*scopes)) as api:
        assert status(api, method, path, body) < 300


@pytest.mark.parametrize(
    ("action", "scope"),
    [
        ({"type": "snapshot", "name": "s"}, "image:create"),
        ({"type": "rebuild", "image": "debian-12-x64"}, "droplet:admin"),
        ({"type": "resize", "size": "s-1vcpu-2gb"}, "droplet:create"),
        ({"type": "power_on"}, None),
    ],
    ids=str,
)
def test_some_actions_need_more(action: dict[str, object], scope: str | None) -> None:
    """OpenAPI: the table of dropletActions_post.yml."""
    for scopes, expected in ((("droplet:update",), 403), (("droplet:update", scope or ""), 201)):
        with emulated(settings(*scopes)) as api:
            droplet_id = api.active()["id"]
            api.act(droplet_id, "power_off")
            answer = status(api, "POST", f"/v2/droplets/{droplet_id}/actions", action)
            assert answer == (expected if scope else 201)


def test_a_read_only_token_reads_everything_and_changes_nothing() -> None:
    with emulated(settings("read")) as api:
        droplet = api.active(tags=["demo"])

        assert status(api, "GET", "/v2/droplets?tag_name=demo") == 200
        assert api.call("GET", f"/v2/droplets/{droplet['id']}", headers=AS_SCOPED).json()["droplet"] == droplet
        for method, path, body in (
            ("POST", "/v2/droplets", DROPLET),
            ("DELETE", f"/v2/droplets/{droplet['id']}", None),
            ("POST", "/v2/tags", {"name": "x"}),
        ):
            assert status(api, method, path, body) == 403
        assert api.get("/v2/droplets").json()["meta"] == {"total": 1}


def test_a_droplet_shows_only_what_the_scopes_allow() -> None:
    """OpenAPI, droplet.yml: these fields require image:read, tag:read, vpc:read, block_storage:read."""
    with emulated(settings("droplet:read")) as api:
        droplet = api.active(tags=["demo"])
        shown = api.call("GET", f"/v2/droplets/{droplet['id']}", headers=AS_SCOPED).json()["droplet"]

        # droplet:read brings image:read along
        assert set(droplet) - set(shown) == {"tags", "vpc_uuid", "volume_ids"}
        assert {name: droplet[name] for name in shown} == shown


def test_tagging_needs_the_scope_of_what_is_tagged() -> None:
    """OpenAPI, tags_assign_resources.yml."""
    for scopes, expected in ((("tag:create",), 403), (("tag:create", "droplet:update"), 204)):
        with emulated(settings(*scopes)) as api:
            droplet_id = api.active()["id"]
            api.post("/v2/tags", {"name": "demo"})
            resources = {"resources": [{"resource_id": str(droplet_id), "resource_type": "droplet"}]}
            assert status(api, "POST", "/v2/tags/demo/resources", resources) == expected


def test_the_emulators_own_side_is_for_full_tokens() -> None:
    with emulated(settings("read", "droplet:update")) as api:
        assert status(api, "GET", "/_emulator/requests") == 403
        assert status(api, "POST", "/_emulator/faults", {"path": ".*", "status": 500}) == 403
        assert api.get("/_emulator/requests").status_code == 200
        assert SCOPED not in repr(api.emulator.settings)


def test_a_scoped_token_can_be_asked_for_while_it_runs() -> None:
    """What a node that only joins by tag needs: droplet:read and tag:read."""
    with emulated() as api:
        api.active(tags=["demo"])
        made = api.post("/_emulator/tokens", {"scopes": ["droplet:read", "tag:read"]})
        assert made.status_code == 201
        headers: dict[str, str | None] = {"Authorization": f"Bearer {made.json()['token']}"}

        assert api.call("GET", "/v2/droplets?tag_name=demo", headers=headers).json()["meta"] == {"total": 1}
        assert api.call("POST", "/v2/droplets", DROPLET, headers=headers).status_code == 403
        assert api.call("POST", "/_emulator/tokens", {"scopes": []}, headers=headers).status_code == 403
