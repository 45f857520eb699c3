"""The policies of credentials that are issued to other people and to pipelines, as data."""

from enum import StrEnum

from bakery.agents.model import AclPolicy, TokenGrant

_TOKEN_NAME = "bakery: issued to "  # noqa: S105 - what the names of tokens begin with
_POLICY = "bakery-{role}-{namespace}"


class PersonRole(StrEnum):
    """What the holder of issued credentials may do."""

    READ = "read"
    DEPLOY = "deploy"
    METRICS = "metrics"


# The catalog and health of Consul: nodes and services. Neither keys nor sessions, intentions, or an agent's
# configuration (Consul docs, "ACL rules").
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
# hashicorp/nomad acl/policy.go lists the capabilities. The shorthand "read" has no logs; "write" has volumes and
# scaling recommendations. Variables have rules of their own, none here (Nomad docs, "ACL policy specification").
_READ = ("list-jobs", "parse-job", "read-job", "read-logs", "read-job-scaling")
# A person who may submit a job may run any task in the namespace. The last four give no more than another version
# of a job would, but without them `nomad job dispatch`, `job scale`, `alloc restart` and `alloc fs` are refused.
_DEPLOY = (*_READ, "submit-job", "alloc-exec", "dispatch-job", "scale-job", "alloc-lifecycle", "read-fs")
# What Prometheus needs to discover Nomad's services (/v1/services).
_METRICS = ("list-jobs", "read-job")
_CAPABILITIES = {PersonRole.READ: _READ, PersonRole.DEPLOY: _DEPLOY, PersonRole.METRICS: _METRICS}


def consul_policy(role: PersonRole) -> AclPolicy:
    """Return Consul's policy of ``role``."""
    return CONSUL_METRICS if role is PersonRole.METRICS else CONSUL_READ


def nomad_policy(role: PersonRole, namespace: str) -> AclPolicy:
    """Return Nomad's policy of ``role`` in one namespace.

    ``node:read`` shows the clients; `nomad alloc logs` and `alloc exec` look up the client first.
    """
    capabilities = ", ".join(f'"{each}"' for each in _CAPABILITIES[role])
    return AclPolicy(
        name=_POLICY.format(role=role, namespace=namespace),
        description=f"Issued credentials: {role} in namespace {namespace}",
        rules=(f'namespace "{namespace}" {{ capabilities = [{capabilities}] }}\nnode {{ policy = "read" }}\n'),
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
        for role in PersonRole:
            prefix = _POLICY.format(role=role, namespace="")
            if policy.startswith(prefix):
                return role, policy.removeprefix(prefix)
    return None
