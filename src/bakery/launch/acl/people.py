"""The policies of the operator's shell, and of credentials for other people and pipelines, as data."""

from collections.abc import Iterable
from enum import StrEnum

from bakery.agents.model import AclPolicy, TokenGrant

_TOKEN_NAME = "bakery: issued to "  # noqa: S105 - what the names of tokens begin with
_POLICY = "bakery-{role}-{namespace}"


class PersonRole(StrEnum):
    """What the holder of issued credentials may do."""

    READ = "read"
    DEPLOY = "deploy"
    METRICS = "metrics"
    OPERATOR = "operator"
    """The operator's own shell: everything but the right to secrets that outlive the token."""


OPERATOR = "operator"
"""The name under which the tokens of ``bakery env`` are issued; nothing else is issued under it."""
ALL_NAMESPACES = "all"
"""The namespace of the operator's rights, in names of policies, which take no ``*``."""

# Consul's nodes and services, with their intentions and configuration entries (the rule for services is for these
# too). Neither keys nor sessions, or an agent's configuration (Consul docs, "ACL rules").
CONSUL_READ = AclPolicy(
    name="bakery-read",
    description="Issued credentials: read nodes and services",
    rules='node_prefix "" { policy = "read" }\nservice_prefix "" { policy = "read" }\n',
)
# Consul wants agent:read for an agent's metrics (agent/agent_endpoint.go, AgentMetrics). With it, the holder
# also reads the agents' configuration, without its secrets, and their logs. Nomad's metrics need no right
# (command/agent/metrics_endpoint.go, MetricsRequest).
CONSUL_METRICS = AclPolicy(
    name="bakery-metrics",
    description="Issued credentials: read metrics, nodes and services",
    rules=f'agent_prefix "" {{ policy = "read" }}\n{CONSUL_READ.rules}',
)
# Everything except acl and keyring, and so no snapshot (hashicorp/consul acl/policy_authorizer.go, Snapshot): with
# these rights, the holder could make or read secrets that are valid after the token has expired. A peering is one
# too (Consul docs, "ACL rules"). The keys below bakery/ are bakery's own: a new node may get a token through one.
# With operator:write the holder could set a CA of its own for the mesh (agent/consul/connect_ca_endpoint.go,
# ConfigurationSet).
# With agent:write the holder could end an agent for good (`consul leave`, agent/agent_endpoint.go, AgentLeave).
_CONSUL_PREFIXES = ("event", "key", "node", "query", "session")
CONSUL_OPERATOR = AclPolicy(
    name="bakery-operator",
    description="The operator's shell: everything but ACLs, gossip keys and snapshots",
    rules="".join(
        [f'{each}_prefix "" {{ policy = "write" }}\n' for each in _CONSUL_PREFIXES]
        + ['agent_prefix "" { policy = "read" }\n', 'key_prefix "bakery/" { policy = "deny" }\n']
        + ['service_prefix "" { policy = "write" intentions = "write" }\n', 'mesh = "write"\noperator = "read"\n']
    ),
)
# agent:write would show the gossip keys (hashicorp/nomad command/agent/agent_endpoint.go,
# KeyringOperationRequest), and operator:write would give snapshots, which contain every token
# (nomad/operator_endpoint.go, snapshotSave).
# ACLs, namespaces, Raft and garbage collection need a management token, which no policy replaces.
# A node pool may have clients' identities last for any time (nomad/structs/node_pool.go, NodeIdentityTTL).
# The shorthand "write" makes host volumes and has no right to delete or register them. With host-volume-register
# any folder of a node becomes a volume, which root in a container may write (nomad/host_volume_endpoint.go).
NOMAD_OPERATOR = AclPolicy(
    name="bakery-operator-all",
    description="The operator's shell: everything but ACLs, namespaces, gossip keys and snapshots",
    rules=(
        'namespace "*" {\n'
        '  policy = "write"\n'
        '  capabilities = ["host-volume-delete"]\n'
        '  variables { path "*" { capabilities = ["read", "list", "write", "destroy"] } }\n'
        "}\n"
        'node { policy = "write" }\nnode_pool "*" { policy = "read" }\nhost_volume "*" { policy = "write" }\n'
        'agent { policy = "read" }\noperator { policy = "read" }\nplugin { policy = "read" }\n'
    ),
)
# hashicorp/nomad acl/policy.go lists the capabilities. The shorthand "read" has no logs; "write" has volumes and
# scaling recommendations. Variables have rules of their own, none here (Nomad docs, "ACL policy specification").
_READ = ("list-jobs", "parse-job", "read-job", "read-logs", "read-job-scaling")
# A person who may submit a job may run any task in the namespace. The last four give no more than another version
# of a job would, but without them `nomad job dispatch`, `job scale`, `alloc restart` and `alloc fs` are refused.
_DEPLOY = (*_READ, "submit-job", "alloc-exec", "dispatch-job", "scale-job", "alloc-lifecycle", "read-fs")
# What Prometheus needs to discover Nomad's services (/v1/services).
_METRICS = ("list-jobs", "read-job")


