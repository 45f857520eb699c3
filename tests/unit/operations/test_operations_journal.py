"""A node's journal: which lines of journalctl are shown, and what is said if it cannot be read."""

from collections.abc import Iterator

import pytest

from bakery.errors import AgentError
from bakery.operations.journal import SLICE, NodeJournal
from tests.helpers.fake_agents import FakeNomad

CONSUL = "Nov 29 02:10:47 demo-nomad-client-1 consul[81]: agent: Synced node info"
DOCKER = "Nov  9 02:10:48 demo-nomad-client-1 dockerd[812]: consul[81]: no line of Consul's"
LINES = (
    "-- Boot 7d0c3f --",
    "Nov 29 02:10:46 demo-nomad-client-1 systemd[1]: Started a unit.",
    "\u2591\u2591 Subject: A start job for unit has finished",
    "\u2591\u2591",
    CONSUL,
    DOCKER,
    "",
)


def journal(*lines: str, program: str = "") -> NodeJournal:
    nomad = FakeNomad(journal={SLICE: lines})
    return NodeJournal(node="demo-nomad-client-1", nomad=nomad, client="id-1", unit=SLICE, program=program)


def test_explanations_are_left_out() -> None:
    expected = [LINES[0], LINES[1], CONSUL, DOCKER]
    assert list(journal(*LINES).read(60, follow=False)) == expected
    assert list(journal("-- No entries --").read(60, follow=False)) == []


def test_one_program() -> None:
    assert list(journal(*LINES, program="consul").read(60, follow=False)) == [CONSUL]


def test_the_node_of_an_earlier_snapshot_is_named() -> None:
    line = "No journal files were opened due to insufficient permissions."
    with pytest.raises(AgentError) as caught:
        list(journal(line).read(60, follow=False))
    assert caught.value.message.startswith("Nomad on demo-nomad-client-1 may not read the journal")


@pytest.mark.parametrize(("status", "known"), [(404, True), (500, False)])
def test_an_earlier_nomad_is_named(status: int, *, known: bool) -> None:
    """Its API has no such path. Control: another refusal is passed on."""

    class Earlier(FakeNomad):
        def read_journal(
            self, unit: str, *, seconds: int, follow: bool, client: str | None = None
        ) -> Iterator[str]:
            raise AgentError(message=f"refused {unit}", status=status)

    source = NodeJournal(node="n-1", nomad=Earlier(), client=None, unit=SLICE)
    with pytest.raises(AgentError) as caught:
        list(source.read(60, follow=False))
    assert ("it is older than 1.11" in caught.value.message) is known
