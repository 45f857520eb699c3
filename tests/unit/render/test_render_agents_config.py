"""Consul's and Nomad's configuration, against tables written by hand from their documentation."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest

from bakery.config.model import Kind, OpenPort, RoleSettings
from bakery.render.model import Join
from bakery.render.user_data import render_node
from tests.helpers.clusters import (
    AGENT_TOKEN,
    CONSUL_GOSSIP,
    NOMAD_GOSSIP,
    NOMAD_TOKEN,
    make_credentials,
    make_plan,
    node_of,
)
from tests.helpers.rendered import json_of

JOIN = Join(consul=("10.100.0.2", "10.100.0.3"), nomad=("10.100.0.4",), forms_consul=True, forms_nomad=True)
NO_NOMAD = Join(consul=("10.100.0.2",), nomad=())
VPC_ADDRESS = '{{ GetAllInterfaces | include "network" "10.100.0.0/20" | attr "address" }}'
VPC_INTERFACE = '{{ GetAllInterfaces | include "network" "10.100.0.0/20" | attr "name" }}'
CONSUL_SERVERS = [Kind.CONSUL_SERVER, Kind.SERVER, Kind.ALL_IN_ONE]
NOMAD_SERVERS = [Kind.NOMAD_SERVER, Kind.SERVER]


def consul(kind: Kind, *, join: Join = JOIN) -> dict[str, Any]:
    plan = make_plan()
    node = node_of(plan, kind)
    return json_of(render_node(plan, node, make_credentials(kind), join), "/etc/consul.d/consul.json")


def nomad(kind: Kind, *, join: Join = JOIN) -> dict[str, Any]:
    plan = make_plan()
    node = node_of(plan, kind)
    name = "server" if kind in NOMAD_SERVERS else "client"
    return json_of(render_node(plan, node, make_credentials(kind), join), f"/etc/nomad.d/{name}.json")


# https://developer.hashicorp.com/consul/docs/reference/agent/configuration-file
CONSUL_ON_EVERY_NODE = {
    "datacenter": "demo",
    "primary_datacenter": "demo",
    "data_dir": "/opt/consul",
    "bind_addr": VPC_ADDRESS,
    "advertise_addr": VPC_ADDRESS,
    "log_level": "INFO",
    "encrypt": CONSUL_GOSSIP,
    "retry_join": ["10.100.0.2", "10.100.0.3"],
    "retry_interval": "3s",
    "leave_on_terminate": False,
    "skip_leave_on_interrupt": True,
    "rejoin_after_leave": True,
    "ports": {"http": -1, "https": 8501, "dns": 8600, "grpc": -1, "grpc_tls": -1, "serf_wan": -1},
    "tls": {
        "defaults": {
            "ca_file": "/etc/consul.d/tls/ca.pem",
            "cert_file": "/etc/consul.d/tls/agent.pem",
            "key_file": "/etc/consul.d/tls/agent-key.pem",
            "verify_incoming": True,
            "verify_outgoing": True,
            "verify_server_hostname": True,
        }
    },
    "acl": {
        "enabled": True,
        "default_policy": "deny",
        "down_policy": "extend-cache",
        "enable_token_persistence": False,
        "tokens": {"agent": AGENT_TOKEN, "dns": AGENT_TOKEN},
    },
    "telemetry": {"prometheus_retention_time": "60s", "disable_hostname": True},
    "http_config": {"block_endpoints": ["/v1/txn", "/v1/coordinate/update", "/v1/query"]},
    "disable_remote_exec": True,
    "enable_script_checks": False,
    "enable_local_script_checks": False,
    "disable_update_check": True,
    "recursors": [],
}
CONSUL_SERVER_ONLY = {
    "addresses": {"https": "0.0.0.0", "dns": "0.0.0.0"},
    "server": True,
    "bootstrap_expect": 3,
    "performance": {"raft_multiplier": 1},
    "autopilot": {"server_stabilization_time": "3s"},
    "server_rejoin_age_max": "8760h",  # a year
    "ui_config": {"enabled": True},
}
# https://developer.hashicorp.com/consul/docs/reference/service, and .../service/health-check
TRAEFIK_SERVICE = {
    "name": "ingress",
    "port": 80,
    "token": AGENT_TOKEN,
    "check": {
        "id": "ingress-ping",
        "name": "Traefik takes requests",
        "http": "http://127.0.0.1:8082/ping",
        "interval": "2s",
        "timeout": "2s",
    },
}
CONSUL_CLIENT_ONLY = {"addresses": {"https": "127.0.0.1", "dns": f"127.0.0.1 {VPC_ADDRESS}"}}
# https://developer.hashicorp.com/consul/docs/reference/agent/configuration-file/general: addresses, unix_sockets
FOR_TRAEFIK = {
    "services": [TRAEFIK_SERVICE],
    "addresses": {**CONSUL_CLIENT_ONLY["addresses"], "http": "unix:///run/consul/http.sock"},
    "ports": {"http": 8500, "https": 8501, "dns": 8600, "grpc": -1, "grpc_tls": -1, "serf_wan": -1},
    "unix_sockets": {"mode": "0660"},
}


@pytest.mark.parametrize("kind", list(Kind))
def test_consul(kind: Kind) -> None:
    own = CONSUL_SERVER_ONLY if kind in CONSUL_SERVERS else CONSUL_CLIENT_ONLY
    for_traefik = FOR_TRAEFIK if kind is Kind.INGRESS else {}
    name = node_of(make_plan(), kind).name
    assert consul(kind) == {"node_name": name, **CONSUL_ON_EVERY_NODE, **own, **for_traefik}


SERVES_SIDECARS = [Kind.NOMAD_CLIENT, Kind.ALL_IN_ONE]


def with_mesh(kind: Kind, path: str) -> dict[str, Any]:
    plan = replace(make_plan(), mesh=True)
    return json_of(render_node(plan, node_of(plan, kind), make_credentials(kind), JOIN), path)


@pytest.mark.parametrize("kind", list(Kind))
def test_consul_in_the_mesh(kind: Kind) -> None:
    """Port 8503 on loopback, without a client certificate, where jobs run, and nothing elsewhere."""
    expected = consul(kind)
    if kind in SERVES_SIDECARS:
        expected["ports"]["grpc_tls"] = 8503
        expected["addresses"]["grpc_tls"] = "127.0.0.1"
        expected["tls"]["grpc"] = {"verify_incoming": False, "cert_file": "/etc/consul.d/tls/grpc.pem"}
    assert with_mesh(kind, "/etc/consul.d/consul.json") == expected


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind.runs_nomad])
def test_nomad_in_the_mesh(kind: Kind) -> None:
    """Servers give every service an identity; clients know where Consul's gRPC is, and keep its port from jobs."""
    expected = nomad(kind)
    if kind.is_nomad_server:
        expected["consul"]["service_identity"] = {"aud": ["consul.io"], "ttl": "1h"}
    if kind in SERVES_SIDECARS:
        expected["consul"]["grpc_address"] = "127.0.0.1:8503"
        expected["consul"]["grpc_ca_file"] = "/etc/nomad.d/tls/consul-ca.pem"
        reserved = expected["client"]["reserved"]
        reserved["reserved_ports"] = reserved["reserved_ports"].replace("8501,", "8501,8503,")
    name = "server" if kind in NOMAD_SERVERS else "client"
    assert with_mesh(kind, f"/etc/nomad.d/{name}.json") == expected


