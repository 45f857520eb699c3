"""Tokens for one run: they only read, are renewed before they expire, and are deleted at the end."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NoReturn, cast

import pytest

from bakery.agents.interface import ConsulApi, NomadApi
from bakery.agents.model import AclToken, ListedToken, TokenGrant
from bakery.errors import AgentError
from bakery.operations.context import Context
from bakery.operations.run_tokens import RunTokens
from tests.helpers.fake_agents import FakeClock, FakeConsul, FakeNomad
from tests.helpers.reporter import RecordingReporter

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
GONE = AgentError(message="Nomad cannot be reached", status=0)
REFUSED = AgentError(message="Nomad refused POST /v1/acl/token (403)", status=403)


@dataclass
class TokenHarness:
    consul_agent: FakeConsul = field(default_factory=FakeConsul)
    nomad_agent: FakeNomad = field(default_factory=FakeNomad)
    reporter: RecordingReporter = field(default_factory=RecordingReporter)

    waited: list[str] = field(default_factory=list)
    on_wait: Callable[[], None] = lambda: None

    def consul(self) -> ConsulApi:
        return cast("ConsulApi", self.consul_agent)

    def nomad(self) -> NomadApi:
        return cast("NomadApi", self.nomad_agent)

    def wait_known(self, product: str, secret: str) -> None:
        self.waited.append(secret)
        self.on_wait()

    def listed(self) -> list[ListedToken]:
        return [*self.consul_agent.list_tokens(), *self.nomad_agent.list_tokens()]

    def tokens(self) -> RunTokens:
        return RunTokens(cast("Context", self), self, clock=FakeClock())


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


def interrupt() -> NoReturn:
    raise KeyboardInterrupt


@pytest.mark.parametrize("product", ["Consul", "Nomad"])
def test_an_interruption_while_the_servers_learn_of_a_token_leaves_none(product: str) -> None:
    """Control: until it is deleted it is there."""
    harness = TokenHarness(on_wait=interrupt)
    tokens = harness.tokens()
    with pytest.raises(KeyboardInterrupt):
        tokens.get(product, now=NOW)
    assert len(harness.listed()) == 1
    tokens.delete()
    assert harness.listed() == []
    assert harness.reporter.warnings == []


class InterruptedConsul(FakeConsul):
    """The caller is interrupted before it reads the reply."""

    def put_token(self, token: AclToken) -> None:
        super().put_token(token)
        interrupt()


@dataclass
class InterruptedNomad(FakeNomad):
    """The caller is interrupted before it reads the reply; the token is there after ``looks`` more lists."""

    looks: int = 0
    grants: list[TokenGrant] = field(default_factory=list)

    def create_token(self, grant: TokenGrant, *, seconds: int) -> str:
        self.grants.append(grant)
        interrupt()

    def list_tokens(self) -> tuple[ListedToken, ...]:
        listed = super().list_tokens()
        if self.looks == 0:
            self.tokens += [ListedToken(accessor="late", grant=self.grants.pop()) for _ in self.grants[:1]]
            listed = super().list_tokens()
        self.looks -= 1
        return listed


@pytest.mark.parametrize("looks", [0, 3])
def test_a_token_whose_creation_was_cut_off_is_looked_for(looks: int) -> None:
    """A server creates it for a moment after its caller is gone."""
    harness = TokenHarness(consul_agent=InterruptedConsul(), nomad_agent=InterruptedNomad(looks=looks))
    tokens = harness.tokens()
    for product in ("Consul", "Nomad"):
        with pytest.raises(KeyboardInterrupt):
            tokens.get(product, now=NOW)
    tokens.delete()
    assert "delete_token late" in harness.nomad_agent.calls
    assert harness.listed() == []


def test_a_product_without_a_token_is_not_asked_and_a_refused_one_is_not_waited_for() -> None:
    """Control: without a reply a token may come, and Nomad is asked more than once."""
    for failure, waits in ((REFUSED, False), (GONE, True)):
        harness = TokenHarness()
        tokens = harness.tokens()
        harness.nomad_agent.failures = {"create_token": failure}
        with pytest.raises(AgentError):
            tokens.get("Nomad", now=NOW)
        tokens.delete()
        assert (harness.nomad_agent.calls.count("list_tokens") > 1) is waits
        assert harness.consul_agent.calls == []
        assert harness.reporter.warnings == []


def test_an_interruption_of_the_deletion_does_not_end_it() -> None:
    harness = TokenHarness()
    tokens = harness.tokens()
    tokens.get("Consul", now=NOW)
    tokens.get("Nomad", now=NOW)

    def first_signal() -> None:
        harness.consul_agent.on_call = lambda: None
        interrupt()

    harness.consul_agent.on_call = first_signal
    with pytest.raises(KeyboardInterrupt):
        tokens.delete()
    assert harness.listed() == []


def test_after_the_deletion_none_is_created() -> None:
    """A request of a page may still be under way."""
    harness = TokenHarness()
    tokens = harness.tokens()
    tokens.delete()
    with pytest.raises(AgentError, match="this run has ended"):
        tokens.get("Nomad", now=NOW)
    assert harness.listed() == []


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


def test_all_secrets_of_the_run_are_known() -> None:
    """Those before a renewal too: a reply may show them while they are valid."""
    harness = TokenHarness()
    tokens = harness.tokens()
    assert tokens.secrets() == ()
    got = [tokens.get("Consul", now=NOW), tokens.get("Nomad", now=NOW), tokens.get("Nomad", now=NOW + 45 * MINUTE)]
    assert tokens.secrets() == tuple(got)


def test_no_secret_is_in_a_repr() -> None:
    harness = TokenHarness()
    tokens = harness.tokens()
    secret = tokens.get("Consul", now=NOW)
    assert secret not in repr(tokens._held)
