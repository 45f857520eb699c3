"""Which commands of consul and nomad ask servers only: no client gets the management token."""

import pytest

from bakery.operations.management_token import asks_clients, may_have_management_token, with_topic


@pytest.mark.parametrize(
    "line",
    ["", "-version", "job run web.nomad.hcl", "job status -namespace shop", "run -detach a.hcl", "acl token list",
     "namespace apply shop", "operator snapshot save a", "operator raft list-peers", "server members",
     "system gc", "var put a b=c", "volume create a.hcl", "operator api /v1/nodes", "operator api /v1/acl/tokens",
     "node pool apply gpu.nomad.hcl", "node pool list", "operator api /v1/job/web/actions",
     "operator api -X PUT -namespace=shop -dryrun /v1/acl/policy/a", "operator api --X=GET /v1/agent/keyring/",
     "var get a", "var list", "job run -var ui=1 git.nomad.hcl", "job plan -var image=a:1 -", "job status web:1",
     "operator api -filter Name==a.b:1 /v1/acl/policies", "operator api -filter -H /v1/jobs?namespace=*"],
)  # fmt: skip
def test_jobs_and_servers(line: str) -> None:
    assert not asks_clients(line.split())
    assert may_have_management_token("Nomad", line.split())


@pytest.mark.parametrize(
    "line",
    ["alloc logs -f 4f1c", "alloc exec 4f1c /bin/sh", "alloc fs 4f1c", "alloc status 4f1c", "alloc signal 4f1c",
     "exec 4f1c ls", "logs 4f1c", "fs 4f1c", "status 4f1c", "node status 4f1c", "node meta read", "monitor",
     "job restart web", "job action -job web a", "operator debug -duration=1s", "operator api /v1/client/stats",
     "operator api -X GET /v1/agent/monitor?node_id=4f1c", "operator api /v1/agent/host?a=b&node%5Fid=4f1c",
     "operator api /v1/allocation/4f1c/checks", "operator api https://a:4646/v1/client/stats", "a-later-command",
     "operator api a:4646/v1/client/stats", "operator api //v1/client/stats", "operator api v1/client/stats",
     "operator api a:4646/v1/jobs/../client/stats", "operator api a:4646//v1//client/stats",
     "operator api a:4646/v1/allocation/4f1c/checks?a=b", "operator api /v1/%63lient/stats",
     "operator api /v1/x%3F/../client/allocation/4f1c/stats",
     "operator api https://a:4646/v1/nodes", "operator api a/v1/nodes", "operator api -verbose a:4646",
     "operator api -filter -H /v1/client/stats?node_id=4f1c", "operator api -namespace -X /v1/client/stats",
     "operator api -X GET -H Connection:Upgrade /v1/job/web/action?task=t&action=a&allocID=4f1c",
     "operator api /v1/job/web/action", "operator api /v1/job/a/b/action/", "operator api /v1/nodes?allocID=4f1c",
     "operator api /v1/client/fs/ls/4f1c#/../../../../../..", "operator api /v1/client/stats#/../../..",
     "operator api /v1/nodes#a", "operator api /v1/nodes?a=%23", "operator api /v1/%6eodes",
     "operator api /v1/jobs/../client/stats", "operator api /v1/./client/stats", "operator api /v1//client/stats",
     "operator api /V1/client/stats", "operator api /v1/nodes/..", "operator api /v1/a\\b"],
)  # fmt: skip
def test_what_asks_clients(line: str) -> None:
    assert asks_clients(line.split())
    assert not may_have_management_token("Nomad", line.split())


