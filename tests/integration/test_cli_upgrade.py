"""``bakery upgrade``: the rules first, one question, the cluster file, then a roll. With agents in memory.

Programs of another version are not built here: a droplet's agents report the versions of its snapshot.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bakery.cloud.model import Image
from bakery.errors import BakeError
from bakery.operations import upgrade_cluster
from bakery.operations.bake_image import BakePlan
from bakery.operations.context import Context
from tests.helpers.cli_agents import AgentsCli, agents_cli
from tests.helpers.snapshot import bake

pytestmark = pytest.mark.integration

FILE = """\
version: 1
cluster: demo
image: {consul: 1.22.5, nomad: 1.11.3}   # 1.22.5 since March
roles:
  consul-server: {count: 3, size: s-1vcpu-1gb}
  nomad-server: {count: 3, size: s-1vcpu-1gb}
  nomad-client: {count: 1, size: s-1vcpu-1gb}
"""
UPGRADED = FILE.replace("consul: 1.22.5, nomad: 1.11.3", "consul: 2.0.4, nomad: 2.0.5")
TO = ("--consul", "2.0.4", "--nomad", "2.0.5")


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AgentsCli]:
    with agents_cli(tmp_path, monkeypatch, FILE, nomad="1.11.3") as made:
        yield made


@pytest.fixture(scope="module")
def unchanged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentsCli]:
    """A cluster for tests that end before the first change."""
    with (
        pytest.MonkeyPatch.context() as patch,
        agents_cli(tmp_path_factory.mktemp("unchanged"), patch, FILE, nomad="1.11.3") as made,
    ):
        yield made


def _file(cluster: AgentsCli) -> str:
    return (cluster.at.folder / "bakery.yaml").read_text(encoding="utf-8")


def _next(cluster: AgentsCli) -> int:
    """Make the snapshot of the next versions, whose agents report them."""
    image = bake(cluster.at.api, consul="2.0.4", nomad="2.0.5", name="bakery-next")
    cluster.live.versions[image] = ("2.0.4", "2.0.5")
    cluster.at.forget()
    return image


def test_an_upgrade_writes_the_file_and_replaces_every_node(cluster: AgentsCli) -> None:
    _next(cluster)
    dry = cluster.at("upgrade", *TO, "--dry-run")
    assert dry.code == 0, dry.err
    lines = dry.out.splitlines()
    assert lines[1:3] == [
        "image.consul in bakery.yaml becomes 2.0.4 (now 1.22.5)",
        "image.nomad in bakery.yaml becomes 2.0.5 (now 1.11.3)",
    ]
    assert lines[-2] == "7 nodes, replaced one at a time by droplets from bakery-next; about 14 minutes"
    assert (cluster.at.changing(), _file(cluster)) == ([], FILE)
    asked = [record.path for record in cluster.at.api.emulator.requests.all()]
    assert asked.count("/v2/regions") == 1, "agents answer, so only the survey of the account needs the regions"
    ran = cluster.at("upgrade", *TO, "--yes", "--json")
    assert ran.code == 0, ran.err
    assert (ran.json["versions"], ran.json["bakes"]) == ({"consul": "2.0.4", "nomad": "2.0.5"}, False)
    assert len(ran.json["replaced"]) == 7
    assert _file(cluster) == UPGRADED
    assert {member.version for member in cluster.live.consul.pool} == {"2.0.4"}
    cluster.at.forget()
    again = cluster.at("upgrade", *TO)
    assert (again.code, again.out) == (0, "nothing to upgrade: every node runs Consul 2.0.4 and Nomad 2.0.5\n")
    assert cluster.at.changing() == []


@pytest.mark.parametrize(
    ("options", "message", "help_line"),
    [
        (
            ("--consul", "1.21.5"),
            "demo-consul-server-1 runs Consul 1.22.5: servers cannot be changed back to 1.21.5",
            "keep image.consul at 1.22.5 or later; to run 1.21.5, launch a new cluster under another name",
        ),
        (
            ("--nomad", "2.2.0"),
            "Nomad 1.11.3 to 2.2.0 crosses 3 minor versions; a running cluster can cross 2 at once",
            "upgrade to Nomad 2.1.x first, then to 2.2.0",
        ),
        (("--nomad", "1.7.0"), "--nomad: Nomad 1.7.0 is refused: HashiCorp withdrew it", "1.11.3 is what"),
        (("--consul", "latest"), '--consul: must be an exact version X.Y.Z, not "latest"', "such as 1.22.5"),
    ],
)
def test_the_rules_come_before_everything(
    unchanged: AgentsCli, options: tuple[str, ...], message: str, help_line: str
) -> None:
    for last in ("--dry-run", "--yes"):
        ran = unchanged.at("upgrade", *options, last)
        assert ran.code == 2
        assert f"error: {message}\n" in ran.err
        assert f"help: {help_line}" in ran.err
    assert (unchanged.at.changing(), _file(unchanged)) == ([], FILE)


def test_a_missing_snapshot_is_baked_after_the_same_question(unchanged: AgentsCli) -> None:
    ran = unchanged.at("upgrade", *TO, "--dry-run")
    assert ran.code == 0, ran.err
    assert "  + snapshot  of debian-12-x64, Consul 2.0.4 and Nomad 2.0.5, in fra1" in ran.out.splitlines()
    assert "7 nodes, replaced one at a time by droplets from the snapshot to be baked; about 14 minutes" in ran.out
    assert unchanged.at.changing() == []


def test_the_bake_is_part_of_the_upgrade(cluster: AgentsCli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Packer is left out: a snapshot of the versions appears, as after its run."""

    def bake_image(context: Context, plan: BakePlan, approve: Callable[[], None]) -> Image:
        assert (plan.request.consul, plan.request.nomad) == ("2.0.4", "2.0.5")
        approve()
        image = _next(cluster)
        return next(each for each in context.cloud.list_images() if each.id == image)

    monkeypatch.setattr(upgrade_cluster, "bake_image", bake_image)
    ran = cluster.at("upgrade", *TO, "--yes", "--json")
    assert ran.code == 0, ran.err
    assert (ran.json["bakes"], ran.json["baked"]["name"], len(ran.json["replaced"])) == (True, "bakery-next", 7)
    assert _file(cluster) == UPGRADED


