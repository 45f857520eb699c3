"""What user-data holds, per kind, and what it never holds."""

import json
from dataclasses import fields, replace
from ipaddress import IPv4Network

import pytest
import yaml

import bakery
from bakery.config.model import Docker, Kind, Registry
from bakery.credentials.model import Leaf
from bakery.errors import RenderError
from bakery.plan.model import Wave
from bakery.render import document
from bakery.render.docker import docker_auth
from bakery.render.model import MAX_USER_DATA, Join, UserData
from bakery.render.user_data import render_node, render_role
from tests.helpers.clusters import (
    INTRODUCTION_TOKEN,
    REGISTRY_AUTH,
    REGISTRY_LOGIN,
    make_credentials,
    make_leaf,
    make_node,
    make_plan,
    node_of,
)
from tests.helpers.rendered import files_of, json_of

JOIN = Join(consul=("10.100.0.2", "10.100.0.3"), nomad=("10.100.0.4",))
KINDS = list(Kind)

COMMON = {"/etc/bakery/node.json", "/etc/bakery/firewall.nft"}
CONSUL = {
    "/etc/consul.d/consul.json",
    "/etc/consul.d/tls/ca.pem",
    "/etc/consul.d/tls/agent.pem",
    "/etc/consul.d/tls/agent-key.pem",
}
NOMAD = {
    "/etc/nomad.d/tls/ca.pem",
    "/etc/nomad.d/tls/agent.pem",
    "/etc/nomad.d/tls/agent-key.pem",
    "/etc/nomad.d/tls/consul-ca.pem",
    "/etc/nomad.d/tls/consul.pem",
    "/etc/nomad.d/tls/consul-key.pem",
}
TRAEFIK = {
    "/etc/traefik/traefik.yml",
    "/var/lib/traefik/routes/tls.yml",
}
# The security table: every file of a node, by kind.
FILES = {
    Kind.CONSUL_SERVER: COMMON | CONSUL,
    Kind.NOMAD_SERVER: COMMON | CONSUL | NOMAD | {"/etc/nomad.d/server.json"},
    Kind.NOMAD_CLIENT: COMMON | CONSUL | NOMAD | {"/etc/nomad.d/client.json"},
    Kind.SERVER: COMMON | CONSUL | NOMAD | {"/etc/nomad.d/server.json"},
    Kind.ALL_IN_ONE: COMMON | CONSUL | NOMAD | {"/etc/nomad.d/client.json"},
    Kind.INGRESS: COMMON | CONSUL | TRAEFIK,
}
# Which secret of NodeCredentials may appear on which kind. The words come from tests/helpers/clusters.py.
EVERYWHERE = {"key-consul", "consul_gossip_key", "consul_agent_token"}
SECRETS = {
    Kind.CONSUL_SERVER: EVERYWHERE,
    Kind.NOMAD_SERVER: EVERYWHERE | {"key-nomad", "nomad_gossip_key", "consul_nomad_token"},
    Kind.NOMAD_CLIENT: EVERYWHERE | {"key-nomad", "consul_nomad_token"},
    Kind.SERVER: EVERYWHERE | {"key-nomad", "nomad_gossip_key", "consul_nomad_token"},
    Kind.ALL_IN_ONE: EVERYWHERE | {"key-nomad", "nomad_gossip_key", "consul_nomad_token"},
    Kind.INGRESS: EVERYWHERE | {"consul_ingress_token"},
}
OVERFULL = replace(
    make_credentials(Kind.SERVER),
    registries=(REGISTRY_LOGIN,),
    consul_ingress_token=make_credentials(Kind.INGRESS).consul_ingress_token,
    introduction_token=make_credentials(Kind.NOMAD_CLIENT).introduction_token,
    certificates=(make_leaf("own"),),
)
CANARIES = {
    "key-consul": "key-consul",
    "key-nomad": "key-nomad",
    "consul_gossip_key": OVERFULL.consul_gossip_key,
    "nomad_gossip_key": str(OVERFULL.nomad_gossip_key),
    "consul_agent_token": OVERFULL.consul_agent_token.secret,
    "consul_nomad_token": OVERFULL.consul_nomad_token.secret if OVERFULL.consul_nomad_token else "",
    "consul_ingress_token": OVERFULL.consul_ingress_token.secret if OVERFULL.consul_ingress_token else "",
    "introduction_token": INTRODUCTION_TOKEN,
    "certificates": "key-own",
    "registries": REGISTRY_AUTH,
    "password of a registry": REGISTRY_LOGIN.password,
}
WITH_REGISTRY = Docker(
    registries=(
        Registry(
            host="registry.example.com", username="ci", username_env="", password_env="REGISTRY", password_file=""
        ),
    ),
    ca="-----BEGIN CERTIFICATE-----\nregistry-ca\n-----END CERTIFICATE-----\n",
)