@pytest.mark.parametrize(
    "line",
    ["-verbose /v1/nodes", "--verbose=true /v1/nodes", "-H A:b /v1/nodes", "-H=A:b /v1/nodes", "-later /v1/nodes",
     "-insecure /v1/nodes", "-tls-server-name a /v1/nodes", "-ca-cert a /v1/nodes", "-token a /v1/nodes",
     "/v1/nodes -verbose", "/v1/nodes /v1/jobs", "/v1/nodes -X", "-- /v1/nodes", "- /v1/nodes", "", "-X GET"],
)  # fmt: skip
def test_each_other_form_of_a_request_has_the_shells_token(line: str) -> None:
    """``-verbose`` prints the token; a header may ask for a WebSocket to a client."""
    assert not may_have_management_token("Nomad", ["operator", "api", *line.split()])


@pytest.mark.parametrize("path", ["/v1/nodes\n", "/v1/nodes\n/../client/stats", "", " /v1/nodes", "/v1/a b"])
def test_a_path_is_one_word(path: str) -> None:
    assert not may_have_management_token("Nomad", ["operator", "api", path])
    assert not may_have_management_token("Nomad", ["operator", "api", "", "/v1/nodes"])
    assert may_have_management_token("Nomad", ["operator", "api", "/v1/nodes"])  # control


@pytest.mark.parametrize(
    ("product", "line"),
    [("Nomad", "server members -address=https://a:4646"), ("Nomad", "job status --address https://a:4646"),
     ("Consul", "members -http-addr=https://a:8501"), ("Consul", "kv get --http-addr a:8501 b")],
)  # fmt: skip
def test_an_agent_that_the_user_names_may_be_a_clients(product: str, line: str) -> None:
    assert not may_have_management_token(product, line.split())
    named = [word for word in line.split() if "addr" not in word and ":" not in word]
    assert may_have_management_token(product, named)  # control


@pytest.mark.parametrize("line", ["connect envoy -sidecar-for web", "connect proxy -service web"])
def test_envoys_configuration_has_no_management_token(line: str) -> None:
    """``consul connect envoy -bootstrap`` prints the token for a node; the others send it to an address."""
    assert not may_have_management_token("Consul", line.split())
    assert not may_have_management_token("Consul", ["members", "-grpc-addr=a:8502"])
    assert may_have_management_token("Consul", ["members"])  # control


@pytest.mark.parametrize(
    ("product", "line"),
    [("Nomad", "var lock a/b printenv"), ("Nomad", "var lock -shell=false a/b printenv"),
     ("Nomad", "-a var -b lock a/b c"), ("Nomad", "job status -ui web"), ("Nomad", "var put --ui=true a b=c"),
     ("Nomad", "ui"), ("Nomad", "login"), ("Nomad", "agent"), ("Nomad", "job run git::https://a.example/b//c.hcl"),
     ("Nomad", "run -detach github.com/a/b//c.hcl"), ("Nomad", "job plan hg::http://a/b"),
     ("Nomad", "job run s3-eu-west-1.amazonaws.com/b/c.hcl"), ("Nomad", "plan www.googleapis.com/b/c.hcl"),
     ("Nomad", "job validate git@a.example:b//c.hcl"), ("Nomad", "job run https://a.example/b//c.hcl"),
     ("Consul", "lock a/c printenv"), ("Consul", "lock -verbose a/c printenv"), ("Consul", "agent -dev"),
     ("Consul", "watch -type=key -key=a printenv")],
)  # fmt: skip
def test_a_program_of_the_user_s_gets_no_management_token(product: str, line: str) -> None:
    """It may ask a client: a lock around ``nomad alloc exec``, for example."""
    assert not may_have_management_token(product, line.split())
    assert may_have_management_token(product, ["operator", "raft", "list-peers"])  # control


def test_empty_words_before_the_command_are_skipped_as_nomad_does() -> None:
    assert asks_clients(["", "alloc", "logs", "4f1c"])
    assert asks_clients(["", "operator", "", "debug"])


def test_debug_asks_for_events_that_the_token_may_read() -> None:
    assert with_topic(["operator", "debug"]) == ("operator", "debug", "-event-topic=Evaluation")
    own = ("operator", "debug", "-event-topic=all")
    assert (with_topic(own), with_topic(["job", "status"])) == (own, ("job", "status"))
