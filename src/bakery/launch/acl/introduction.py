"""Introduces new Nomad clients. With ``security.client_introduction: strict`` Nomad registers no others.

User-data is written before the servers exist. So it holds neither the token with which Nomad registers the client
(valid for half an hour), nor Nomad's token for Consul, but a token that may read one key of Consul. As soon as the
servers have a leader, the launch writes both tokens into that key, and the client fetches and deletes it
(``fetch-introduction`` of the image). A copy of user-data that is stolen later registers nothing.

A client is introduced once. The token in its user-data is created before the client's other tokens, and deleted
when Nomad has registered the client: a node that has the others and not this one needs no introduction.

Any holder of a copy of the user-data can fetch the key first, and register a client of that name. So only a client
that is ready at its droplet's address has registered. For any other an introduction does not end, and each launch
makes a new one: the node waits for it.
"""

from collections.abc import Collection, Mapping, Sequence

from bakery.agents.interface import ConsulApi, NomadApi
from bakery.agents.model import AclPolicy, AclToken, NomadNode, TokenGrant
from bakery.cloud.model import Droplet
from bakery.credentials.model import Bundle
from bakery.credentials.tokens import consul_nomad_token, introduction_token
from bakery.plan.introduction import introduction_key
from bakery.plan.model import ClusterPlan, Node


def begin_introductions(consul: ConsulApi, plan: ClusterPlan, bundle: Bundle, existing: Collection[str]) -> None:
    """Let each new client read its key. ``existing`` are the accessors of Consul's tokens."""
    for node in _clients(plan):
        token = introduction_token(bundle, node.name)
        if token.accessor in existing or consul_nomad_token(bundle, node.name).accessor in existing:
            continue
        consul.put_policy(_policy(node.name))
        grant = TokenGrant(description=f"bakery: introduction of {node.name}", policies=(_policy(node.name).name,))
        consul.put_token(AclToken(accessor=token.accessor, secret=token.secret, grant=grant))


def list_introductions(consul: ConsulApi, plan: ClusterPlan, bundle: Bundle) -> tuple[Node, ...]:
    """Return the clients whose introduction has begun and not ended, in plan order."""
    clients = _clients(plan)
    existing = {token.accessor for token in consul.list_tokens()} if clients else set()
    return tuple(node for node in clients if introduction_token(bundle, node.name).accessor in existing)


def create_introductions(nomad: NomadApi, nodes: Sequence[Node], droplets: Sequence[Droplet]) -> dict[str, str]:
    """Return Nomad's introduction tokens by node, for those of ``nodes`` that are not registered.

    ``droplets`` are those of the cluster; a node without one is made by hand, and its address is not known.
    """
    new = _not_registered(nomad, nodes, droplets)
    return {node.name: nomad.create_introduction(name=node.name, pool=node.node_pool) for node in new}


def deliver_introductions(
    consul: ConsulApi, bundle: Bundle, nodes: Sequence[Node], introductions: Mapping[str, str]
) -> None:
    """Write each new client's tokens into its key; end the introductions of the others of ``nodes``."""
    for node in nodes:
        if node.name in introductions:
            own = consul_nomad_token(bundle, node.name).secret
            consul.put_key(introduction_key(node.name), {"nomad": introductions[node.name], "consul": own})
        else:
            _end(consul, bundle, node.name)


def end_introductions(
    consul: ConsulApi, nomad: NomadApi, plan: ClusterPlan, bundle: Bundle, droplets: Sequence[Droplet]
) -> None:
    """End the introductions of the clients that Nomad has registered; ``droplets`` are those of the cluster."""
    if waiting := list_introductions(consul, plan, bundle):
        new = _not_registered(nomad, waiting, droplets)
        for node in waiting:
            if node not in new:
                _end(consul, bundle, node.name)


def unused_introductions(
    consul: ConsulApi, nomad: NomadApi, plan: ClusterPlan, bundle: Bundle, droplets: Sequence[Droplet]
) -> tuple[Node, ...]:
    """Return the clients whose key has gone from Consul, and that have not registered."""
    new = _not_registered(nomad, list_introductions(consul, plan, bundle), droplets)
    return tuple(node for node in new if not consul.has_key(introduction_key(node.name)))


def _not_registered(nomad: NomadApi, nodes: Sequence[Node], droplets: Sequence[Droplet]) -> tuple[Node, ...]:
    clients = nomad.nodes() if nodes else ()
    addresses = {droplet.name: droplet.private_ipv4 for droplet in droplets}
    return tuple(node for node in nodes if not any(_is_of(client, node, addresses) for client in clients))


def _is_of(client: NomadNode, node: Node, addresses: Mapping[str, str | None]) -> bool:
    is_at_home = node.name not in addresses or client.address == addresses[node.name]
    return client.name == node.name and client.status == "ready" and is_at_home


def _clients(plan: ClusterPlan) -> tuple[Node, ...]:
    """Return the clients that bakery introduces; without "strict" there are none."""
    return tuple(node for node in plan.nodes if node.kind.is_separate_client) if plan.introduces_clients else ()


def _policy(node: str) -> AclPolicy:
    return AclPolicy(
        name=f"bakery-introduction-{node}",
        description=f"The introduction of the new Nomad client {node}",
        # To write, because the client deletes the key.
        rules=f'key "{introduction_key(node)}" {{ policy = "write" }}\n',
    )


def _end(consul: ConsulApi, bundle: Bundle, node: str) -> None:
    """Take the rights back. The token is last: while it exists, this is done again."""
    consul.delete_key(introduction_key(node))
    consul.delete_policy(_policy(node).name)
    consul.delete_token(introduction_token(bundle, node).accessor)
