"""The credentials of container registries: read from variables and files, or named as missing."""

from pathlib import Path

import pytest

from bakery.config.model import Docker, Registry
from bakery.credentials.model import RegistryLogin
from bakery.credentials.registries import read_logins
from bakery.errors import CredentialsError, ExitCode

BY_VARIABLES = Registry(
    host="registry.digitalocean.com",
    username="",
    username_env="REGISTRY_TOKEN",
    password_env="REGISTRY_TOKEN",
    password_file="",
)
BY_FILE = Registry(
    host="registry.example.com", username="ci", username_env="", password_env="", password_file="secrets/registry"
)
DOCKER = Docker(registries=(BY_VARIABLES, BY_FILE))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "registry").write_text("CANARY-file\n")
    return tmp_path


def test_they_are_read_in_file_order_without_the_line_end(folder: Path) -> None:
    found = read_logins(DOCKER, folder, {"REGISTRY_TOKEN": "CANARY-variable"})
    assert found == (
        RegistryLogin(host=BY_VARIABLES.host, username="CANARY-variable", password="CANARY-variable"),
        RegistryLogin(host=BY_FILE.host, username="ci", password="CANARY-file"),
    )
    assert "CANARY" not in repr(found)


def test_without_registries_nothing_is_read(tmp_path: Path) -> None:
    assert read_logins(Docker(), tmp_path, {}) == ()


@pytest.mark.parametrize("variables", [{}, {"REGISTRY_TOKEN": ""}, {"REGISTRY_TOKEN": " \n"}])
def test_a_variable_that_is_not_set(folder: Path, variables: dict[str, str]) -> None:
    with pytest.raises(CredentialsError) as caught:
        read_logins(DOCKER, folder, variables)
    assert caught.value.exit_code is ExitCode.CREDENTIALS
    assert caught.value.message == (
        "docker.registries.registry.digitalocean.com.username_env names REGISTRY_TOKEN, which is empty or not set"
    )
    assert caught.value.hint == "export REGISTRY_TOKEN=…"


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CredentialsError) as caught:
        read_logins(Docker(registries=(BY_FILE,)), tmp_path, {})
    file = tmp_path / "secrets" / "registry"
    assert caught.value.message == (
        f"docker.registries.registry.example.com.password_file names {file}, which cannot be read"
    )
    assert caught.value.details == "No such file or directory"


@pytest.mark.parametrize("content", [b"", b" \n"])
def test_a_file_that_is_empty(folder: Path, content: bytes) -> None:
    (folder / "secrets" / "registry").write_bytes(content)
    with pytest.raises(CredentialsError, match="which is empty"):
        read_logins(Docker(registries=(BY_FILE,)), folder, {})


def test_everything_that_is_missing_is_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(CredentialsError) as caught:
        read_logins(DOCKER, tmp_path, {})
    file = tmp_path / "secrets" / "registry"
    assert caught.value.message == "the credentials of 2 registries cannot be read"
    assert caught.value.details == (
        "docker.registries.registry.digitalocean.com.username_env names REGISTRY_TOKEN, which is empty or not set"
        "; "
        f"docker.registries.registry.example.com.password_file names {file}, which cannot be read: "
        "No such file or directory"
    )
    assert str(caught.value.hint) == "export REGISTRY_TOKEN=…; create the file, or use password_env"


@pytest.mark.parametrize("name", ["hunter2", f"dop_v1_{'0a' * 32}", f"DOP_{'a' * 64}", "registry_token"])
@pytest.mark.parametrize("key", ["username_env", "password_env"])
def test_a_name_that_may_be_the_secret_is_not_quoted(tmp_path: Path, key: str, name: str) -> None:
    names = {"username_env": "USER", "password_env": "USER"} | {key: name}
    registry = Registry(host="ghcr.io", username="", password_file="", **names)
    with pytest.raises(CredentialsError) as caught:
        read_logins(Docker(registries=(registry,)), tmp_path, {"USER": "ci"})
    assert caught.value.message == f"docker.registries.ghcr.io.{key} names a variable that is empty or not set"
    assert name not in repr(caught.value)


@pytest.mark.parametrize("name", ["hunter2", "hunter2\nhunter3/x", f"a/dop_v1_{'0a' * 32}", "h" * 5000])
def test_a_path_that_may_be_the_secret_is_not_quoted(tmp_path: Path, name: str) -> None:
    registry = Registry(host="ghcr.io", username="ci", username_env="", password_env="", password_file=name)
    with pytest.raises(CredentialsError) as caught:
        read_logins(Docker(registries=(registry,)), tmp_path, {})
    assert caught.value.message == "docker.registries.ghcr.io.password_file names a file, which cannot be read"
    assert name not in repr(caught.value)


def test_a_path_of_a_file_that_exists_is_quoted(tmp_path: Path) -> None:
    """Control."""
    (tmp_path / "password").write_text("")
    registry = Registry(host="ghcr.io", username="ci", username_env="", password_env="", password_file="password")
    with pytest.raises(CredentialsError, match=f"names {tmp_path / 'password'}, which is empty"):
        read_logins(Docker(registries=(registry,)), tmp_path, {})
