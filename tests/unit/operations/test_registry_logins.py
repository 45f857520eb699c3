"""The token of the account is not accepted as the credentials of a registry, which every client holds."""

from pathlib import Path

import pytest

from bakery.config.model import Docker, Registry
from bakery.errors import CredentialsError, ExitCode
from bakery.operations.registry_logins import registry_logins

HOST = "registry.digitalocean.com"
BY_VARIABLES = Registry(host=HOST, username="", username_env="ROBOT", password_env="ROBOT", password_file="")
BY_FILE = Registry(host=HOST, username="ci", username_env="", password_env="", password_file="password")


@pytest.mark.parametrize("registry", [BY_VARIABLES, BY_FILE])
@pytest.mark.parametrize(
    "variable", ["DIGITALOCEAN_TOKEN", "DIGITALOCEAN_ACCESS_TOKEN", "DIGITALOCEAN_TOKEN_FILE"]
)
def test_the_accounts_token_is_refused(tmp_path: Path, registry: Registry, variable: str) -> None:
    (tmp_path / "password").write_text("CANARY\n")
    (tmp_path / "token").write_text("CANARY\n")
    value = str(tmp_path / "token") if variable.endswith("FILE") else "CANARY"
    docker = Docker(registries=(registry,))
    with pytest.raises(CredentialsError) as caught:
        registry_logins(docker, tmp_path, {"ROBOT": "CANARY", variable: value})
    assert caught.value.exit_code is ExitCode.CREDENTIALS
    assert (
        caught.value.message
        == f"the credentials of the registry {HOST} are the token of your DigitalOcean account"
    )
    assert "CANARY" not in caught.value.full_message


def test_other_credentials_are_taken_beside_it(tmp_path: Path) -> None:
    """Control."""
    docker = Docker(registries=(BY_VARIABLES,))
    for variables in ({"DIGITALOCEAN_TOKEN": "account"}, {"DIGITALOCEAN_TOKEN_FILE": "/nowhere"}, {}):
        (login,) = registry_logins(docker, tmp_path, {"ROBOT": "pulls", **variables})
        assert login.password == "pulls"
