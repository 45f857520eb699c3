"""The token of a passage is removed from the replies that it passes on."""

import pytest

from bakery.agents.passage import mask

SECRET = b"abc-abd"


@pytest.mark.parametrize(
    ("pieces", "passed"),
    [
        ([b"1abc-abd2"], b"1xxxxxxx2"),
        ([b"1abc-", b"abd2"], b"1xxxxxxx2"),
        ([bytes([each]) for each in b"1abc-abd2"], b"1xxxxxxx2"),
        ([b"abc-abc-abd", b"abc-abd"], b"abc-xxxxxxxxxxxxxx"),
        ([b"abc-ab", b"c"], b"abc-abc"),
        ([b"abc-ab"], b"abc-ab"),
        ([], b""),
    ],
)
def test_the_secret_is_masked_and_nothing_else(pieces: list[bytes], passed: bytes) -> None:
    assert b"".join(mask(pieces, SECRET)) == passed


def test_a_piece_is_held_back_only_if_the_secret_may_begin_in_it() -> None:
    given = iter([b"one", b"two a", b"three"])
    passed = mask(given, SECRET)
    assert next(passed) == b"one"
    assert next(passed) == b"two "
    assert next(passed) == b"athree"


def test_without_a_secret_the_pieces_stay_as_they_are() -> None:
    assert list(mask([b"one", b"two"], b"")) == [b"one", b"two"]
