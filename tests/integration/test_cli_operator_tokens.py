"""``bakery env``: the tokens of the operator's shell, against real agents."""

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from bakery.proc import run
from tests.helpers.cli import BAKERY
from tests.helpers.cli_schemas import check_answer
from tests.helpers.live_cli import LiveCli, live_cli
from tests.helpers.real_agents import LOOPBACK
from tests.helpers.state import leave_operator_tokens, paths_in
from tests.integration.test_cli_people import Caller, job

pytestmark = pytest.mark.integration

TOKENS = ("CONSUL_HTTP_TOKEN", "NOMAD_TOKEN")


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveCli]:
    with live_cli(tmp_path_factory.mktemp("live")) as made:
        yield made


def tokens(live: LiveCli, *options: str) -> tuple[str, ...]:
    variables = live.variables(*options)
    return tuple(variables[name] for name in TOKENS)


def seconds_left(live: LiveCli) -> list[float]:
    """How long the newest of the operator's tokens of each product is valid."""
    found = []
    for api in (live.agents.clients.consul(LOOPBACK), live.agents.clients.nomad(LOOPBACK)):
        mine = [t.expires for t in api.list_tokens() if t.grant.description == "bakery: issued to operator"]
        found.append(max((end - datetime.now(UTC)).total_seconds() for end in mine if end))
    return found


def test_a_shell_does_a_days_work_and_makes_no_lasting_secret(live: LiveCli) -> None:
    """Each refused call gives a secret that outlives the token, or a right to make one."""
    operator, management = Caller(live.variables()), Caller(live.variables("--management"))
    allowed_nomad = [
        ("PUT", "/v1/jobs", job()), ("GET", "/v1/jobs?namespace=*", None), ("GET", "/v1/nodes", None),
        ("PUT", "/v1/var/nomad/jobs/sleeper", {"Items": {"password": "x"}}),
        ("GET", "/v1/var/nomad/jobs/sleeper", None), ("GET", "/v1/agent/self", None),
        ("GET", "/v1/node/pools", None),
        ("GET", "/v1/operator/autopilot/health", None), ("GET", "/v1/operator/scheduler/configuration", None),
        ("DELETE", "/v1/job/sleeper?purge=true", None), ("DELETE", "/v1/var/nomad/jobs/sleeper", None),
    ]  # fmt: skip
    for method, path, body in allowed_nomad:
        assert operator.nomad(method, path, body) in (200, 204), path
    allowed_consul = [
        ("PUT", "/v1/kv/apps/a"), ("GET", "/v1/kv/apps/a"), ("DELETE", "/v1/kv/apps/a"),
        ("GET", "/v1/catalog/nodes"), ("GET", "/v1/agent/self"), ("GET", "/v1/operator/raft/configuration"),
        ("GET", "/v1/config/service-intentions"), ("PUT", "/v1/session/create"),
    ]  # fmt: skip
    for method, path in allowed_consul:
        assert operator.consul(method, path) == 200, path
    token = {"Name": "more", "Type": "management"}
    refused_nomad = [
        ("GET", "/v1/acl/tokens", None), ("PUT", "/v1/acl/token", token),
        ("PUT", "/v1/acl/policy/more", {"Name": "more", "Rules": 'node { policy = "write" }'}),
        ("PUT", "/v1/acl/role", {"Name": "more", "Policies": [{"Name": "more"}]}),
        ("GET", "/v1/agent/keyring/list", None),
        ("GET", "/v1/operator/snapshot", None), ("PUT", "/v1/namespace/other", {"Name": "other"}),
        ("PUT", "/v1/system/gc", None), ("PUT", "/v1/node/pools", {"Name": "gpu", "NodeIdentityTTL": "87600h"}),
    ]  # fmt: skip
    for method, path, body in refused_nomad:
        assert operator.nomad(method, path, body) == 403, path
        assert management.nomad(method, path, body) == 200, path
    assert management.consul("PUT", "/v1/kv/bakery/introduction/a-node") == 200
    for path in ("/v1/acl/tokens", "/v1/operator/keyring", "/v1/snapshot", "/v1/kv/bakery/introduction/a-node"):
        assert operator.consul("GET", path) == 403, path
        assert management.consul("GET", path) == 200, path
    policy = {"Name": "more", "Rules": 'acl = "write"'}
    for path, body in (
        ("/v1/acl/token", {"Policies": [{"Name": "global-management"}]}),
        ("/v1/acl/policy", policy),
    ):
        assert operator.consul("PUT", path, body) == 403, path
        assert management.consul("PUT", path, body) == 200, path
    no_peer = "/v1/operator/raft/peer?id=none"
    assert operator.consul("DELETE", no_peer) == 403
    assert management.consul("DELETE", no_peer) != 403


