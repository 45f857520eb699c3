"""The log of one node's agent, over the APIs: no SSH."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from bakery.agents.interface import AgentClients
from bakery.cloud.model import Droplet
from bakery.config.model import Kind
from bakery.credentials.model import Bundle
from bakery.errors import AgentError, UsageError
from bakery.hints import Command
from bakery.observe.gather import api_address
from bakery.observe.leaders import Servers, servers_with_leader
from bakery.operations.cluster import need_answer
from bakery.operations.context import Context
from bakery.operations.credentials import connect_agents, load_credentials
from bakery.operations.droplets import list_droplets
from bakery.operations.place import check_place
from bakery.plan.build import build_plan
from bakery.plan.model import ClusterPlan, Node
from bakery.plan.slots import as_running

Follow = Callable[[str, float | None], Iterator[str]]
"""Takes the lowest level and the seconds after which to end (None: never), and yields lines."""


@dataclass(frozen=True, kw_only=True)
class LogSource:
    """An agent whose log can be read."""

    node: str
    agent: str
    """consul or nomad."""
    follow: Follow


@dataclass(frozen=True, kw_only=True)
class _Reach:
    """The cluster as it runs, and the clients of its agents."""

    context: Context
    plan: ClusterPlan
    droplets: tuple[Droplet, ...]
    clients: AgentClients

    @cached_property
    def servers(self) -> Servers:
        """Asked for once: while no server answers it takes six seconds."""
        return servers_with_leader(self.plan, self.droplets, self.clients)


def find_log(context: Context, name: str, agent: str | None, *, other_cloud: bool) -> LogSource:
    """Return the log of the node's ``agent``; None is the agent that the node is there for.

    ``name`` is a droplet's name or a slot.

    Raises:
        UsageError: no node has that name, it does not run that agent, or the agent listens on loopback only.
        AgentError: the agent, or every server that could ask it, is silent.
    """
    bundle = load_credentials(context)
    check_place(context, insists=other_cloud)
    reach = _reach(context, bundle)
    node = _node(reach, name)
    if (agent or default_agent(node.kind)) == "consul":
        return _consul_log(reach, node)
    return _nomad_log(reach, node)


def all_logs(context: Context, bundle: Bundle) -> tuple[LogSource, ...]:
    """Return the logs of all agents that can be reached, in plan order. Agents that do not answer are left out."""
    reach = _reach(context, bundle)
    found = []
    for node in reach.plan.nodes:
        if not any(droplet.name == node.name for droplet in reach.droplets):
            continue
        for wanted, read in ((node.kind.is_consul_server, _consul_log), (node.kind.runs_nomad, _nomad_log)):
            try:
                found += [read(reach, node)] if wanted else []
            except AgentError as error:
                context.reporter.warn(error.full_message)
    return tuple(found)


def default_agent(kind: Kind) -> str:
    """Return the agent that a node of this kind is there for."""
    return "nomad" if kind.runs_nomad else "consul"


def _reach(context: Context, bundle: Bundle) -> _Reach:
    droplets = list_droplets(context)
    plan = as_running(build_plan(context.config), droplets)
    return _Reach(context=context, plan=plan, droplets=droplets, clients=connect_agents(context, bundle))


def _node(reach: _Reach, name: str) -> Node:
    there = {droplet.name for droplet in reach.droplets}
    for node in reach.plan.nodes:
        if name in (node.name, node.slot) and node.name in there:
            return node
    message = f"cluster {reach.plan.cluster} has no node {name!r} that runs"
    names = ", ".join(node.name for node in reach.plan.nodes if node.name in there) or "none"
    raise UsageError(message=message, hint=f"its nodes: {names}")


def _consul_log(reach: _Reach, node: Node) -> LogSource:
    if not node.kind.is_consul_server:
        message = f"the Consul agent of {node.name} answers on the node itself only"
        hint = "on the node, by SSH if access.ssh_keys names keys, or in its console: journalctl --unit=consul"
        raise UsageError(message=message, hint=hint)
    consul = reach.clients.consul(_address(reach, node))
    consul.leader()  # raises if it does not answer
    return LogSource(
        node=node.name, agent="consul", follow=lambda level, seconds: consul.follow_log(level, seconds=seconds)
    )


def _nomad_log(reach: _Reach, node: Node) -> LogSource:
    if not node.kind.runs_nomad:
        message = f"{node.name} does not run Nomad"
        raise UsageError(message=message, hint=Command("logs", node.name, "--agent", "consul"))
    if node.kind.is_nomad_server:
        server = reach.clients.nomad(_address(reach, node))
        server.leader()  # raises if it does not answer
        return LogSource(
            node=node.name, agent="nomad", follow=lambda level, seconds: server.follow_log(level, seconds=seconds)
        )
    asked = reach.clients.nomad(need_answer(reach.context, "Nomad", reach.servers.nomad).address)
    client = next((each for each in asked.nodes() if each.name == node.name), None)
    if client is None or client.status != "ready":
        state = "not in Nomad's list" if client is None else client.status
        message = f"Nomad's servers do not reach the client {node.name}: it is {state}"
        raise AgentError(message=message, hint=Command("status"))
    return LogSource(
        node=node.name,
        agent="nomad",
        follow=lambda level, seconds: asked.follow_log(level, seconds=seconds, client=client.id),
    )


def _address(reach: _Reach, node: Node) -> str:
    return next(api_address(droplet) for droplet in reach.droplets if droplet.name == node.name)
