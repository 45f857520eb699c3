"""Commands that bakery suggests can be typed as they stand."""

import pytest

from bakery.cli.suggestions import with_flags

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


def test_a_command_of_a_group_takes_the_flags_after_its_own_name() -> None:
    assert with_flags("bakery access refresh", " --local") == "bakery access refresh --local"
    assert with_flags("bakery access --help", " --local") == "bakery access --local --help"
