"""How many requests a command sends to DigitalOcean's API, on a cluster of nine droplets in memory."""

from collections.abc import Iterator

import pytest

from tests.helpers.cli_agents import AgentsCli, agents_cli

pytestmark = pytest.mark.integration

NINE = """\
version: 1
cluster: demo
roles:
  consul-server: {count: 3, size: s-1vcpu-1gb}
  nomad-server: {count: 3, size: s-1vcpu-1gb}
  nomad-client: {count: 3, size: s-1vcpu-1gb}
"""


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentsCli]:
    with pytest.MonkeyPatch.context() as patch, agents_cli(tmp_path_factory.mktemp("nine"), patch, NINE) as made:
        assert made.at("launch", "--yes").code == 0
        yield made


@pytest.mark.parametrize(("words", "most"), [(("launch", "--yes"), 15), (("status",), 12)])
def test_a_command_that_changes_nothing_sends_few(live: AgentsCli, words: tuple[str, ...], most: int) -> None:
    requests = live.at.api.emulator.requests
    requests.clear()
    ran = live.at(*words)
    assert ran.code == 0, ran.err
    sent = [f"{request.method} {request.path}" for request in requests.all()]
    assert 0 < len(sent) <= most, sent
    assert {line.partition(" ")[0] for line in sent} == {"GET"}
