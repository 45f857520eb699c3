"""Credentials for other people and for pipelines, with fewer rights than the operator's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bakery.agents.interface import AgentClients, ConsulApi, NomadApi
from bakery.agents.model import AclPolicy, AclToken, ListedToken, TokenGrant
from bakery.config.paths import IssuedFiles
from bakery.credentials.issued import (
    Issued,
    certificate_end,
    create_issued,
    find_issued,
    list_issued,
    longest_ttl,
    remove_issued,
)
from bakery.credentials.model import Bundle
from bakery.credentials.seen import note
from bakery.credentials.tokens import random_token
from bakery.errors import BakeryError, CredentialsError, UsageError
from bakery.files import write_secret
from bakery.hints import Command, Hint
from bakery.launch.acl.people import (
    OPERATOR,
    PersonRole,
    consul_policy,
    nomad_policy,
    person_of,
    role_of,
    token_name,
)
from bakery.observe.leaders import Servers
from bakery.operations.cluster import active_servers, need_answer
from bakery.operations.context import Context
from bakery.operations.credentials import connect_agents, load_credentials
from bakery.operations.env_variables import Tokens, env_script
from bakery.operations.place import check_place


@dataclass(frozen=True, kw_only=True)
class IssueRequest:
    """Credentials that a user asks for."""

    name: str
    """A label: lower-case letters, digits and hyphens."""
    role: str
    """A value of :class:`bakery.launch.acl.people.PersonRole`."""
    namespace: str
    ttl: timedelta
    other_cloud: bool


@dataclass(frozen=True, kw_only=True)
class ListedPerson:
    """One row of ``bakery credentials list``."""

    name: str
    role: str | None
    """None if it was issued on another machine and its Nomad token is gone."""
    namespace: str | None
    expires: datetime | None
    """When the last of the tokens ends; UTC."""
    consul_token: bool
    """Whether the token exists."""
    nomad_token: bool
    here: bool
    """Whether its files are on this machine."""


@dataclass(frozen=True, kw_only=True)
class _Cluster:
    """One answering server of each product, and the credentials to ask it."""

    bundle: Bundle
    servers: Servers
    consul: ConsulApi
    nomad: NomadApi


def issue_credentials(context: Context, request: IssueRequest) -> Issued:
    """Create client certificates and tokens for one name, and write them into a folder of their own.

    Everything that could be refused is checked first. If a later step fails, ``revoke`` takes back what was made.

    Raises:
        UsageError: the name is taken, the namespace does not exist, or the time is longer than a certificate or a
        token of Nomad can be valid.
        AgentError: no server answers, or one refused.
    """
    now = datetime.now(UTC).replace(microsecond=0)
    _check_not_operator(request.name)
    _check_free(context, request.name, ())
    cluster = _reach(context, other_cloud=request.other_cloud)
    _check_ttl(context, cluster, request, now)
    _check_free(context, request.name, (*cluster.consul.list_tokens(), *cluster.nomad.list_tokens()))
    if not cluster.nomad.has_namespace(request.namespace):
        message = f"Nomad has no namespace {request.namespace}"
        raise UsageError(message=message, hint=Command("nomad", "namespace", "apply", request.namespace))
    expires = now + request.ttl
    issued = Issued(
        name=request.name,
        role=request.role,
        namespace=request.namespace,
        expires=expires,
        certificate_ends=certificate_end(cluster.bundle, expires, now=now),
    )
    try:
        files = create_issued(cluster.bundle, context.paths, issued, now=now)
    except FileExistsError:
        raise _taken(request.name) from None
    try:
        _create_tokens(cluster, request, files)
    except BakeryError as error:
        error.hint = Hint("take back what was made, then try again: ", Command("credentials revoke", request.name))
        raise
    write_secret(files.env, env_script(cluster.bundle.cluster, cluster.servers, files).encode())
    return issued


def list_people(context: Context, *, other_cloud: bool) -> tuple[ListedPerson, ...]:
    """Return what was issued on this machine, and what has a token in the cluster, by name.

    Raises:
        AgentError: no server answers, or one refused.
    """
    cluster = _reach(context, other_cloud=other_cloud)
    consul, nomad = _by_person(cluster.consul.list_tokens()), _by_person(cluster.nomad.list_tokens())
    here = {issued.name: issued for issued in list_issued(context.paths)}
    return tuple(
        _row(name, here.get(name), consul.get(name), nomad.get(name)) for name in sorted({*here, *consul, *nomad})
    )


def revoke_credentials(context: Context, name: str, *, other_cloud: bool) -> Issued | None:
    """Delete the tokens that were issued under ``name``, then the files on this machine. Safe to repeat.

    Return what the record on this machine said; None if there is no record here.

    Raises:
        UsageError: nothing was issued under the name.
        AgentError: no server answers, or one refused.
    """
    cluster = _reach(context, other_cloud=other_cloud)
    apis: Sequence[ConsulApi | NomadApi] = (cluster.consul, cluster.nomad)
    deleted = sum(delete_tokens(api, name) for api in apis)
    issued = None
    try:
        issued = find_issued(context.paths, name)
    except CredentialsError as error:  # a damaged record must not keep the files here
        context.reporter.warn(error.full_message)
    if not remove_issued(context.paths, name) and not deleted:
        message = f"no credentials were issued under the name {name}"
        raise UsageError(message=message, hint=Command("credentials list"))
    return issued


def issued_files(context: Context, name: str) -> IssuedFiles:
    """Return the files that were issued under ``name`` on this machine.

    Raises:
        UsageError: there are none here, they are not complete, or they have expired.
    """
    _check_not_operator(name)
    issued = find_issued(context.paths, name)
    files = context.paths.issued_to(name)
    if issued is None:
        message = f"no credentials were issued under the name {name} on this machine"
        raise UsageError(message=message, hint=Command("credentials list"))
    again = Hint(Command("credentials revoke", name), ", then ", Command("credentials issue", name))
    if issued.expires <= datetime.now(UTC):
        message = f"the credentials of {name} expired on {issued.expires:%Y-%m-%d %H:%M} UTC"
        raise UsageError(message=message, hint=again)
    if not (files.consul_token.exists() and files.nomad_token.exists()):
        message = f"the credentials of {name} were not issued completely: {files.folder} lacks a token"
        raise UsageError(message=message, hint=again)
    return files


def read_tokens(files: IssuedFiles) -> Tokens:
    """Return the tokens in ``files``; an empty text for one that is not there.

    Raises:
        CredentialsError: a file is damaged.
    """
    return Tokens(consul=_content(files.consul_token), nomad=_content(files.nomad_token))


def _content(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii").strip() if file.exists() else ""
    except UnicodeDecodeError:
        message = f"{file} is damaged: it holds no token"
        raise CredentialsError(message=message, hint=f"delete the file {file}") from None


def create_nomad_token(nomad: NomadApi, policy: AclPolicy, person: str, *, seconds: int) -> str:
    """Create the policy and a token with it, which is issued to ``person``; return the token's secret."""
    nomad.put_policy(policy)
    grant = TokenGrant(description=token_name(person), policies=(policy.name,))
    secret = nomad.create_token(grant, seconds=seconds)
    note(secret)
    return secret


