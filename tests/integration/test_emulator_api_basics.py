"""What holds for every path: tokens, errors, headers, pages (https://docs.digitalocean.com/reference/api/digitalocean/)."""

import logging
import uuid
from dataclasses import replace

import pytest

from tests.helpers.emulated import DROPLET, SETTINGS, TOKEN, Api, ManualClock, emulated, public_key
from tests.helpers.scripted_machines import ScriptedMachines

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(
    "authorization", [None, "Bearer wrong", "Bearer", f"Basic {TOKEN}", TOKEN, "Bearer \u00fc"]
)
@pytest.mark.parametrize("path", ["/v2/account", "/v2/no-such-path", "/_emulator/requests"])
def test_without_its_token_everything_is_401(path: str, authorization: str | None) -> None:
    with emulated() as api:
        answer = api.call("GET", path, headers={"Authorization": authorization})

        assert answer.status_code == 401
        assert answer.json()["id"] == "unauthorized"
        assert answer.json()["message"] == "Unable to authenticate you"
        assert api.get("/v2/account").status_code == 200  # control: the token alone makes the difference


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v2/nothing"),
        ("GET", "/"),
        ("PUT", "/v2/droplets"),
        ("GET", "/v2/droplets/12"),
        ("GET", "/v2/droplets/abc"),
        ("GET", "/v2/droplets/99999999999999999999999999"),
        ("DELETE", "/v2/droplets/12"),
        ("GET", "/v2/images/debian-9-x64"),
        ("GET", "/v2/tags/unknown"),
        ("GET", "/v2/vpcs/5a4981aa-9653-4bd1-bef5-d6bff52042e4"),
        ("GET", "/v2/firewalls/5a4981aa-9653-4bd1-bef5-d6bff52042e4"),
        ("GET", "/v2/account/keys/12"),
        ("GET", "/v2/actions/12"),
        ("GET", "/v2/snapshots/12"),
    ],
)
def test_what_is_not_there_is_404_in_the_apis_form(method: str, path: str) -> None:
    with emulated() as api:
        answer = api.call(method, path)

        assert answer.status_code == 404
        assert answer.json() == {
            "id": "not_found",
            "message": "The resource you were accessing could not be found.",
            "request_id": answer.headers["x-request-id"],
        }


def test_every_answer_has_an_id_and_the_limits() -> None:
    with emulated() as api:
        for answer in (
            api.get("/v2/account"),
            api.get("/v2/nothing"),
            api.post("/v2/droplets", {}),
            api.call("GET", "/v2/account", headers={"Authorization": None}),
        ):
            uuid.UUID(answer.headers["x-request-id"])
            assert answer.headers["ratelimit-limit"] == "5000"
            assert int(answer.headers["ratelimit-remaining"]) <= 5000
            assert int(answer.headers["ratelimit-reset"]) > 0


def test_slashes_at_the_end_bodies_of_deletes_and_types_of_gets_do_not_matter() -> None:
    """python-digitalocean sends all three."""
    with emulated() as api:
        droplet_id = api.active()["id"]

        assert api.get("/v2/droplets/").json()["meta"] == {"total": 1}
        typed = api.call("GET", f"/v2/droplets/{droplet_id}/", b"{", headers={"Content-Type": "application/json"})
        assert typed.status_code == 200
        assert api.delete(f"/v2/droplets/{droplet_id}/", {}).status_code == 204


@pytest.mark.parametrize("body", [b"{", b"nonsense", b"[]", b'"text"', b"\xff\xfe", b"[" * 100_000, b"1" * 5000])
def test_malformed_json_is_400(body: bytes) -> None:
    with emulated() as api:
        answer = api.call("POST", "/v2/droplets", body)

        assert answer.status_code == 400
        assert answer.json()["id"] == "bad_request"


