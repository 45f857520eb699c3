"""A bake from end to end against an account in memory: what it makes, and that it leaves nothing else."""

from dataclasses import replace
from pathlib import Path

import pytest

from bakery.bake.bake import bake
from bakery.bake.model import BakeRequest, Download, Downloads, Tools
from bakery.bake.snapshot import find_baked
from bakery.bake.sweep import lock, sweep
from bakery.cloud.model import Image
from bakery.errors import (
    BakeError,
    BakeryError,
    DeadlineError,
    LockedError,
    MissingToolError,
    UnauthorizedError,
    UnreachableError,
)
from tests.helpers.fake_cloud import FakeClock, Fault, Killed, fault_at
from tests.helpers.fake_packer import SIZE, STEPS, BakeCloud, FakePacker, bake_cloud, plugin_installer
from tests.helpers.reporter import RecordingReporter

CANARY = "dop_v1_canary"
CONTENT = "bakery:image:0123456789abcdef01234567"
VERSIONS = "bakery:versions:1-22-5:1-11-3"
ARCHIVE = Download(url="https://example.com/a.zip", sha256="a" * 64)


def make_request(folder: Path) -> BakeRequest:
    return BakeRequest(
        region="fra1", base="debian-12-x64", consul="1.22.5", nomad="1.11.3", content_tag=CONTENT,
        endpoint="http://127.0.0.1:1/v2", token=CANARY, folder=folder / "builds",
        downloads=Downloads(consul=ARCHIVE, nomad=ARCHIVE, cni=ARCHIVE),
    )  # fmt: skip


def make_tools(folder: Path) -> Tools:
    for name in ("packer", "plugin"):
        (folder / name).touch()
    return Tools(packer=folder / "packer", plugin=folder / "plugin")


def run_bake(
    folder: Path,
    packer: FakePacker,
    *,
    heard: RecordingReporter | None = None,
    build_id: str = "b1",
    fresh: bool = False,
) -> Image:
    return bake(
        replace(make_request(folder), fresh=fresh), tools=make_tools(folder), cloud=packer.cloud,
        reporter=heard or RecordingReporter(), run=plugin_installer([]), stream=packer, clock=FakeClock(),
        new_id=lambda: build_id,
    )  # fmt: skip


def assert_only_snapshots(cloud: BakeCloud) -> None:
    """Nothing costs money or opens a door but proven snapshots."""
    assert cloud.names() == []
    assert list(cloud.ssh_keys.values()) == []
    assert [image.name for image in cloud.images.values() if CONTENT not in image.tags] == []
    assert_no_build_tag_without_a_snapshot(cloud)


def assert_no_build_tag_without_a_snapshot(cloud: BakeCloud) -> None:
    borne = {tag for image in cloud.images.values() for tag in image.tags}
    assert [tag for tag in cloud.tags if tag.startswith("bakery:build:b") and tag not in borne] == []


def test_a_bake_ends_in_one_tagged_snapshot(tmp_path: Path) -> None:
    packer = FakePacker(bake_cloud())
    image = run_bake(tmp_path, packer)
    assert (image.name, set(image.tags)) == ("bakery-b1", {CONTENT, "bakery:build:b1", VERSIONS})
    assert_only_snapshots(packer.cloud)
    assert sorted(path.name for path in (tmp_path / "builds").iterdir()) == ["b1.log", "builds.lock"]


def test_the_same_content_is_not_baked_twice(tmp_path: Path) -> None:
    packer = FakePacker(bake_cloud())
    first = run_bake(tmp_path, packer)
    heard = RecordingReporter()
    assert run_bake(tmp_path, packer, heard=heard, build_id="b2") == first
    assert packer.runs == 1
    assert heard.lines == ["bakery-b1 already has this content; nothing to bake"]


@pytest.mark.parametrize(
    ("name", "value"), [("status", "pending"), ("regions", ("ams3",)), ("type", "backup"), ("tags", ())]
)
def test_a_snapshot_that_cannot_be_used_is_baked_anew(name: str, value: object, tmp_path: Path) -> None:
    packer = FakePacker(bake_cloud())
    first = run_bake(tmp_path, packer)
    packer.cloud.images[first.id] = replace(first, **{name: value})  # type: ignore[arg-type]
    assert run_bake(tmp_path, packer, build_id="b2").name == "bakery-b2"


def test_a_fresh_bake_does_not_look_for_an_equal_snapshot_and_leaves_it(tmp_path: Path) -> None:
    packer = FakePacker(bake_cloud())
    first = run_bake(tmp_path, packer)
    second = run_bake(tmp_path, packer, build_id="b2", fresh=True)
    assert (second.name, packer.runs) == ("bakery-b2", 2)
    assert [image.name for image in packer.cloud.images.values()] == ["bakery-b1", "bakery-b2"]
    assert find_baked(packer.cloud, make_request(tmp_path)) == second  # the newest counts from now on
    assert first.created_at < second.created_at


