"""Credentials that are damaged, old, of another cluster or near their end: named, and never overwritten."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bakery.credentials.codec import encode
from bakery.credentials.store import create_bundle
from tests.helpers.cli import CliHarness, Ran, cli_harness
from tests.helpers.state import paths_in

pytestmark = pytest.mark.integration

ACTIVE = ("launch", "--yes", "--wait", "active")
RENDER = ("render", "--role", "nomad-client", "--join", "10.100.0.2", "-o", "rendered")
READERS = (
    ("status",), ("env",), ("env", "--management"), ("credentials",), ("credentials", "list"), ("bootstrap",),
    ("render", "--role", "nomad-client", "-o", "out"), ("logs", "demo-nomad-server-1"),
    ("browser-cert", "consul"), ("credentials", "decrypt"), ACTIVE,
)  # fmt: skip
OF_THE_CLUSTER = (
    ("status",), ("env",), ("credentials", "list"), ("render", "--role", "nomad-client", "-o", "out"), ACTIVE,
    ("roll", "--yes"), ("scale", "nomad-client=1", "--yes"), ("logs", "demo-nomad-server-1"), ("bootstrap",),
)  # fmt: skip


@pytest.fixture
def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CliHarness]:
    monkeypatch.setenv("BAKERY_P12_PASSWORD", "canary")
    monkeypatch.setenv("BAKERY_DEADLINE_FACTOR", "0.01")
    with cli_harness(tmp_path, monkeypatch) as made:
        yield made


@pytest.fixture
def launched(at: CliHarness) -> CliHarness:
    """A cluster with secrets of generation 2."""
    assert at(*RENDER).code == 0
    change(at, generation=2)
    assert at(*ACTIVE).code == 0
    at.forget()
    return at


def change(at: CliHarness, **fields: object) -> bytes:
    """Change fields of the bundle; return its content before."""
    file = paths_in(at.folder).bundle
    before = file.read_bytes()
    file.write_text(json.dumps(json.loads(before) | fields))
    return before


def refused(at: CliHarness, *words: str) -> Ran:
    ran = at(*words)
    assert (ran.code, ran.out) == (3, ""), (words, ran)
    assert at.changing() == []
    return ran


def test_a_bundle_that_was_cut_is_named_and_kept(launched: CliHarness) -> None:
    file = paths_in(launched.folder).bundle
    cut = file.read_bytes()[:1000]
    file.write_bytes(cut)
    for words in READERS:
        ran = refused(launched, *words)
        assert f"error: {file} is damaged\n" in ran.err
        assert "restore it from a backup" in ran.err
    ran = launched("destroy", "--yes")
    assert ran.code == 0
    assert f"warning: Consul and Nomad cannot be asked: {file} is damaged" in ran.err
    assert file.read_bytes() == cut


def test_a_bundle_that_others_can_read_is_named_and_used(launched: CliHarness) -> None:
    file = paths_in(launched.folder).bundle
    warning = f"warning: {file} can be read or written by other users; run: chmod 600 {file}\n"
    assert warning not in launched("credentials").err  # control
    file.chmod(0o644)
    for words in (("credentials",), ("env", "--management"), ACTIVE):
        ran = launched(*words)
        assert ran.code == 0
        assert warning in ran.err
    assert file.stat().st_mode & 0o777 == 0o644


def test_a_bundle_of_another_cluster_is_named_with_the_folder_it_belongs_to(launched: CliHarness) -> None:
    file = paths_in(launched.folder).bundle
    other = encode(create_bundle("prod", now=datetime.now(UTC)))
    file.write_bytes(other)
    for words in READERS:
        ran = refused(launched, *words)
        assert f"error: the bundle in {file.parent} belongs to the cluster prod, not demo\n" in ran.err
        assert "move this bundle back to the folder of prod" in ran.err
    assert file.read_bytes() == other


def test_another_bundle_of_the_same_name_is_refused(launched: CliHarness) -> None:
    """As when a new folder was made for a cluster that runs."""
    paths_in(launched.folder).bundle.write_bytes(encode(create_bundle("demo", now=datetime.now(UTC))))
    for words in OF_THE_CLUSTER:
        ran = refused(launched, *words)
        assert "error: the credentials here are not those of cluster demo\n" in ran.err
        assert "bring back the credentials bundle of this cluster" in ran.err


def test_a_bundle_from_before_a_rotation_is_refused(launched: CliHarness) -> None:
    """With it new nodes could not join, and a roll would take the newer secrets from the others."""
    change(launched, generation=1)
    for words in OF_THE_CLUSTER:
        ran = refused(launched, *words)
        assert "error: the credentials here are of generation 1, and cluster demo has 2\n" in ran.err
        assert "bring back the newest copy of the credentials bundle" in ran.err
    ran = launched("plan", "--json")
    assert (ran.code, [each["code"] for each in ran.json["cannot"]]) == (3, ["credentials_old"])
    assert "are of generation 1, and cluster demo has 2" in launched("doctor").out
    for newer in (2, 3):  # control; 3: in the middle of a rotation the nodes are of an earlier one
        change(launched, generation=newer)
        assert launched(*ACTIVE).code == 0


def test_a_file_that_was_rendered_before_a_rotation_is_named(at: CliHarness) -> None:
    late = "warning: earlier files of nomad-client are out of date: use this one for new droplets\n"
    for _ in range(2):
        assert late not in at(*RENDER).err
    assert "is out of date" not in at("doctor").out
    rendered = at.folder / "rendered" / "nomad-client.yaml"
    before = rendered.read_bytes()
    change(at, generation=2)
    said = at("doctor").out
    assert "the rendered file of nomad-client is out of date" in said
    assert "help: bakery render --role nomad-client -o rendered" in said
    assert rendered.read_bytes() == before
    assert late in at(*RENDER).err
    assert rendered.read_bytes() != before
    assert "is out of date" not in at("doctor").out
    assert late not in at(*RENDER).err


@pytest.mark.parametrize(("days", "warned", "code"), [(91, False, 0), (89, True, 0), (0.9, False, 3)])
def test_a_ca_that_ends_is_no_ground_for_new_nodes(
    at: CliHarness, days: float, *, warned: bool, code: int
) -> None:
    """A launch that begins in its last day would make nodes that end with it."""
    paths = paths_in(at.folder)
    paths.ensure()
    born = datetime.now(UTC) - timedelta(days=3650 - days)
    paths.bundle.write_bytes(encode(create_bundle("demo", now=born)))
    paths.bundle.chmod(0o600)
    ran = at(*ACTIVE)
    assert ran.code == code
    end = f"{born + timedelta(days=3650):%Y-%m-%d %H:%M}"
    message = f"the CAs of cluster demo end on {end} UTC, and new nodes with them"
    assert (f"warning: {message}; before that, make a new cluster: " in ran.err) is warned
    assert (f"error: {message}\n" in ran.err) is (code == 3)
    assert bool(at.droplets()) is (code == 0)


def test_a_ca_that_has_ended_meanwhile_stops_a_replacement_first(launched: CliHarness) -> None:
    bundle = create_bundle("demo", now=datetime.now(UTC) - timedelta(days=3649.5))
    paths_in(launched.folder).bundle.write_bytes(encode(bundle))
    ran = refused(launched, "replace", "demo-nomad-client-1", "--yes")
    assert "and new nodes with them" in ran.err


FOREIGN = "error: the credentials here are not those of cluster demo\n"


@pytest.mark.parametrize("words", [("--yes",), ("--dry-run",), ("--node", "demo-nomad-client-1", "--yes"),
                                   ("--role", "nomad-client", "--yes")])  # fmt: skip
def test_a_cluster_of_another_ca_is_destroyed_only_by_its_name(
    launched: CliHarness, words: tuple[str, ...]
) -> None:
    own = paths_in(launched.folder).bundle.read_bytes()
    paths_in(launched.folder).bundle.write_bytes(encode(create_bundle("demo", now=datetime.now(UTC))))
    ran = refused(launched, "destroy", *words)
    assert FOREIGN in ran.err
    assert "another CA made the certificates of demo-consul-server-1" in ran.err
    assert (
        "help: run it where the credentials of that cluster are; if you mean that cluster: --confirm demo"
        in ran.err
    )
    ran = launched("destroy", *words, "--confirm", "demo")
    if words[0] != "--dry-run":
        said = "warning: Consul and Nomad cannot be asked: the credentials here are not those of cluster demo\n"
        assert said in ran.err
    assert ran.code == 0
    paths_in(launched.folder).bundle.write_bytes(own)
    if "--role" not in words:  # the role's droplets are gone
        assert launched("destroy", "--yes").code == 0  # control: with its own credentials


def _listings(at: CliHarness) -> int:
    """How often the cluster's droplets were listed."""
    asked = [(record.path, record.query) for record in at.api.emulator.requests.all()]
    return len([query for path, query in asked if path == "/v2/droplets" and "tag_name=" in query])


@pytest.mark.parametrize("words", [("--dry-run",), ("--node", "demo-nomad-client-1", "--dry-run")])
def test_destroy_compares_the_credentials_with_the_list_that_it_needs(
    launched: CliHarness, words: tuple[str, ...]
) -> None:
    assert launched("destroy", *words).code == 0
    assert _listings(launched) == 1
    paths_in(launched.folder).bundle.write_bytes(encode(create_bundle("demo", now=datetime.now(UTC))))
    launched.forget()
    assert FOREIGN in refused(launched, "destroy", *words).err  # control: it is compared
    assert _listings(launched) == 1
