"""Commands as data: how they read without a command line's options."""

from bakery.hints import Command, Hint, joined


def test_a_command_is_quoted_for_a_shell() -> None:
    assert str(Command("access refresh")) == "bakery access refresh"
    assert str(Command("destroy", "--node", "a b")) == "bakery destroy --node 'a b'"


def test_the_options_stand_between_verb_and_arguments() -> None:
    assert Command("browser-cert", "consul").line(["-f", "b.yaml"]) == "bakery browser-cert -f b.yaml consul"


def test_a_hint_is_its_parts_in_order() -> None:
    hint = Hint("first ", Command("launch"), "; ", Hint("then ", Command("status")))
    assert str(hint) == "first bakery launch; then bakery status"


def test_texts_are_joined() -> None:
    assert str(joined("; ", ["wait", Command("gc"), Hint("end")])) == "wait; bakery gc; end"
    assert str(joined("; ", [])) == ""


def test_equal_hints_are_equal() -> None:
    assert Hint("a ", Command("gc")) == Hint("a ", Command("gc"))
    assert Hint("a ", Command("gc")) != Hint("a ", Command("gc", "--delete"))
