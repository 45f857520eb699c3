"""A real Nomad server without a leader answers "no leader" at once; a launch asks it at each poll."""

from pathlib import Path

import pytest

from bakery.errors import AgentError
from bakery.wait import Pending
from tests.helpers.real_servers import eventually, no_servers

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

SHORTER_THAN_THE_HOLD = 3.0
"""Seconds. Nomad keeps a request for its leader for 5 s (hashicorp/nomad nomad/config.go, RPCHoldTimeout)."""


def test_a_server_without_a_leader_says_so_at_once(tmp_path: Path) -> None:
    with no_servers(tmp_path) as servers:
        servers.add_server(1, expect=3)
        http = servers.http("nomad", 1)

        def ask(path: str) -> str | Pending:
            try:
                return str(http.call("GET", path, read_seconds=SHORTER_THAN_THE_HOLD).value)
            except AgentError as error:
                return Pending(error.full_message)

        assert eventually(lambda: ask("/v1/status/leader?stale"), "the server to answer") == ""
        assert servers.nomad(1).leader() == ""
        assert isinstance(ask("/v1/status/leader"), Pending), "control: without stale the request is kept"
