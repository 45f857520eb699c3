"""Render the user-data of one planned node, or of hand-made nodes of one role."""

from collections.abc import Iterator
from typing import Any

import bakery
from bakery.config.host_volumes import is_created
from bakery.credentials.model import Leaf, NodeCredentials, RegistryLogin
from bakery.errors import RenderError
from bakery.plan.introduction import introduction_key
from bakery.plan.model import ClusterPlan, Node, Wave
from bakery.render.checks import check_document
from bakery.render.consul_config import consul_config
from bakery.render.context import RenderContext
from bakery.render.docker import docker_auth, docker_daemon, registry_cas
from bakery.render.document import render_document
from bakery.render.host_firewall import host_firewall
from bakery.render.indented import indented
from bakery.render.model import CREATE_FOLDER, Join, UserData
from bakery.render.nomad_config import nomad_config
from bakery.render.parts import with_parts
from bakery.render.traefik_config import acme_domains, certificate_files, traefik_config, traefik_tls


def render_node(plan: ClusterPlan, node: Node, credentials: NodeCredentials, join: Join) -> UserData:
    """Return the user-data of a planned node. Pure: equal arguments give equal bytes.

    ``join`` has private addresses of live servers, never the node's own. It is empty only for the first Consul
    server, which joins itself.

    Raises:
        RenderError: there is no address to join, an address is invalid, the credentials are for another kind, or
            the user-data has more than 64 KiB.
    """
    first = node.wave is Wave.FIRST_SERVER and node.kind.is_consul_server
    return _render(
        RenderContext(
            plan=plan,
            kind=node.kind,
            role=node.role,
            node_name=node.name,
            node_pool=node.node_pool,
            settings=node.settings,
            joins_itself=first and not join.consul,
            credentials=credentials,
            join=join,
        )
    )


def render_role(plan: ClusterPlan, role: str, credentials: NodeCredentials, join: Join) -> UserData:
    """Return user-data for any number of hand-made nodes of ``role``; each takes its name from its host name.

    Without addresses in ``join`` it is the user-data of a first Consul server.

    Raises:
        RenderError: as :func:`render_node`, or the plan has no node of that role.
    """
    node = _any_node(plan, role)
    return _render(
        RenderContext(
            plan=plan,
            kind=node.kind,
            role=role,
            node_name=None,
            node_pool=node.node_pool,
            settings=node.settings,
            joins_itself=node.kind.is_consul_server and not join.consul,
            credentials=credentials,
            join=join,
        )
    )


def _any_node(plan: ClusterPlan, role: str) -> Node:
    for node in plan.nodes:
        if node.role == role:
            return node
    roles = ", ".join(dict.fromkeys(node.role for node in plan.nodes))
    message = f"cluster {plan.cluster} has no node of role {role!r}"
    raise RenderError(message=message, hint=f"roles of the cluster: {roles}; a role needs a count of 1 or more")


def _render(context: RenderContext) -> UserData:
    _check_context(context)
    text = render_document(f"{context.kind.value}.yaml.j2", _values(context))
    check_document(text, context.name)
    return UserData(name=context.name, text=with_parts(text, context.settings.user_data, context.name))


def _check_context(context: RenderContext) -> None:
    if context.credentials.kind is not context.kind:
        message = f"{context.name} is a {context.kind} but its credentials are a {context.credentials.kind}'s"
        raise RenderError(message=message)
    if not context.join.consul and not context.joins_itself:
        message = f"{context.name} has no Consul server to join"
        details = "only the first Consul server of a cluster can be rendered without an address"
        hint = "name the private address of a live Consul server: --join ADDR"
        raise RenderError(message=message, details=details, hint=hint)


def _values(context: RenderContext) -> dict[str, Any]:
    """Return the values for the template of the kind, and no others: any other name in it is an error."""
    credentials = context.credentials
    values = {
        "header": _header(context),
        "node": indented(_node(context)),
        "firewall": host_firewall(context),
        "allow_ssh": bool(context.plan.ssh_keys),
        "consul_config": indented(consul_config(context)),
        "consul_ca": credentials.consul_ca,
        "consul": credentials.consul,
    }
    if context.kind.is_ingress:
        values |= {
            "traefik_config": indented(traefik_config(context)),
            "traefik_tls": indented(traefik_tls(context)),
            "domains": "".join(f"{domain}\n" for domain in acme_domains(context)),
            "certificate_files": list(certificate_files(context)),
            "acme_ca": context.plan.ingress.acme_ca,
        }
    if context.kind.runs_nomad:
        values |= _client_values(context) if context.kind.is_nomad_client else {}
        values |= {
            "nomad_config": indented(nomad_config(context)),
            "nomad_ca": credentials.nomad_ca,
            "nomad": _nomad_leaf(context),
        }
    return values


def _client_values(context: RenderContext) -> dict[str, Any]:
    folders = [volume.path for volume in context.settings.host_volumes if is_created(volume.path)]
    return {
        "introduction": indented(_introduction(context)) if context.is_introduced else None,
        "commands": [[*CREATE_FOLDER, folder] for folder in folders],
        "consul_grpc": _grpc_certificate(context) if context.plan.mesh else None,
        "docker_auth": docker_auth(_logins(context)) if context.plan.docker.registries else None,
        "docker_certificates": registry_cas(context.plan.docker),
        "docker_daemon": docker_daemon(context.plan.docker),
    }


def _introduction(context: RenderContext) -> dict[str, str]:
    token = context.credentials.introduction_token
    if token is None:
        message = f"the credentials of {context.name} hold no token for its introduction"
        raise RenderError(message=message)
    return {"key": introduction_key(context.name), "token": token.secret}


def _grpc_certificate(context: RenderContext) -> str:
    if context.credentials.consul_grpc is None:
        message = f"the credentials of {context.name} hold no certificate for the sidecars of the service mesh"
        raise RenderError(message=message)
    return context.credentials.consul_grpc


def _logins(context: RenderContext) -> Iterator[RegistryLogin]:
    by_host = {login.host: login for login in context.credentials.registries}
    for registry in context.plan.docker.registries:
        if registry.host not in by_host:
            message = f"the credentials of {context.name} hold none of the registry {registry.host}"
            raise RenderError(message=message)
        yield by_host[registry.host]


def _nomad_leaf(context: RenderContext) -> Leaf:
    if context.credentials.nomad is None:
        message = f"the credentials of {context.name} hold no Nomad certificate"
        raise RenderError(message=message)
    return context.credentials.nomad


def _header(context: RenderContext) -> str:
    what = "role" if context.node_name is None else "node"
    return (
        f"cluster {context.plan.cluster}, {what} {context.name}, kind {context.kind}, "
        f"secrets of generation {context.credentials.generation}, bakery {bakery.__version__}"
    )


def _node(context: RenderContext) -> dict[str, Any]:
    return {
        "cluster": context.plan.cluster,
        "node": context.node_name,
        "role": context.role,
        "kind": context.kind.value,
        "vpc": str(context.plan.vpc_cidr),
        "generation": context.credentials.generation,
        "bakery": bakery.__version__,
    }