def create_consul_token(consul: ConsulApi, policy: AclPolicy, person: str, secret: str, *, seconds: int) -> None:
    """Create the policy and a token with it and with ``secret``, a UUID, which is issued to ``person``."""
    consul.put_policy(policy)
    grant = TokenGrant(description=token_name(person), policies=(policy.name,))
    accessor = random_token().accessor
    consul.put_token(AclToken(accessor=accessor, secret=secret, grant=grant, seconds=seconds))


def delete_tokens(api: ConsulApi | NomadApi, person: str) -> int:
    """Delete the tokens that were issued to ``person``; return how many there were."""
    accessors = [token.accessor for token in api.list_tokens() if person_of(token.grant) == person]
    for accessor in accessors:
        api.delete_token(accessor)
    return len(accessors)


def _reach(context: Context, *, other_cloud: bool) -> _Cluster:
    bundle = load_credentials(context)
    check_place(context, insists=other_cloud)
    servers = active_servers(context, bundle)
    clients: AgentClients = connect_agents(context, bundle)
    consul = need_answer(context, "Consul", servers.consul)
    nomad = need_answer(context, "Nomad", servers.nomad)
    return _Cluster(
        bundle=bundle, servers=servers, consul=clients.consul(consul.address), nomad=clients.nomad(nomad.address)
    )


