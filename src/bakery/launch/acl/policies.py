"""The Consul policies, and the tokens that user-data contains, as data."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import product

from bakery.agents.model import AclPolicy, AclToken, NodeIdentity, TokenGrant
from bakery.config.model import Kind, Role
from bakery.credentials.model import Bundle, Token
from bakery.credentials.tokens import (
    consul_agent_token,
    consul_ingress_token,
    consul_nomad_token,
    tokens_of,
)
from bakery.plan.ingress import SERVICE
from bakery.plan.model import ClusterPlan

# Source of the agent's rules: Consul docs, "Tokens configuration reference", acl.tokens.agent: node:write on the
# agent's own name, service:read on all services. A planned node gets them as a node identity; nodes made by hand
# take their names from their host names, so their role's policy cannot name them.
ROLE_AGENT = AclPolicy(
    name="bakery-role-agent",
    description="Consul agents of nodes made by hand",
    rules='node_prefix "" { policy = "write" }\nservice_prefix "" { policy = "read" }\n',
)
# Source: Consul docs, acl.tokens.dns: node:read and service:read answer every DNS question of this product.
DNS = AclPolicy(
    name="bakery-dns",
    description="Consul agents, for their answers to DNS queries",
    rules='node_prefix "" { policy = "read" }\nservice_prefix "" { policy = "read" }\n',
)
# Source: Nomad docs, "Integrate Consul ACL" (hashicorp/nomad website/content/docs/secure/acl/consul.mdx, v1.11.3).
# That page also grants mesh:write (NOMAD_MESH), acl:write and node:write. No server needs the last two: since 1.10
# sidecars have the token of their service's identity, and Nomad's own tests run with node:read, and with
# service:write on Nomad's services only (e2e/consulcompat/input/consul-policy-for-nomad.hcl), which is all that a
# server registers.
NOMAD_SERVER = AclPolicy(
    name="bakery-nomad-server",
    description="Nomad servers, towards their local Consul",
    rules=(
        'agent_prefix "" { policy = "read" }\n'
        'node_prefix "" { policy = "read" }\n'
        'service_prefix "" { policy = "read" }\n'
        'service_prefix "nomad" { policy = "write" }\n'
    ),
)


def _read_only(service: str) -> str:
    """Return the rules that take the right to write a service from a policy that may write all services.

    An exact name outweighs a prefix (Consul docs, "ACL rules", rule precedence). Rules distinguish upper and lower
    case, but the catalog does not: a service "Nomad" is found as "nomad" (hashicorp/consul
    agent/consul/state/catalog_schema.go, indexServiceNameFromServiceNode). So there is a rule for each spelling.
    """
    spellings = map("".join, product(*((letter, letter.upper()) for letter in service)))
    return "".join(f'service "{spelling}" {{ policy = "read" }}\n' for spelling in spellings)


# A client registers the services of every job, with any name, and itself as "nomad-client"
# (nomad/structs/config/consul.go, ClientServiceName), but not the servers' own. Consul has no rule for "on one's
# own node only". With an identity in the service the job's token registers it, but the client deregisters it with
# its own token in any case (command/agent/consul/service_client.go, syncRemoveService; the reason:
# hashicorp/nomad#24166), and Consul's agent then demands service:write (hashicorp/consul agent/acl.go,
# vetServiceUpdateWithAuthorizer). consul_policies adds the rules for agents.
NOMAD_CLIENT = AclPolicy(
    name="bakery-nomad-client",
    description="Nomad clients, towards their local Consul",
    rules=(
        'agent_prefix "" { policy = "read" }\n'
        'node_prefix "" { policy = "read" }\n'
        'service_prefix "" { policy = "write" }\n' + _read_only("consul") + _read_only("nomad")
    ),
)
# An agent that is a server and a client registers both. With the two policies above it could not register the
# servers: NOMAD_CLIENT's rule for the exact name "nomad" outweighs the prefix of NOMAD_SERVER.
NOMAD_BOTH = AclPolicy(
    name="bakery-nomad-server-and-client",
    description="Nomad agents that are server and client, towards their local Consul",
    rules=(
        'agent_prefix "" { policy = "read" }\n'
        'node_prefix "" { policy = "read" }\n'
        'service_prefix "" { policy = "write" }\n' + _read_only("consul")
    ),
)
# "nomad setup consul" lets tasks read the whole KV store instead (hashicorp/nomad
# command/asset/consul-wi-default-policy.hcl), with the values of every other program in it.
NOMAD_TASKS = AclPolicy(
    name="bakery-nomad-tasks",
    description="Tasks of Nomad with a Consul identity",
    rules=(
        'node_prefix "" { policy = "read" }\n'
        'service_prefix "" { policy = "read" }\n'
        'key_prefix "apps/" { policy = "read" }\n'
    ),
)
# The agent of an ingress node registers Traefik, whose check says whether the node takes requests.
INGRESS_AGENT = AclPolicy(
    name="bakery-ingress-agent",
    description="Consul agents of ingress nodes",
    rules=f'service "{SERVICE}" {{ policy = "write" }}\n',
)
# Traefik lists services with their tags, and the instances of each with node and checks
# (traefik/traefik pkg/provider/consulcatalog/consul_catalog.go). In a transaction Consul asks for no right to
# register a service called "consul" (agent/consul/catalog_endpoint.go, servicePreApply): with tags it would be a
# route.
INGRESS = AclPolicy(
    name="bakery-ingress",
    description="Traefik on ingress nodes, towards its local Consul",
    rules=(
        'node_prefix "" { policy = "read" }\nservice_prefix "" { policy = "read" }\n'
        'service "consul" { policy = "deny" }\n'
    ),
)
# A server writes the configuration entry of each gateway that a job has (hashicorp/nomad nomad/consul.go, setCE).
# Consul's rule covers every entry of the mesh, but no intention: these belong to their service.
NOMAD_MESH = AclPolicy(
    name="bakery-nomad-mesh",
    description="Nomad servers, for gateways of the service mesh",
    rules='mesh = "write"\n',
)
POLICIES = (ROLE_AGENT, DNS, NOMAD_SERVER, NOMAD_CLIENT, NOMAD_BOTH, NOMAD_TASKS, INGRESS_AGENT, INGRESS)
"""The policies of every cluster."""


def consul_policies(plan: ClusterPlan) -> tuple[AclPolicy, ...]:
    """Return the policies of the planned cluster."""
    known = tuple(_without_servers_agents(each, plan) if each is NOMAD_CLIENT else each for each in POLICIES)
    return (*known, NOMAD_MESH) if plan.mesh else known


def _without_servers_agents(policy: AclPolicy, plan: ClusterPlan) -> AclPolicy:
    """Return the policy without the right to read the configuration and the log of Consul servers.

    A client reads its own agent's (hashicorp/nomad client/fingerprint/consul.go, query). The agents of other
    clients listen on loopback only, those of Consul servers in the VPC. The longest prefix decides (Consul docs,
    "ACL rules"): so the clients' own roles need a rule, in case a server's role is named like their beginning.
    """
    roles = {
        node.role: node.kind for node in plan.nodes if node.kind.is_consul_server or node.kind.is_nomad_client
    }
    rules = (
        f'agent_prefix "{plan.cluster}-{role}-" {{ policy = "{"deny" if kind.is_consul_server else "read"}" }}\n'
        for role, kind in sorted(roles.items())
    )
    return replace(policy, rules=policy.rules + "".join(rules))


def consul_tokens(plan: ClusterPlan, rendered: Iterable[Role], bundle: Bundle) -> tuple[AclToken, ...]:
    """Return every token that user-data contains, for planned nodes and for the ``rendered`` roles."""
    tokens: list[AclToken] = []
    for node in plan.nodes:
        identity = NodeIdentity(node=node.name, datacenter=plan.cluster)
        policies = tuple(sorted((DNS.name, *_agent_policies(node.kind))))
        agent = consul_agent_token(bundle, node.name)
        tokens.append(_token(agent, f"Consul agent of {node.name}", policies=policies, node=identity))
        tokens += _tokens_of_kind(bundle, node.name, node.kind, mesh=plan.mesh)
    for role in rendered:
        tokens += role_tokens(role, bundle, mesh=plan.mesh)
    return tuple(tokens)


def token_accessors(bundle: Bundle, node: str) -> tuple[str, ...]:
    """Return the accessor ids of the tokens of the node with that name."""
    return tuple(token.accessor for token in tokens_of(bundle, node))


def role_tokens(role: Role, bundle: Bundle, *, mesh: bool) -> tuple[AclToken, ...]:
    """Return the tokens that all hand-made nodes of ``role`` share: for Consul's agent, for Nomad or Traefik."""
    agent = consul_agent_token(bundle, role.name)
    policies = tuple(sorted((ROLE_AGENT.name, *_agent_policies(role.kind))))
    token = _token(agent, f"Consul agents of role {role.name}", policies=policies)
    return token, *_tokens_of_kind(bundle, role.name, role.kind, mesh=mesh)


