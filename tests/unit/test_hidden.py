"""What errors quote of values that may be secret."""

from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from bakery.cloud.access import operator_address
from bakery.cloud.endpoint import checked_endpoint
from bakery.credentials.redaction import without_secrets
from bakery.errors import UsageError
from bakery.hidden import has_token_form, hide_forms, host_of, may_show_path, may_show_variable, quoted_url
from bakery.toolchain.model import places_from_environment


def _site(variable: str) -> Callable[[str], object]:
    return lambda url: places_from_environment({variable: url})


READERS: dict[str, Callable[[str], object]] = {
    "DIGITALOCEAN_API_URL": checked_endpoint,
    "BAKERY_ADDRESS_URL": operator_address,
    "BAKERY_RELEASES_URL": _site("BAKERY_RELEASES_URL"),
    "BAKERY_GITHUB_URL": _site("BAKERY_GITHUB_URL"),
}


@pytest.mark.parametrize("variable", READERS)
@pytest.mark.parametrize(
    "url",
    [
        "https://user:canary@127.0.0.1:1/x", "http://user:canary@127.0.0.1:1/x", "user:canary@host/x",
        "https://[user:canary@x", "https://[user:canary]@x", "https://[user:canary@x]/", "https://user:canary@x:port",
        "//user:canary@host", "https://user:ca@canary@127.0.0.1:1", "ftp://canary@host",
        "http://user:canary@192.0.2.1",
    ],
)  # fmt: skip
def test_no_error_about_a_url_quotes_its_password(
    variable: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise requests.ConnectionError

    monkeypatch.setattr(requests.Session, "get", fail)
    with pytest.raises(UsageError) as caught:
        READERS[variable](url)
    assert "canary" not in repr(caught.value)
    assert "canary" not in caught.value.full_message


@pytest.mark.parametrize("url", ["ftp://host/x?key=canary", "what?key=canary"])
@pytest.mark.parametrize("variable", ["DIGITALOCEAN_API_URL", "BAKERY_ADDRESS_URL"])
def test_nor_its_query(variable: str, url: str) -> None:
    with pytest.raises(UsageError) as caught:
        READERS[variable](url)
    assert "canary" not in caught.value.full_message
    assert url.partition("?")[0] in caught.value.full_message  # control


def test_the_rest_of_a_url_is_shown() -> None:
    assert quoted_url("http://example.com/a?b#c") == "'http://example.com/a'"
    assert [host_of(url) for url in ("https://a:1/b", "https://u:7/p@a:1/b", "a/b", "https://a?b=c://d")] == [
        "a:1", "a:1", "a", "a",
    ]  # fmt: skip


TOKENS = [
    f"dop_v1_{'0a' * 32}", "dop_v1_0123", f"ghp_{'A1' * 18}", f"github_pat_{'A1' * 18}", f"glpat-{'a-' * 10}",
    f"dckr_pat_{'a-' * 10}", "AGE-SECRET-KEY-1ABC", "age-secret-key-1abc", f"eyJ{'a' * 20}.{'b' * 20}.{'c' * 20}",
    "-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n",
]  # fmt: skip


@pytest.mark.parametrize("token", TOKENS)
def test_a_token_is_known_by_its_form(token: str) -> None:
    assert has_token_form(token)
    assert hide_forms(f"a {token}") == "a ***"
    assert not may_show_variable(token)
    assert not may_show_path(f"a/{token}", Path("/"))


@pytest.mark.parametrize(
    "token",
    [f"do{letter}_v1_{'0a' * 32}" for letter in "opr"]
    + [f"AGE-SECRET-KEY-1{'A' * 20}", f"eyJ{'a' * 8}.{'b' * 8}.{'c' * 16}",
       "-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----"],
)  # fmt: skip
def test_what_a_support_bundle_cuts_by_its_form_no_error_quotes(token: str) -> None:
    assert without_secrets(token, ()) == "***"
    assert has_token_form(token)


@pytest.mark.parametrize("text", ["", "REGISTRY_TOKEN", "dop", "me@laptop", "80/tcp from vpc", "a: b@c", "{a: b}"])
def test_other_texts_stay(text: str) -> None:
    assert hide_forms(text) == text


def test_a_long_text_is_searched_quickly() -> None:
    for text in ("a:" * 50_000, "a" * 100_000 + "@", "eyJ" * 30_000, "a:" * 50_000 + "@", "-----BEGIN " * 10_000):
        assert len(hide_forms(text)) <= len(text) + 4


def test_which_names_of_variables_and_paths_are_shown(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("")
    assert [may_show_variable(name) for name in ("REGISTRY_TOKEN", "_A1", "hunter2", "A b", "")] == [
        True, True, False, False, False,
    ]  # fmt: skip
    named = ["password", "secrets/none", "hunter2", "a/b\nc", "h" * 5000]
    assert [may_show_path(name, tmp_path / name) for name in named] == [True, True, False, False, False]
