"""Which token a command of nomad gets: no client gets one that does not expire."""

import pytest

from bakery.operations.nomad_commands import TokenFor, token_for


@pytest.mark.parametrize(
    "line",
    ["", "-version", "job run web.nomad.hcl", "job status -namespace shop", "run -detach a.hcl", "acl token list",
     "namespace apply shop", "operator snapshot save a", "operator raft list-peers", "server members",
     "system gc", "var put a b=c", "volume create a.hcl"],
)  # fmt: skip
def test_jobs_and_servers(line: str) -> None:
    assert token_for(line.split()) is TokenFor.SERVERS


@pytest.mark.parametrize(
    "line",
    ["alloc logs -f 4f1c", "alloc exec 4f1c /bin/sh", "alloc fs 4f1c", "alloc status 4f1c", "alloc signal 4f1c",
     "exec 4f1c ls", "logs 4f1c", "fs 4f1c", "status 4f1c", "node status 4f1c", "node meta read", "monitor",
     "job restart web", "job action -job web a", "a-later-command"],
)  # fmt: skip
def test_what_asks_clients(line: str) -> None:
    assert token_for(line.split()) is TokenFor.CLIENTS


@pytest.mark.parametrize("line", ["operator debug -duration=1s", "operator api /v1/client/stats"])
def test_what_may_ask_clients_and_wants_all_rights(line: str) -> None:
    assert token_for(line.split()) is TokenFor.EVERYTHING
