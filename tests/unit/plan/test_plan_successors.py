"""Which droplet is a successor, and which droplets hold the slots meanwhile."""

from dataclasses import dataclass

import pytest

from bakery.plan.successors import unfinished, without_successors
from bakery.plan.tags import is_cluster_tag, replaced_by, replaces_tag


@dataclass(frozen=True)
class Thing:
    id: int
    name: str
    tags: tuple[str, ...]


OLD = Thing(5, "demo-web-1", ("bakery:demo:slot:web-1",))
NEW = Thing(9, "demo-web-1-7f3a", ("bakery:demo:slot:web-1", "bakery:demo:replaces:5"))


def test_a_successor_holds_no_slot_while_its_predecessor_exists() -> None:
    assert without_successors([OLD, NEW], "demo") == (OLD,)
    assert without_successors([NEW], "demo") == (NEW,)
    assert without_successors([OLD, NEW], "other") == (OLD, NEW)


def test_a_replacement_is_unfinished_until_its_tag_is_deleted() -> None:
    (both,) = unfinished([OLD, NEW], "demo")
    assert (both.slot, both.old_id, both.old, both.new, both.name) == ("demo-web-1", 5, OLD, NEW, "demo-web-1")
    (cleaning,) = unfinished([NEW], "demo")
    assert (cleaning.old, cleaning.old_id, cleaning.name) == (None, 5, "demo-web-1")
    assert unfinished([OLD], "demo") == ()


@pytest.mark.parametrize(
    ("tags", "number"),
    [
        ((), None),
        (("bakery:demo:replaces:123456789",), 123456789),
        (("bakery:demo:replaces:",), None),
        (("bakery:demo:replaces:1x",), None),
        (("bakery:other:replaces:5",), None),
    ],
)
def test_the_tag_names_the_old_droplet(tags: tuple[str, ...], number: int | None) -> None:
    assert replaced_by(tags, "demo") == number


def test_the_tag_is_one_of_the_clusters() -> None:
    assert replaces_tag("demo", 5) == "bakery:demo:replaces:5"
    assert is_cluster_tag("bakery:demo:replaces:5", "demo"), "a destroy deletes it"