def test_consul_tries_for_ever() -> None:
    """retry_max is 0, for ever, unless given."""
    assert not [key for key in consul(Kind.NOMAD_CLIENT) if key.startswith("retry_max")]


# https://developer.hashicorp.com/nomad/docs/configuration
NOMADS_CONSUL = {
    "address": "127.0.0.1:8501",
    "ssl": True,
    "ca_file": "/etc/nomad.d/tls/consul-ca.pem",
    "cert_file": "/etc/nomad.d/tls/consul.pem",
    "key_file": "/etc/nomad.d/tls/consul-key.pem",
    "token": NOMAD_TOKEN,
    "auto_advertise": True,
    "server_auto_join": True,
    "client_auto_join": True,
}
NOMAD_ON_EVERY_NODE = {
    "region": "global",
    "datacenter": "demo",
    "data_dir": "/opt/nomad",
    "bind_addr": VPC_ADDRESS,
    "advertise": {"http": VPC_ADDRESS, "rpc": VPC_ADDRESS, "serf": VPC_ADDRESS},
    "log_level": "INFO",
    "acl": {"enabled": True, "token_max_expiration_ttl": "8760h"},
    "tls": {
        "http": True,
        "rpc": True,
        "ca_file": "/etc/nomad.d/tls/ca.pem",
        "cert_file": "/etc/nomad.d/tls/agent.pem",
        "key_file": "/etc/nomad.d/tls/agent-key.pem",
        "verify_server_hostname": True,
        "verify_https_client": True,
    },
    "consul": NOMADS_CONSUL,
    "telemetry": {
        "collection_interval": "10s",
        "disable_hostname": True,
        "prometheus_metrics": True,
        "publish_allocation_metrics": True,
        "publish_node_metrics": True,
    },
    "leave_on_interrupt": False,
    "leave_on_terminate": False,
    "disable_update_check": True,
}
# Of a client, but for what it joins and keeps from jobs.
NOMAD_CLIENT_ONLY = {
    "enabled": True,
    "node_pool": "default",
    "network_interface": VPC_INTERFACE,
    "chroot_env": {"/opt/task-root": "/"},
    "template": {"function_denylist": ["executeTemplate", "plugin", "writeToFile", "caLeaf", "file", "pkiCert"]},
    "options": {
        "fingerprint.denylist": "env_aws,env_azure,env_digitalocean,env_gce",
        "user.denylist": "root,consul,nomad",
    },
    "cni_path": "/opt/cni/bin",
    "bridge_network_hairpin_mode": True,
    "min_dynamic_port": 20000,
    "max_dynamic_port": 32000,
}
PLUGINS = {
    "docker": {
        "config": {
            "allow_privileged": False,
            "allow_caps": [
                "audit_write",
                "chown",
                "dac_override",
                "fowner",
                "fsetid",
                "kill",
                "net_bind_service",
                "setfcap",
                "setgid",
                "setpcap",
                "setuid",
                "sys_chroot",
            ],
            "volumes": {"enabled": False},
            "extra_labels": ["job_name", "task_group_name", "task_name", "node_name"],
            "pids_limit": 4096,
            "infra_image": "bakery.invalid/pause:1",
        }
    },
    # drivers/exec/driver.go and drivers/java/driver.go of Nomad 1.11.3, configSpec
    "exec": {"config": {"allow_caps": ["net_bind_service"], "denied_host_uids": "0-999"}},
    "java": {"config": {"allow_caps": ["net_bind_service"]}},
    "raw_exec": {"config": {"enabled": False}},
}
SERVER_JOIN = {"retry_join": ["10.100.0.4"], "retry_interval": "3s"}


