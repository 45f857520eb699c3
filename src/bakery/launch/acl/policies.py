"""The Consul policies, and the tokens that user-data contains, as data."""

from collections.abc import Iterable, Sequence
from itertools import product

from bakery.agents.model import AclPolicy, AclToken, NodeIdentity, TokenGrant
from bakery.config.model import Kind, Role
from bakery.credentials.model import Bundle, Token
from bakery.credentials.tokens import consul_agent_token, consul_dns_token, consul_nomad_token
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
    description="DNS answers of every Consul agent",
    rules='node_prefix "" { policy = "read" }\nservice_prefix "" { policy = "read" }\n',
)
# Source: Nomad docs, "Integrate Consul ACL" (hashicorp/nomad website/content/docs/secure/acl/consul.mdx, v1.11.3).
# That page also grants acl:write, mesh:write (service mesh tokens and gateways) and node:write, but clustering
# and registration do not need them: Nomad's own tests run with node:read, and with service:write on Nomad's
# services only (e2e/consulcompat/input/consul-policy-for-nomad.hcl), which is all that a server registers.
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
# own node only".
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
POLICIES = (ROLE_AGENT, DNS, NOMAD_SERVER, NOMAD_CLIENT, NOMAD_BOTH, NOMAD_TASKS)


def consul_tokens(plan: ClusterPlan, rendered: Iterable[Role], bundle: Bundle) -> tuple[AclToken, ...]:
    """Return every token that user-data contains: for DNS, for planned nodes, and for the ``rendered`` roles."""
    tokens = [_token(consul_dns_token(bundle), "DNS", policies=(DNS.name,))]
    for node in plan.nodes:
        identity = NodeIdentity(node=node.name, datacenter=plan.cluster)
        tokens.append(_token(consul_agent_token(bundle, node.name), f"Consul agent of {node.name}", node=identity))
        tokens += _nomad_token(bundle, node.name, node.kind)
    for role in rendered:
        tokens += role_tokens(role, bundle)
    return tuple(tokens)


def token_accessors(bundle: Bundle, node: str) -> tuple[str, ...]:
    """Return the accessor ids of the tokens of the node with that name."""
    return (consul_agent_token(bundle, node).accessor, consul_nomad_token(bundle, node).accessor)


def role_tokens(role: Role, bundle: Bundle) -> tuple[AclToken, ...]:
    """Return the tokens that all hand-made nodes of ``role`` share: for Consul's agent, and for Nomad if used."""
    agent = consul_agent_token(bundle, role.name)
    token = _token(agent, f"Consul agents of role {role.name}", policies=(ROLE_AGENT.name,))
    return token, *_nomad_token(bundle, role.name, role.kind)


def _nomad_token(bundle: Bundle, subject: str, kind: Kind) -> Sequence[AclToken]:
    if not kind.runs_nomad:
        return ()
    policy = _nomad_policy(kind).name
    return (_token(consul_nomad_token(bundle, subject), f"Nomad of {subject}", policies=(policy,)),)


def _nomad_policy(kind: Kind) -> AclPolicy:
    if kind.is_nomad_server and kind.is_nomad_client:
        return NOMAD_BOTH
    return NOMAD_SERVER if kind.is_nomad_server else NOMAD_CLIENT


def _token(
    token: Token, description: str, *, policies: tuple[str, ...] = (), node: NodeIdentity | None = None
) -> AclToken:
    grant = TokenGrant(description=f"bakery: {description}", policies=policies, node=node)
    return AclToken(accessor=token.accessor, secret=token.secret, grant=grant)
