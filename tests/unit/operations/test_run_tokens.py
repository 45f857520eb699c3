"""Tokens for one run: they only read, are renewed before they expire, and are deleted at the end."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from bakery.agents.interface import ConsulApi, NomadApi
from bakery.errors import AgentError
from bakery.operations.context import Context
from bakery.operations.run_tokens import RunTokens
from tests.helpers.fake_agents import FakeConsul, FakeNomad
from tests.helpers.reporter import RecordingReporter

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
GONE = AgentError(message="Nomad cannot be reached", status=0)


@dataclass
class TokenHarness:
    consul_agent: FakeConsul = field(default_factory=FakeConsul)
    nomad_agent: FakeNomad = field(default_factory=FakeNomad)
    reporter: RecordingReporter = field(default_factory=RecordingReporter)

    waited: list[str] = field(default_factory=list)

    def consul(self) -> ConsulApi:
        return cast("ConsulApi", self.consul_agent)

    def nomad(self) -> NomadApi:
        return cast("NomadApi", self.nomad_agent)

    def wait_known(self, product: str, secret: str) -> None:
        self.waited.append(secret)

    def tokens(self) -> RunTokens:
        return RunTokens(cast("Context", self), self)


def test_a_token_only_reads_and_lives_an_hour() -> None:
    harness = TokenHarness()
    tokens = harness.tokens()
    secret = tokens.get("Consul", now=NOW)
    (token,) = harness.consul_agent.tokens.values()
    assert (token.secret, token.seconds, token.grant.policies) == (secret, 3600, ("bakery-read",))
    assert token.grant.description == f"bakery: issued to {tokens.name}"
    assert harness.waited == [secret], "a follower may not know it yet"
    assert "write" not in harness.consul_agent.policies["bakery-read"].rules
    tokens.get("Nomad", now=NOW)
    rules = harness.nomad_agent.policies["bakery-read"].rules
    assert rules.startswith('namespace "*" { capabilities = ["list-jobs", "parse-job", "read-job", "read-logs",')


def test_it_is_renewed_before_it_expires_and_the_one_before_stays() -> None:
    """A blocking query that began with it goes on. Control: until then it is the same."""
    harness = TokenHarness()
    tokens = harness.tokens()
    first = tokens.get("Nomad", now=NOW)
    assert tokens.get("Nomad", now=NOW + 39 * MINUTE) == first
    assert tokens.get("Nomad", now=NOW + 40 * MINUTE) != first
    assert len(harness.nomad_agent.tokens) == 2


def test_a_renewal_that_fails_is_tried_again_until_it_has_expired() -> None:
    harness = TokenHarness()
    tokens = harness.tokens()
    first = tokens.get("Nomad", now=NOW)
    harness.nomad_agent.failures = {"create_token": GONE}
    assert tokens.get("Nomad", now=NOW + 40 * MINUTE) == first
    asked = len(harness.nomad_agent.calls)
    assert tokens.get("Nomad", now=NOW + 40 * MINUTE + timedelta(seconds=29)) == first
    assert len(harness.nomad_agent.calls) == asked
    with pytest.raises(AgentError):
        tokens.get("Nomad", now=NOW + 60 * MINUTE)
    harness.nomad_agent.failures = {}
    assert tokens.get("Nomad", now=NOW + 61 * MINUTE) != first


def test_all_of_the_run_are_deleted_and_no_others() -> None:
    harness = TokenHarness()
    tokens, other = harness.tokens(), harness.tokens()
    for now in (NOW, NOW + 45 * MINUTE):
        tokens.get("Consul", now=now)
        tokens.get("Nomad", now=now)
    other.get("Nomad", now=NOW)
    tokens.delete()
    assert harness.consul_agent.tokens == {}
    assert [token.grant.description for token in harness.nomad_agent.tokens] == [f"bakery: issued to {other.name}"]
    assert harness.reporter.warnings == []


def test_a_token_that_cannot_be_deleted_is_named() -> None:
    harness = TokenHarness()
    tokens = harness.tokens()
    tokens.get("Nomad", now=NOW)
    harness.nomad_agent.failures = {"list_tokens": GONE}
    tokens.delete()
    (warning,) = harness.reporter.warnings
    assert str(warning) == (
        "Nomad's token for this run was not deleted; it expires at 13:00 UTC"
        f" (Nomad cannot be reached); to delete it: bakery credentials revoke {tokens.name}"
    )


def test_no_secret_is_in_a_repr() -> None:
    harness = TokenHarness()
    tokens = harness.tokens()
    secret = tokens.get("Consul", now=NOW)
    assert secret not in repr(tokens._held)