@pytest.mark.parametrize("kind", NOMAD_SERVERS)
def test_a_nomad_server(kind: Kind) -> None:
    assert nomad(kind) == {
        "name": node_of(make_plan(), kind).name,
        **NOMAD_ON_EVERY_NODE,
        "consul": {**NOMADS_CONSUL, "task_identity": {"aud": ["consul.io"], "ttl": "1h"}},
        "addresses": {"http": "0.0.0.0"},
        "server": {
            "enabled": True,
            "bootstrap_expect": 3,
            "encrypt": NOMAD_GOSSIP,
            "root_key_rotation_threshold": "87600h",
            "server_join": SERVER_JOIN,
        },
        "autopilot": {"server_stabilization_time": "3s"},
    }


def test_a_nomad_client() -> None:
    assert nomad(Kind.NOMAD_CLIENT) == {
        "name": "demo-nomad-client-1",
        **NOMAD_ON_EVERY_NODE,
        "consul": {**NOMADS_CONSUL, "share_ssl": False},
        "addresses": {"http": f"127.0.0.1 {VPC_ADDRESS}"},
        "client": {
            **NOMAD_CLIENT_ONLY,
            "server_join": SERVER_JOIN,
            "reserved": {"cpu": 100, "memory": 256, "disk": 2048, "reserved_ports": "22,53,4646,8301,8501,8600"},
        },
        "plugin": PLUGINS,
    }


