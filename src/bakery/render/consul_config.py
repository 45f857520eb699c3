"""Build Consul's configuration of a node.

``connect.enabled`` is not among them: it is true by default (hashicorp/consul agent/config/default.go), and the
cluster file cannot change it. So ``mesh: true`` changes no node that runs Consul alone.

Keys: https://developer.hashicorp.com/consul/docs/reference/agent/configuration-file
"""

from typing import Any

from bakery.plan.ingress import PING_PATH, SERVICE
from bakery.plan.ports import CONSUL_DNS, CONSUL_GRPC, CONSUL_HTTPS, HTTP, PING
from bakery.render import paths
from bakery.render.addresses import checked_join, vpc_address
from bakery.render.autopilot import AUTOPILOT
from bakery.render.context import RenderContext
from bakery.render.merge import merged

_SOCKET_PORT = 8500
"""Consul listens at no address without a port, and ignores the port of a socket (hashicorp/consul
agent/config/builder.go, makeAddrs)."""


def consul_config(context: RenderContext) -> dict[str, Any]:
    """Return the content of consul.json for ``context``. Every Consul that the cluster file accepts has its keys.

    Raises:
        RenderError: an address to join is neither an IPv4 address nor a DNS name, or the cluster file's own
            configuration has a mapping in the wrong place.
    """
    config = {
        **_identity(context),
        **_membership(context),
        "ports": _ports(context),
        "addresses": _addresses(context),
        "tls": _tls(context),
        "acl": _acl(context),
        "telemetry": {"prometheus_retention_time": "60s", "disable_hostname": True},
        **_hardening(),
    }
    if context.kind.is_consul_server:
        config |= _server(context)
    if context.kind.is_ingress:
        config |= {"services": [_ingress_service(context)], "unix_sockets": {"mode": "0660"}}
    return merged(config, context.settings.consul, key=f"roles.{context.role}.consul")


def _identity(context: RenderContext) -> dict[str, Any]:
    own_address = vpc_address(context.plan.vpc_cidr)
    identity = {
        "datacenter": context.plan.cluster,
        "primary_datacenter": context.plan.cluster,
        "data_dir": paths.CONSUL_DATA,
        "bind_addr": own_address,
        "advertise_addr": own_address,
        "log_level": "INFO",
    }
    # Without node_name Consul takes the host name.
    return identity if context.node_name is None else {"node_name": context.node_name, **identity}


def _membership(context: RenderContext) -> dict[str, Any]:
    join = [vpc_address(context.plan.vpc_cidr)] if context.joins_itself else checked_join(context.join.consul)
    return {
        "encrypt": context.credentials.consul_gossip_key,
        "retry_join": join,
        "retry_interval": "3s",
        # A reboot is not a leave: the node stays a member and rejoins by itself.
        "leave_on_terminate": False,
        "skip_leave_on_interrupt": True,
        "rejoin_after_leave": True,
    }


def _server(context: RenderContext) -> dict[str, Any]:
    # The servers with bootstrap_expect count servers without it as members of the first quorum (hashicorp/consul
    # agent/consul/server_serf.go, maybeBootstrap: an Expect of 0 is not a conflict).
    expect = {"bootstrap_expect": context.plan.consul_expect} if context.join.forms_consul else {}
    return {
        "server": True,
        **expect,
        "performance": {"raft_multiplier": 1},
        "autopilot": AUTOPILOT,
        # A server that was off for longer refuses to start until a file on it is deleted, which is impossible
        # without SSH. Consul's default is a week (agent/agent.go, checkServerLastSeen; hashicorp/consul#20110).
        "server_rejoin_age_max": "8760h",
        "ui_config": {"enabled": True},
    }


def _serves_sidecars(context: RenderContext) -> bool:
    """Return whether sidecars of the service mesh get their configuration from the node's agent."""
    return context.plan.mesh and context.kind.is_nomad_client


def _ports(context: RenderContext) -> dict[str, int]:
    off = -1
    return {
        "http": _SOCKET_PORT if context.kind.is_ingress else off,
        "https": CONSUL_HTTPS,
        "dns": CONSUL_DNS,
        "grpc": off,
        "grpc_tls": CONSUL_GRPC if _serves_sidecars(context) else off,
        "serf_wan": off,
    }


def _addresses(context: RenderContext) -> dict[str, str]:
    grpc = {"grpc_tls": "127.0.0.1"} if _serves_sidecars(context) else {}
    if context.kind.is_consul_server:
        return {"https": "0.0.0.0", "dns": "0.0.0.0", **grpc}  # noqa: S104 - behind mutual TLS and the firewall
    socket = {"http": f"unix://{paths.CONSUL_SOCKET}"} if context.kind.is_ingress else {}
    return {"https": "127.0.0.1", "dns": f"127.0.0.1 {vpc_address(context.plan.vpc_cidr)}", **grpc, **socket}


def _tls(context: RenderContext) -> dict[str, Any]:
    # A sidecar has no certificate of the agents' CA to show: "consul connect envoy" writes none into Envoy's
    # configuration (hashicorp/consul#13088, hashicorp/nomad#15360). Each request still needs a token that may
    # write the sidecar's service (agent/xds/delta.go, checkStreamACLs).
    grpc = {"verify_incoming": False, "cert_file": paths.CONSUL_GRPC_CERTIFICATE}
    return {
        **({"grpc": grpc} if _serves_sidecars(context) else {}),
        "defaults": {
            "ca_file": paths.CONSUL_CA,
            "cert_file": paths.CONSUL_CERTIFICATE,
            "key_file": paths.CONSUL_KEY,
            "verify_incoming": True,
            "verify_outgoing": True,
            "verify_server_hostname": True,
        },
    }


def _acl(context: RenderContext) -> dict[str, Any]:
    token = context.credentials.consul_agent_token.secret
    return {
        "enabled": True,
        "default_policy": "deny",
        "down_policy": "extend-cache",
        "enable_token_persistence": False,
        # A token for DNS alone would be in the same file. This one is deleted with its node.
        "tokens": {"agent": token, "dns": token},
    }


def _ingress_service(context: RenderContext) -> dict[str, Any]:
    """Return the registration of Traefik, whose check passes while the node takes requests."""
    return {
        "name": SERVICE,
        "port": HTTP,
        "token": context.credentials.consul_agent_token.secret,
        "check": {
            "id": f"{SERVICE}-ping",
            "name": "Traefik takes requests",
            "http": f"http://127.0.0.1:{PING}{PING_PATH}",
            "interval": "2s",
            "timeout": "2s",
        },
    }


def _hardening() -> dict[str, Any]:
    """Return settings that disable remote execution, script checks, update checks, and three paths of the API.

    With a certificate and no token the first deletes and registers services, the second ends the server that
    leads, and the third does too, and changes prepared queries. bakery, Nomad and Traefik use none of them.
    Source: hashicorp/consul agent/consul/catalog_endpoint.go, servicePreApply; coordinate_endpoint.go, Update;
    prepared_query_endpoint.go, Apply.
    """
    return {
        "http_config": {"block_endpoints": ["/v1/txn", "/v1/coordinate/update", "/v1/query"]},
        "disable_remote_exec": True,
        "enable_script_checks": False,
        "enable_local_script_checks": False,
        "disable_update_check": True,
        "recursors": [],
    }
