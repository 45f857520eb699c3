"""A secret is cut out in each form in which a program writes it, and what is around it stays."""

import base64
import os
import string
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bakery.credentials import escapes
from bakery.credentials.escapes import readings
from bakery.credentials.hiding import SHORTEST, hide
from bakery.credentials.redaction import without_secrets
from tests.helpers.leaks import SPELLINGS, found_in

GOSSIP_KEY = "HZiZdug9NtHyTW5evzIj/jI2wEdEueWU+3RF3fHXr4o="
SECRETS = {
    "gossip key": GOSSIP_KEY,
    "uuid": "4f1c0000-0000-4000-8000-000000000000",
    "password": "a <b>&'\"\\%/+=ä\n€;c~😀",
    "apostrophe": "it's-a-secret",
    "with a space": "Tr0ub4dor&*3 horse'q",
    "with quotes": 'pa"ss\\word =1x',
}
AROUND = [("a ", " b"), ("100% ", "%"), ("%41\\u0042", '\\"%zz'), ("\\\\", "")]


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("name", SECRETS)
def test_it_is_cut_in_each_form(name: str, spelling: str) -> None:
    written = SPELLINGS[spelling](SECRETS[name])
    text = f"before {written} after"
    assert found_in(text, SECRETS) == [name]  # control
    cut = without_secrets(text, SECRETS.values())
    assert found_in(cut, SECRETS) == []
    assert "***" in cut


@pytest.mark.parametrize(
    ("secret", "written"),
    [
        (SECRETS["with quotes"], 'pa\\"ss\\word =1x'),
        (SECRETS["with a space"], "Tr0ub4dor%26*3+horse%27q"),
        (SECRETS["with a space"], "Tr0ub4dor%26*3%20horse'q"),
        ("p~w0rd1234", "p%7Ew0rd1234"),
        ("p~w0rd1234", "%70%7e%77%30%72%64%31%32%33%34"),
        ("p/w+rd/12", "p%2fw%2Brd%2F12"),
        ("p/w+rd/12", "p\\/w\\u002Brd\\/12"),
        ("p/w+rd/12", "p\\\\/w\\u002brd\\\\/12"),
        ("p/w+rd/12", "p%5C/w+rd%5c/12"),
        ("p/w+rd/12", "p%252Fw%252Brd%252F12"),
        ("caf\u00e9-1234", "caf\\u00E9-1234"),
        ("caf\u00e9-1234", "caf\\u00e9-1234"),
        ("caf\u00e9-1234", "caf\\U000000e9-1234"),
        ("caf\u00e9-1234", "caf\\xe9-1234"),
        ("caf\u00e9-1234", "caf\\xC3\\xA9-1234"),
        ("caf\u00e9-1234", "caf%e9-1234"),
        ("smile-\U0001f600", "smile-\\ud83d\\uDE00"),
        ("smile-\U0001f600", "smile-\\U0001F600"),
        ("smile-\U0001f600", "smile-%f0%9f%98%80"),
        ("a\tb\r\x01c\x7f", "a\\tb\\r\\u0001c\\x7f"),
        ("abcd", "\\u0061\\u0062\\u0063\\u0064"),
        ("abcd", "\\x61b\\x63d"),
        ("100%41b", "100%41b"),
        ("100%41b", "100%2541b"),
        ("back\\nslash", "back\\nslash"),
        ("back\\nslash", "back\\\\nslash"),
        (GOSSIP_KEY, GOSSIP_KEY.rstrip("=")),
        (GOSSIP_KEY, GOSSIP_KEY.replace("/", "_").replace("+", "-")),
        (GOSSIP_KEY, GOSSIP_KEY.replace("/", "_").replace("+", "-").rstrip("=")),
        (GOSSIP_KEY, GOSSIP_KEY.replace("=", "%3D")),
        (GOSSIP_KEY, GOSSIP_KEY.replace("=", "\\u003d").replace("/", "\\/")),
        ("a?>?>?abc", base64.urlsafe_b64encode(b"a?>?>?abc").decode()),
        ("a?>?>?ab", base64.urlsafe_b64encode(b"a?>?>?ab").decode().rstrip("=")),
        (GOSSIP_KEY, base64.b64encode(GOSSIP_KEY.encode()).decode()),
    ],
)
@pytest.mark.parametrize(
    ("before", "after"), [("a ", " b"), ("100% ", "%"), ("%41\\u0042", '\\"%zz'), ("\\\\", "")]
)
def test_what_is_around_it_stays(secret: str, written: str, before: str, after: str) -> None:
    assert hide(f"{before}{written}{after}", [secret]) == f"{before}***{after}"


