"""Where a cluster was launched, and which other clouds its commands may go to: a table written by hand."""

import json
from pathlib import Path

import pytest

from bakery.cloud.model import Account
from bakery.errors import UsageError
from bakery.launch.base.place import Place, forget_place, judge, load_place, place_of, remember_place

ANN = Account(uuid="ann", status="active", droplet_limit=25, email="ann@example.com")
CLOUD = "https://api.digitalocean.com"


def _team(name: str, *, user: Account = ANN) -> Account:
    return Account(
        uuid=user.uuid, status="active", droplet_limit=25, email=user.email, team=name, team_uuid=f"id-of-{name}"
    )


BOB = Account(uuid="bob", status="active", droplet_limit=25, email="bob@example.com")
WEB = place_of(CLOUD, _team("web"))
SHOP = place_of(CLOUD, _team("shop"))
COLLEAGUE = place_of(CLOUD, _team("web", user=BOB))
FIRST = place_of("http://127.0.0.1:7180", _team("first"), emulator="default")
SECOND = place_of("http://127.0.0.1:7180", _team("second"), emulator="default")
OTHER_PORT = place_of("http://127.0.0.1:7190", _team("third"), emulator="ux")
PROXY = place_of("https://proxy.example.com/do", _team("web"))


@pytest.mark.parametrize(
    ("place", "name"),
    [
        (WEB, "DigitalOcean (api.digitalocean.com), account ann@example.com, team web"),
        (place_of(CLOUD + "/v2/", ANN), "DigitalOcean (api.digitalocean.com), account ann@example.com"),
        (FIRST, "the emulator default (http://127.0.0.1:7180)"),
        (
            place_of("http://127.0.0.1:7180", _team("emulator x")),
            "127.0.0.1:7180, account ann@example.com, team emulator x",
        ),
        (
            place_of(CLOUD, _team("\x1b[31mred\n")),
            "DigitalOcean (api.digitalocean.com), account ann@example.com, team \ufffd[31mred\ufffd",
        ),
    ],
)
def test_a_cloud_is_named_by_host_account_and_team(place: Place, name: str) -> None:
    assert place.name == name


@pytest.mark.parametrize(
    ("launched", "here", "answers", "outcome"),
    [
        (None, WEB, True, "same"),
        (WEB, WEB, True, "same"),
        (WEB, COLLEAGUE, True, "same"),  # another user's token for the same team
        (WEB, SHOP, True, "refused"),  # the same user's token for another team
        (WEB, PROXY, True, "refused"),
        (WEB, FIRST, True, "refused"),
        (FIRST, WEB, True, "refused"),
        (FIRST, WEB, False, "refused"),  # --local was forgotten, and the emulator is down
        (FIRST, SECOND, True, "gone"),  # taken down and brought up again
        (FIRST, OTHER_PORT, False, "gone"),
        (FIRST, OTHER_PORT, True, "refused"),
    ],
)
def test_which_clouds_a_cluster_s_commands_may_go_to(
    launched: Place | None,
    here: Place,
    answers: bool,  # noqa: FBT001 - a column of the table
    outcome: str,
) -> None:
    judgement = judge("demo", launched, here, insists=False, answers=lambda _: answers)
    found = "refused" if judgement.obstacle else "gone" if judgement.note else "same"
    assert found == outcome
    insisted = judge("demo", launched, here, insists=True, answers=lambda _: answers)
    assert insisted.obstacle is None


@pytest.mark.parametrize(
    ("launched", "here", "way"),
    [
        (FIRST, WEB, "for the emulator add --local"),
        (WEB, FIRST, "for that one leave out --local, and unset DIGITALOCEAN_API_URL"),
        (WEB, SHOP, "for that one export its DIGITALOCEAN_TOKEN"),
        (FIRST, OTHER_PORT, "for that one set BAKERY_EMULATOR to its name"),
    ],
)
def test_a_refusal_names_the_way_back_and_the_flag(launched: Place, here: Place, way: str) -> None:
    obstacle = judge("demo", launched, here, insists=False, answers=lambda _: True).obstacle
    assert obstacle is not None
    assert obstacle.message == f"cluster demo was launched on {launched.name}, and this is {here.name}"
    assert obstacle.hint == f"{way}; if you mean this one: --other-cloud"
    assert obstacle.exit_code == 2


def test_it_is_kept_in_a_private_file_without_secrets(tmp_path: Path) -> None:
    path = tmp_path / "cloud.json"
    assert load_place(path) is None, "clusters of an older bakery have none"
    remember_place(path, WEB)
    assert load_place(path) == WEB
    assert path.stat().st_mode & 0o777 == 0o600
    assert json.loads(path.read_text(encoding="utf-8")) == {
        "version": 1,
        "endpoint": CLOUD,
        "owner": "id-of-web",
        "name": "DigitalOcean (api.digitalocean.com), account ann@example.com, team web",
    }
    before = path.stat().st_ino
    remember_place(path, WEB)
    assert path.stat().st_ino == before, "the same is not written again"


def test_only_its_own_cloud_is_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "cloud.json"
    forget_place(path, WEB)
    remember_place(path, WEB)
    forget_place(path, SHOP)
    assert load_place(path) == WEB
    forget_place(path, COLLEAGUE)
    assert load_place(path) is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 2}', '{"version": 1, "x": 1}', "\x00", "[" * 9000])
def test_a_file_that_cannot_be_read_is_said(tmp_path: Path, text: str) -> None:
    path = tmp_path / "cloud.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match="which says where the cluster was launched") as caught:
        load_place(path)
    assert f"rm {path}" in str(caught.value.hint)
