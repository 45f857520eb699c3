"""The policies of issued credentials, and what a token's name and policies say about its holder."""

import pytest

from bakery.agents.model import TokenGrant
from bakery.cli.credentials import ROLES
from bakery.launch.acl.people import (
    CONSUL_READ,
    PersonRole,
    consul_policy,
    nomad_policy,
    person_of,
    role_of,
    token_name,
)

READ = """\
namespace "dev" { capabilities = ["list-jobs", "parse-job", "read-job", "read-logs", "read-job-scaling"] }
node { policy = "read" }
"""
DEPLOY = """\
namespace "dev" { capabilities = ["list-jobs", "parse-job", "read-job", "read-logs", "read-job-scaling", \
"submit-job", "alloc-exec", "dispatch-job", "scale-job", "alloc-lifecycle", "read-fs"] }
node { policy = "read" }
"""
METRICS = """\
namespace "dev" { capabilities = ["list-jobs", "read-job"] }
node { policy = "read" }
"""


def test_the_roles_policies_are_these() -> None:
    read, deploy = nomad_policy(PersonRole.READ, "dev"), nomad_policy(PersonRole.DEPLOY, "dev")
    assert (read.name, read.rules) == ("bakery-read-dev", READ)
    assert (deploy.name, deploy.rules) == ("bakery-deploy-dev", DEPLOY)
    metrics = nomad_policy(PersonRole.METRICS, "dev")
    assert (metrics.name, metrics.rules) == ("bakery-metrics-dev", METRICS)
    assert consul_policy(PersonRole.READ) is consul_policy(PersonRole.DEPLOY) is CONSUL_READ
    assert consul_policy(PersonRole.METRICS).rules == f'agent_prefix "" {{ policy = "read" }}\n{CONSUL_READ.rules}'
    assert CONSUL_READ.rules == 'node_prefix "" { policy = "read" }\nservice_prefix "" { policy = "read" }\n'


# Without acl, keyring, peering and operator:write of Consul, and without agent:write and operator:write of Nomad.
CONSUL_OPERATOR = """\
event_prefix "" { policy = "write" }
key_prefix "" { policy = "write" }
node_prefix "" { policy = "write" }
query_prefix "" { policy = "write" }
session_prefix "" { policy = "write" }
agent_prefix "" { policy = "read" }
key_prefix "bakery/" { policy = "deny" }
service_prefix "" { policy = "write" intentions = "write" }
mesh = "write"
operator = "read"
"""
NOMAD_OPERATOR = """\
namespace "*" {
  policy = "write"
  capabilities = ["host-volume-delete"]
  variables { path "*" { capabilities = ["read", "list", "write", "destroy"] } }
}
node { policy = "write" }
node_pool "*" { policy = "read" }
host_volume "*" { policy = "write" }
agent { policy = "read" }
operator { policy = "read" }
plugin { policy = "read" }
"""


def test_the_operators_policies_are_these_in_every_namespace() -> None:
    nomad = nomad_policy(PersonRole.OPERATOR, "dev")
    assert (nomad.name, nomad.rules) == ("bakery-operator-all", NOMAD_OPERATOR)
    assert consul_policy(PersonRole.OPERATOR).rules == CONSUL_OPERATOR
    grant = TokenGrant(description=token_name("operator"), policies=(nomad.name,))
    assert role_of(grant) == (PersonRole.OPERATOR, "all")


def test_the_command_line_offers_every_role_but_the_operators() -> None:
    assert {*PersonRole} - {PersonRole.OPERATOR} == set(ROLES)


@pytest.mark.parametrize("role", ROLES)
def test_a_token_says_whose_it_is(role: str) -> None:
    policy = nomad_policy(PersonRole(role), "dev-2")
    grant = TokenGrant(description=token_name("ci"), policies=("other", policy.name))
    assert (person_of(grant), role_of(grant)) == ("ci", (role, "dev-2"))


def test_another_token_is_nobodys() -> None:
    grant = TokenGrant(description="bakery: DNS", policies=("bakery-dns",))
    assert (person_of(grant), role_of(grant)) == (None, None)