def _in_url(character: str) -> st.SearchStrategy[str]:
    """``+`` is written for a space, so it does not stay."""
    code = "".join(f"%{byte:02x}" for byte in character.encode())
    own = [character] if character not in "%+ " else ["+"] if character == " " else []
    return st.sampled_from([*own, code, code.upper()])


SHORT = {"\n": "n", "\r": "r", "\t": "t", "\b": "b", "\f": "f", '"': '"', "'": "'", "\\": "\\", "/": "/"}


def _in_code(character: str) -> st.SearchStrategy[str]:
    units = character.encode("utf-16-be")
    code = "".join(f"\\u{units[place : place + 2].hex()}" for place in range(0, len(units), 2))
    own = [character] if character != "\\" else []
    short = [f"\\{SHORT[character]}"] if character in SHORT else []
    of_bytes = "".join(f"\\x{byte:02x}" for byte in character.encode())
    capitals = code.upper().replace("U", "u"), of_bytes.upper().replace("X", "x")
    return st.sampled_from([*own, *short, code, of_bytes, *capitals, f"\\U{ord(character):08x}"])


def _in_log(character: str) -> st.SearchStrategy[str]:
    return st.just('\\"' if character == '"' else character)


LAYERS: list[Callable[[str], st.SearchStrategy[str]]] = [_in_url, _in_code, _in_log]
CHARACTERS = st.sampled_from([*string.printable, "é", "ÿ", "€", "😀", "\u00a0"])


@st.composite
def spelled(draw: st.DrawFn) -> tuple[str, str]:
    """A secret, and it in one or two layers of escapes: for each character one of its spellings."""
    secret = text = draw(st.text(CHARACTERS, min_size=8, max_size=16))
    for layer in draw(st.lists(st.sampled_from(LAYERS), min_size=1, max_size=2)):
        text = "".join(draw(layer(character)) for character in text)
    return secret, text


@settings(max_examples=300, deadline=None)
@given(spelled(), st.integers(0, 3000), st.integers(0, 3000))
@example(("abcdefgh", "abcdefg%68"), 3000, 0)
def test_however_each_character_is_written(pair: tuple[str, str], before: int, after: int) -> None:
    secret, written = pair
    assert hide("¡" * before + written + "¿" * after, [secret]) == "¡" * before + "***" + "¿" * after


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from('ab%41\\u0041\\"\\\\n+ x'), max_size=60))
def test_a_reading_has_the_places_of_the_text(text: str) -> None:
    for reading in readings(text, 60):
        origins = [reading.origin(place) for place in range(len(reading.text) + 1)]
        assert origins == sorted(set(origins))
        assert (origins[0], origins[-1]) == (0, len(text))
        for place, character in enumerate(reading.text):
            written = text[origins[place] : origins[place + 1]]
            assert written == character or written[0] in "%\\"


def test_far_from_escapes_nothing_is_read_again() -> None:
    """The search in a text of megabytes with a few escapes takes not much longer than in one without."""
    text = "%41" + "x" * 10_000 + "\\n%42" + "y" * 10_000 + "%42"
    lengths = [len(reading.text) for reading in readings(text, 50)]
    assert lengths[0] == len(text)
    assert len(lengths) >= 4
    assert max(lengths[1:]) < 500


def test_without_escapes_there_is_one_reading() -> None:
    assert len(list(readings("[DEBUG] nomad: took 100% of 3+4 \\ \\w %zz", 10))) == 1


def test_three_layers_are_not_read() -> None:
    """Control: two are."""
    assert escapes.LAYERS == 2
    assert hide("a%252Fb/c", ["a/b/c"]) == "***"
    assert hide("a%25252Fb/c", ["a/b/c"]) == "a%25252Fb/c"


def test_of_secrets_that_overlap_nothing_is_left() -> None:
    secrets = ["secret", "secret-and-more/", "more/again"]
    assert hide("a secret-and-more%2Fagain b", secrets) == "a *** b"
    assert hide("a secretsecret b", secrets) == "a ****** b"


def test_what_is_too_short_is_left_out() -> None:
    text = "a" * SHORTEST
    assert hide(text, ["", "a" * (SHORTEST - 1)]) == text
    assert hide(text, [text]) == "***"


def test_a_variable_that_is_not_utf_8_is_a_secret_too() -> None:
    secret = os.fsdecode(b"canary-\xff")
    assert hide(f"a {secret} b", [secret]) == "a *** b"