def test_tags_that_packer_lost_are_added_through_the_api(tmp_path: Path) -> None:
    packer = FakePacker(bake_cloud(), drops_tags=True)
    assert set(run_bake(tmp_path, packer).tags) == {CONTENT, "bakery:build:b1", VERSIONS}


@pytest.mark.parametrize(
    ("packer_with", "message"),
    [
        ({"region": "ams3"}, "the snapshot bakery-b1 is not in fra1"),
        ({"snapshots": 2}, "packer reported success, but 2 snapshots are named bakery-b1"),
    ],
)
def test_a_wrong_snapshot_is_refused_and_removed(
    packer_with: dict[str, object], message: str, tmp_path: Path
) -> None:
    packer = FakePacker(bake_cloud(), **packer_with)  # type: ignore[arg-type]
    with pytest.raises(BakeError) as caught:
        run_bake(tmp_path, packer)
    assert caught.value.message == message
    assert packer.cloud.images == {}
    assert_only_snapshots(packer.cloud)


class LateCloud(BakeCloud):
    """Its list of images is behind for the first looks after Packer's end."""

    looks = 3

    def list_images(self, *, tag: str | None = None) -> tuple[Image, ...]:
        images = super().list_images(tag=tag)
        if images and self.looks:
            self.looks -= 1
            return ()
        return images


def test_a_list_that_is_behind_costs_no_bake(tmp_path: Path) -> None:
    packer = FakePacker(LateCloud(sizes=(SIZE,)))
    assert run_bake(tmp_path, packer).name == "bakery-b1"
    assert_only_snapshots(packer.cloud)
    assert len(packer.cloud.images) == 1


def test_a_snapshot_that_never_shows_is_named_when_the_wait_ends(tmp_path: Path) -> None:
    with pytest.raises(DeadlineError) as caught:
        run_bake(tmp_path, FakePacker(bake_cloud(), snapshots=0))
    assert caught.value.message == "waited 300 s for the snapshot bakery-b1"
    assert caught.value.details == "packer reported success, but no snapshot is named bakery-b1"


def test_packers_errors_are_told_without_the_token(tmp_path: Path) -> None:
    lines = (
        "1764000000,,ui,say,==> digitalocean.bakery: Creating droplet...",
        f"1764000000,,ui,error,Error creating droplet: token {CANARY} may not",
        f"1764000000,digitalocean.bakery,error,Error creating droplet: token {CANARY} may not",
        f"panic: {CANARY}",
    )
    heard = RecordingReporter()
    with pytest.raises(BakeError) as caught:
        run_bake(tmp_path, FakePacker(bake_cloud(), exit_code=1, lines=lines), heard=heard)
    assert caught.value.message == "packer could not bake bakery-b1 (exit code 1)"
    assert caught.value.details == "Error creating droplet: token *** may not"
    assert heard.lines == ["baking bakery-b1 in fra1", "    Creating droplet..."]


def test_the_token_travels_in_the_environment_only(tmp_path: Path) -> None:
    packer = FakePacker(bake_cloud())
    heard, calls = RecordingReporter(), list[list[str]]()
    bake(
        make_request(tmp_path), tools=make_tools(tmp_path), cloud=packer.cloud, reporter=heard,
        run=plugin_installer(calls), stream=packer, clock=FakeClock(),
    )  # fmt: skip
    assert packer.environment["DIGITALOCEAN_TOKEN"] == CANARY
    assert packer.environment["DIGITALOCEAN_API_URL"] == "http://127.0.0.1:1/"
    written = [path.read_text() for path in (tmp_path / "builds").iterdir()]
    for place in (packer.argv, packer.variables, calls, heard.lines, written):
        assert CANARY not in str(place)
    assert packer.variables_mode == 0o600


def test_nothing_of_the_users_own_packer_takes_part(tmp_path: Path) -> None:
    packer = FakePacker(bake_cloud())
    calls: list[list[str]] = []
    bake(
        make_request(tmp_path), tools=make_tools(tmp_path), cloud=packer.cloud, run=plugin_installer(calls),
        stream=packer, clock=FakeClock(),
    )  # fmt: skip
    folders = ("HOME", "PACKER_CONFIG_DIR", "PACKER_CACHE_DIR", "PACKER_PLUGIN_PATH")
    assert all(packer.environment[name].startswith(f"{tmp_path}/builds/.work-") for name in folders)
    assert packer.environment["CHECKPOINT_DISABLE"] == "1"
    source = "github.com/digitalocean/digitalocean"
    assert calls == [[str(tmp_path / "packer"), "plugins", "install", "--path", str(tmp_path / "plugin"), source]]
    assert list((tmp_path / "builds").glob(".work-*")) == []


@pytest.mark.parametrize("error", [UnauthorizedError(message="no"), UnreachableError(message="no")])
def test_a_refused_token_or_a_dead_api_ends_it_before_packer(error: BakeryError, tmp_path: Path) -> None:
    class Refusing(BakeCloud):
        def get_account(self) -> None:  # type: ignore[override]
            raise error

    packer = FakePacker(Refusing())
    with pytest.raises(type(error)):
        run_bake(tmp_path, packer)
    assert packer.runs == 0


