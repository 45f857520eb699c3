"""A day's commands at their most verbose, on real agents: where the cluster's secrets were seen meanwhile."""

import json
import shlex
import subprocess  # noqa: TID251 - the real git, as a user calls it
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request

from bakery import proc
from bakery.config.defaults import TESTED_NOMAD_VERSION
from bakery.credentials.tokens import consul_agent_token, consul_nomad_token
from bakery.emulator.api import endpoint
from bakery.emulator.api.call import Call
from bakery.emulator.daemon.app import Emulator
from bakery.render.model import UserData
from tests.helpers.emulated import TOKEN
from tests.helpers.leaks import children, found_in, holders, secrets_in, watched
from tests.helpers.live_cli import SERVERS, LiveCli, live_cli
from tests.helpers.rendered import files_of
from tests.helpers.snapshot import bake
from tests.helpers.tls import self_signed

pytestmark = pytest.mark.integration

REGISTRY = "canary-registry-password"
MORE = f"""{SERVERS}
  shop: {{kind: nomad-client, count: 1, size: s-1vcpu-1gb, consul: {{log_level: debug}}}}
  ingress: {{count: 1, size: s-1vcpu-1gb}}
docker:
  registries:
    registry.example.com: {{username: ci, password_env: REGISTRY_PASSWORD}}
ingress:
  certificates: [{{cert: shop.pem, key: shop-key.pem}}]
"""
COMMANDS = (
    ("validate",), ("plan",), ("launch", "--dry-run"), ("launch", "--yes", "--wait", "active"),
    ("render", "--role", "shop", "-o", "rendered"), ("render", "--role", "ingress", "-o", "rendered"),
    ("status",), ("env", "--unset"), ("credentials",), ("credentials", "issue", "ci", "--role", "deploy"),
    ("credentials", "list"), ("browser-cert", "nomad", "--force"),
    ("support", "--seconds", "1", "-o", "help.tar.gz"),
    ("logs", "demo-nomad-server-1", "--seconds", "1"), ("events",), ("ls",), ("doctor",), ("images",), ("gc",),
    ("access", "refresh", "--yes"), ("credentials", "revoke", "ci"), ("destroy", "--dry-run"),
)  # fmt: skip

# What each kind of droplet needs (docs/architecture.md, "What a node holds").
NEEDS = {
    "demo-consul-server-1": {"consul_gossip_key.0"},
    "demo-nomad-server-1": {"consul_gossip_key.0", "nomad_gossip_key.0", "Nomad's token of demo-nomad-server-1"},
    "demo-nomad-client-1": {"consul_gossip_key.0", "Nomad's token of demo-nomad-client-1"},
    "demo-shop-1": {"consul_gossip_key.0", "Nomad's token of demo-shop-1", "login", "registry"},
    "demo-ingress-1": {"consul_gossip_key.0", "site's key"},
}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request to the API, without its headers, where the account's token is."""

    method: str
    path: str
    body: dict[str, Any]


@dataclass(kw_only=True)
class Day:
    """What was seen of all commands."""

    live: LiveCli
    temporary: Path
    secrets: dict[str, str]
    """Names of the secrets, and the secrets: in a request, "NAME of DROPLET" may be only with that droplet."""
    requests: list[Asked]
    outputs: dict[str, str] = field(default_factory=dict)
    seen: dict[str, set[str]] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        return self.live.at.folder


@pytest.fixture(scope="module")
def requests() -> Iterator[list[Asked]]:
    """The requests to the emulated API."""
    found: list[Asked] = []
    before = endpoint._call

    def spy(request: Request, body: bytes, emulator: Emulator) -> Call:
        call = before(request, body, emulator)
        found.append(
            Asked(method=request.method, path=f"{request.url.path}?{request.url.query}", body=dict(call.body))
        )
        return call

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(endpoint, "_call", spy)
        yield found


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory, requests: list[Asked]) -> Iterator[Day]:
    temporary = tmp_path_factory.mktemp("temporary")
    with live_cli(tmp_path_factory.mktemp("live")) as live, pytest.MonkeyPatch.context() as patch:
        for name, value in {"REGISTRY_PASSWORD": REGISTRY, "BAKERY_P12_PASSWORD": "canary-p12-password"}.items():
            patch.setenv(name, value)
        patch.setenv("TMPDIR", str(temporary))
        patch.setattr(tempfile, "tempdir", str(temporary))  # it is looked up once in a process
        git(live.at.folder, "init", "--quiet")
        pair = self_signed("shop.example.com")
        for name, text in (("shop.pem", pair.certificate), ("shop-key.pem", pair.key)):
            live.at.write(text, name)
        (live.at.folder / ".gitignore").write_text("shop-key.pem\n")
        live.at.write(MORE)
        bake(live.at.api, traefik=True, nomad=TESTED_NOMAD_VERSION)
        made = Day(live=live, temporary=temporary, secrets=secrets_of(live, pair.key), requests=requests)
        with watched(children, temporary) as seen:
            for words in COMMANDS:
                for flags in (("-v",), ("-v", "--json")):
                    ran = live.at(*words, *flags)
                    made.outputs[shlex.join([*words, *flags])] = ran.out + ran.err
                    assert "unexpected" not in ran.err, (words, ran.err)
        made.seen = seen
        yield made