def test_the_tokens_of_an_earlier_run_are_printed_until_half_of_their_time_is_over(live: LiveCli) -> None:
    first = tokens(live)
    assert set(first).isdisjoint(tokens(live, "--management"))
    for left in seconds_left(live):
        assert 7 * 3600 + 3500 < left <= 8 * 3600
    assert tokens(live) == first
    record = paths_in(live.at.folder).issued_to("operator").record
    document = json.loads(record.read_text())
    expires = datetime.now(UTC) + timedelta(hours=3, minutes=59)
    record.write_text(json.dumps(document | {"expires": expires.isoformat()}))
    second = tokens(live)
    assert set(second).isdisjoint(first)
    assert tokens(live) == second


def test_another_ttl_is_kept_to(live: LiveCli) -> None:
    whole = tokens(live)
    short = tokens(live, "--ttl", "30m")
    assert set(short).isdisjoint(whole)
    folder = paths_in(live.at.folder).issued_to("operator").folder
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700
    document = json.loads((folder / "issued.json").read_text())
    assert timedelta(minutes=29) < datetime.fromisoformat(document["expires"]) - datetime.now(UTC)
    assert tokens(live, "--ttl", "30m") == short
    ran = live.at("env", "--ttl", "25h")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("error: Nomad's servers make no token that is valid for longer than 24 h\n")
    assert tokens(live, "--ttl", "30m") == short


def test_list_shows_the_end_of_a_token_that_lasts_longer_than_the_newest(live: LiveCli) -> None:
    """The first token is valid for its whole time; the record on this machine is of the second."""
    assert live.at("credentials", "revoke", "operator").code == 0
    longer, shorter = tokens(live, "--ttl", "20h"), tokens(live, "--ttl", "30m")
    assert set(longer).isdisjoint(shorter)
    listed = live.at("credentials", "list", "--json").json
    (found,) = [each for each in listed["people"] if each["name"] == "operator"]
    assert datetime.fromisoformat(found["expires"]) - datetime.now(UTC) > timedelta(hours=19)


def test_list_shows_them_and_revoke_ends_them(live: LiveCli) -> None:
    shell = Caller(live.variables())
    listed = live.at("credentials", "list", "--json").json
    check_answer(listed, "credentials-list")
    (found,) = [each for each in listed["people"] if each["name"] == "operator"]
    assert (found["role"], found["namespace"], found["consul_token"], found["nomad_token"], found["here"]) == (
        "operator", "all", True, True, True,
    )  # fmt: skip
    assert shell.nomad("GET", "/v1/jobs") == 200
    assert live.at("credentials", "revoke", "operator").code == 0
    assert (shell.nomad("GET", "/v1/jobs"), shell.consul("GET", "/v1/kv/apps/a")) == (403, 403)
    assert live.at("status").code in (0, 7), "bakery's own commands use other tokens"
    assert Caller(live.variables()).nomad("GET", "/v1/jobs") == 200


def test_tokens_that_the_cluster_does_not_know_are_made_again(live: LiveCli) -> None:
    """As after the cluster was destroyed and launched again."""
    stale = leave_operator_tokens(live.at.folder)
    fresh = tokens(live)
    assert set(fresh).isdisjoint(stale)
    assert tokens(live) == fresh


def test_the_name_is_for_nothing_else(live: LiveCli) -> None:
    for words in (
        ("credentials", "issue", "operator", "--role", "read"),
        ("env", "--as", "operator"),
        ("nomad", "--as", "operator", "status"),
    ):
        ran = live.at(*words)
        assert (ran.code, ran.out) == (2, "")
        assert ran.err.startswith("error: operator is the name of the tokens in your own shell\n")
    for options in (
        ("--ttl", "1h", "--management"),
        ("--as", "anna", "--management"),
        ("--ttl", "1h", "--as", "a"),
    ):
        ran = live.at("env", *options)
        assert (ran.code, ran.out) == (2, "")
        assert "cannot be combined" in ran.err


def test_the_programs_work_in_the_shell(live: LiveCli) -> None:
    script = 'eval "$(bakery env)" && consul members && nomad server members && ! nomad acl token list'
    environment = {**os.environ, "PATH": f"{BAKERY.parent}{os.pathsep}{os.environ['PATH']}"}
    done = run(["sh", "-c", script], env=environment, cwd=live.at.folder)
    assert "demo-server-1" in done.stdout
    assert "Permission denied" in done.stderr