def _agent_policies(kind: Kind) -> tuple[str, ...]:
    return (INGRESS_AGENT.name,) if kind.is_ingress else ()


def _tokens_of_kind(bundle: Bundle, subject: str, kind: Kind, *, mesh: bool) -> Sequence[AclToken]:
    if kind.is_ingress:
        return (_token(consul_ingress_token(bundle, subject), f"Traefik of {subject}", policies=(INGRESS.name,)),)
    if not kind.runs_nomad:
        return ()
    more = (NOMAD_MESH.name,) if mesh and kind.is_nomad_server else ()
    policies = tuple(sorted((_nomad_policy(kind).name, *more)))
    return (_token(consul_nomad_token(bundle, subject), f"Nomad of {subject}", policies=policies),)


def _nomad_policy(kind: Kind) -> AclPolicy:
    if kind.is_nomad_server and kind.is_nomad_client:
        return NOMAD_BOTH
    return NOMAD_SERVER if kind.is_nomad_server else NOMAD_CLIENT


def _token(
    token: Token, description: str, *, policies: tuple[str, ...] = (), node: NodeIdentity | None = None
) -> AclToken:
    grant = TokenGrant(description=f"bakery: {description}", policies=policies, node=node)
    return AclToken(accessor=token.accessor, secret=token.secret, grant=grant)
