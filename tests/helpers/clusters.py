"""Small clusters and credentials for tests, written by hand; every secret carries a word to look for."""

from ipaddress import IPv4Network

from bakery.config.model import Kind
from bakery.credentials.model import Leaf, NodeCredentials, RegistryLogin, Token
from bakery.plan.model import ClusterPlan, Node, Wave

# 32 bytes each; the base64 of a readable canary.
CONSUL_GOSSIP = "Q0FOQVJZLWNvbnN1bC1nb3NzaXAtMDEyMzQ1Njc4OTA="
NOMAD_GOSSIP = "Q0FOQVJZLW5vbWFkLWdvc3NpcC0wMTIzNDU2Nzg5MDE="


def make_leaf(word: str) -> Leaf:
    """A leaf with the shape of PEM that no TLS library would read."""
    return Leaf(
        certificate=f"-----BEGIN CERTIFICATE-----\ncertificate-{word}\n-----END CERTIFICATE-----\n",
        key=f"-----BEGIN PRIVATE KEY-----\nkey-{word}\n-----END PRIVATE KEY-----\n",
    )


def make_credentials(kind: Kind, subject: str = "demo-node-1") -> NodeCredentials:
    """What a node of ``kind`` holds; nothing that it should not."""
    return NodeCredentials(
        subject=subject,
        kind=kind,
        generation=1,
        consul_ca="-----BEGIN CERTIFICATE-----\nconsul-ca\n-----END CERTIFICATE-----\n",
        nomad_ca="-----BEGIN CERTIFICATE-----\nnomad-ca\n-----END CERTIFICATE-----\n",
        consul=make_leaf("consul"),
        nomad=make_leaf("nomad") if kind.runs_nomad else None,
        consul_gossip_key=CONSUL_GOSSIP,
        nomad_gossip_key=NOMAD_GOSSIP if kind.is_nomad_server else None,
        consul_agent_token=Token(accessor="a0a0a0a0-0000-4000-8000-000000000001", secret=AGENT_TOKEN),
        consul_nomad_token=Token(accessor="a0a0a0a0-0000-4000-8000-000000000003", secret=NOMAD_TOKEN)
        if kind.runs_nomad
        else None,
        consul_ingress_token=Token(accessor="a0a0a0a0-0000-4000-8000-000000000004", secret=INGRESS_TOKEN)
        if kind.is_ingress
        else None,
        introduction_token=Token(accessor="a0a0a0a0-0000-4000-8000-000000000005", secret=INTRODUCTION_TOKEN)
        if kind is Kind.NOMAD_CLIENT
        else None,
        registries=(REGISTRY_LOGIN,) if kind.is_nomad_client else (),
        consul_grpc=make_leaf("grpc").certificate if kind.is_nomad_client else None,
    )


REGISTRY_LOGIN = RegistryLogin(host="registry.example.com", username="ci", password="CANARY-registry")
REGISTRY_AUTH = "Y2k6Q0FOQVJZLXJlZ2lzdHJ5"
"""Base64 of ``ci:CANARY-registry``, as docker's file has it."""
AGENT_TOKEN = "c0ffee00-0000-4000-8000-00000000a9e7"
NOMAD_TOKEN = "c0ffee00-0000-4000-8000-000000000403"
INTRODUCTION_TOKEN = "c0ffee00-0000-4000-8000-0000000001d0"
INGRESS_TOKEN = "c0ffee00-0000-4000-8000-000000000f0d"


def make_node(kind: Kind, index: int = 1, *, cluster: str = "demo", wave: Wave = Wave.REST) -> Node:
    return Node(
        slot=f"{cluster}-{kind.value}-{index}",
        name=f"{cluster}-{kind.value}-{index}",
        role=kind.value,
        kind=kind,
        size="s-1vcpu-1gb",
        node_pool="default",
        wave=wave,
        tags=(
            f"bakery:{cluster}",
            f"bakery:{cluster}:role:{kind.value}",
            f"bakery:{cluster}:slot:{kind.value}-{index}",
        ),
    )


def make_plan(
    *, cluster: str = "demo", consul: int = 3, nomad: int = 3, ssh_keys: tuple[str, ...] = ()
) -> ClusterPlan:
    """``consul`` and ``nomad`` servers, and one node of every other kind."""
    nodes = [make_node(Kind.CONSUL_SERVER, 1, cluster=cluster, wave=Wave.FIRST_SERVER)]
    nodes += [make_node(Kind.CONSUL_SERVER, i, cluster=cluster) for i in range(2, consul + 1)]
    nodes += [make_node(Kind.NOMAD_SERVER, i, cluster=cluster) for i in range(1, nomad + 1)]
    others = (Kind.NOMAD_CLIENT, Kind.SERVER, Kind.ALL_IN_ONE, Kind.INGRESS)
    nodes += [make_node(kind, 1, cluster=cluster) for kind in others]
    return ClusterPlan(
        cluster=cluster,
        region="fra1",
        vpc_name=f"bakery-{cluster}",
        vpc_cidr=IPv4Network("10.100.0.0/20"),
        image_base="debian-12-x64",
        consul_version="1.22.5",
        nomad_version="1.11.3",
        nodes=tuple(nodes),
        firewalls=(),
        consul_expect=consul,
        nomad_expect=nomad,
        ssh_keys=ssh_keys,
        leaf_days=3650,
        warnings=(),
    )


def node_of(plan: ClusterPlan, kind: Kind) -> Node:
    """The last node of that kind: never a first Consul server where there are several."""
    return [node for node in plan.nodes if node.kind is kind][-1]
