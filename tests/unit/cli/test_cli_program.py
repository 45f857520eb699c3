"""Which arguments of ``bakery nomad`` are bakery's, and which are the program's."""

import click
import pytest

from bakery.cli.main import run
from bakery.cli.nomad import nomad
from bakery.cli.options import Settings
from bakery.cli.program import environment, of_registries
from bakery.config.model import Docker, Registry


@pytest.mark.parametrize(
    ("words", "person", "arguments"),
    [
        ((), None, ()),
        (("status", "-json"), None, ("status", "-json")),
        (("-f", "a.yaml", "--local", "job", "run", "-f", "b"), None, ("job", "run", "-f", "b")),
        (("--as", "ci", "status", "--as", "x"), "ci", ("status", "--as", "x")),
        (("--as=ci", "status"), "ci", ("status",)),
        (("--cluster-file=a.yaml", "-version"), None, ("-version",)),
        (("-help",), None, ("-help",)),
        (("--", "-f", "x"), None, ("-f", "x")),
        (("alloc", "exec", "a", "--", "ls", "-l"), None, ("alloc", "exec", "a", "--", "ls", "-l")),
    ],
)
def test_options_of_bakery_end_at_the_first_other_word(
    words: tuple[str, ...], person: str | None, arguments: tuple[str, ...]
) -> None:
    context = nomad.make_context("nomad", list(words), parent=click.Context(nomad, obj=Settings()))
    assert (context.params["person"], context.params["arguments"]) == (person, arguments)


@pytest.mark.parametrize("option", ["-f", "--as"])
def test_an_option_without_its_value_is_named(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["nomad", option]) == 2
    assert capsys.readouterr().err.startswith(f"error: option '{option}' requires an argument")


def test_the_environment_is_the_users_without_what_contradicts() -> None:
    mine = {
        "NOMAD_NAMESPACE": "dev",
        "NOMAD_TOKEN": "mine",
        "NOMAD_SKIP_VERIFY": "true",
        "CONSUL_HTTP_TOKEN_FILE": "/elsewhere",
        "DIGITALOCEAN_TOKEN": "account",
        "BAKERY_AGE_PASSPHRASE": "of the bundle",
        "EDITOR": "vi",
    }
    assert environment({"NOMAD_TOKEN": "bakery's"}, mine=mine) == {
        "NOMAD_NAMESPACE": "dev",
        "NOMAD_TOKEN": "bakery's",
        "EDITOR": "vi",
    }


def test_the_credentials_of_registries_are_not_for_the_program() -> None:
    both = Registry(
        host="a.io", username="", username_env="ROBOT", password_env="ROBOT_PASSWORD", password_file=""
    )
    file = Registry(host="b.io", username="ci", username_env="", password_env="", password_file="password")
    mine = {"ROBOT": "ci", "ROBOT_PASSWORD": "hidden", "EDITOR": "vi", "": "empty"}
    found = environment({}, of_registries(Docker(registries=(both, file))), mine)
    assert found == {"EDITOR": "vi", "": "empty"}
