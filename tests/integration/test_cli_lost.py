"""Credentials that are lost, or another cluster's: no second CA, no wrong advice, and nothing destroyed unseen."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.helpers.cli import LOOPBACK, SMALL, Desk, desk
from tests.helpers.emulated import emulated

pytestmark = pytest.mark.integration

ACTIVE = ("launch", "--yes", "--wait", "active")
LOST = "cluster demo has 4 droplets, but its credentials are not here"
FIRST = ("render", "--role", "consul-server", "--first", "-o", "out")
JOIN = ("render", "--role", "nomad-client", "--join", "10.100.0.2", "-o", "out")


@pytest.fixture
def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with desk(tmp_path, monkeypatch) as made:
        yield made


@pytest.fixture
def lost(at: Desk) -> Desk:
    """The cluster runs, and .bakery/ is not here any more."""
    assert at(*ACTIVE).code == 0
    (at.folder / ".bakery").rename(at.folder / "moved")
    return at


# render ------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [FIRST, JOIN], ids=["first", "join"])
def test_render_makes_no_second_ca_beside_droplets(lost: Desk, arguments: tuple[str, ...]) -> None:
    ran = lost(*arguments)
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.startswith(f"error: {LOST}")
    assert not (lost.folder / ".bakery").exists()
    (lost.folder / "moved").rename(lost.folder / ".bakery")
    ran = lost(*arguments)
    assert (ran.code, "not checked" in ran.err) == (0, False), "control: with the credentials it renders"


@pytest.mark.parametrize("arguments", [FIRST, JOIN], ids=["first", "join"])
@pytest.mark.parametrize("state", ["no token", "out of reach", "refused token"])
def test_render_goes_on_where_nobody_can_be_asked(
    lost: Desk, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], state: str
) -> None:
    if state == "no token":
        monkeypatch.delenv("DIGITALOCEAN_TOKEN")
    elif state == "out of reach":
        monkeypatch.setenv("DIGITALOCEAN_API_URL", "http://127.0.0.1:9")
    else:
        monkeypatch.setenv("DIGITALOCEAN_TOKEN", "dop_v1_" + "0" * 64)
    ran = lost(*arguments)
    assert ran.code == 0
    warning = (
        "warning: new credentials of cluster demo are made; whether it has droplets already was not checked: "
    )
    assert ran.err.count(warning) == 1
    assert "not checked" not in lost(*arguments).err, "the second time there is nothing to make"


def test_render_asks_nothing_new_of_an_empty_account(at: Desk) -> None:
    ran = at(*FIRST)
    assert (ran.code, "warning" in ran.err) == (0, False)
    assert at.changing() == []


# launch, and what only looks at it ---------------------------------------------------


def _swap_credentials(at: Desk) -> None:
    """The credentials here become those of another cluster."""
    at.write(SMALL.replace("cluster: demo", "cluster: else"), "else.yaml")
    assert at("render", "--role", "consul-server", "--first", "-o", "other", "-f", "else.yaml").code == 0
    text = (at.folder / ".bakery" / "else" / "bundle.json").read_text(encoding="utf-8")
    bundle = at.folder / ".bakery" / "demo" / "bundle.json"
    bundle.write_text(text.replace('"else"', '"demo"'), encoding="utf-8")


@pytest.mark.parametrize("loss", ["foreign", "lost"])
def test_another_cloud_comes_before_what_its_droplets_were_made_with(
    at: Desk, monkeypatch: pytest.MonkeyPatch, loss: str
) -> None:
    """What runs in another cloud is another cluster, so its certificates are not judged."""
    assert at(*ACTIVE).code == 0
    there = replace(LOOPBACK, team_uuid="00000000-0000-4000-8000-0000000000aa", team_name="Other")
    with emulated(there) as other, monkeypatch.context() as patch:
        patch.setenv("DIGITALOCEAN_API_URL", other.url)
        patch.setenv("BAKERY_ADDRESS_URL", f"{other.url}/_emulator/address")
        moved = Desk(folder=at.folder, api=other)
        moved.bake()
        other.active(name="demo-consul-server-1", tags=["bakery:demo", "bakery:demo:ca:0123456789abcdef"])
        if loss == "foreign":
            _swap_credentials(at)
        else:
            (at.folder / ".bakery" / "demo" / "bundle.json").unlink()
        planned, dry, launched = moved("plan"), moved("launch", "--dry-run"), moved(*ACTIVE)
        assert (planned.code, dry.code, launched.code) == (2, 2, 2)
        for text in (planned.out, dry.out, launched.err):
            assert "cluster demo was launched on " in text
            assert "credentials" not in text
        for arguments in (("plan",), ("launch", "--dry-run"), ACTIVE):
            assert moved(*arguments, "--other-cloud").code == 3, "control: with the flag they are judged"
