"""Commands that bakery suggests mean the same cluster as the command that suggests them."""

from pathlib import Path

import pytest

from bakery.cli.command_lines import spell
from bakery.cli.options import Settings
from bakery.hints import Command, Hint, Text, joined

OPTIONS = ("--local", "-f", "my file.yaml")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (Command("launch"), "bakery launch --local -f 'my file.yaml'"),
        (Command("destroy", "--node", "a"), "bakery destroy --local -f 'my file.yaml' --node a"),
        (Command("access refresh"), "bakery access refresh --local -f 'my file.yaml'"),
        (Command("emulator stand-in"), "bakery emulator stand-in --local -f 'my file.yaml'"),
        (Command("build-image", "--local"), "bakery build-image -f 'my file.yaml' --local"),
        (Hint('eval "$(', Command("env"), ')"'), "eval \"$(bakery env --local -f 'my file.yaml')\""),
        (
            joined("; ", (Hint("first: ", Command("gc")), "then wait")),
            "first: bakery gc --local -f 'my file.yaml'; then wait",
        ),
        # Its own -f is another option:
        (Command("logs", "a"), "bakery logs --local --cluster-file 'my file.yaml' a"),
        # These know no cluster file:
        (Command("emulator up", "--name", "ci"), "bakery emulator up --name ci"),
        (Command("completion", "bash"), "bakery completion bash"),
        # What is not a command is never changed, whatever it says:
        ("another bakery launch of cluster demo", "another bakery launch of cluster demo"),
    ],
)
def test_the_options_of_this_run_follow_the_verb(text: Text, expected: str) -> None:
    assert spell(text, OPTIONS) == expected


def test_without_options_the_command_is_as_short_as_it_can_be() -> None:
    assert spell(Hint("next: ", Command("launch")), ()) == "next: bakery launch"


@pytest.mark.parametrize(
    ("settings", "given"),
    [
        (Settings(), ()),
        (Settings(local=True), ("--local",)),
        (Settings(cluster_file=Path("my file.yaml"), named_file=True), ("-f", "my file.yaml")),
        # From BAKERY_CLUSTER_FILE: the next command has it too.
        (Settings(cluster_file=Path("b.yaml")), ()),
        (Settings(cluster_file=Path("b.yaml"), named_file=True, local=True), ("--local", "-f", "b.yaml")),
    ],
)
def test_options_of_a_run(settings: Settings, given: tuple[str, ...]) -> None:
    assert settings.given == given


def test_the_console_writes_the_options(capsys: pytest.CaptureFixture[str]) -> None:
    console = Settings(local=True).console()
    console.note(Hint("next: ", Command("launch")))
    console.warn(Hint(Command("gc"), " removes it"))
    console.print(Command("plan"))
    streams = capsys.readouterr()
    assert streams.err == "next: bakery launch --local\nwarning: bakery gc --local removes it\n"
    assert streams.out == "bakery plan --local\n"
