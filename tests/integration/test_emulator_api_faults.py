"""Faults, as a client meets them."""

import json
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from bakery.proc import start
from bakery.wait import Pending, wait_until
from tests.helpers.emulated import DROPLET, TOKEN, Api, ManualClock, emulated

pytestmark = pytest.mark.integration

POSTS_A_DROPLET = """
import json, sys, urllib.request
url, token, body = sys.argv[1:]
headers = {"Authorization": "Bearer " + token, "Content-Type": "application/json"}
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
opener.open(urllib.request.Request(url + "/v2/droplets", data=body.encode(), headers=headers))
"""


def fault(api: Api, **what: object) -> int:
    answer = api.post("/_emulator/faults", what)
    assert answer.status_code == 201, answer.text
    number: int = answer.json()["fault"]["id"]
    return number


def total(api: Api) -> int:
    count: int = api.get("/v2/droplets").json()["meta"]["total"]
    return count


def hanging(api: Api) -> int:
    count: int = api.get("/_emulator/faults").json()["hanging"]
    return count


def until(check: Callable[[], bool], what: str) -> None:
    wait_until(lambda: check() or Pending("not yet"), what=what, seconds=10, every=0.02)


def test_a_gateways_page_is_no_json_and_has_none_of_the_apis_headers() -> None:
    with emulated() as api:
        fault(api, path="/v2/droplets", status=502, html=True, retry_after=7)
        answer = api.post("/v2/droplets", DROPLET)

        assert (answer.status_code, answer.headers["retry-after"]) == (502, "7")
        assert answer.headers["content-type"].startswith("text/html")
        assert "ratelimit-limit" not in answer.headers
        assert "<h1>502 Bad Gateway</h1>" in answer.text
        assert total(api) == 0


def test_a_reset_is_a_reset_and_applies_nothing() -> None:
    with emulated() as api:
        fault(api, method="POST", path="/v2/droplets", reset=True)

        with pytest.raises(requests.ConnectionError) as refused:
            api.post("/v2/droplets", DROPLET)
        assert "Connection reset by peer" in str(refused.value)  # ECONNRESET, not an end of file
        assert total(api) == 0


@pytest.mark.parametrize(("when", "droplets"), [("before", 0), ("after", 1)])
def test_a_client_can_be_killed_at_the_second_request(tmp_path: Path, when: str, droplets: int) -> None:
    """The fault holds the request, so that the test knows when to kill."""
    with emulated() as api:
        fault(api, method="POST", path="/v2/droplets", skip=1, hang=when)
        api.create(name="first")
        body = '{"name": "web-1", "region": "fra1", "size": "s-1vcpu-1gb", "image": "debian-12-x64"}'
        client = start([sys.executable, "-c", POSTS_A_DROPLET, api.url, TOKEN, body], output=tmp_path / "log")
        try:
            until(lambda: hanging(api) == 1, "the request to hang")
            assert client.poll() is None
        finally:
            client.kill()
            client.wait()

        until(lambda: hanging(api) == 0, "the emulator to see that the client is gone")
        assert total(api) == 1 + droplets
        [entry] = [entry for entry in api.get("/_emulator/requests").json()["requests"] if entry["status"] == 0]
        assert entry["applied"] is (when == "after")


@pytest.mark.parametrize(("when", "made"), [("before", 1), ("after", 2)])
def test_a_client_is_killed_at_its_second_create(tmp_path: Path, when: str, made: int) -> None:
    with emulated() as api:
        fault(api, method="POST", path="/v2/droplets", skip=1, kill=when)
        words = [sys.executable, "-c", POSTS_A_DROPLET, api.url, TOKEN, json.dumps(DROPLET)]
        first = start(words, output=tmp_path / "first.log")
        assert first.wait(30) == 0
        assert total(api) == 1
        second = start(words, output=tmp_path / "second.log")

        assert second.wait(30) == -signal.SIGKILL
        until(lambda: total(api) == made, "the account to show what was applied")
        assert api.get("/v2/account").status_code == 200


def test_a_client_in_the_emulators_own_process_loses_its_connection_only() -> None:
    with emulated() as api:
        fault(api, path="/v2/account", kill="before")
        with pytest.raises(requests.ConnectionError):
            api.get("/v2/account")
        assert api.get("/v2/account").status_code == 200


def test_requests_that_hang_are_cut_off_when_the_faults_are_cleared() -> None:
    with emulated() as api:
        fault(api, method="GET", path="/v2/account", hang="before")
        failures: list[Exception] = []

        def ask() -> None:
            try:
                requests.get(f"{api.url}/v2/account", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=20)
            except requests.ConnectionError as error:
                failures.append(error)

        client = threading.Thread(target=ask)
        client.start()
        until(lambda: hanging(api) == 1, "the request to hang")
        assert api.get("/v2/account").status_code == 200  # one was asked for
        api.delete("/_emulator/faults")
        client.join(timeout=10)
        assert len(failures) == 1


