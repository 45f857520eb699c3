"""``bakery logs``: an agent's own lines, a clean end at Ctrl-C and at a closed pipe, and who cannot be asked."""

import os
import signal
import subprocess  # noqa: TID251 - a signal is sent to bakery, and its output is cut off
from collections.abc import Iterator
from threading import Timer

import pytest

from tests.helpers.cli import BAKERY
from tests.helpers.leaks import memory_holds
from tests.helpers.live_cli import LiveCli, live_cli, nomad_client
from tests.helpers.real_agents import LOOPBACK

pytestmark = pytest.mark.integration

SERVERS = ("demo-consul-server-1", "demo-nomad-server-1")


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveCli]:
    with live_cli(tmp_path_factory.mktemp("live")) as made:
        yield made


@pytest.mark.parametrize(("node", "word"), [(SERVERS[0], "[DEBUG]"), (SERVERS[1], "http: request complete")])
def test_the_lines_are_the_agents(live: LiveCli, node: str, word: str) -> None:
    """At level debug and below Nomad logs each request, and Consul its own rounds."""
    asked = Timer(2, live.agents.clients.nomad(LOOPBACK).members)
    asked.start()
    ran = live.at("logs", node, "--level", "trace", "--seconds", "6")
    asked.join()
    assert ran.code == 0, ran.err
    assert word in ran.out


def test_a_quiet_agent_is_no_error(live: LiveCli) -> None:
    ran = live.at("logs", SERVERS[0], "--level", "error", "--seconds", "1")
    assert (ran.code, ran.out) == (0, "")
    assert "consul on demo-consul-server-1 logged nothing of level error in 1 s" in ran.err
    assert ran.err.endswith("bakery logs demo-consul-server-1 --agent consul --level debug\n")


def following(live: LiveCli, *words: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [str(BAKERY), "logs", SERVERS[1], "-f", "--level", "trace", *words],
        env=dict(os.environ),
        cwd=live.at.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_ctrl_c_ends_it_without_a_word(live: LiveCli) -> None:
    with following(live) as process:
        assert process.stdout is not None
        live.at("status")
        assert process.stdout.readline() != ""
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        assert (process.returncode, errors) == (130, "")


def test_a_closed_pipe_ends_it_without_a_word(live: LiveCli) -> None:
    with following(live) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        live.at("status")
        process.stdout.readline()
        process.stdout.close()
        live.at("status")
        assert process.wait(60) == 141
        assert process.stderr.read() == ""


def test_the_consul_agent_of_another_node_is_on_loopback(live: LiveCli) -> None:
    ran = live.at("logs", SERVERS[1], "--agent", "consul", "--level", "debug")
    assert ran.code == 2
    assert ran.err.startswith("error: the Consul agent of demo-nomad-server-1 answers on the node itself only\n")
    assert "its journal, without levels: bakery logs demo-nomad-server-1 --agent consul" in ran.err


def test_nomad_exports_the_journal_of_its_node(live: LiveCli) -> None:
    """The real Nomad runs the real journalctl; the journal of a test's machine has no line of bakery's units."""
    for agent in ("nomad", "consul", "system"):
        ran = live.at("logs", SERVERS[1], "--agent", agent, "--since", "90m")
        assert (ran.code, ran.out) == (0, ""), ran.err
        assert f"the journal of demo-nomad-server-1 has no line of {agent} of the last 90 min; more: " in ran.err
        assert ran.err.endswith(f"bakery logs demo-nomad-server-1 --agent {agent} --since 24h\n")


def test_a_consul_server_without_nomad_has_no_past(live: LiveCli) -> None:
    ran = live.at("logs", SERVERS[0], "--since", "1h")
    assert ran.code == 2
    assert "demo-consul-server-1 sends no lines of the past: Nomad exports journals" in ran.err
    assert "new lines: bakery logs demo-consul-server-1 --follow" in ran.err
    system = live.at("logs", SERVERS[0], "--agent", "system")
    assert system.code == 2
    assert "the journal of demo-consul-server-1 cannot be read" in system.err
    assert live.at("logs", SERVERS[1], "--since", "1h", "--level", "debug").code == 2


def test_a_client_that_nomad_does_not_know_is_named(live: LiveCli) -> None:
    ran = live.at("logs", "demo-nomad-client-1")
    assert (ran.code, ran.out) == (4, "")
    assert "Nomad's servers do not reach the client demo-nomad-client-1: it is not in Nomad's list" in ran.err


def test_a_clients_log_comes_through_a_server_and_gives_it_no_token_that_lasts(live: LiveCli) -> None:
    """Nothing else reaches a client: its own port admits the VPC only. The server passes the caller's token on.

    Control: the client has the operator's own once it is asked with that.
    """
    name, management = "demo-nomad-client-1", live.agents.bundle.nomad_management.secret
    api = live.agents.clients.nomad(LOOPBACK)
    before = {token.accessor for token in api.list_tokens()}
    with nomad_client(live, name) as process:
        # An idle client logs its heartbeats, which are 10 to 20 s apart (hashicorp/nomad nomad/heartbeat.go).
        ran = live.at("logs", name, "--level", "trace", "--seconds", "25")
        assert ran.code == 0, ran.err
        assert "client" in ran.out
        assert "nomad.raft" not in ran.out  # control: it is not the server's
        ran = live.at("logs", name, "--since", "1h")
        assert ran.code == 0, ran.err
        live.process("nomad", "node", "status", "-self", check=False)
        live.process("nomad", "node", "status", "-stats", node_id(live, name))
        assert not memory_holds(process, management)
        made = [token.grant.description for token in api.list_tokens() if token.accessor not in before]
        assert made == ["bakery: issued to operator"]
        list(api.follow_log("info", seconds=1, client=node_id(live, name)))
        assert memory_holds(process, management)


def node_id(live: LiveCli, name: str) -> str:
    nodes = live.agents.clients.nomad(LOOPBACK).nodes()
    return next(node.id for node in nodes if (node.name, node.status) == (name, "ready"))


def test_bad_input_is_refused(live: LiveCli) -> None:
    unknown = live.at("logs", "demo-nomad-server-9")
    assert unknown.code == 2
    assert "its nodes: demo-consul-server-1, demo-nomad-server-1, demo-nomad-client-1" in unknown.err
    assert live.at("logs", SERVERS[0], "--agent", "nomad").code == 2
    assert live.at("logs", SERVERS[0], "--json").code == 2
    live.at.write("version: 1\ncluster: other\n", "other.yaml")
    other = live.at("logs", SERVERS[0], "--cluster-file", "other.yaml")
    assert other.code == 3
    assert "there are no credentials of cluster other" in other.err
