"""A condition that is polled only reads; what acts is an attempt that is repeated, or runs between two polls."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest

from bakery.launch.base.journal import JournalFile
from bakery.launch.base.model import DestroyRequest
from bakery.launch.base.session import Session
from bakery.launch.teardown.destroy import destroy
from bakery.operations.launch_cluster import launch
from bakery.wait import Pending
from tests.helpers.fake_cloud import Call, FakeCloud
from tests.helpers.launch_harness import IMAGE, NAMES, PUBLIC_KEY, LaunchHarness, launch_request

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Watched(Session):
    """Handles that compare the account before and after each poll."""

    account: FakeCloud

    def wait(self, condition: Callable[[], T | Pending], **how: Any) -> T:  # noqa: ANN401
        def watched() -> T | Pending:
            before = len(self.account.mutations)
            answer = condition()
            assert len(self.account.mutations) == before, f"polling for {how['what']} changed the account"
            return answer

        return super().wait(watched, **how)

    def retry(self, attempt: Callable[[], T | Pending], **how: Any) -> T:  # noqa: ANN401
        return super().wait(attempt, **how)


def _watched(harness: LaunchHarness) -> Watched:
    cloud = harness.cloud
    return Watched(
        cloud=cloud, cluster="demo", paths=harness.paths, clock=cloud.clock, wall=cloud.clock.wall, account=cloud
    )


def _launch(harness: LaunchHarness) -> None:
    launch(_watched(harness), launch_request(IMAGE, key=PUBLIC_KEY), lambda changes: True)


def test_a_launch_that_meets_another_acts_between_its_polls(tmp_path: Path) -> None:
    """Another launch creates an older droplet in a slot; it is listed while this one waits for its own."""
    harness = LaunchHarness(tmp_path)
    cloud = harness.cloud
    met: list[str] = []

    def meet(number: int, call: Call) -> None:
        if call.name == "create_droplet" and call.subject == "demo-nomad-client-2" and not met:
            tags = ("bakery:demo", "bakery:demo:role:nomad-client", "bakery:demo:slot:nomad-client-2")
            met.append("droplet")
            cloud.add_droplet("demo-nomad-client-2", tags=tags)

    cloud.fault = meet
    _launch(harness)
    assert met == ["droplet"]
    assert "delete_droplet" in [call.name for call in cloud.mutations], "ours is removed"
    assert cloud.slots() == NAMES


def test_a_destroy_deletes_in_attempts_only(tmp_path: Path) -> None:
    harness = LaunchHarness(tmp_path)
    _launch(harness)
    destroy(_watched(harness), DestroyRequest(plan=harness.plan))
    assert harness.cloud.names() == []


def test_a_condition_that_acts_is_noticed(tmp_path: Path) -> None:
    """Control."""
    harness = LaunchHarness(tmp_path)
    session = _watched(harness)

    def acts() -> bool:
        session.cloud.create_tag("x")
        return True

    with pytest.raises(AssertionError, match="polling for a tag changed the account"):
        session.wait(acts, what="a tag", seconds=1)
    assert not JournalFile(harness.paths.journal, "demo").now.requests
