"""Which arguments of ``bakery nomad`` are bakery's, and which are the program's."""

import click
import pytest

from bakery.cli.main import run
from bakery.cli.nomad import nomad
from bakery.cli.options import Settings
from bakery.cli.program import environment


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
    assert environment({"NOMAD_TOKEN": "bakery's"}, mine) == {
        "NOMAD_NAMESPACE": "dev",
        "NOMAD_TOKEN": "bakery's",
        "EDITOR": "vi",
    }
