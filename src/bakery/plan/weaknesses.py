"""What a planned cluster promises less of than the default one; pure."""

from collections.abc import Iterator

from bakery.plan.model import ClusterPlan


def weaknesses(plan: ClusterPlan) -> tuple[str, ...]:
    """Return what is weaker in a cluster whose servers run jobs, or where no node does, one sentence each."""
    return tuple(_weaknesses(plan))


def _weaknesses(plan: ClusterPlan) -> Iterator[str]:
    if not any(node.kind.is_nomad_client for node in plan.nodes):
        yield "no node runs jobs: no role with Nomad clients has a node"
    shared = [node for node in plan.nodes if node.kind.is_any_server and node.kind.is_nomad_client]
    if not shared:
        return
    roles = ", ".join(dict.fromkeys(node.role for node in shared))
    # docs/security.md, "What is not promised".
    yield (
        f"the servers of role {roles} run jobs: a user who may submit docker jobs can read the servers' files"
        " there, every ACL token among them, and control the cluster"
    )
    # https://github.com/hashicorp/nomad/issues/5053
    yield "jobs share CPU, disk and network with these servers: a job that uses them up may stop Consul and Nomad"
    if plan.mesh:
        # docs/security.md, as above.
        yield (
            "everyone with issued credentials can get the key of a service of the mesh from Consul on these"
            " servers, and speak as that service"
        )
    servers = {"Consul": plan.consul_servers, "Nomad": plan.nomad_servers}
    single = " and ".join(product for product, nodes in servers.items() if len(nodes) == 1)
    if single:
        yield (
            f"no high availability: {shared[0].name} is the only server of {single}; while it is off, no server"
            " answers, and if it is lost, so is the data"
        )