def test_a_missing_packer_is_named_before_anything_is_made(tmp_path: Path) -> None:
    packer = FakePacker(bake_cloud())
    tools = Tools(packer=tmp_path / "absent", plugin=tmp_path / "absent")
    with pytest.raises(MissingToolError, match="packer is not at"):
        bake(make_request(tmp_path), tools=tools, cloud=packer.cloud, run=plugin_installer([]), stream=packer)
    assert packer.cloud.mutations == []


@pytest.mark.parametrize("step", STEPS)
def test_ctrl_c_leaves_nothing(step: str, tmp_path: Path) -> None:
    packer = FakePacker(bake_cloud(), interrupted_at=step)
    with pytest.raises(KeyboardInterrupt):
        run_bake(tmp_path, packer)
    assert (packer.cloud.names(), list(packer.cloud.ssh_keys), list(packer.cloud.images)) == ([], [], [])
    assert_only_snapshots(packer.cloud)


def test_a_bake_that_fails_leaves_not_even_its_tag(tmp_path: Path) -> None:
    packer = FakePacker(bake_cloud(), exit_code=1)
    with pytest.raises(BakeError):
        run_bake(tmp_path, packer)
    assert packer.cloud.list_tags() == ()
    assert_only_snapshots(packer.cloud)


@pytest.mark.parametrize("step", STEPS)
def test_what_kill_leaves_the_next_bake_removes(step: str, tmp_path: Path) -> None:
    cloud = bake_cloud()
    foreign = [cloud.add_key("packer-00000001-aaaa-bbbb-cccc-dddddddddddd"), cloud.add_key("laptop")]
    web = cloud.add_droplet("web", tags=("bakery:build:other",))
    with pytest.raises(Killed):
        run_bake(tmp_path, FakePacker(cloud, dies_at=step))
    cloud.revive()
    image = run_bake(tmp_path, FakePacker(cloud), build_id="b2")
    assert [key.name for key in cloud.ssh_keys.values()] == [key.name for key in foreign]
    assert cloud.names() == [cloud.droplets[web].name]
    assert list(cloud.images) == [image.id]
    assert_no_build_tag_without_a_snapshot(cloud)


def test_killed_at_any_request_the_next_bake_ends_clean(tmp_path: Path) -> None:
    """Every request of a bake, before and after it takes effect."""
    clean = bake_cloud()
    run_bake(_folder(tmp_path, "clean"), FakePacker(clean))
    for number in range(1, len(clean.calls) + 1):
        for fault in (Fault.KILL_BEFORE, Fault.KILL_AFTER):
            cloud, folder = bake_cloud(), _folder(tmp_path, f"{number}-{fault.name}")
            cloud.fault = fault_at(number, fault)
            with pytest.raises(Killed):
                run_bake(folder, FakePacker(cloud))
            cloud.revive()
            image = run_bake(folder, FakePacker(cloud), build_id="b2")
            assert_only_snapshots(cloud)
            assert list(cloud.images) == [image.id]


def _folder(parent: Path, name: str) -> Path:
    (parent / name).mkdir()
    return parent / name


def test_a_failed_clean_up_does_not_hide_the_failure(tmp_path: Path) -> None:
    cloud = bake_cloud()
    packer = FakePacker(cloud, exit_code=1)
    heard = RecordingReporter()
    cloud.fault = lambda number, call: Fault.FAIL if call.name == "list_ssh_keys" else None
    with pytest.raises(BakeError, match="packer could not bake"):
        run_bake(tmp_path, packer, heard=heard)
    assert heard.lines[-1].startswith("warning: could not clean up after bakery-b1")
    cloud.revive()
    assert (tmp_path / "builds" / "b1.build").exists()
    sweep(cloud, tmp_path / "builds")
    assert not (tmp_path / "builds" / "b1.build").exists()


def test_another_accounts_records_stay(tmp_path: Path) -> None:
    real, emulated = bake_cloud(), bake_cloud()
    emulated.account = replace(emulated.account, uuid="emulated")
    with pytest.raises(Killed):
        run_bake(tmp_path, FakePacker(real, dies_at="droplet"))
    run_bake(tmp_path, FakePacker(emulated), build_id="b2")
    real.revive()
    assert sorted(sweep(real, tmp_path / "builds"))[1] == "build droplet bakery-b1"
    assert_only_snapshots(real)


def test_one_bake_at_a_time(tmp_path: Path) -> None:
    packer = FakePacker(bake_cloud())
    with lock(tmp_path / "builds"), pytest.raises(LockedError, match="another bakery is baking"):
        run_bake(tmp_path, packer)
    assert packer.runs == 0
    assert run_bake(tmp_path, packer).name == "bakery-b1"
