"""The dates of an agent's certificate, read in a handshake; only of a certificate of ours."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bakery.agents.handshake import read_dates
from bakery.agents.model import CertificateDates, Target
from bakery.credentials.authority import create_authority, issue_leaf
from bakery.credentials.model import Leaf
from bakery.errors import AgentError
from tests.helpers.real_agents import write_tls
from tests.helpers.tls import forge_leaf, shaking_hands

pytestmark = pytest.mark.integration

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)
NAME = "server.demo.consul"
CA = create_authority("consul", "demo", now=NOW - 400 * DAY)
OPERATOR = issue_leaf(CA, names=["cli.demo.consul"], client=True, server=False, now=NOW)


def leaf(name: str = NAME, *, begins: datetime = NOW - DAY, ends: datetime = NOW + DAY) -> Leaf:
    return forge_leaf(CA, [name], not_before=begins, not_after=ends)


def read(folder: Path, server: Leaf) -> CertificateDates:
    tls = write_tls(folder / "operator", CA.certificate, OPERATOR)
    with shaking_hands(folder, ca=CA.certificate, server=server) as port:
        return read_dates(
            Target(address="127.0.0.1", port=port, server_name=NAME, tls=tls, token="unused", gossip_key="unused")
        )


@pytest.mark.parametrize("ends", [NOW + 30 * DAY, NOW - DAY], ids=["valid", "expired yesterday"])
def test_the_dates_are_the_certificates(tmp_path: Path, ends: datetime) -> None:
    """An expired certificate too: whoever looks for the reason needs its date."""
    begins = NOW - 100 * DAY
    assert read(tmp_path, leaf(begins=begins, ends=ends)) == CertificateDates(begins=begins, ends=ends)


@pytest.mark.parametrize(
    ("server", "reason"),
    [
        (leaf("client.demo.consul"), "Hostname mismatch"),
        (
            issue_leaf(
                create_authority("consul", "demo", now=NOW), names=[NAME], client=True, server=True, now=NOW
            ),
            "certificate verify failed",
        ),
    ],
    ids=["another name", "another CA"],
)
def test_a_certificate_that_is_not_the_agents_is_refused(tmp_path: Path, server: Leaf, reason: str) -> None:
    """Although its time is not checked. Control: the test above reads one of ours."""
    with pytest.raises(AgentError) as caught:
        read(tmp_path, server)
    assert reason in caught.value.full_message
    assert caught.value.status == 0


def test_nobody_there_is_an_error_of_ours(tmp_path: Path) -> None:
    tls = write_tls(tmp_path / "operator", CA.certificate, OPERATOR)
    gone = Target(address="127.0.0.1", port=1, server_name=NAME, tls=tls, token="unused", gossip_key="unused")
    with pytest.raises(AgentError, match=r"the certificate of 127\.0\.0\.1:1 cannot be read"):
        read_dates(gone)