def test_stale_listings_show_the_account_as_it_was_until_their_time_is_up() -> None:
    clock = ManualClock()
    with emulated(clock=clock) as api:
        old = api.active(tags=["demo"])
        fault(api, path="/v2/droplets", stale_s=30)
        new = api.active(name="web-2", tags=["demo"])
        api.delete(f"/v2/droplets/{old['id']}")

        def listed() -> list[int]:
            return [droplet["id"] for droplet in api.get("/v2/droplets?tag_name=demo").json()["droplets"]]

        assert listed() == [old["id"]]
        assert api.get(f"/v2/droplets/{old['id']}").status_code == 404  # another path: today's account
        assert api.droplet(new["id"])["status"] == "active"
        clock.advance(29)
        assert listed() == [old["id"]]
        clock.advance(1)
        assert listed() == [new["id"]]
        assert api.get("/_emulator/faults").json()["faults"] == []


def test_an_action_can_be_made_to_fail() -> None:
    with emulated() as api:
        droplet_id = api.active()["id"]
        fault(api, action="snapshot", outcome="errored")

        assert api.act(droplet_id, "snapshot", name="s")["status"] == "errored"
        assert api.get("/v2/images?private=true").json()["images"] == []
        assert api.act(droplet_id, "snapshot", name="s")["status"] == "completed"


def test_an_action_that_never_ends_locks_and_can_be_deleted_away() -> None:
    with emulated() as api:
        droplet_id = api.active()["id"]
        fault(api, action="snapshot", outcome="endless")

        assert api.act(droplet_id, "snapshot", name="s")["status"] == "in-progress"
        assert api.droplet(droplet_id)["locked"] is True
        assert api.post(f"/v2/droplets/{droplet_id}/actions", {"type": "shutdown"}).status_code == 422
        assert api.delete(f"/v2/droplets/{droplet_id}").status_code == 204
        api.settle()
        assert api.machines.machines == {}


def test_droplets_that_never_become_active() -> None:
    with emulated() as api:
        fault(api, action="create", outcome="endless", times=2)
        made = [api.active(name=name) for name in ("a", "b", "c")]

        assert [droplet["status"] for droplet in made] == ["new", "new", "active"]
        assert made[0]["networks"] == {"v4": [], "v6": []}
        assert len(api.machines.machines) == 1


def test_a_failed_boot_is_an_active_droplet_whose_guest_is_dead() -> None:
    with emulated() as api:
        fault(api, action="create", outcome="dead")
        dead, alive = api.active(name="a"), api.active(name="b")

        assert (dead["status"], alive["status"]) == ("active", "active")
        assert [api.machines.is_running(droplet["id"]) for droplet in (dead, alive)] == [False, True]


@pytest.mark.parametrize(("outcome", "status"), [("errored", "errored"), ("endless", "in-progress")])
def test_transfers_of_images_fail_too(outcome: str, status: str) -> None:
    with emulated() as api:
        droplet_id = api.active()["id"]
        api.act(droplet_id, "snapshot", name="s")
        [image] = api.get("/v2/images?private=true").json()["images"]
        fault(api, action="transfer", outcome=outcome)

        api.post(f"/v2/images/{image['id']}/actions", {"type": "transfer", "region": "nyc3"})
        api.settle()

        [action] = api.get(f"/v2/images/{image['id']}/actions").json()["actions"]
        assert action["status"] == status
        assert api.get(f"/v2/images/{image['id']}").json()["image"]["regions"] == ["fra1"]


def test_the_same_seed_meets_the_same_requests() -> None:
    def statuses(seed: int) -> list[int]:
        with emulated() as api:
            fault(api, path="/v2/account", status=503, probability=0.3, seed=seed)
            return [api.get("/v2/account").status_code for _ in range(60)]

    first = statuses(7)
    assert first == statuses(7)
    assert first != statuses(8)
    assert 5 <= first.count(503) <= 35  # 18 are expected


def test_one_fault_can_be_taken_back_and_others_stay() -> None:
    with emulated() as api:
        first = fault(api, path="/v2/account", status=500, times=0)
        fault(api, path="/v2/regions", status=500, times=0)

        assert api.delete(f"/_emulator/faults/{first}").status_code == 204
        assert api.delete(f"/_emulator/faults/{first}").status_code == 404
        assert api.get("/v2/account").status_code == 200
        assert [api.get("/v2/regions").status_code for _ in range(3)] == [500, 500, 500]
        [left] = api.get("/_emulator/faults").json()["faults"]
        assert (left["path"], left["met"]) == ("/v2/regions", 3)