def _check_ttl(context: Context, cluster: _Cluster, request: IssueRequest, now: datetime) -> None:
    longest = longest_ttl(cluster.bundle, now=now, leaf_days=context.config.security.leaf_days)
    if request.ttl > longest:
        message = f"the credentials would outlive their certificate, which can be valid for {longest.days} days"
        raise UsageError(message=message, hint=f"--ttl {longest.days}d at most")
    check_nomad_ttl(cluster.nomad, request.ttl)


def check_nomad_ttl(nomad: NomadApi, ttl: timedelta) -> None:
    """Check that Nomad's servers make tokens that are valid for so long.

    Raises:
        UsageError: they do not.
    """
    limit = timedelta(seconds=nomad.longest_token_seconds())
    if ttl > limit:
        hours = int(limit.total_seconds()) // 3600
        message = f"Nomad's servers make no token that is valid for longer than {hours} h"
        raise UsageError(message=message, hint=f"--ttl {hours}h at most")


def _check_free(context: Context, name: str, tokens: Sequence[ListedToken]) -> None:
    if context.paths.issued_to(name).folder.exists() or name in _by_person(tokens):
        raise _taken(name)


def _check_not_operator(name: str) -> None:
    if name == OPERATOR:
        message = f"{OPERATOR} is the name of the tokens in your own shell"
        raise UsageError(message=message, hint=Hint("choose another name; for your own: ", Command("env")))


def _taken(name: str) -> UsageError:
    message = f"the name {name} is taken"
    hint = Hint("choose another, or take the old ones back first: ", Command("credentials revoke", name))
    return UsageError(message=message, details="credentials were issued under it", hint=hint)


def _create_tokens(cluster: _Cluster, request: IssueRequest, files: IssuedFiles) -> None:
    role, seconds = PersonRole(request.role), _seconds(request)
    secret = create_nomad_token(
        cluster.nomad, nomad_policy(role, request.namespace), request.name, seconds=seconds
    )
    write_secret(files.nomad_token, f"{secret}\n".encode())
    secret = random_token().secret
    write_secret(files.consul_token, f"{secret}\n".encode())
    create_consul_token(cluster.consul, consul_policy(role), request.name, secret, seconds=seconds)


def _seconds(request: IssueRequest) -> int:
    return int(request.ttl.total_seconds())


def _by_person(tokens: Sequence[ListedToken]) -> Mapping[str, ListedToken]:
    """Return each person's token; of several the one that ends last. A shell may leave one that lasts longer."""
    found: dict[str, ListedToken] = {}
    for token in sorted(tokens, key=_end):
        person = person_of(token.grant)
        if person is not None:
            found[person] = token
    return found


def _end(token: ListedToken) -> datetime:
    """Return when the token ends; the last of all dates if it does not."""
    return token.expires or datetime.max.replace(tzinfo=UTC)


def _row(name: str, issued: Issued | None, consul: ListedToken | None, nomad: ListedToken | None) -> ListedPerson:
    found = role_of(nomad.grant) if nomad else None
    role, namespace = (issued.role, issued.namespace) if issued else found or (None, None)
    ends = [token.expires for token in (nomad, consul) if token is not None and token.expires is not None]
    return ListedPerson(
        name=name,
        role=None if role is None else str(role),
        namespace=namespace,
        expires=max((issued.expires, *ends)) if issued else max(ends, default=None),
        consul_token=consul is not None,
        nomad_token=nomad is not None,
        here=issued is not None,
    )
