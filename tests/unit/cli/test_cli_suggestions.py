"""Commands that bakery suggests can be typed as they stand."""

from pathlib import Path

import pytest

from bakery.cli.session import Settings
from bakery.cli.suggestions import SuggestingConsole, with_flags

FLAGS = " --local -f prod.yaml"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("bakery launch", "bakery launch --local -f prod.yaml"),
        ("bakery destroy --node a", "bakery destroy --local -f prod.yaml --node a"),
        ("bakery browser-cert consul", "bakery browser-cert --local -f prod.yaml consul"),
        ('eval "$(bakery env)"; consul members', 'eval "$(bakery env --local -f prod.yaml)"; consul members'),
        ("run `bakery gc` later", "run `bakery gc --local -f prod.yaml` later"),
        ("bakery plan, bakery launch", "bakery plan --local -f prod.yaml, bakery launch --local -f prod.yaml"),
        # No commands of a cluster's:
        ("bakery emulator up", "bakery emulator up"),
        ("another bakery works on it", "another bakery works on it"),
        ("bring back .bakery/ or /opt/bakery launch", "bring back .bakery/ or /opt/bakery launch"),
        ("the bakery launches", "the bakery launches"),
    ],
)
def test_flags_follow_every_verb(text: str, expected: str) -> None:
    assert with_flags(text, FLAGS) == expected


def test_without_flags_the_text_stays() -> None:
    assert with_flags("bakery launch", "") == "bakery launch"


@pytest.mark.parametrize(
    ("settings", "flags"),
    [
        (Settings(), ""),
        (Settings(local=True), " --local"),
        (Settings(cluster_file=Path("my file.yaml"), named_file=True), " -f 'my file.yaml'"),
        # From BAKERY_CLUSTER_FILE: the next command has it too.
        (Settings(cluster_file=Path("b.yaml")), ""),
        (Settings(cluster_file=Path("b.yaml"), named_file=True, local=True), " --local -f b.yaml"),
    ],
)
def test_flags_of_a_run(settings: Settings, flags: str) -> None:
    assert settings.flags == flags


def test_the_console_speaks_so(capsys: pytest.CaptureFixture[str]) -> None:
    console = SuggestingConsole(" --local", quiet=False, verbose=False, no_color=False)
    console.note("next: bakery launch")
    console.warn("bakery gc removes it")
    assert capsys.readouterr().err == "next: bakery launch --local\nwarning: bakery gc --local removes it\n"


def test_quiet_leaves_warnings(capsys: pytest.CaptureFixture[str]) -> None:
    console = SuggestingConsole("", quiet=True, verbose=True, no_color=False)
    console.note("talk")
    console.detail("more talk")
    console.warn("act on this")
    console.data("answer")
    streams = capsys.readouterr()
    assert (streams.out, streams.err) == ("answer\n", "warning: act on this\n")


def test_a_command_of_a_group_takes_the_flags_after_its_own_name() -> None:
    assert with_flags("bakery access refresh", " --local") == "bakery access refresh --local"
    assert with_flags("bakery access --help", " --local") == "bakery access --local --help"