def test_a_bug_is_500_in_the_apis_form_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    class Buggy(ScriptedMachines):
        def check_image(self, image: str) -> str | None:
            message = "the bug"
            raise ZeroDivisionError(message)

    with emulated(machines=Buggy(), has_bugs=True) as api, caplog.at_level(logging.ERROR, "bakery.emulator"):
        answer = api.post("/v2/droplets", DROPLET)

        assert answer.status_code == 500
        assert answer.json()["id"] == "server_error"
        assert "ZeroDivisionError: the bug" in caplog.text
        assert "Traceback" in caplog.text
        assert api.get("/v2/account").status_code == 200  # it goes on


@pytest.mark.parametrize(
    ("total", "page", "items", "links"),
    [
        (1, 1, 1, {}),
        (200, 1, 200, {}),
        (201, 1, 200, {"next": 2, "last": 2}),
        (201, 2, 1, {"first": 1, "prev": 1}),
        (201, 3, 0, {"first": 1, "prev": 2}),
        (401, 2, 200, {"first": 1, "prev": 1, "next": 3, "last": 3}),
    ],
)
def test_pages(total: int, page: int, items: int, links: dict[str, int]) -> None:
    """ "Links & Pagination": only the links that mean something, absolute, with the query kept."""
    with emulated() as api:
        for number in range(total):
            api.emulator.state.tags.ensure(f"t{number}")

        answer = api.get(f"/v2/tags?per_page=200&page={page}").json()

        assert len(answer["tags"]) == items
        assert answer["meta"] == {"total": total}
        expected = {name: f"{api.url}/v2/tags?per_page=200&page={number}" for name, number in links.items()}
        assert answer["links"] == ({"pages": expected} if links else {})


@pytest.mark.parametrize(
    ("query", "items"),
    [("", 20), ("per_page=500", 200), ("per_page=0", 1), ("per_page=x&page=y", 20), ("page=0&per_page=7", 7)],
)
def test_page_sizes_that_are_absent_too_large_or_nonsense(query: str, items: int) -> None:
    with emulated() as api:
        for number in range(210):
            api.emulator.state.tags.ensure(f"t{number}")

        assert len(api.get(f"/v2/tags?{query}").json()["tags"]) == items


def test_links_are_built_from_the_host_that_the_client_wrote() -> None:
    with emulated() as api:
        for number in range(21):
            api.emulator.state.tags.ensure(f"t{number}")

        answer = api.call("GET", "/v2/tags", headers={"Host": "api.example.invalid:81"}).json()

        assert answer["links"]["pages"]["next"] == "http://api.example.invalid:81/v2/tags?page=2"


def test_the_burst_limit_says_when_to_come_back() -> None:
    clock = ManualClock()
    with emulated(replace(SETTINGS, rate_limits=True), clock=clock) as api:
        for _ in range(250):
            assert api.get("/v2/account").status_code == 200

        refused = api.get("/v2/account")
        assert refused.status_code == 429
        assert refused.json()["id"] == "too_many_requests"
        assert refused.headers["retry-after"] == "60"
        assert refused.headers["ratelimit-remaining"] == "4750"

        clock.advance(60)
        assert api.get("/v2/account").status_code == 200


def test_keys_may_be_listed_ten_times_a_minute() -> None:
    with emulated(replace(SETTINGS, rate_limits=True), clock=ManualClock()) as api:
        statuses = [api.get("/v2/account/keys/").status_code for _ in range(11)]

        assert statuses == [200] * 10 + [429]
        assert api.post("/v2/account/keys", {"name": "k", "public_key": public_key(1)}).status_code == 201


