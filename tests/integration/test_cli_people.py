"""``bakery credentials issue``: each role may do what it is for, against real agents, until it is revoked."""

import json
import os
import shlex
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from bakery.agents.model import AclToken, TokenGrant
from bakery.credentials.tokens import random_token
from bakery.proc import run
from tests.helpers.cli import CliHarness
from tests.helpers.cli_schemas import check_answer
from tests.helpers.live_cli import LiveCli, live_cli
from tests.helpers.real_agents import LOOPBACK
from tests.helpers.state import paths_in

pytestmark = pytest.mark.integration

CREDENTIALS = ("consul-token", "nomad-token")
VARIABLES = {"consul": ("CONSUL_HTTP_ADDR", "CONSUL_HTTP_TOKEN"), "nomad": ("NOMAD_ADDR", "NOMAD_TOKEN")}


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveCli]:
    with live_cli(tmp_path_factory.mktemp("live")) as made:
        made.process("nomad", "namespace", "apply", "dev")
        yield made


def issue(live: LiveCli, name: str, *options: str) -> Path:
    ran = live.at("credentials", "issue", name, *options)
    assert ran.code == 0, ran.err
    return Path(ran.out.strip())


class Caller:
    """The HTTP status of calls with the variables of one person, whose files may be deleted afterwards."""

    def __init__(self, variables: dict[str, str]) -> None:
        self._variables = variables
        self._contexts = {product: _context(variables, product.upper()) for product in VARIABLES}

    def nomad(self, method: str, path: str, body: Any = None) -> int:  # noqa: ANN401 - any JSON value
        return self.reply("nomad", method, path, body)[0]

    def consul(self, method: str, path: str, body: Any = None) -> int:  # noqa: ANN401 - any JSON value
        return self.reply("consul", method, path, body)[0]

    def reply(self, product: str, method: str, path: str, body: Any = None) -> tuple[int, str]:  # noqa: ANN401
        """Return the status and the text of an answer."""
        url, token = (self._variables[name] for name in VARIABLES[product])
        host, _, port = url.removeprefix("https://").partition(":")
        connection = HTTPSConnection(host, int(port), context=self._contexts[product], timeout=60)
        text = "" if product == "consul" and body is None else json.dumps(body)
        try:
            headers = {f"X-{product.capitalize()}-Token": token}
            connection.request(method, path, body=text if method != "GET" else None, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode(errors="replace")
        finally:
            connection.close()


def _context(variables: dict[str, str], product: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=variables[f"{product}_CACERT"])
    context.load_cert_chain(variables[f"{product}_CLIENT_CERT"], variables[f"{product}_CLIENT_KEY"])
    context.check_hostname = False  # the address is not in the certificate; bakery's own calls check the name
    return context


def job(namespace: str = "default", name: str = "sleeper") -> dict[str, Any]:
    """Nothing runs it: the cluster has no client."""
    task = {"Name": "sleep", "Driver": "exec", "Config": {"command": "/bin/sleep", "args": ["60"]}}
    group = {"Name": "one", "Count": 1, "Tasks": [task]}
    return {"Job": {"ID": name, "Name": name, "Type": "batch", "Namespace": namespace, "TaskGroups": [group]}}


def test_read_reads_and_changes_nothing(live: LiveCli) -> None:
    issue(live, "reader", "--role", "read")
    reader, operator = Caller(live.variables("--as", "reader")), Caller(live.variables("--management"))
    assert operator.nomad("PUT", "/v1/jobs", job()) == 200
    assert operator.nomad("PUT", "/v1/var/nomad/jobs/sleeper", {"Items": {"password": "CANARY"}}) == 200
    for path in ("/v1/jobs", "/v1/job/sleeper", "/v1/nodes", "/v1/allocations"):
        assert reader.nomad("GET", path) == 200, path
    for path in ("/v1/catalog/nodes", "/v1/catalog/services", "/v1/health/state/any"):
        assert reader.consul("GET", path) == 200, path
    refused = [
        ("PUT", "/v1/jobs", job()),
        ("DELETE", "/v1/job/sleeper", None),
        ("GET", "/v1/var/nomad/jobs/sleeper", None),
        ("GET", "/v1/acl/tokens", None),
        ("GET", "/v1/operator/snapshot", None),
        ("GET", "/v1/agent/self", None),
        ("PUT", "/v1/system/gc", None),
    ]
    for method, path, body in refused:
        assert reader.nomad(method, path, body) == 403, path
        control = operator.nomad(method, path, body)
        assert control in (200, 404), path  # a deleted job is not found
    for method, path in (("GET", "/v1/acl/tokens"), ("PUT", "/v1/kv/apps/a"), ("GET", "/v1/agent/self")):
        assert reader.consul(method, path) == 403, path
    assert operator.consul("PUT", "/v1/kv/apps/a") == operator.consul("GET", "/v1/kv/apps/a?recurse") == 200
    assert reader.consul("GET", "/v1/kv/apps/a") == 403
    # Consul leaves out of a list what the token may not read; without a row the answer is 404.
    assert reader.consul("GET", "/v1/kv/apps/a?recurse") == 404


def test_deploy_runs_jobs_in_its_namespace_only_until_it_is_revoked(live: LiveCli) -> None:
    """Each refusal has its control: the operator's token is not refused."""
    issue(live, "ci", "--role", "deploy", "--namespace", "dev", "--ttl", "2h")
    ci, operator = Caller(live.variables("--as", "ci")), Caller(live.variables("--management"))
    assert ci.nomad("PUT", "/v1/jobs", job("dev")) == 200
    refused = [
        ("PUT", "/v1/jobs", job()),
        ("GET", "/v1/var/nomad/jobs/sleeper?namespace=dev", None),
        ("GET", "/v1/acl/tokens", None),
    ]
    for method, path, body in refused:
        assert ci.nomad(method, path, body) == 403, path
        assert operator.nomad(method, path, body) in (200, 404), path  # there is no variable
    ran = live.at("credentials", "revoke", "ci")
    assert (ran.code, ran.out) == (0, "the tokens of ci are deleted\n")
    assert "the certificate is valid until" in ran.err
    assert "; without a token it reads what Consul and Nomad show to every certificate\n" in ran.err
    assert ci.nomad("PUT", "/v1/jobs", job("dev")) == 403
    assert ci.consul("GET", "/v1/catalog/nodes") == 403


def test_metrics_scrapes_both_and_changes_nothing(live: LiveCli) -> None:
    issue(live, "prometheus", "--role", "metrics")
    scraper = Caller(live.variables("--as", "prometheus"))
    metrics = "/v1/agent/metrics?format=prometheus"
    for path in (metrics, "/v1/catalog/services"):
        assert scraper.consul("GET", path) == 200, path
    for path in ("/v1/metrics", "/v1/services", "/v1/nodes"):
        assert scraper.nomad("GET", path) == 200, path
    operator = Caller(live.variables("--management"))
    for who, expected in ((scraper, {403}), (operator, {200, 404})):  # control: the operator
        assert who.consul("PUT", "/v1/kv/apps/a") in expected
        for path in ("/v1/acl/tokens", "/v1/var/nomad/jobs/sleeper", "/v1/agent/self"):
            assert who.nomad("GET", path) in expected, path
        assert who.nomad("PUT", "/v1/jobs", job()) in expected
    issue(live, "no-metrics", "--role", "read")
    assert Caller(live.variables("--as", "no-metrics")).consul("GET", metrics) == 403  # control


def test_the_folder_is_private_and_works_without_bakery(live: LiveCli, tmp_path: Path) -> None:
    folder = issue(live, "colleague", "--role", "read", "--ttl", "30m")
    names = sorted(file.name for file in folder.iterdir())
    assert names == [
        "consul-ca.pem", "consul-cert.pem", "consul-key.pem", "consul-token", "env", "issued.json",
        "nomad-ca.pem", "nomad-cert.pem", "nomad-key.pem", "nomad-token",
    ]  # fmt: skip
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700
    certificate = x509.load_pem_x509_certificate((folder / "nomad-cert.pem").read_bytes())
    assert (certificate.not_valid_after_utc - datetime.now(UTC)).total_seconds() < 24 * 3600 + 1
    elsewhere = tmp_path / "received"
    folder.rename(elsewhere)
    script = f"cd {shlex.quote(str(elsewhere))} && . ./env && nomad job status && consul catalog nodes"
    done = run(["sh", "-c", script], env={"PATH": os.environ["PATH"]})
    assert "demo-server-1" in done.stdout
    elsewhere.rename(folder)


def test_the_programs_run_as_a_person(live: LiveCli) -> None:
    issue(live, "looker", "--role", "read")
    done = live.process("nomad", "--as", "looker", "var", "list", check=False)
    assert done.returncode == 0  # an empty list: the token may read no variable
    refused = live.process("nomad", "--as", "looker", "operator", "raft", "list-peers", check=False)
    assert "Permission denied" in refused.stderr


def test_what_is_impossible_is_refused_before_anything_is_made(live: LiveCli) -> None:
    issue(live, "taken", "--role", "read")
    before = live.at("credentials", "list").out
    cases = {
        ("taken", "--role", "read"): "error: the name taken is taken\n",
        ("new", "--role", "write"): "error: invalid value for '--role': 'write' is not read, deploy or metrics\n",
        ("new", "--role", "read", "--namespace", "nowhere"): "error: Nomad has no namespace nowhere\n",
        ("new", "--role", "read", "--ttl", "4000d"): "error: the credentials would outlive their certificate",
        ("new", "--role", "read", "--ttl", "25h"): "error: Nomad's servers make no token that is valid for longer",
        ("new", "--role", "read", "--ttl", "soon"): "error: invalid value for '--ttl': 'soon' is not a duration",
        ("../new", "--role", "read"): "error: invalid value for 'NAME': '../new' is not a name",
    }
    for words, message in cases.items():
        ran = live.at("credentials", "issue", *words)
        assert (ran.code, ran.out) == (2, "")
        assert ran.err.startswith(message), ran.err
    assert live.at("credentials", "list").out == before


def test_a_name_with_a_token_in_the_cluster_is_taken(live: LiveCli) -> None:
    """Somebody else issued it, on another machine."""
    token = random_token()
    grant = TokenGrant(description="bakery: issued to abroad", policies=())
    consul = live.agents.clients.consul(LOOPBACK)
    consul.put_token(AclToken(accessor=token.accessor, secret=token.secret, grant=grant))
    ran = live.at("credentials", "issue", "abroad", "--role", "read")
    assert (ran.code, ran.err.splitlines()[0]) == (2, "error: the name abroad is taken")
    listed = {each["name"]: each for each in live.at("credentials", "list", "--json").json["people"]}
    assert (listed["abroad"]["here"], listed["abroad"]["nomad_token"]) == (False, False)
    assert live.at("credentials", "revoke", "abroad").code == 0
    assert live.at("credentials", "revoke", "abroad").code == 2


def test_list_says_what_was_issued_and_which_tokens_exist(live: LiveCli) -> None:
    ran = live.at("credentials", "issue", "listed", "--role", "deploy", "--namespace", "dev", "--json")
    check_answer(ran.json, "credentials-issue")
    listed = live.at("credentials", "list", "--json").json
    check_answer(listed, "credentials-list")
    (found,) = [each for each in listed["people"] if each["name"] == "listed"]
    assert (found["role"], found["namespace"], found["consul_token"], found["nomad_token"]) == (
        "deploy", "dev", True, True,
    )  # fmt: skip
    consul = live.agents.clients.consul(LOOPBACK)
    (accessor,) = [t.accessor for t in consul.list_tokens() if t.grant.description == "bakery: issued to listed"]
    consul.delete_token(accessor)
    (line,) = [row for row in live.at("credentials", "list").out.splitlines() if row.startswith("listed ")]
    assert line.split()[-3:] == ["no", "yes", "here"]
    check_answer(live.at("credentials", "revoke", "listed", "--json").json, "credentials-revoke")


def test_an_interrupted_issue_is_taken_back_by_revoke(live: LiveCli) -> None:
    folder = issue(live, "half", "--role", "read")
    (folder / "consul-token").unlink()
    (folder / "env").unlink()
    ran = live.at("env", "--as", "half")
    assert (ran.code, ran.out) == (2, "")
    assert "bakery credentials revoke half" in ran.err
    assert live.at("credentials", "revoke", "half").code == 0
    assert not folder.exists()


def test_no_token_is_printed(live: LiveCli) -> None:
    ran = live.at("credentials", "issue", "quiet", "--role", "read", "--json", "-v")
    folder = Path(ran.json["folder"])
    listed = live.at("credentials", "list", "--json", "-v")
    for file in CREDENTIALS:
        secret = (folder / file).read_text().strip()
        assert len(secret) == 36
        for text in (ran.out, ran.err, listed.out, listed.err):
            assert secret not in text


def test_where_nobody_answers_nothing_is_made(at: CliHarness) -> None:
    assert at("credentials", "issue", "early", "--role", "read").code == 3
    assert at("launch", "--yes", "--wait", "active").code == 0
    for words in (("issue", "early", "--role", "read"), ("list",), ("revoke", "early")):
        ran = at("credentials", *words)
        assert (ran.code, ran.out) == (4, "")
        assert ran.err.startswith("error: no Consul server of cluster demo answers\n")
    assert not paths_in(at.folder).issued.exists()
    for command in (("env", "--as", "early"), ("nomad", "--as", "early", "status")):
        unknown = at(*command)
        assert (unknown.code, unknown.out) == (2, "")
        assert unknown.err.startswith("error: no credentials were issued under the name early on this machine\n")