def test_the_cluster_is_locked_from_the_question_to_the_end(
    cluster: AgentsCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bake takes minutes: another command of this folder waits for the roll after it."""
    others: list[int] = []

    def bake_image(context: Context, plan: BakePlan, approve: Callable[[], None]) -> Image:
        approve()
        others.extend(cluster.at(*words, "--yes").code for words in (("launch",), ("roll",), ("upgrade", *TO)))
        image = _next(cluster)
        return next(each for each in context.cloud.list_images() if each.id == image)

    monkeypatch.setattr(upgrade_cluster, "bake_image", bake_image)
    assert cluster.at("upgrade", *TO, "--yes").code == 0
    assert others == [5, 5, 5]
    assert cluster.at("launch", "--yes").code == 0, "control: the lock is free again"


def test_a_bake_that_fails_leaves_every_node(cluster: AgentsCli, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file has the new versions by then: the same command tries again."""

    def bake_image(context: Context, plan: BakePlan, approve: Callable[[], None]) -> Image:
        approve()
        raise BakeError(message="packer failed")

    monkeypatch.setattr(upgrade_cluster, "bake_image", bake_image)
    before = cluster.at.droplets()
    assert cluster.at("upgrade", *TO, "--yes").code == 4
    assert (cluster.at.droplets(), _file(cluster)) == (before, UPGRADED)
    assert cluster.live.consul.locks == {}


def test_an_interrupted_upgrade_is_continued_and_not_changed(
    cluster: AgentsCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = _next(cluster)
    with monkeypatch.context() as interrupted:
        interrupted.setattr(cluster.live.nomad, "remove_peer", _interrupt)
        assert cluster.at("upgrade", *TO, "--yes").code == 130
    assert _file(cluster) == UPGRADED
    bake(cluster.at.api, consul="2.0.4", nomad="2.0.6", name="bakery-other")
    other = cluster.at("upgrade", "--nomad", "2.0.6", "--yes")
    assert other.code == 2
    assert "error: a roll to another snapshot, bakery-next, is unfinished\n" in other.err
    assert "help: finish it first: bakery roll, or with another snapshot: bakery roll --image ID\n" in other.err
    assert _file(cluster) == UPGRADED
    bake(cluster.at.api, consul="2.0.4", nomad="2.0.5", name="bakery-fresh")
    again = cluster.at("upgrade", *TO, "--yes", "--json")
    assert again.code == 0, again.err
    assert 0 < len(again.json["replaced"]) < 7
    droplets = cluster.at.api.get("/v2/droplets?tag_name=bakery:demo&per_page=200").json()["droplets"]
    assert {droplet["image"]["id"] for droplet in droplets} == {image}, (
        "a newer snapshot of the versions is for later"
    )


def _interrupt(peer_id: str) -> None:
    raise KeyboardInterrupt


def test_without_a_terminal_and_yes_nothing_changes(unchanged: AgentsCli) -> None:
    _next(unchanged)
    ran = unchanged.at("upgrade", *TO)
    assert ran.code == 2
    assert "help: add --yes" in ran.err
    assert (unchanged.at.changing(), _file(unchanged)) == ([], FILE)


def test_an_unhealthy_cluster_is_not_upgraded(unchanged: AgentsCli, monkeypatch: pytest.MonkeyPatch) -> None:
    _next(unchanged)
    monkeypatch.setattr("bakery.launch.roll.gate.GATE_SECONDS", 0.2)
    unchanged.live.nomad.lagging.add("demo-nomad-server-2")
    ran = unchanged.at("upgrade", *TO, "--yes")
    assert ran.code == 7
    assert (unchanged.at.changing(), _file(unchanged)) == ([], FILE)
