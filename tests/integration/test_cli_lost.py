"""Credentials that are lost, or another cluster's: no second CA, no wrong advice, and nothing destroyed unseen."""

from dataclasses import replace

import pexpect
import pytest

from bakery.credentials.issue import rendered_roles
from tests.helpers.cli import BAKERY, SMALL, CliHarness
from tests.helpers.emulated import LOOPBACK, emulated
from tests.helpers.state import paths_in

pytestmark = pytest.mark.integration

ACTIVE = ("launch", "--yes", "--wait", "active")
LOST = "cluster demo has 4 droplets, but its credentials are not here"
FIRST = ("render", "--role", "consul-server", "--first", "-o", "out")
JOIN = ("render", "--role", "nomad-client", "--join", "10.100.0.2", "-o", "out")


@pytest.fixture
def lost(at: CliHarness) -> CliHarness:
    """The cluster runs, and .bakery/ is not here any more."""
    assert at(*ACTIVE).code == 0
    (at.folder / ".bakery").rename(at.folder / "moved")
    return at


WARNING = "warning: new credentials are made for cluster demo without checking whether it has droplets already: "


# render ------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [FIRST, JOIN], ids=["first", "join"])
def test_render_makes_no_second_ca_beside_droplets(lost: CliHarness, arguments: tuple[str, ...]) -> None:
    ran = lost(*arguments)
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.startswith(f"error: {LOST}")
    assert not (lost.folder / ".bakery").exists()
    (lost.folder / "moved").rename(lost.folder / ".bakery")
    ran = lost(*arguments)
    assert (ran.code, WARNING in ran.err) == (0, False), "control: with the credentials it renders"


@pytest.mark.parametrize("arguments", [FIRST, JOIN], ids=["first", "join"])
@pytest.mark.parametrize("state", ["no token", "out of reach", "refused token"])
def test_render_goes_on_where_nobody_can_be_asked(
    lost: CliHarness, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], state: str
) -> None:
    if state == "no token":
        monkeypatch.delenv("DIGITALOCEAN_TOKEN")
    elif state == "out of reach":
        monkeypatch.setenv("DIGITALOCEAN_API_URL", "http://127.0.0.1:9")
    else:
        monkeypatch.setenv("DIGITALOCEAN_TOKEN", "dop_v1_" + "0" * 64)
    ran = lost(*arguments)
    assert ran.code == 0
    assert ran.err.count(WARNING) == 1
    assert WARNING not in lost(*arguments).err, "the second time there is nothing to make"


def test_render_asks_nothing_new_of_an_empty_account(at: CliHarness) -> None:
    ran = at(*FIRST)
    assert (ran.code, "warning" in ran.err) == (0, False)
    assert at.changing() == []


