"""The tokens of a run are removed from the replies that its passages pass on."""

import pytest

from bakery.agents.passage import mask

SECRET = "abc-abd"
OTHER = "bd-q"


def hidden() -> list[str]:
    return [SECRET, OTHER]


@pytest.mark.parametrize(
    ("pieces", "passed"),
    [
        ([b"1abc-abd2"], b"1xxxxxxx2"),
        ([b"1abc-", b"abd2"], b"1xxxxxxx2"),
        ([bytes([each]) for each in b"1abc-abd2"], b"1xxxxxxx2"),
        ([b"abc-abc-abd", b"abc-abd"], b"abc-xxxxxxxxxxxxxx"),
        ([b"abc-ab", b"c"], b"abc-abc"),
        ([b"abc-ab"], b"abc-ab"),
        ([b"1bd-q2"], b"1xxxx2"),
        ([b"1abc-abd", b"-qbd", b"-q"], b"1xxxxxxx-qxxxx"),
        ([b"abc-ab", b"d-", b"qb"], b"xxxxxxx-qb"),
        ([bytes([each]) for each in b"abc-abd abc-abbd-q"], b"xxxxxxx abc-abxxxx"),
        ([], b""),
    ],
)
def test_the_secret_is_masked_and_nothing_else(pieces: list[bytes], passed: bytes) -> None:
    assert b"".join(mask(pieces, hidden)) == passed


def test_a_piece_is_held_back_only_if_the_secret_may_begin_in_it() -> None:
    given = iter([b"one", b"two a", b"three"])
    passed = mask(given, hidden)
    assert next(passed) == b"one"
    assert next(passed) == b"two "
    assert next(passed) == b"athree"


def test_without_a_secret_the_pieces_stay_as_they_are() -> None:
    assert list(mask([b"one", b"two"], lambda: ["", ""])) == [b"one", b"two"]


def test_a_secret_that_is_made_while_the_reply_arrives_is_masked() -> None:
    known: list[str] = []
    passed = mask(iter([b"one ", b"abc-abd"]), lambda: known)
    assert next(passed) == b"one "
    known.append(SECRET)
    assert next(passed) == b"xxxxxxx"