def render(kind: Kind) -> UserData:
    plan = make_plan()
    node = node_of(plan, kind)
    return render_node(plan, node, make_credentials(kind, node.name), JOIN)


def secrets_in(user_data: UserData) -> set[str]:
    text = user_data.text + "".join(file.content for file in files_of(user_data).values())
    return {name for name, word in CANARIES.items() if word in text}


@pytest.mark.parametrize("kind", KINDS)
def test_a_node_gets_the_files_of_its_kind_and_no_other(kind: Kind) -> None:
    assert set(files_of(render(kind))) == FILES[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_a_node_holds_the_secrets_of_its_kind_and_no_other(kind: Kind) -> None:
    assert secrets_in(render(kind)) == SECRETS[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_credentials_that_hold_too_much_do_not_reach_the_node(kind: Kind) -> None:
    """Control: even with every secret at hand a template shows only those of its kind."""
    plan = make_plan()
    node = node_of(plan, kind)
    rendered = render_node(plan, node, replace(OVERFULL, kind=kind), JOIN)
    assert secrets_in(rendered) == SECRETS[kind]
    assert all(CANARIES.values())


@pytest.mark.parametrize("kind", KINDS)
def test_a_client_that_is_introduced_holds_one_right_and_nomads_token_is_not_in_its_file(kind: Kind) -> None:
    """All-in-one is not introduced: the cluster file refuses it."""
    plan = replace(make_plan(), introduces_clients=True)
    node = node_of(plan, kind)
    rendered = render_node(plan, node, replace(OVERFULL, kind=kind), JOIN)
    file = "/etc/bakery/introduction.json"
    if kind is not Kind.NOMAD_CLIENT:
        assert secrets_in(rendered) == SECRETS[kind]
        assert set(files_of(rendered)) == FILES[kind]
        return
    assert secrets_in(rendered) == (SECRETS[kind] - {"consul_nomad_token"}) | {"introduction_token"}
    assert set(files_of(rendered)) == FILES[kind] | {file}
    assert (files_of(rendered)[file].owner, files_of(rendered)[file].permissions) == ("root:root", "0600")
    key = "bakery/introduction/demo-nomad-client-1"
    assert json_of(rendered, file) == {"key": key, "token": INTRODUCTION_TOKEN}


def test_nodes_of_a_role_are_not_introduced_since_their_names_are_not_known() -> None:
    plan = replace(make_plan(), introduces_clients=True)
    rendered = render_role(plan, "nomad-client", make_credentials(Kind.NOMAD_CLIENT, "nomad-client"), JOIN)
    assert secrets_in(rendered) == SECRETS[Kind.NOMAD_CLIENT]
    assert set(files_of(rendered)) == FILES[Kind.NOMAD_CLIENT]


@pytest.mark.parametrize("kind", KINDS)
def test_only_nomad_clients_hold_the_credentials_of_registries(kind: Kind) -> None:
    """In a file that only root may read; beside its configuration, Nomad would read it as configuration."""
    plan = replace(make_plan(), docker=WITH_REGISTRY)
    node = node_of(plan, kind)
    rendered = render_node(plan, node, replace(OVERFULL, kind=kind), JOIN)
    auth, ca = "/etc/nomad.d/docker/auth.json", "/etc/docker/certs.d/registry.example.com/ca.crt"
    if not kind.is_nomad_client:
        assert secrets_in(rendered) == SECRETS[kind]
        assert set(files_of(rendered)) == FILES[kind]
        return
    assert secrets_in(rendered) == SECRETS[kind] | {"registries"}
    assert set(files_of(rendered)) == FILES[kind] | {auth, ca}
    file = files_of(rendered)[auth]
    assert (file.owner, file.permissions) == ("root:root", "0600")
    assert json_of(rendered, auth) == {"auths": {"registry.example.com": {"auth": REGISTRY_AUTH}}}
    assert files_of(rendered)[ca].content == WITH_REGISTRY.ca
    plugin = json_of(rendered, "/etc/nomad.d/client.json")["plugin"]["docker"]["config"]
    assert plugin["auth"] == {"config": auth}


@pytest.mark.parametrize("kind", KINDS)
def test_only_nodes_with_jobs_hold_the_certificate_for_sidecars_and_only_with_the_mesh(kind: Kind) -> None:
    """Without it: test_a_node_gets_the_files_of_its_kind_and_no_other, whose credentials hold one."""
    plan, path = replace(make_plan(), mesh=True), "/etc/consul.d/tls/grpc.pem"
    node = node_of(plan, kind)
    files = files_of(render_node(plan, node, make_credentials(kind), JOIN))
    if not kind.is_nomad_client:
        assert set(files) == FILES[kind]
        return
    assert set(files) == FILES[kind] | {path}
    assert (files[path].owner, files[path].permissions) == ("root:consul", "0640")
    assert "certificate-grpc" in files[path].content
    with pytest.raises(RenderError, match="hold no certificate for the sidecars"):
        render_node(plan, node, replace(make_credentials(kind), consul_grpc=None), JOIN)


def test_docker_hub_has_its_own_name_in_dockers_file() -> None:
    """moby/moby registry/config.go, IndexServer."""
    found = docker_auth([replace(REGISTRY_LOGIN, host="docker.io")])
    assert json.loads(found) == {"auths": {"https://index.docker.io/v1/": {"auth": REGISTRY_AUTH}}}


def test_a_client_without_the_credentials_of_a_registry_is_refused() -> None:
    plan = replace(make_plan(), docker=WITH_REGISTRY)
    credentials = replace(make_credentials(Kind.NOMAD_CLIENT), registries=())
    with pytest.raises(RenderError, match="hold none of the registry"):
        render_node(plan, node_of(plan, Kind.NOMAD_CLIENT), credentials, JOIN)


def test_the_credentials_of_a_node_have_no_field_that_this_page_does_not_judge() -> None:
    """A new secret must be put into SECRETS before it can be rendered."""
    assert {field.name for field in fields(OVERFULL)} == {
        "subject", "kind", "generation", "consul_ca", "nomad_ca", "consul", "nomad", "consul_gossip_key",
        "nomad_gossip_key", "consul_agent_token", "consul_nomad_token",
        "consul_ingress_token", "introduction_token", "registries", "certificates", "consul_grpc",
    }  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_private_files_are_closed_to_others(kind: Kind) -> None:
    for path, file in files_of(render(kind)).items():
        if not path.startswith("/etc/bakery/"):
            assert file.permissions[-1] == "0", path
            assert file.owner in {"root:consul", "root:nomad", "root:traefik", "root:root"}, path
    public = "".join(f.content for p, f in files_of(render(kind)).items() if p.startswith("/etc/bakery/"))
    assert not any(word in public for word in CANARIES.values())


@pytest.mark.parametrize("kind", KINDS)
def test_who_may_read_nomads_files(kind: Kind) -> None:
    """Servers run as the user nomad; a client's agent is root, and nobody else needs its files."""
    owners = {f.owner for p, f in files_of(render(kind)).items() if p.startswith("/etc/nomad.d/")}
    expected = {
        Kind.CONSUL_SERVER: set(),
        Kind.NOMAD_SERVER: {"root:nomad"},
        Kind.NOMAD_CLIENT: {"root:root"},
        Kind.SERVER: {"root:nomad"},
        Kind.ALL_IN_ONE: {"root:root"},
        Kind.INGRESS: set(),
    }
    assert owners == expected[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_arguments_give_the_same_bytes(kind: Kind) -> None:
    assert render(kind) == render(kind)


def test_nothing_secret_shows_in_repr() -> None:
    user_data = render(Kind.SERVER)
    assert user_data.name == "demo-server-1"
    assert "key-consul" not in repr(user_data)


def test_the_header_says_what_it_is() -> None:
    lines = render(Kind.NOMAD_CLIENT).text.splitlines()
    assert lines[0] == "#cloud-config"
    assert lines[1] == (
        "# cluster demo, node demo-nomad-client-1, kind nomad-client, secrets of generation 1, "
        f"bakery {bakery.__version__}"
    )
    node = json_of(render(Kind.NOMAD_CLIENT), "/etc/bakery/node.json")
    assert node == {
        "cluster": "demo",
        "node": "demo-nomad-client-1",
        "role": "nomad-client",
        "kind": "nomad-client",
        "vpc": "10.100.0.0/20",
        "generation": 1,
        "bakery": bakery.__version__,
    }


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_runs_by_cloud_init(kind: Kind) -> None:
    assert set(yaml.safe_load(render(kind).text)) == {"ssh_pwauth", "write_files"}
    assert yaml.safe_load(render(kind).text)["ssh_pwauth"] is False


@pytest.mark.parametrize("kind", KINDS)
def test_break_glass_keys_leave_sshd_on(kind: Kind) -> None:
    plan = make_plan(ssh_keys=("laptop",))
    node = node_of(plan, kind)
    with_keys = files_of(render_node(plan, node, make_credentials(kind), JOIN))
    assert set(with_keys) == FILES[kind] | {"/etc/bakery/allow-ssh"}
    assert "tcp dport 22 accept" in with_keys["/etc/bakery/firewall.nft"].content
    assert "dport 22 " not in files_of(render(kind))["/etc/bakery/firewall.nft"].content


def test_the_first_consul_server_joins_itself() -> None:
    plan = make_plan()
    node = plan.consul_servers[0]
    rendered = render_node(plan, node, make_credentials(node.kind), Join(consul=(), nomad=()))
    assert json_of(rendered, "/etc/consul.d/consul.json")["retry_join"] == [
        '{{ GetAllInterfaces | include "network" "10.100.0.0/20" | attr "address" }}'
    ]


def test_a_first_server_that_is_replaced_joins_the_others() -> None:
    plan = make_plan()
    rendered = render_node(plan, plan.consul_servers[0], make_credentials(Kind.CONSUL_SERVER), JOIN)
    assert json_of(rendered, "/etc/consul.d/consul.json")["retry_join"] == ["10.100.0.2", "10.100.0.3"]


@pytest.mark.parametrize("kind", KINDS)
def test_nobody_else_is_rendered_with_nothing_to_join(kind: Kind) -> None:
    plan = make_plan()
    node = replace(node_of(plan, kind), wave=Wave.REST)
    with pytest.raises(RenderError) as caught:
        render_node(plan, node, make_credentials(kind), Join(consul=(), nomad=()))
    assert caught.value.message == f"{node.name} has no Consul server to join"
    assert caught.value.hint == "name the private address of a live Consul server: --join ADDR"


def test_a_role_takes_its_nodes_names_from_their_hosts() -> None:
    rendered = render_role(make_plan(), "nomad-client", make_credentials(Kind.NOMAD_CLIENT, "nomad-client"), JOIN)
    assert rendered.name == "nomad-client"
    assert "node_name" not in json_of(rendered, "/etc/consul.d/consul.json")
    assert "name" not in json_of(rendered, "/etc/nomad.d/client.json")
    assert json_of(rendered, "/etc/bakery/node.json")["node"] is None


def test_a_role_of_consul_servers_without_addresses_is_a_first_server() -> None:
    nothing = Join(consul=(), nomad=())
    rendered = render_role(make_plan(), "consul-server", make_credentials(Kind.CONSUL_SERVER), nothing)
    assert len(json_of(rendered, "/etc/consul.d/consul.json")["retry_join"]) == 1
    with pytest.raises(RenderError, match="has no Consul server to join"):
        render_role(make_plan(), "nomad-client", make_credentials(Kind.NOMAD_CLIENT), nothing)


def test_an_unknown_role() -> None:
    with pytest.raises(RenderError) as caught:
        render_role(make_plan(), "gpu", make_credentials(Kind.NOMAD_CLIENT), JOIN)
    assert caught.value.message == "cluster demo has no node of role 'gpu'"
    assert "consul-server, nomad-server, nomad-client, server" in str(caught.value.hint)


@pytest.mark.parametrize(
    "address",
    [
        "provider=digitalocean api_token=dop_v1_secret",
        "10.100.0.2:8301",
        "10.100.0",
        "",
        "{{ GetPrivateIP }}",
        "a b",
    ],
)
def test_only_addresses_are_joined(address: str) -> None:
    plan = make_plan()
    node = node_of(plan, Kind.NOMAD_CLIENT)
    with pytest.raises(RenderError, match="is not an address to join") as caught:
        render_node(plan, node, make_credentials(node.kind), Join(consul=(address,), nomad=()))
    assert "dop_v1_secret" not in f"{caught.value} {caught.value.details} {caught.value.hint}"


def test_names_of_servers_are_addresses_too() -> None:
    join = Join(consul=("consul.example.com",), nomad=("nomad-1",))
    plan = make_plan()
    node = node_of(plan, Kind.NOMAD_CLIENT)
    rendered = render_node(plan, node, make_credentials(node.kind), join)
    assert json_of(rendered, "/etc/consul.d/consul.json")["retry_join"] == ["consul.example.com"]


def test_credentials_of_another_kind_are_refused() -> None:
    plan = make_plan()
    with pytest.raises(RenderError, match="is a consul-server but its credentials are a nomad-server's"):
        render_node(plan, node_of(plan, Kind.CONSUL_SERVER), make_credentials(Kind.NOMAD_SERVER), JOIN)


def test_missing_credentials_are_named() -> None:
    plan = make_plan()
    client = node_of(plan, Kind.NOMAD_CLIENT)
    whole = make_credentials(Kind.NOMAD_CLIENT)
    with pytest.raises(RenderError, match="hold no Nomad certificate"):
        render_node(plan, client, replace(whole, nomad=None), JOIN)
    with pytest.raises(RenderError, match="hold no token for Nomad's use of Consul"):
        render_node(plan, client, replace(whole, consul_nomad_token=None), JOIN)
    server = node_of(plan, Kind.NOMAD_SERVER)
    keyless = replace(make_credentials(Kind.NOMAD_SERVER), nomad_gossip_key=None)
    with pytest.raises(RenderError, match="hold no Nomad gossip key"):
        render_node(plan, server, keyless, JOIN)


def large_leaf() -> Leaf:
    """About what a P-256 leaf with six names measures: 1.1 KB of certificate, 240 bytes of key."""
    return replace(make_leaf("large"), certificate="x" * 1100, key="y" * 240)


def test_the_largest_cluster_with_the_longest_names_fits() -> None:
    """7 + 7 servers, a 63-letter cluster and the widest addresses take a fifth of the space."""
    cluster = "c" * 63
    plan = replace(make_plan(cluster=cluster, consul=7, nomad=7), vpc_cidr=IPv4Network("172.30.240.0/20"))
    node = make_node(Kind.SERVER, 7, cluster=cluster)
    join = Join(
        consul=tuple(f"172.30.255.{n}" for n in range(240, 247)),
        nomad=tuple(f"172.30.255.{n}" for n in range(247, 254)),
    )
    credentials = replace(make_credentials(Kind.SERVER), consul=large_leaf(), nomad=large_leaf())
    assert render_node(plan, node, credentials, join).size < MAX_USER_DATA / 5


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_stays_below_24_kib(kind: Kind) -> None:
    credentials = replace(make_credentials(kind), consul=large_leaf())
    credentials = replace(credentials, nomad=large_leaf() if kind.runs_nomad else None)
    if kind.is_nomad_client:
        credentials = replace(credentials, consul_grpc=large_leaf().certificate)
    plan = replace(make_plan(), mesh=True)
    assert render_node(plan, node_of(plan, kind), credentials, JOIN).size < 24 * 1024


def test_what_does_not_fit_is_refused_with_its_size() -> None:
    plan = make_plan()
    node = node_of(plan, Kind.CONSUL_SERVER)
    # Certificates do not compress: hexadecimal digits of a counter's hash stand for one.
    credentials = replace(
        make_credentials(node.kind), consul_ca="".join(f"{n * 2654435761:08x}" for n in range(20000))
    )
    with pytest.raises(RenderError) as caught:
        render_node(plan, node, credentials, JOIN)
    assert "bytes, and DigitalOcean accepts at most 65536" in caught.value.message
    assert caught.value.message.startswith(f"the user-data of {node.name} has ")
    assert caught.value.hint is not None
    assert "/etc/consul.d/tls/ca.pem" in str(caught.value.hint)


def test_long_content_travels_compressed_without_time_or_system() -> None:
    packed = document.packed("retry_join " * 1000)
    assert packed["encoding"] == "gz+b64"
    # RFC 1952: magic, deflate, no flags, time 0, slowest algorithm, unknown system.
    assert packed["content"].startswith("H4sIAAAAAAAC/")
    assert document.packed("short") == {"encoding": "text/plain", "content": "short"}
