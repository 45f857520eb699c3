"""What the shell offers: names of the cluster file, of this machine and of the account."""

import io

import pytest
from click.shell_completion import ShellComplete

from bakery.cli.main import bakery
from tests.helpers.cli import CliHarness

pytestmark = pytest.mark.integration


def offered(line: str) -> list[str]:
    """The words that follow the last one of the line, which is not complete."""
    *words, incomplete = line.split(" ")
    found = ShellComplete(bakery, {}, "bakery", "_BAKERY_COMPLETE").get_completions(words, incomplete)
    return [item.value for item in found]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("launch --role ", ["consul-server", "nomad-server", "nomad-client"]),
        ("destroy --role nomad-s", ["nomad-server"]),
        ("destroy --node demo-nomad-client-", ["demo-nomad-client-1", "demo-nomad-client-2"]),
        ("logs demo-c", ["demo-consul-server-1"]),
        ("scale nomad-c", ["nomad-client="]),
        ("launch -f other.yaml --role ", ["edge"]),
        ("launch --wait h", ["healthy"]),
        ("images -o y", ["yaml"]),
        ("help la", []),
        ("la", ["launch"]),
        ("emulator fault l", ["list"]),
    ],
)
def test_names_of_the_cluster_file(at: CliHarness, line: str, words: list[str]) -> None:
    at.write("version: 1\ncluster: other\nroles:\n  edge: {kind: nomad-client, count: 1}\n", "other.yaml")
    assert offered(line) == words


def test_names_of_emulators(at: CliHarness) -> None:
    at.announce()
    assert offered("emulator down --name ") == ["default"]


def test_slugs_of_the_account_are_asked_for_once(at: CliHarness) -> None:
    at.forget()
    assert "fra1" in offered("init --region f")
    assert offered("build-image --size s-1vcpu-1") == ["s-1vcpu-1gb"]
    first = len(at.api.emulator.requests.all())
    assert "fra1" in offered("init --region f")
    assert len(at.api.emulator.requests.all()) == first, "the cache has them"
    (image,) = at("images", "--json").json["images"]
    assert offered("roll --image ") == [str(image["id"])]


def test_where_nothing_can_be_read_nothing_is_offered(
    at: CliHarness, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    at.write("\tnot: yaml: [")
    monkeypatch.delenv("DIGITALOCEAN_TOKEN")
    for line in ("launch --role ", "destroy --node ", "init --region ", "roll --image "):
        assert offered(line) == []
    assert capsys.readouterr() == ("", "")


def test_version_names_the_programs(at: CliHarness) -> None:
    found = at("version", "-o", "json").json
    assert [tool["name"] for tool in found["tools"]] == ["packer", "consul", "nomad"]
    assert [tool["version"] for tool in found["tools"]][1:] == ["1.22.5", "2.0.5"]
    assert "bakery" in at("version").out
    assert at("-V").out == at("--version").out


def test_version_takes_the_versions_of_standard_input(at: CliHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    text = b"version: 1\ncluster: piped\nimage: {consul: 1.21.5, nomad: 1.10.5}\n"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text)))
    found = at("version", "-f", "-", "-o", "json").json
    assert [tool["version"] for tool in found["tools"]][1:] == ["1.21.5", "1.10.5"]
