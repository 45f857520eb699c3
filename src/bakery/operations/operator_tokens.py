"""The tokens of the operator's shell: they expire, and give no right to make others."""

from datetime import UTC, datetime, timedelta

from bakery.agents.interface import AclApi
from bakery.credentials.issued import Issued, find_issued, write_record
from bakery.credentials.model import Bundle
from bakery.credentials.operator import operator_certificate_end
from bakery.credentials.publish import exclusive
from bakery.credentials.tokens import random_token
from bakery.errors import AgentError, UsageError
from bakery.files import write_secret
from bakery.hints import Command, Hint
from bakery.launch.acl.people import ALL_NAMESPACES, OPERATOR, PersonRole, consul_policy, nomad_policy
from bakery.observe.leaders import Servers
from bakery.operations.cluster import need_answer
from bakery.operations.context import Context
from bakery.operations.credentials import connect_agents
from bakery.operations.env_variables import Tokens
from bakery.operations.people import check_nomad_ttl, create_consul_token, create_nomad_token, read_tokens
from bakery.operations.run_tokens import wait_known
from bakery.wait import Pending, wait_until

WORKING_DAY = timedelta(hours=8)
_KNOWN_SECONDS = 15.0
"""Deadline for a server to know a new token, which a follower learns a moment after the leader."""


def ensure_operator_tokens(context: Context, bundle: Bundle, servers: Servers, *, ttl: timedelta) -> Tokens:
    """Return tokens that expire after ``ttl`` at most: those of an earlier run while half of that is left.

    They are in ``issued/operator`` of the state folder, so that ``credentials list`` and ``revoke`` find them. New
    tokens do not end the old ones, which another shell may use: those expire.

    Raises:
        AgentError: new tokens are needed, and no server makes them.
        UsageError: Nomad makes no token that lasts as long.
        LockedError: another process makes them for too long.
    """
    context.paths.ensure()
    with exclusive(context.paths.folder):
        found = _find(context, servers, ttl=ttl)
        if found is not None and _is_known(context, bundle, servers, found):
            return found
        try:
            return _create(context, bundle, servers, ttl=ttl)
        except AgentError as error:
            more = (error.hint, "; ") if error.hint else ()
            error.hint = Hint(*more, "tokens that need no server: ", Command("env", "--management"))
            raise


def _find(context: Context, servers: Servers, *, ttl: timedelta) -> Tokens | None:
    """Return the tokens of an earlier run, if they last long enough and not longer than asked for."""
    issued = find_issued(context.paths, OPERATOR)
    if issued is None:
        return None
    if issued.role != PersonRole.OPERATOR:
        message = f"the name {OPERATOR} is taken by credentials of role {issued.role}"
        raise UsageError(message=message, hint=Command("credentials revoke", OPERATOR))
    tokens = read_tokens(context.paths.issued_to(OPERATOR))
    complete = tokens.consul and (tokens.nomad or not servers.nomad)
    return tokens if complete and ttl / 2 <= issued.expires - datetime.now(UTC) <= ttl else None


def _is_known(context: Context, bundle: Bundle, servers: Servers, tokens: Tokens) -> bool:
    """Return whether the cluster knows the tokens: they may be revoked, or of a cluster that was destroyed.

    True also if no server says.
    """
    clients = connect_agents(context, bundle, tokens)
    apis: list[AclApi] = [clients.consul(servers.consul[0].address)]
    apis += [clients.nomad(server.address) for server in servers.nomad[:1]]
    try:
        return all(api.accepts_token() for api in apis)
    except AgentError:
        return True


def _create(context: Context, bundle: Bundle, servers: Servers, *, ttl: timedelta) -> Tokens:
    clients, now = connect_agents(context, bundle), datetime.now(UTC).replace(microsecond=0)
    consul = clients.consul(need_answer(context, "Consul", servers.consul).address)
    nomad = clients.nomad(need_answer(context, "Nomad", servers.nomad).address) if servers.nomad else None
    in_consul, in_nomad, seconds = random_token().secret, "", int(ttl.total_seconds())
    if nomad is not None:
        check_nomad_ttl(nomad, ttl)
        policy = nomad_policy(PersonRole.OPERATOR, ALL_NAMESPACES)
        in_nomad = create_nomad_token(nomad, policy, OPERATOR, seconds=seconds)
    create_consul_token(consul, consul_policy(PersonRole.OPERATOR), OPERATOR, in_consul, seconds=seconds)
    tokens = Tokens(consul=in_consul, nomad=in_nomad)
    _keep(context, tokens, expires=now + ttl)
    wait_until(
        lambda: True if _is_known(context, bundle, servers, tokens) else Pending("they are not known there"),
        what="the servers to accept the new tokens",
        seconds=_KNOWN_SECONDS,
        every=0.2,
    )
    # A client that is asked with the token looks it up at any server.
    wait_known(context, bundle, servers, "Nomad", tokens.nomad)
    return tokens


def _keep(context: Context, tokens: Tokens, *, expires: datetime) -> None:
    files = context.paths.issued_to(OPERATOR)
    write_secret(files.consul_token, f"{tokens.consul}\n".encode())
    write_secret(files.nomad_token, f"{tokens.nomad}\n".encode())
    # Last: until both tokens are written, a new record would give the end of tokens that are not here.
    write_record(
        context.paths,
        Issued(
            name=OPERATOR,
            role=PersonRole.OPERATOR,
            namespace=ALL_NAMESPACES,
            expires=expires,
            certificate_ends=operator_certificate_end(context.paths),
        ),
    )