def _rules(namespace: str, capabilities: Iterable[str]) -> str:
    """Return rules with ``node:read``, since `nomad alloc logs` and `alloc exec` look up the client first."""
    listed = ", ".join(f'"{each}"' for each in capabilities)
    return f'namespace "{namespace}" {{ capabilities = [{listed}] }}\nnode {{ policy = "read" }}\n'


# Its name has no namespace, so that it is not the policy of a namespace called "all".
NOMAD_READ = AclPolicy(
    name="bakery-read",
    description="Read in all namespaces, for the pages in the browser",
    rules=_rules("*", _READ),
)
NOMAD_LOGS = AclPolicy(
    name="bakery-logs",
    description="For one run: the logs and journals of agents",
    rules='agent { policy = "read" }\nnode { policy = "read" }\n',
)
_CONSUL = {PersonRole.METRICS: CONSUL_METRICS, PersonRole.OPERATOR: CONSUL_OPERATOR}
_CAPABILITIES = {PersonRole.READ: _READ, PersonRole.DEPLOY: _DEPLOY, PersonRole.METRICS: _METRICS}


def consul_policy(role: PersonRole) -> AclPolicy:
    """Return Consul's policy of ``role``."""
    return _CONSUL.get(role, CONSUL_READ)


def nomad_policy(role: PersonRole, namespace: str) -> AclPolicy:
    """Return Nomad's policy of ``role`` in one namespace; the operator's is for all of them."""
    if role is PersonRole.OPERATOR:
        return NOMAD_OPERATOR
    return AclPolicy(
        name=_POLICY.format(role=role, namespace=namespace),
        description=f"Issued credentials: {role} in namespace {namespace}",
        rules=_rules(namespace, _CAPABILITIES[role]),
    )


def token_name(person: str) -> str:
    """Return the name of a person's tokens, in Consul (as description) and in Nomad."""
    return f"{_TOKEN_NAME}{person}"


def person_of(grant: TokenGrant) -> str | None:
    """Return the person whose token it is; None if it was not issued to a person."""
    name = grant.description
    return name.removeprefix(_TOKEN_NAME) if name.startswith(_TOKEN_NAME) else None


def role_of(grant: TokenGrant) -> tuple[PersonRole, str] | None:
    """Return role and namespace of a person's Nomad token; None if its policies are not bakery's."""
    for policy in grant.policies:
        if policy in (NOMAD_READ.name, NOMAD_LOGS.name):
            return PersonRole.READ, ALL_NAMESPACES
        for role in PersonRole:
            prefix = _POLICY.format(role=role, namespace="")
            if policy.startswith(prefix):
                return role, policy.removeprefix(prefix)
    return None