def secrets_of(live: LiveCli, ingress_key: str) -> dict[str, str]:
    bundle = live.agents.bundle
    found = secrets_in(bundle) | {"account": TOKEN, "p12": "canary-p12-password"}
    for name in (
        "demo-consul-server-1",
        "demo-nomad-server-1",
        "demo-nomad-client-1",
        "demo-shop-1",
        "demo-ingress-1",
    ):
        found[f"agent's token of {name}"] = consul_agent_token(bundle, name).secret
        found[f"Nomad's token of {name}"] = consul_nomad_token(bundle, name).secret
    return found | {"registry": REGISTRY, "login": f"ci:{REGISTRY}", "site's key": ingress_key.splitlines()[2]}


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=folder, capture_output=True, check=False, timeout=30)
    return done.stdout.decode(errors="replace")


def test_no_command_prints_a_secret(day: Day) -> None:
    found = {words: found_in(text, day.secrets) for words, text in day.outputs.items()}
    assert {words: names for words, names in found.items() if names} == {}
    assert "    POST /v2/droplets: 202, " in day.outputs["launch --yes --wait active -v"], (
        "control: it was verbose"
    )
    assert found_in(day.live.at("env", "--management").out, day.secrets) == [
        "consul_management.secret.0", "nomad_management.secret.0",
    ]  # fmt: skip


def test_env_prints_two_tokens_that_expire_and_nothing_else(day: Day) -> None:
    assert found_in(day.live.at("env", "-v").out, day.secrets) == []


def test_a_request_has_only_the_secrets_that_its_droplet_needs(day: Day) -> None:
    created = {}
    for asked in day.requests:
        user_data = asked.body.pop("user_data", None)
        assert found_in(f"{asked.path} {json.dumps(asked.body)}", day.secrets) == [], (asked.method, asked.path)
        if user_data is not None:
            assert (asked.method, asked.path.partition("?")[0]) == ("POST", "/v2/droplets")
            files = files_of(UserData(name="any", text=user_data))
            name = asked.body.get("name") or asked.body["names"][0]
            created[name] = "\n".join(file.content for file in files.values())
    assert {name: set(found_in(text, day.secrets)) for name, text in created.items()} == {
        name: needs | {f"agent's token of {name}"} for name, needs in NEEDS.items()
    }
    day.live.at.api.post("/v2/tags", {"name": day.secrets["token_seed.0"]})
    assert found_in(json.dumps(day.requests[-1].body), day.secrets) == ["token_seed.0"], "control"


def test_no_secret_in_the_arguments_or_the_environment_of_a_program(day: Day) -> None:
    for place in ("cmdline", "environ"):
        assert [text for text in day.seen[place] if found_in(text, day.secrets)] == []
    assert "consul\0validate" in "\0".join(day.seen["cmdline"]), "control: a program that bakery runs was seen"


def test_a_secret_in_an_argument_an_environment_or_a_temporary_file_is_seen(day: Day, tmp_path: Path) -> None:
    """Control."""
    sleep = "import sys, time; open(sys.argv[2], 'w').write(sys.argv[1]); time.sleep(0.3)"
    with watched(children, tmp_path) as seen:
        argv = [sys.executable, "-c", sleep, day.secrets["token_seed.0"], str(tmp_path / "file")]
        proc.run(argv, env={"LEAK": REGISTRY})
    assert found_in("\0".join(seen["cmdline"]), day.secrets) == ["token_seed.0"]
    assert found_in("\0".join(seen["environ"]), day.secrets) == ["token_seed.0", "registry"]
    assert found_in("\0".join(seen["temporary"]), day.secrets) == ["token_seed.0"]


def test_no_secret_stays_outside_the_state_folder_and_what_was_asked_for(day: Day) -> None:
    home = day.folder.parent / "home"
    asked_for = [day.folder / name for name in (".bakery", "rendered", "shop-key.pem")]
    assert holders(day.temporary, day.secrets) == []
    assert found_in("\0".join(day.seen["temporary"]), day.secrets) == []
    assert "log_level" in "\0".join(day.seen["temporary"]), "control: a file for consul validate was seen"
    assert holders(home, day.secrets) == []
    assert holders(day.folder, day.secrets, but=asked_for) == []
    for kept in asked_for[:2]:
        assert holders(kept, day.secrets), "control"


def test_git_takes_no_secret(day: Day) -> None:
    git(day.folder, "add", "-A")
    taken = git(day.folder, "ls-files").split()
    assert sorted(taken) == [".gitignore", "bakery.yaml", "help.tar.gz", "shop.pem"]
    assert found_in(git(day.folder, "grep", "--cached", "--text", "-e", "."), day.secrets) == []
    (day.folder / "careless").write_text(day.secrets["token_seed.0"])
    git(day.folder, "add", "-A")
    staged = git(day.folder, "grep", "--cached", "--text", "-e", ".")
    assert found_in(staged, day.secrets) == ["token_seed.0"], "control"
