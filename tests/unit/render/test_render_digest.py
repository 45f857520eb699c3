"""The digest of a node's configuration: what changes it, and what does not."""

from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Network
from typing import Any

import pytest

from bakery.config.model import Docker, HostVolume, Kind, OpenPort, Registry, RoleSettings, UserDataPart
from bakery.plan.model import ClusterPlan, Node
from bakery.render import digest
from bakery.render.consul_config import consul_config
from bakery.render.context import RenderContext
from bakery.render.digest import config_digest
from tests.helpers.clusters import make_plan, node_of

Change = Callable[[ClusterPlan, Node], tuple[ClusterPlan, Node]]
PART = UserDataPart(name="a.sh", mime_type="text/x-shellscript", text="#!/bin/sh\ntrue\n")
REGISTRY = Registry(host="r.example.com", username="ci", username_env="", password_env="P", password_file="")
OPENED = OpenPort(number=80, protocol="tcp", vpc=True, networks=())


def settings(**changes: object) -> Change:
    made = RoleSettings(**changes)  # type: ignore[arg-type]
    return lambda plan, node: (plan, replace(node, settings=made))


SAME: dict[str, Change] = {
    "another node of the role": lambda plan, node: (plan, replace(node, name="demo-x-7", slot="demo-x-7")),
    "another number of servers": lambda plan, node: (replace(plan, consul_expect=5, nomad_expect=5), node),
    "another size": lambda plan, node: (plan, replace(node, size="s-8vcpu-16gb")),
    "another life of certificates": lambda plan, node: (replace(plan, leaf_days=30), node),
}
OTHER: dict[str, Change] = {
    "a port": settings(ports=(OPENED,)),
    "a port for others": settings(ports=(replace(OPENED, networks=("203.0.113.0/24",)),)),
    "a key of Consul's": settings(consul={"log_level": "DEBUG"}),
    "a part of user-data": settings(user_data=(PART,)),
    "another part of user-data": settings(user_data=(replace(PART, text="#!/bin/sh\nfalse\n"),)),
    "SSH": lambda plan, node: (replace(plan, ssh_keys=("laptop",)), node),
    "another VPC": lambda plan, node: (replace(plan, vpc_cidr=IPv4Network("10.120.0.0/20")), node),
}


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("name", SAME)
def test_what_differs_from_droplet_to_droplet_does_not_change_it(name: str, kind: Kind) -> None:
    plan = make_plan()
    before = config_digest(plan, node_of(plan, kind))
    assert config_digest(*SAME[name](plan, node_of(plan, kind))) == before


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("name", OTHER)
def test_a_changed_configuration_changes_it(name: str, kind: Kind) -> None:
    plan = make_plan()
    before = config_digest(plan, node_of(plan, kind))
    after = config_digest(*OTHER[name](plan, node_of(plan, kind)))
    assert (len(before), len(after)) == (16, 16)
    assert after != before


@pytest.mark.parametrize("kind", list(Kind))
def test_another_token_in_a_place_of_the_configuration_changes_it(
    kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the agents began to answer DNS queries with their own token."""
    plan = make_plan()
    before = config_digest(plan, node_of(plan, kind))

    def with_nomads(context: RenderContext) -> dict[str, Any]:
        config = consul_config(context)
        config["acl"]["tokens"]["dns"] = context.credentials.consul_nomad_token.secret  # type: ignore[union-attr]
        return config

    monkeypatch.setattr(digest, "consul_config", with_nomads)
    assert config_digest(plan, node_of(plan, kind)) != before


OF_CLIENTS: dict[str, Change] = {
    "node pool": lambda plan, node: (plan, replace(node, node_pool="gpu")),
    "meta": settings(meta=(("rack", "a1"),)),
    "node class": settings(node_class="fast"),
    "host volume": settings(host_volumes=(HostVolume(name="a", path="/srv/a", read_only=False),)),
    "Nomad": settings(nomad={"client": {"gc_max_allocs": 5}}),
    "registry": lambda plan, node: (replace(plan, docker=Docker(registries=(REGISTRY,))), node),
    "limit of processes": lambda plan, node: (replace(plan, docker=Docker(ulimits=(("nofile", 4096),))), node),
    "introduction": lambda plan, node: (replace(plan, introduces_clients=True), node),
    "CA": lambda plan, node: (replace(plan, docker=Docker(registries=(REGISTRY,), ca="x")), node),
}


@pytest.mark.parametrize("name", OF_CLIENTS)
def test_what_clients_have_changes_theirs(name: str) -> None:
    plan = make_plan()
    node = node_of(plan, Kind.NOMAD_CLIENT)
    assert config_digest(*OF_CLIENTS[name](plan, node)) != config_digest(plan, node)
    digests = {config_digest(*change(plan, node)) for change in OF_CLIENTS.values()}
    assert len(digests) == len(OF_CLIENTS)


@pytest.mark.parametrize("kind", list(Kind))
def test_the_mesh_changes_every_node_but_those_that_run_consul_alone(kind: Kind) -> None:
    plan = make_plan()
    node = node_of(plan, kind)
    same = config_digest(replace(plan, mesh=True), node) == config_digest(plan, node)
    assert same == (kind in (Kind.CONSUL_SERVER, Kind.INGRESS))


def test_registries_do_not_change_the_configuration_of_servers() -> None:
    plan = make_plan()
    node = node_of(plan, Kind.CONSUL_SERVER)
    assert config_digest(replace(plan, docker=Docker(registries=(REGISTRY,))), node) == config_digest(plan, node)
