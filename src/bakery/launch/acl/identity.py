"""Workload identity: Consul gives a token to a task or a service that Nomad vouches for.

Nomad signs a JSON web token for the task, and the node's Nomad client exchanges it for a Consul token. The auth
method and its claims are those of ``nomad setup consul`` (hashicorp/nomad command/setup_consul.go). That command
itself cannot be used: with it Consul fetches the keys from Nomad, and Nomad answers only requests with a client
certificate, which Consul cannot show (hashicorp/consul#22782).
"""

from bakery.agents.interface import ConsulApi, NomadApi
from bakery.agents.model import AclRole, BindingRule, JwtAuthMethod
from bakery.launch.acl.policies import NOMAD_TASKS
from bakery.observe.gather import AUTH_METHOD
from bakery.wait import Pending

AUDIENCE = "consul.io"
"""Nomad's default audience for Consul. ``render/nomad_config.py`` has it for the servers."""
TASKS_ROLE = AclRole(
    name="nomad-tasks",
    description="bakery: every task of Nomad with a Consul identity",
    policies=(NOMAD_TASKS.name,),
)
BINDING_RULES = (
    # As with a client's own token (policies.NOMAD_CLIENT), a job cannot register the names by which agents find
    # their servers, in any spelling.
    BindingRule(
        description="bakery: a service registers itself",
        bind_type="service",
        bind_name="${value.nomad_service}",
        selector='"nomad_service" in value and value.nomad_service not matches "(?i)^(consul|nomad)$"',
    ),
    BindingRule(
        description="bakery: a task reads what every task may read",
        bind_type="role",
        bind_name=TASKS_ROLE.name,
        selector='"nomad_service" not in value',
    ),
    # Consul ignores a rule whose role does not exist (hashicorp/consul agent/consul/auth/binder.go, Bind).
    BindingRule(
        description="bakery: a task may do what the role of its namespace allows, if there is one",
        bind_type="role",
        bind_name=f"{TASKS_ROLE.name}-${{value.nomad_namespace}}",
        selector='"nomad_service" not in value',
    ),
)


def keys_to_accept(nomad: NomadApi) -> tuple[str, ...] | Pending:
    """Return every key that Nomad publishes, as sorted PEM: the active key, earlier and coming ones."""
    keys = nomad.signing_keys()
    # The leader makes the first key just after its election (hashicorp/nomad nomad/leader.go, initializeKeyring).
    if not any(key.active for key in keys):
        return Pending("Nomad has no active key yet")
    return tuple(sorted(key.pem for key in keys))


def write_identity(consul: ConsulApi, public_keys: tuple[str, ...]) -> int:
    """Write the role, the auth method and its rules if they are missing or differ; return how many changed."""
    method = JwtAuthMethod(
        name=AUTH_METHOD,
        description="bakery: workloads of Nomad",
        audience=AUDIENCE,
        claims=("nomad_namespace", "nomad_job_id", "nomad_task", "nomad_service"),
        public_keys=public_keys,
    )
    # The role is first: with the method and its rules but no role, Consul refuses a task's login (403).
    written = int(consul.put_role(TASKS_ROLE)) + int(consul.put_auth_method(method))
    return written + consul.put_binding_rules(method.name, BINDING_RULES)