@pytest.mark.parametrize("arguments", [FIRST, JOIN], ids=["first", "join"])
def test_render_compares_the_credentials_with_the_droplets_if_it_has_a_token(
    at: CliHarness, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    """Control: with the cluster's own it renders. Without a token it cannot tell, as docs/security.md says."""
    assert at(*ACTIVE).code == 0
    assert at(*arguments).code == 0
    rendered = next((at.folder / "out").iterdir())
    files = (rendered, next(paths_in(at.folder).roles.iterdir()))
    before = [file.read_bytes() for file in files]
    _swap_credentials(at)
    ran = at(*arguments)
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.startswith("error: the credentials here are not those of cluster demo\n")
    assert [file.read_bytes() for file in files] == before
    monkeypatch.delenv("DIGITALOCEAN_TOKEN")
    ran = at(*arguments)
    assert ran.code == 0
    assert all(now.read_bytes() != then for now, then in zip(files, before, strict=True))


def test_a_render_that_fails_leaves_no_role_for_which_tokens_are_made(at: CliHarness) -> None:
    """Neither where nothing can be rendered, nor where the file cannot be written. Control: one that succeeds."""
    paths = paths_in(at.folder)
    (at.folder / "taken").write_text("a file")
    for arguments in (
        ("render", "--role", "nomad-server", "--first", "-o", "out"),
        ("render", "--role", "nomad-server", "--join", "10.100.0.256", "-o", "out"),
        ("render", "--role", "nomad-server", "--join", "10.100.0.2", "-o", "taken"),
    ):
        assert at(*arguments).code == 2
        assert rendered_roles(paths) == frozenset()
    assert at(*JOIN).code == 0
    assert rendered_roles(paths) == {"nomad-client"}
    before = (paths.roles / "nomad-client.json").read_bytes()
    paths.bundle.write_bytes(paths.bundle.read_bytes().replace(b'"generation": 1', b'"generation": 2'))
    assert at(*JOIN[:-1], "taken").code == 2
    assert (paths.roles / "nomad-client.json").read_bytes() == before, "the file that was rendered still fits it"
    assert at(*JOIN).code == 0
    assert (paths.roles / "nomad-client.json").read_bytes() != before


# launch, and what only looks at it ---------------------------------------------------


def _swap_credentials(at: CliHarness) -> None:
    """The credentials here become those of another cluster."""
    at.write(SMALL.replace("cluster: demo", "cluster: else"), "else.yaml")
    assert at("render", "--role", "consul-server", "--first", "-o", "other", "-f", "else.yaml").code == 0
    text = (at.folder / ".bakery" / "else" / "bundle.json").read_text(encoding="utf-8")
    bundle = at.folder / ".bakery" / "demo" / "bundle.json"
    bundle.write_text(text.replace('"else"', '"demo"'), encoding="utf-8")


@pytest.mark.parametrize("loss", ["foreign", "lost"])
def test_another_cloud_comes_before_what_its_droplets_were_made_with(
    at: CliHarness, monkeypatch: pytest.MonkeyPatch, loss: str
) -> None:
    """What runs in another cloud is another cluster, so its certificates are not judged."""
    assert at(*ACTIVE).code == 0
    there = replace(LOOPBACK, team_uuid="00000000-0000-4000-8000-0000000000aa", team_name="Other")
    with emulated(there) as other, monkeypatch.context() as patch:
        patch.setenv("DIGITALOCEAN_API_URL", other.url)
        patch.setenv("BAKERY_ADDRESS_URL", f"{other.url}/_emulator/address")
        moved = CliHarness(folder=at.folder, api=other)
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


def test_one_droplet_is_singular(lost: CliHarness) -> None:
    for droplet in lost.api.get("/v2/droplets?tag_name=bakery:demo").json()["droplets"][1:]:
        lost.api.delete(f"/v2/droplets/{droplet['id']}")
    lost.api.settle()
    assert lost(*ACTIVE).err.startswith("error: cluster demo has 1 droplet, but its credentials are not here")


# A cluster of this name that somebody else launched -----------------------------------

STRANGE = (
    "cluster demo has 4 droplets, and {} has neither its credentials nor a record that it was launched from here"
)


@pytest.fixture
def elsewhere(at: CliHarness, monkeypatch: pytest.MonkeyPatch) -> CliHarness:
    """Another folder with a file of the same cluster, which runs in the account."""
    assert at(*ACTIVE).code == 0
    folder = at.folder / "elsewhere"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return CliHarness(folder=folder, api=at.api)


def test_init_names_a_cluster_that_runs_already(elsewhere: CliHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = elsewhere("init", "--cluster", "demo")
    assert ran.code == 0
    state = elsewhere.folder / ".bakery" / "demo"
    assert ran.err.startswith(
        f"warning: cluster demo has 4 droplets in this account, and {state} has no credentials of it: "
        "bring them back (.bakery/demo/), or choose another name with --cluster\n"
    )
    for more in (("--cluster", "other"), ("--cluster", "demo", "--quiet")):
        (elsewhere.folder / "bakery.yaml").unlink()
        ran = elsewhere("init", *more)
        assert (ran.code, "has 4 droplets" in ran.err) == (0, "demo" in more)
    monkeypatch.chdir(elsewhere.folder.parent)
    assert "warning" not in elsewhere("init", "--cluster", "demo", "--force").err, "control: here they are"


@pytest.mark.parametrize("more", [(), ("--node", "demo-nomad-client-2"), ("--role", "nomad-client")])
def test_yes_alone_destroys_nothing_that_was_launched_elsewhere(
    elsewhere: CliHarness, more: tuple[str, ...]
) -> None:
    elsewhere.write(SMALL)
    elsewhere.forget()
    ran = elsewhere("destroy", "--yes", *more)
    state = elsewhere.folder / ".bakery" / "demo"
    assert (ran.code, ran.err.splitlines()[-2:]) == (
        2,
        [f"error: {STRANGE.format(state)}; --yes is not enough", "help: if you mean that cluster: --confirm demo"],
    )
    assert elsewhere.changing() == []
    assert len(elsewhere.droplets()) == 4


@pytest.mark.parametrize("typed", ["y", "demo"])
def test_on_a_terminal_its_name_must_be_typed_whatever_yes_says(elsewhere: CliHarness, typed: str) -> None:
    elsewhere.write(SMALL)
    child = pexpect.spawn(str(BAKERY), ["destroy", "--yes"], encoding="utf-8", timeout=60, dimensions=(50, 250))
    child.expect("type the cluster's name to destroy it")
    assert STRANGE.format(elsewhere.folder / ".bakery" / "demo") in child.before
    child.sendline(typed)
    child.expect(pexpect.EOF)
    child.close()
    assert (child.exitstatus, len(elsewhere.droplets())) == ((0, 0) if typed == "demo" else (2, 4))


@pytest.mark.parametrize("more", [(), ("--role", "nomad-client")])
def test_its_name_destroys_it(elsewhere: CliHarness, more: tuple[str, ...]) -> None:
    elsewhere.write(SMALL)
    ran = elsewhere("destroy", "--confirm", "demo", "--yes", *more)
    assert ran.code == 0, ran.err
    assert elsewhere.droplets() == ([] if not more else ["demo-consul-server-1", "demo-nomad-server-1"])


@pytest.mark.parametrize("kept", ["bundle.json", "cloud.json"])
def test_either_record_shows_that_it_is_ours(at: CliHarness, kept: str) -> None:
    """Control; clusters made before cloud.json have credentials."""
    assert at(*ACTIVE).code == 0
    for file in (at.folder / ".bakery" / "demo").iterdir():
        if file.name != kept:
            file.unlink()
    assert at("destroy", "--yes").code == 0
    assert at.droplets() == []


# The next step that is named ---------------------------------------------------------

BRING_BACK = "bring back .bakery/demo/ from a backup, or run this where the cluster was launched from"


@pytest.mark.parametrize("verb", ["status", "env", "credentials", "bootstrap"])
def test_lost_credentials_of_a_cluster_that_runs_are_no_reason_to_launch(lost: CliHarness, verb: str) -> None:
    ran = lost(verb)
    assert (ran.code, ran.err.splitlines()[-1]) == (3, f"help: {BRING_BACK}")


def test_doctor_says_the_same(lost: CliHarness) -> None:
    ran = lost("doctor")
    assert f"help: {BRING_BACK}" in ran.out
    assert "or bakery launch" not in ran.out


def test_without_a_token_nobody_knows_whether_it_runs(lost: CliHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DIGITALOCEAN_TOKEN")
    last = lost("credentials").err.splitlines()[-1]
    assert last == f"help: {BRING_BACK}; if it was never launched: bakery launch"


@pytest.mark.parametrize("verb", ["env", "bootstrap"])
def test_where_the_last_server_is_gone_the_next_step_is_what_launch_says(at: CliHarness, verb: str) -> None:
    assert at(*ACTIVE).code == 0
    for droplet in at.api.get("/v2/droplets?tag_name=bakery:demo:role:consul-server").json()["droplets"]:
        at.api.delete(f"/v2/droplets/{droplet['id']}")
    at.api.settle()
    (at.folder / ".bakery" / "demo" / "journal.json").unlink(missing_ok=True)
    launched, ran = at(*ACTIVE), at(verb)
    assert (launched.code, ran.code) == (2, 2)
    assert ran.err == launched.err[launched.err.index("error: ") :]
    assert "the last Consul server of cluster demo is gone" in ran.err


@pytest.mark.parametrize("verb", ["env", "bootstrap"])
def test_before_the_first_launch_it_is_launch(at: CliHarness, verb: str) -> None:
    assert at(*FIRST).code == 0
    ran = at(verb)
    assert ran.err == "error: cluster demo has no active Consul server\nhelp: bakery launch\n"
