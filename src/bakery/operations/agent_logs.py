"""The log of one node, over the APIs of Consul and Nomad: no SSH."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

from bakery.agents.interface import AgentClients, ConsulApi, NomadApi
from bakery.agents.model import NomadNode
from bakery.cloud.model import Droplet
from bakery.config.model import Kind
from bakery.credentials.model import Bundle
from bakery.errors import AgentError, UsageError
from bakery.hints import Command, Text
from bakery.launch.acl.people import NOMAD_LOGS
from bakery.launch.base.agentless import NO_AGENTS, asks_agents_in_vain, check_agents_exist
from bakery.observe.gather import api_address
from bakery.observe.leaders import Servers, servers_with_leader
from bakery.operations.cluster import need_answer
from bakery.operations.context import Context
from bakery.operations.credentials import check_own_droplets, connect_agents, load_credentials
from bakery.operations.droplets import list_droplets
from bakery.operations.env_variables import Tokens
from bakery.operations.journal import SLICE, NodeJournal
from bakery.operations.place import check_place
from bakery.operations.run_tokens import RunTokens, wait_known
from bakery.plan.build import build_plan
from bakery.plan.model import ClusterPlan, Node
from bakery.plan.slots import as_running

Live = Callable[[str, float | None], Iterator[str]]
"""Takes the lowest level and the seconds after which to end (None: never), and yields new lines."""

SYSTEM = "system"
"""The agents, docker and bakery's own services on a node."""


@dataclass(frozen=True, kw_only=True)
class LogSource:
    """A log that can be read in one way or both."""

    node: str
    agent: str
    """consul, nomad or system."""
    live: Live | None = None
    """Asks the agent itself, which sends no lines of the past."""
    journal: NodeJournal | None = None
    """Asks Nomad for the node's journal."""


@dataclass(frozen=True, kw_only=True)
class _Reach:
    """The cluster as it runs, and the clients of its agents."""

    context: Context
    bundle: Bundle
    plan: ClusterPlan
    droplets: tuple[Droplet, ...]
    clients: AgentClients

    @cached_property
    def servers(self) -> Servers:
        """Asked for once: while no server answers it takes six seconds."""
        return servers_with_leader(self.plan, self.droplets, self.clients)

    @cached_property
    def asked(self) -> NomadApi:
        """A Nomad server that answers.

        Raises:
            AgentError: none does.
        """
        return self.clients.nomad(self._nomad_address)

    @property
    def _nomad_address(self) -> str:
        return need_answer(self.context, "Nomad", self.servers.nomad).address

    @cached_property
    def tokens(self) -> RunTokens:
        """The token of this run, for questions about clients: it reads agents and nodes.

        A Nomad server passes the caller's token on to the client, where root can read it
        (:mod:`bakery.agents.client_paths`).
        """
        return RunTokens(self.context, self, verb="logs", nomad=NOMAD_LOGS)

    @cached_property
    def asked_about_clients(self) -> NomadApi:
        """The same server as ``asked``, with the token of this run.

        Raises:
            AgentError: there is no leader, which would make the token.
        """
        tokens = Tokens(consul="", nomad=self.tokens.get("Nomad"))
        return connect_agents(self.context, self.bundle, tokens).nomad(self._nomad_address)

    def consul(self) -> ConsulApi:
        """Return a Consul server that answers."""
        return self.clients.consul(need_answer(self.context, "Consul", self.servers.consul).address)

    def nomad(self) -> NomadApi:
        """Return a Nomad server that answers."""
        return self.asked

    def wait_known(self, product: str, secret: str) -> None:
        """Wait until the product's servers accept a new token."""
        wait_known(self.context, self.bundle, self.servers, product, secret)

    @cached_property
    def nomad_nodes(self) -> Mapping[str, NomadNode]:
        """Nomad's clients by name; of two with one name the one that is ready."""
        return {node.name: node for node in sorted(self.asked.nodes(), key=lambda node: node.status == "ready")}


@contextmanager
def open_log(context: Context, name: str, agent: str | None, *, other_cloud: bool) -> Iterator[LogSource]:
    """Yield the log of the node's ``agent``; None is the agent that the node is there for.

    ``name`` is a droplet's name or a slot. The log can be read while the block runs.

    Raises:
        UsageError: no node has that name, it does not run that agent, no server can read that log, or no droplet
            boots.
        AgentError: the agent, or every server that could ask it, is silent.
        CredentialsError: the credentials are not here, or are not those of the droplets.
    """
    bundle = load_credentials(context)
    check_place(context, insists=other_cloud)
    reach = _reach(context, bundle)
    check_own_droplets(bundle, reach.droplets, reach.plan.cluster)
    node = _node(reach, name)
    wanted = agent or default_agent(node.kind)
    if wanted == "nomad" and not node.kind.runs_nomad:
        message = f"{node.name} does not run Nomad"
        raise UsageError(message=message, hint=Command("logs", node.name, "--agent", "consul"))
    if wanted == SYSTEM and not node.kind.runs_nomad:
        message = f"the journal of {node.name} cannot be read: Nomad exports journals, and it does not run there"
        raise UsageError(message=message, hint=_on_the_node("journalctl"))
    with _tokens_deleted(reach):
        try:
            source = _source(reach, node, wanted)
        except AgentError:
            check_agents_exist(context.cloud, reach.plan.region)
            raise
        yield source