def test_a_nomad_agent_that_is_server_and_client() -> None:
    """Its client has no server_join: it asks its own server. The servers' ports and memory are kept from jobs."""
    ports = "22,53,4646,4647,4648,8300,8301,8501,8600"
    assert nomad(Kind.ALL_IN_ONE) == {
        "name": "demo-all-in-one-1",
        **NOMAD_ON_EVERY_NODE,
        "consul": {**NOMADS_CONSUL, "share_ssl": False, "task_identity": {"aud": ["consul.io"], "ttl": "1h"}},
        "addresses": {"http": "0.0.0.0"},
        "server": {
            "enabled": True,
            "bootstrap_expect": 3,
            "encrypt": NOMAD_GOSSIP,
            "root_key_rotation_threshold": "87600h",
            "server_join": SERVER_JOIN,
        },
        "autopilot": {"server_stabilization_time": "3s"},
        "client": {
            **NOMAD_CLIENT_ONLY,
            "reserved": {"cpu": 500, "memory": 768, "disk": 2048, "reserved_ports": ports},
        },
        "plugin": PLUGINS,
    }


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind.runs_nomad])
def test_nomad_that_introduces_clients(kind: Kind) -> None:
    """Servers refuse others. A client's token for Consul is not in its file: it comes with the introduction."""
    plan = replace(make_plan(), introduces_clients=True)
    expected = nomad(kind)
    if kind.is_nomad_server:
        life = {"default_identity_ttl": "30m", "max_identity_ttl": "30m"}
        expected["server"]["client_introduction"] = {"enforcement": "strict", **life}
    else:
        del expected["consul"]["token"]
    name = "server" if kind in NOMAD_SERVERS else "client"
    rendered = render_node(plan, node_of(plan, kind), make_credentials(kind), JOIN)
    assert json_of(rendered, f"/etc/nomad.d/{name}.json") == expected


def test_a_node_pool_reaches_nomad() -> None:
    plan = make_plan()
    node = replace(node_of(plan, Kind.NOMAD_CLIENT), node_pool="gpu")
    rendered = render_node(plan, node, make_credentials(node.kind), JOIN)
    assert json_of(rendered, "/etc/nomad.d/client.json")["client"]["node_pool"] == "gpu"


def test_a_port_that_is_open_beyond_the_vpc_brings_the_public_network() -> None:
    """A job's port with host_network = "public" is bound to the public address, whatever it is."""
    plan = make_plan()
    opened = OpenPort(number=80, protocol="tcp", vpc=False, networks=("203.0.113.0/24",))
    node = replace(node_of(plan, Kind.NOMAD_CLIENT), settings=RoleSettings(ports=(opened,)))
    rendered = render_node(plan, node, make_credentials(node.kind), JOIN)
    (name, network), *others = json_of(rendered, "/etc/nomad.d/client.json")["client"]["host_network"].items()
    assert (name, set(network), others) == ("public", {"cidr"}, [])
    networks = [IPv4Network(cidr) for cidr in network["cidr"].split(",")]

    def is_public(address: str) -> bool:
        return any(IPv4Address(address) in each for each in networks)

    # 198.18.0.0/15 are the public addresses of the emulator's droplets.
    assert [
        each for each in ("164.90.1.2", "8.8.8.8", "198.18.0.17", "223.255.255.255") if not is_public(each)
    ] == []
    private = ("10.100.0.2", "10.19.0.5", "127.0.0.1", "172.17.0.1", "172.26.64.1", "192.168.1.1", "169.254.1.1")
    assert [each for each in private if is_public(each)] == []


def test_a_port_for_the_vpc_needs_no_public_network() -> None:
    plan = make_plan()
    opened = OpenPort(number=8080, protocol="tcp", vpc=True, networks=())
    node = replace(node_of(plan, Kind.NOMAD_CLIENT), settings=RoleSettings(ports=(opened,)))
    rendered = render_node(plan, node, make_credentials(node.kind), JOIN)
    assert "host_network" not in json_of(rendered, "/etc/nomad.d/client.json")["client"]


def test_the_first_nomad_server_waits_for_the_others_to_come() -> None:
    assert "server_join" not in nomad(Kind.NOMAD_SERVER, join=NO_NOMAD)["server"]
