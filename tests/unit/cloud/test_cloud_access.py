"""Where the token comes from, and which endpoints may have it."""

from pathlib import Path

import pytest

from bakery.cloud.access import operator_address, read_token
from bakery.cloud.digitalocean import connect
from bakery.cloud.endpoint import checked_endpoint
from bakery.errors import CredentialsError, UsageError


@pytest.mark.parametrize(
    ("env", "token"),
    [
        ({"DIGITALOCEAN_TOKEN": "one"}, "one"),
        ({"DIGITALOCEAN_ACCESS_TOKEN": "two"}, "two"),
        ({"DIGITALOCEAN_TOKEN": "one", "DIGITALOCEAN_ACCESS_TOKEN": "two"}, "one"),
        ({"DIGITALOCEAN_TOKEN": " ", "DIGITALOCEAN_ACCESS_TOKEN": " two\n"}, "two"),
    ],
)
def test_the_token_comes_from_the_environment(env: dict[str, str], token: str) -> None:
    assert read_token(env, None) == token


def test_a_named_file_goes_before_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("three\n")
    assert read_token({"DIGITALOCEAN_TOKEN": "one"}, file) == "three"


@pytest.mark.parametrize("content", ["", "\n", "dop_v1 abc", "dop\nv1", "dop\x00v1", "dôp"])
def test_what_is_no_token_is_refused_without_repeating_it(tmp_path: Path, content: str) -> None:
    file = tmp_path / "token"
    file.write_text(content)
    with pytest.raises(CredentialsError) as caught:
        read_token({}, file)
    assert not content.strip() or content not in repr(caught.value)


def test_no_token_at_all() -> None:
    with pytest.raises(CredentialsError) as caught:
        read_token({}, None)
    assert caught.value.message == "no DigitalOcean token in DIGITALOCEAN_TOKEN or DIGITALOCEAN_ACCESS_TOKEN"
    assert caught.value.exit_code == 3


def test_a_token_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CredentialsError, match="cannot read the token file"):
        read_token({}, tmp_path / "none")


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("https://api.digitalocean.com", "https://api.digitalocean.com"),
        ("https://api.digitalocean.com/v2/", "https://api.digitalocean.com"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://127.9.9.9:8080/", "http://127.9.9.9:8080"),
        ("http://localhost:1/x/", "http://localhost:1/x"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_endpoints_that_may_have_the_token(url: str, base: str) -> None:
    assert checked_endpoint(url) == base


@pytest.mark.parametrize(
    "url",
    [
        "http://api.digitalocean.com", "http://10.0.0.1", "http://127.0.0.1.evil.example", "http://localhost.example",
        "http://127.0.0.1@evil.example", "https://user:secret@host", "https://host/?a=b", "https://host/#a",
        "ftp://127.0.0.1", "api.digitalocean.com", "", "https://", "http://[::1", "http://127.0.0.1:port",
        "https://api..com", f"https://{'a' * 64}.com",
    ],
)  # fmt: skip
def test_endpoints_that_may_not(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        checked_endpoint(url)
    assert "secret" not in repr(caught.value)


def test_an_error_about_an_endpoint_without_a_scheme_has_no_password() -> None:
    with pytest.raises(UsageError) as caught:
        checked_endpoint("user:canary@api.example")
    assert caught.value.message == "'api.example' is not an API endpoint"


def test_connecting_needs_a_token() -> None:
    with pytest.raises(CredentialsError):
        connect(endpoint="https://api.digitalocean.com", token="")


@pytest.mark.parametrize(
    "url", ["http://198.51.100.1/ip", "ftp://x", "what", "https://[", "https://x:port", "https://ip..com"]
)
def test_the_operators_address_is_not_asked_in_clear_or_of_what_is_no_host(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        operator_address(url)
    assert caught.value.hint == "give the address yourself: --admin-cidr ADDRESS/32"
