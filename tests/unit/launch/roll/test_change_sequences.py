"""A roll that stops, then another command or another account: each says what to do, and a rerun finishes."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from bakery.cloud.model import Droplet, DropletRequest, Image
from bakery.config.load import parse_cluster
from bakery.errors import DeadlineError, ExitCode, UnprocessableError, UsageError
from bakery.launch.base.journal import load_journal
from bakery.launch.base.model import DEFAULT_DRAIN
from bakery.launch.roll.model import Replaced, RollRequest
from bakery.launch.roll.need import Because
from bakery.launch.roll.shrink import ShrinkRequest
from bakery.launch.teardown.destroy_some import destroy_role
from bakery.operations.roll_cluster import roll_cluster
from bakery.operations.scale_down import scale_down
from bakery.plan.build import build_plan
from bakery.plan.model import ClusterPlan
from tests.helpers.launch_harness import IMAGE, SIZE, small_plan
from tests.helpers.roll_harness import RollHarness, assert_exactly_the_plan, roll_harness

NEWER = replace(IMAGE, id=78, name="bakery-newer")
NEWEST = replace(IMAGE, id=79, name="bakery-newest")


@pytest.fixture
def cluster(tmp_path: Path) -> RollHarness:
    found = roll_harness(tmp_path)
    found.cloud.images |= {NEWER.id: NEWER, NEWEST.id: NEWEST}
    return found


def _roll(cluster: RollHarness, *roles: str, image: Image = NEWER) -> tuple[Replaced, ...]:
    one = cluster.request()
    one = replace(one, launch=replace(one.launch, image=image))
    request = RollRequest(replace=one, because=frozenset({Because.IMAGE}), roles=roles)
    return roll_cluster(cluster.session, request, lambda plan: True)


def _at_create(cluster: RollHarness, number: int, happens: Callable[[DropletRequest], None]) -> None:
    """Call ``happens`` before the create request of that number is sent."""
    create, count = cluster.cloud.create_droplet, iter(range(1, 100))

    def watched(request: DropletRequest) -> Droplet:
        if next(count) == number:
            happens(request)
        return create(request)

    cluster.cloud.create_droplet = watched  # type: ignore[method-assign]


def _refuse(details: str) -> Callable[[DropletRequest], None]:
    def refuse(_: DropletRequest) -> None:
        raise UnprocessableError(
            message="DigitalOcean refused POST /v2/droplets (422)", details=details, status=422
        )

    return refuse


def _stop_at(cluster: RollHarness, part: str, *roles: str) -> None:
    """Stop a roll at the node whose name contains ``part``: its successor never joins, and is given up."""
    cluster.live.keeps_out = lambda droplet: part in droplet.name
    with pytest.raises(DeadlineError):
        _roll(cluster, *roles)
    cluster.live.keeps_out = lambda droplet: False


@pytest.mark.parametrize(
    "details",
    [
        "You specified an invalid image for Droplet creation.",
        "creating this/these droplet(s) will exceed your droplet limit",
    ],
)
def test_a_create_that_is_refused_half_way_is_counted_and_the_rest_untouched(
    cluster: RollHarness, details: str
) -> None:
    """The snapshot was deleted, or somebody else used the account's room, while the roll ran."""
    _at_create(cluster, 2, _refuse(details))
    with pytest.raises(UnprocessableError) as caught:
        _roll(cluster, "nomad-client")
    assert caught.value.exit_code is ExitCode.CLOUD
    assert caught.value.details == details
    assert str(caught.value.hint).startswith("1 of 3 nodes are replaced; ")
    assert all(node.eligible for node in cluster.live.nomad.clients)
    assert cluster.live.consul.locks == {}
    assert len(cluster.cloud.names()) == 9
    assert len(_roll(cluster, "nomad-client")) == 2
    assert_exactly_the_plan(cluster, details)