@contextmanager
def open_logs(context: Context, bundle: Bundle) -> Iterator[tuple[LogSource, ...]]:
    """Yield the logs of all agents that can be reached, in plan order. They can be read while the block runs.

    Agents that do not answer are left out; each cause of that is one warning.

    The journal of a node that runs Nomad has the lines of all its services.
    """
    reach = _reach(context, bundle)
    with _tokens_deleted(reach):
        yield _all(reach)


@contextmanager
def _tokens_deleted(reach: _Reach) -> Iterator[None]:
    try:
        yield
    finally:
        reach.tokens.delete()


def _all(reach: _Reach) -> tuple[LogSource, ...]:
    context = reach.context
    found: list[LogSource] = []
    silent: dict[str, list[str]] = {}
    for node in reach.plan.nodes:
        if not any(droplet.name == node.name for droplet in reach.droplets):
            continue
        agents = [("consul", node.kind.is_consul_server), ("nomad", node.kind.runs_nomad)]
        for agent, wanted in (*agents, (SYSTEM, node.kind.runs_nomad)):
            try:
                found += [_source(reach, node, agent)] if wanted else []
            except AgentError as error:
                silent.setdefault(error.full_cause, []).append(f"{agent} on {node.name}")
    if silent and not found and asks_agents_in_vain(context.cloud, reach.plan.region):
        silent = {NO_AGENTS: [name for names in silent.values() for name in names]}
    for cause, names in silent.items():
        others = f" and {len(names) - 1} more" if len(names) > 1 else ""
        context.reporter.warn(f"no log of {names[0]}{others}: {cause}")
    return tuple(found)


def default_agent(kind: Kind) -> str:
    """Return the agent that a node of this kind is there for."""
    return "nomad" if kind.runs_nomad else "consul"


def _reach(context: Context, bundle: Bundle) -> _Reach:
    droplets = list_droplets(context)
    plan = as_running(build_plan(context.config), droplets)
    return _Reach(
        context=context, bundle=bundle, plan=plan, droplets=droplets, clients=connect_agents(context, bundle)
    )


def _node(reach: _Reach, name: str) -> Node:
    there = {droplet.name for droplet in reach.droplets}
    for node in reach.plan.nodes:
        if name in (node.name, node.slot) and node.name in there:
            return node
    message = f"cluster {reach.plan.cluster} has no node {name!r} that runs"
    names = ", ".join(node.name for node in reach.plan.nodes if node.name in there) or "none"
    raise UsageError(message=message, hint=f"its nodes: {names}")


def _source(reach: _Reach, node: Node, agent: str) -> LogSource:
    """Return the log of an agent that runs on the node, or of the node's system."""
    if agent == "nomad":
        api, client = _nomad(reach, node)
        unit = "nomad-client.service" if node.kind.is_nomad_client else "nomad-server.service"
        return LogSource(
            node=node.name,
            agent=agent,
            live=lambda level, seconds: api.follow_log(level, seconds=seconds, client=client),
            journal=NodeJournal(node=node.name, nomad=api, client=client, unit=unit),
        )
    journal = None
    if node.kind.runs_nomad:
        api, client = _nomad(reach, node)
        program = "consul" if agent == "consul" else ""
        journal = NodeJournal(node=node.name, nomad=api, client=client, unit=SLICE, program=program)
    if agent == SYSTEM:
        return LogSource(node=node.name, agent=agent, journal=journal)
    return LogSource(node=node.name, agent=agent, live=_consul(reach, node), journal=journal)


def _consul(reach: _Reach, node: Node) -> Live | None:
    """Return how to ask the node's Consul agent; None if its API is on loopback.

    Raises:
        UsageError: it is, and the node's journal cannot be read either.
        AgentError: it does not answer.
    """
    if node.kind.is_consul_server:
        consul = reach.clients.consul(_address(reach, node))
        consul.leader()  # raises if it does not answer
        return lambda level, seconds: consul.follow_log(level, seconds=seconds)
    if not node.kind.runs_nomad:
        raise loopback_only(node.name, "consul", _on_the_node("journalctl --unit=consul"))
    return None


def loopback_only(node: str, agent: str, hint: Text) -> UsageError:
    """Return the error about an agent, or a system, that cannot be asked from here."""
    named = "system" if agent == SYSTEM else f"{agent.title()} agent"
    return UsageError(message=f"the {named} of {node} answers on the node itself only", hint=hint)


def _on_the_node(command: str) -> str:
    return f"on the node, by SSH if access.ssh_keys names keys, or in its console: {command}"


def _nomad(reach: _Reach, node: Node) -> tuple[NomadApi, str | None]:
    """Return the Nomad server to ask about the node, and the client's id; None if the node is a server.

    Raises:
        AgentError: no server answers, or Nomad's servers do not reach the client.
    """
    if node.kind.is_nomad_server:
        server = reach.clients.nomad(_address(reach, node))
        server.leader()  # raises if it does not answer
        return server, None
    client = reach.nomad_nodes.get(node.name)
    if client is None or client.status != "ready":
        state = "not in Nomad's list" if client is None else client.status
        message = f"Nomad's servers do not reach the client {node.name}: it is {state}"
        raise AgentError(message=message, hint=Command("status"))
    return reach.asked_about_clients, client.id


def _address(reach: _Reach, node: Node) -> str:
    return next(api_address(droplet) for droplet in reach.droplets if droplet.name == node.name)
