"""The emulator's own side: address, log, faults."""

import logging
import time

import pytest
import requests
from starlette.routing import Route

from bakery.emulator.api.call import Call, Reply, Rule
from bakery.emulator.api.endpoint import endpoint
from bakery.emulator.api.request_log import RequestRecord
from bakery.emulator.daemon.app import build_app, emulator_of
from bakery.wait import Pending, wait_until
from tests.helpers import shared_server
from tests.helpers.emulated import DROPLET, SETTINGS, TOKEN, Api, emulated
from tests.helpers.scripted_machines import ScriptedMachines

pytestmark = pytest.mark.integration


def fault(api: Api, **what: object) -> None:
    answer = api.post("/_emulator/faults", what)
    assert answer.status_code == 201, answer.text


def test_the_operators_address_needs_no_token() -> None:
    with emulated() as api:
        answer = api.call("GET", "/_emulator/address", headers={"Authorization": None})

        assert (answer.status_code, answer.text) == (200, "198.18.0.2\n")
        assert answer.headers["content-type"].startswith("text/plain")
        assert api.call("GET", "/_emulator/status", headers={"Authorization": None}).status_code == 401


def test_the_log_says_what_was_applied() -> None:
    with emulated() as api:
        api.post("/v2/droplets", DROPLET)
        api.post("/v2/droplets", {})
        fault(api, method="POST", path="/v2/droplets", status=503)
        api.post("/v2/droplets", DROPLET)

        log = api.get("/_emulator/requests").json()["requests"]
        assert [(entry["method"], entry["path"], entry["status"], entry["applied"]) for entry in log] == [
            ("POST", "/v2/droplets", 202, True),
            ("POST", "/v2/droplets", 422, False),
            ("POST", "/v2/droplets", 503, False),
        ]
        assert api.delete("/_emulator/requests").status_code == 204
        assert api.get("/_emulator/requests").json() == {"requests": []}


def test_a_status_fault_answers_in_the_apis_form_and_applies_nothing() -> None:
    with emulated() as api:
        fault(api, method="POST", path="/v2/tags", status=429, retry_after=3, times=2)

        for _ in range(2):
            answer = api.post("/v2/tags", {"name": "demo"})
            assert (answer.status_code, answer.json()["id"]) == (429, "too_many_requests")
            assert answer.headers["retry-after"] == "3"
        assert api.get("/v2/tags").json()["tags"] == []
        assert api.post("/v2/tags", {"name": "demo"}).status_code == 201


def test_a_lost_reply_is_applied_and_never_answered() -> None:
    with emulated() as api:
        fault(api, method="POST", path="/v2/droplets", lost_reply=True)

        with pytest.raises(requests.ConnectionError):
            api.post("/v2/droplets", DROPLET)
        assert api.get("/v2/droplets").json()["meta"] == {"total": 1}
        [entry] = [
            entry for entry in api.get("/_emulator/requests").json()["requests"] if entry["method"] == "POST"
        ]
        assert (entry["status"], entry["applied"]) == (0, True)


def test_a_delay_holds_one_request_and_no_other() -> None:
    with emulated() as api:
        fault(api, method="GET", path="/v2/account", delay_s=0.3)

        started = time.monotonic()
        assert api.get("/v2/account").status_code == 200
        assert time.monotonic() - started >= 0.3


@pytest.mark.parametrize(("method", "path"), [("POST", "/v2/tags"), ("GET", "/v2/tags")])
def test_a_client_that_goes_during_a_delay_is_no_bug(
    caplog: pytest.LogCaptureFixture, method: str, path: str
) -> None:
    with emulated() as api:
        fault(api, method=method, path=path, delay_s=0.3)
        with pytest.raises(requests.ReadTimeout):
            requests.request(
                method,
                api.url + path,
                json={"name": "demo"},
                headers=dict(api.session.headers),
                timeout=(10, 0.05),
            )
        wait_until(lambda: logged(api, path) or Pending("it is delayed"), what="its end", seconds=10, every=0.05)
        assert [(each.status, each.applied) for each in logged(api, path)] == [(0, False)]
        assert api.get("/v2/tags").json()["tags"] == []
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def logged(api: Api, path: str) -> list[RequestRecord]:
    """The requests for ``path`` that were logged."""
    return [each for each in api.emulator.requests.all() if each.path == path]


def test_faults_can_be_taken_back() -> None:
    with emulated() as api:
        fault(api, path="/v2/.*", status=500)
        assert len(api.get("/_emulator/faults").json()["faults"]) == 1
        assert api.delete("/_emulator/faults").status_code == 204
        assert api.get("/v2/account").status_code == 200


@pytest.mark.parametrize("what", [{}, {"path": "("}, {"path": "x", "status": 200}, {"path": "x", "delay_s": -1}])
def test_faults_that_cannot_be(what: dict[str, object]) -> None:
    with emulated() as api:
        assert api.post("/_emulator/faults", what).status_code == 422


def test_status_counts_and_names_what_failed() -> None:
    machines = ScriptedMachines()
    with emulated(machines=machines) as api:
        api.active()
        stuck = api.active(name="stuck")
        machines.fail("destroy", "mount busy")
        api.delete(f"/v2/droplets/{stuck['id']}")
        api.settle()

        status = api.get("/_emulator/status").json()["status"]
        assert (status["droplets"], status["running"], status["busy"]) == (1, 1, 0)
        assert status["failures"] == {str(stuck["id"]): "mount busy"}


def test_only_the_emulators_own_paths_reach_its_tools() -> None:
    """The same handler under both roots: a handler of ``/v2`` cannot touch faults, tokens or the log."""
    seen: list[int] = []

    def look(call: Call) -> Reply:
        seen.append(call.admin.faults.hanging)
        return Reply(body={})

    app = build_app(SETTINGS, ScriptedMachines())
    paths = ("/v2/look", "/_emulator/look")
    for path in paths:
        rule = Rule("GET", path, look)
        app.router.routes.append(Route(path, endpoint(rule, emulator_of(app)), methods=["GET"]))
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with shared_server.serving(app) as url:
        answers = [requests.get(url + path, headers=headers, timeout=10).status_code for path in paths]
    emulator_of(app).close()
    assert answers == [500, 200]
    assert seen == [0]