def test_a_snapshot_that_is_deleted_while_the_roll_runs_is_replaced_by_the_newest_in_the_rerun(
    cluster: RollHarness,
) -> None:
    _at_create(cluster, 2, _refuse("You specified an invalid image for Droplet creation."))
    with pytest.raises(UnprocessableError):
        _roll(cluster, "nomad-client")
    del cluster.cloud.images[NEWER.id]
    assert len(_roll(cluster, "nomad-client", image=NEWEST)) == 3, "the first one too: one snapshot for all"
    assert f"the snapshot of the unfinished roll ({NEWER.id}) is deleted" in cluster.harness.reporter.warnings


def test_a_scale_down_between_two_runs_of_a_roll(cluster: RollHarness) -> None:
    _at_create(cluster, 2, _refuse("try again"))
    with pytest.raises(UnprocessableError):
        _roll(cluster, "nomad-client")
    request = ShrinkRequest(before=small_plan(), after=small_plan(clients=2), drain=DEFAULT_DRAIN)
    scale_down(cluster.session, request, lambda found: True)
    cluster.harness.plan = small_plan(clients=2)
    assert [each.slot for each in _roll(cluster, "nomad-client")] == ["demo-nomad-client-2"]
    assert load_journal(cluster.harness.paths.journal, "demo").roll is None
    assert_exactly_the_plan(cluster, "two clients")


def test_a_scale_down_while_a_replacement_is_unfinished_names_the_command(cluster: RollHarness) -> None:
    _stop_at(cluster, "nomad-client-3-", "nomad-client")
    request = ShrinkRequest(before=small_plan(), after=small_plan(clients=2), drain=DEFAULT_DRAIN)
    with pytest.raises(UsageError) as caught:
        scale_down(cluster.session, request, lambda found: True)
    assert caught.value.message == "a replacement of demo-nomad-client-3 is unfinished"
    assert str(caught.value.hint) == "bakery replace demo-nomad-client-3"


def _plan(*roles: str) -> ClusterPlan:
    lines = "".join(
        f"  {role}: {{kind: {role.removeprefix('extra-')}, count: 1, size: {SIZE}}}\n" for role in roles
    )
    return build_plan(parse_cluster(f"version: 1\ncluster: demo\nroles:\n{lines}", Path("bakery.yaml")))


def test_a_role_that_is_removed_while_a_node_of_it_is_replaced(tmp_path: Path) -> None:
    """Every command after it names the way out, and destroy --role leaves nothing of the replacement."""
    base = ("consul-server", "nomad-server", "nomad-client")
    cluster = roll_harness(tmp_path, plan=_plan(*base, "extra-nomad-client"))
    cluster.cloud.images |= {NEWER.id: NEWER}
    _stop_at(cluster, "extra-nomad-client-1-", "extra-nomad-client")
    assert len(cluster.cloud.names()) == 5
    cluster.harness.plan = _plan(*base)
    with pytest.raises(UsageError) as caught:
        cluster.replace("demo-extra-nomad-client-1")
    assert str(caught.value.hint) == "to remove it: bakery destroy --node demo-extra-nomad-client-1"
    destroy_role(cluster.session, cluster.harness.removal(), "extra-nomad-client", lambda removal: True)
    assert len(_roll(cluster)) == 3
    assert_exactly_the_plan(cluster, "the three roles that are left")
    cluster.cloud.revive()
    cluster.launch(image=NEWER)
    assert cluster.cloud.mutations == []


COMMANDS: dict[str, Callable[[RollHarness], object]] = {
    "roll": _roll,
    "replace": lambda cluster: cluster.replace("demo-nomad-client-3"),
    "launch": lambda cluster: cluster.launch(image=NEWER),
}


@pytest.mark.parametrize("after", COMMANDS.values(), ids=COMMANDS.keys())
def test_after_a_roll_that_stopped_each_command_goes_on_or_names_the_next(
    cluster: RollHarness, after: Callable[[RollHarness], object]
) -> None:
    _stop_at(cluster, "nomad-client-3-")
    with suppress(UsageError):  # a launch: the replacement is half done
        after(cluster)
    _roll(cluster)
    assert_exactly_the_plan(cluster, "rolled in the end")
    assert load_journal(cluster.harness.paths.journal, "demo").roll is None
