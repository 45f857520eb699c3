"""The configuration of a role's nodes without secrets, names and addresses, for comparison and for checks."""

import json
import re
from typing import Any

from bakery.config.model import Kind
from bakery.credentials.model import Leaf, NodeCredentials, Token
from bakery.plan.model import ClusterPlan, Node
from bakery.render.consul_config import consul_config
from bakery.render.context import RenderContext
from bakery.render.model import Join
from bakery.render.nomad_config import nomad_config

_LEAF = Leaf(certificate="", key="")
_GOSSIP_KEY = f"{'A' * 43}="
"""32 bytes of zeros: the agents check the length of a key."""
_TEMPLATE = re.compile(r"\{\{.*?\}\}")
_ADDRESS = "127.0.0.2"


def sample_context(plan: ClusterPlan, node: Node) -> RenderContext:
    """Return a context whose parts are equal for all nodes of a role."""
    return RenderContext(
        plan=plan,
        kind=node.kind,
        role=node.role,
        node_name=None,
        node_pool=node.node_pool,
        settings=node.settings,
        joins_itself=False,
        credentials=_without_secrets(node.kind),
        join=Join(consul=(), nomad=()),
    )


def sample_consul(plan: ClusterPlan, node: Node) -> str:
    """Return consul.json for ``consul validate`` on this machine, with addresses in place of templates."""
    return _without_templates(consul_config(sample_context(plan, node)))


def sample_nomad(plan: ClusterPlan, node: Node) -> str:
    """Return Nomad's configuration for ``nomad config validate`` on this machine."""
    return _without_templates(nomad_config(sample_context(plan, node)))


def _without_templates(config: dict[str, Any]) -> str:
    return _TEMPLATE.sub(_ADDRESS, json.dumps(config, indent=1)) + "\n"


def _without_secrets(kind: Kind) -> NodeCredentials:
    return NodeCredentials(
        subject="",
        kind=kind,
        generation=1,
        consul_ca="",
        nomad_ca="",
        consul=_LEAF,
        nomad=_LEAF,
        consul_gossip_key=_GOSSIP_KEY,
        nomad_gossip_key=_GOSSIP_KEY,
        consul_agent_token=_token("agent"),
        consul_nomad_token=_token("nomad"),
        consul_ingress_token=_token("ingress"),
    )


def _token(name: str) -> Token:
    """Return a token whose secret is its name, so that a digest shows which token is in which place."""
    return Token(accessor="", secret=name)