def test_account_regions_and_sizes() -> None:
    """The fields of OpenAPI's account.yml, region.yml and size.yml."""
    with emulated() as api:
        account = api.get("/v2/account").json()["account"]
        assert {"droplet_limit", "email", "uuid", "status", "team", "email_verified"} <= set(account)
        assert account["status"] == "active"

        regions = {region["slug"]: region for region in api.get("/v2/regions").json()["regions"]}
        assert set(regions["fra1"]) == {"name", "slug", "features", "available", "sizes"}

        sizes = {size["slug"]: size for size in api.get("/v2/sizes").json()["sizes"]}
        assert sizes["s-1vcpu-1gb"]["price_monthly"] == 6
        assert (sizes["s-2vcpu-4gb"]["memory"], sizes["s-2vcpu-4gb"]["vcpus"]) == (4096, 2)
        assert sizes["s-2vcpu-4gb"]["disk"] == 80


def test_the_token_shows_nowhere(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    machines = ScriptedMachines()
    machines.fail("create", "no disk left")
    with emulated(machines=machines) as api, caplog.at_level(logging.DEBUG):
        _exercise(api)
        shown = api.get("/_emulator/requests").text + repr(api.emulator.settings)

    said = "".join(capfd.readouterr()) + "".join(
        record.getMessage() for record in caplog.records if record.name.startswith(("bakery", "uvicorn"))
    )
    assert "no disk left" in said  # control: this is where a failure is told
    for secret in (TOKEN, "canary-user-data"):
        assert secret not in shown + said


def _exercise(api: Api) -> None:
    api.post("/v2/droplets", {**DROPLET, "user_data": "#canary-user-data"})
    api.post("/v2/droplets", {**DROPLET, "user_data": "#canary-user-data", "size": "none"})
    api.settle()


MEGABYTES_10 = 10 * 1024**2


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/v2/droplets", {**DROPLET, "user_data": "x" * MEGABYTES_10}, 422),
        ("/v2/droplets", {**DROPLET, "name": "x" * MEGABYTES_10}, 422),
        ("/v2/tags", {"name": "x" * MEGABYTES_10}, 400),
        ("/v2/account/keys", {"name": "k", "public_key": "ssh-ed25519 " + "A" * MEGABYTES_10}, 422),
        ("/v2/droplets", b"{" + b" " * MEGABYTES_10, 400),
    ],
    ids=["user_data", "name", "tag", "key", "no JSON"],
)
def test_bodies_of_ten_megabytes_are_refused_and_harm_nothing(path: str, body: object, status: int) -> None:
    with emulated() as api:
        assert api.post(path, body).status_code == status
        assert api.get("/v2/account").status_code == 200


def test_unknown_fields_do_not_matter() -> None:
    """godo, Terraform and pydo send fields that are newer than any emulator."""
    with emulated() as api:
        assert api.active(colour="red", backup_policy={"plan": "weekly"})["status"] == "active"
        assert api.post("/v2/tags", {"name": "demo", "colour": "red"}).status_code == 201


def test_thousands_of_tags() -> None:
    names = [f"t{number}" for number in range(3000)]
    with emulated() as api:
        droplet = api.active(tags=names)

        assert droplet["tags"] == names
        assert api.get("/v2/tags?per_page=200&page=15").json()["meta"] == {"total": 3000}
        assert api.get("/v2/droplets?tag_name=t2999").json()["meta"] == {"total": 1}


def test_a_second_thing_of_the_same_name() -> None:
    """Droplets and images may share a name; VPCs, firewalls, tags and public keys may not."""
    rule = {"protocol": "tcp", "ports": "22", "sources": {"addresses": ["0.0.0.0/0"]}}
    with emulated() as api:
        for path, body, second in (
            ("/v2/droplets", DROPLET, 202),
            ("/v2/tags", {"name": "demo"}, 201),
            ("/v2/vpcs", {"name": "v", "region": "fra1"}, 422),
            ("/v2/firewalls", {"name": "web", "inbound_rules": [rule]}, 409),
            ("/v2/account/keys", {"name": "k", "public_key": public_key(1)}, 422),
        ):
            assert api.post(path, body).status_code < 300
            assert api.post(path, body).status_code == second, path
        assert api.get("/v2/tags").json()["meta"] == {"total": 1}
