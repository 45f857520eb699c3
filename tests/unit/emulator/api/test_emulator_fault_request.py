"""Requests for faults: which are understood, and which are refused."""

import pytest

from bakery.emulator.account.errors import Unprocessable
from bakery.emulator.api.admin.fault_request import read_fault
from bakery.emulator.faults.table import ENDLESS, Fault


def test_a_request_is_read_as_it_is_meant() -> None:
    body = {"method": "post", "path": "/v2/droplets", "skip": 2, "times": 3, "status": 503, "seed": 5}

    assert read_fault(body) == Fault(method="POST", path="/v2/droplets", skip=2, times=3, status=503, seed=5)


def test_a_probability_means_no_limit_and_a_new_seed() -> None:
    fault = read_fault({"path": ".*", "reset": True, "probability": 0.25})

    assert (fault.times, fault.probability) == (ENDLESS, 0.25)
    assert fault.seed != read_fault({"path": ".*", "reset": True, "probability": 0.25}).seed


@pytest.mark.parametrize(
    "body",
    [
        {"path": "x", "delay_s": 1},
        {"path": "x", "status": 429, "retry_after": 0, "html": True, "delay_s": 600},
        {"path": "x", "lost_reply": True},
        {"path": "x", "hang": "before"},
        {"path": "x", "kill": "after"},
        {"path": "x", "stale_s": 0.5},
        {"action": "*", "outcome": "endless"},
        {"action": "snapshot", "delay_s": 2},
        {"action": "reboot", "outcome": "dead", "times": 0},
    ],
    ids=str,
)
def test_requests_that_make_sense(body: dict[str, object]) -> None:
    """Control of the table below."""
    fault = read_fault(body)
    assert all(getattr(fault, name) == value for name, value in body.items())


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ({}, "a path or an action"),
        ({"path": "x", "action": "create", "status": 500}, "not both"),
        ({"path": "x"}, "one of status, reset"),
        ({"path": "("}, "path: it must be a regular expression"),
        ({"path": 3}, "path: input should be a valid string"),
        ({"path": "\ud800"}, "path: input should be a valid string"),
        ({"path": "x", "status": 200}, "status: input should be greater than or equal to 400"),
        ({"path": "x", "status": 600}, "status: input should be less than or equal to 599"),
        ({"path": "x", "status": "500"}, "status: input should be a valid integer"),
        ({"path": "x", "status": 500, "reset": True}, "only one of"),
        ({"path": "x", "lost_reply": True, "hang": "after"}, "only one of"),
        ({"path": "x", "stale_s": 1, "status": 500}, "only one of"),
        ({"path": "x", "outcome": "errored"}, "for faults of an action"),
        ({"path": "x", "delay_s": -1}, "delay_s: input should be greater than or equal to 0"),
        ({"path": "x", "delay_s": 601}, "delay_s: input should be less than or equal to 600"),
        ({"path": "x", "delay_s": True}, "delay_s: input should be a valid number"),
        ({"path": "x", "status": 500, "probability": 1.1}, "probability: input should be less than or equal to 1"),
        ({"path": "x", "status": 500, "times": -1}, "times: input should be greater than or equal to 0"),
        ({"path": "x", "status": 500, "skip": None, "times": 1.5}, "times: input should be a valid integer"),
        ({"path": "x", "hang": "later"}, "hang: input should be 'before' or 'after'"),
        ({"path": "x", "kill": "later"}, "kill: input should be 'before' or 'after'"),
        ({"path": "x", "kill": "after", "hang": "after"}, "only one of"),
        ({"path": "x", "reset": True, "html": True}, "need a status"),
        ({"path": "x", "reset": True, "retry_after": 1}, "need a status"),
        ({"action": "create"}, "has an outcome, or delay_s"),
        ({"action": "create", "status": 500}, "has an outcome, or delay_s"),
        (
            {"action": "create", "outcome": "lost"},
            "outcome: input should be 'errored', 'endless', 'dead'",
        ),
        ({"action": "snapshot", "outcome": "dead"}, "dead is an outcome of"),
    ],
    ids=str,
)
def test_requests_that_make_no_sense(body: dict[str, object], complaint: str) -> None:
    with pytest.raises(Unprocessable) as refused:
        read_fault(body)
    assert complaint in refused.value.message


def test_every_wrong_field_is_named() -> None:
    with pytest.raises(Unprocessable) as refused:
        read_fault({"path": "x", "status": 200, "times": -1})
    assert refused.value.message == (
        "times: input should be greater than or equal to 0; status: input should be greater than or equal to 400"
    )
