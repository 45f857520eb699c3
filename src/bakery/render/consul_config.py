"""Consul's configuration of a node, as data.

Keys: https://developer.hashicorp.com/consul/docs/reference/agent/configuration-file
"""

from typing import Any

from bakery.plan.ports import CONSUL_DNS, CONSUL_HTTPS
from bakery.render import paths
from bakery.render.addresses import checked_join, vpc_address
from bakery.render.subject import Subject
from bakery.render.versions import CONSUL_KEYS, fit


def consul_config(subject: Subject) -> dict[str, Any]:
    """The content of consul.json for ``subject``, fit for the plan's Consul version.

    Raises:
        RenderError: an address to join is neither an IPv4 address nor a DNS name.
    """
    config = {
        **_identity(subject),
        **_membership(subject),
        "ports": _ports(),
        "addresses": _addresses(subject),
        "tls": _tls(),
        "acl": _acl(subject),
        **_restraint(),
    }
    if subject.kind.is_consul_server:
        config |= _server(subject)
    return fit(config, subject.plan.consul_version, CONSUL_KEYS)


def _identity(subject: Subject) -> dict[str, Any]:
    own_address = vpc_address(subject.plan.vpc_cidr)
    identity = {
        "datacenter": subject.plan.cluster,
        "primary_datacenter": subject.plan.cluster,
        "data_dir": paths.CONSUL_DATA,
        "bind_addr": own_address,
        "advertise_addr": own_address,
        "log_level": "INFO",
    }
    # Without node_name Consul takes the host name.
    return identity if subject.node_name is None else {"node_name": subject.node_name, **identity}


def _membership(subject: Subject) -> dict[str, Any]:
    join = [vpc_address(subject.plan.vpc_cidr)] if subject.joins_itself else checked_join(subject.join.consul)
    return {
        "encrypt": subject.credentials.consul_gossip_key,
        "retry_join": join,
        "retry_interval": "3s",
        # A reboot is not a departure: the node stays a member and comes back by itself.
        "leave_on_terminate": False,
        "skip_leave_on_interrupt": True,
        "rejoin_after_leave": True,
    }


def _server(subject: Subject) -> dict[str, Any]:
    # Servers without it count in the first election of those that have it (hashicorp/consul
    # agent/consul/server_serf.go, maybeBootstrap: an Expect of 0 is no conflict).
    expect = {"bootstrap_expect": subject.plan.consul_expect} if subject.join.forms_consul else {}
    return {
        "server": True,
        **expect,
        "performance": {"raft_multiplier": 1},
        # A server that was off for longer refuses to start until a file on it is deleted, which nobody can without
        # SSH. Consul's default is a week (agent/agent.go, checkServerLastSeen; hashicorp/consul#20110).
        "server_rejoin_age_max": "8760h",
        "ui_config": {"enabled": True},
    }


def _ports() -> dict[str, int]:
    off = -1
    return {
        "http": off,
        "https": CONSUL_HTTPS,
        "dns": CONSUL_DNS,
        "grpc": off,
        "grpc_tls": off,
        "serf_wan": off,
    }


def _addresses(subject: Subject) -> dict[str, str]:
    if subject.kind.is_consul_server:
        return {"https": "0.0.0.0", "dns": "0.0.0.0"}  # noqa: S104 - behind mutual TLS and the firewall
    return {"https": "127.0.0.1", "dns": f"127.0.0.1 {vpc_address(subject.plan.vpc_cidr)}"}


def _tls() -> dict[str, Any]:
    return {
        "defaults": {
            "ca_file": paths.CONSUL_CA,
            "cert_file": paths.CONSUL_CERTIFICATE,
            "key_file": paths.CONSUL_KEY,
            "verify_incoming": True,
            "verify_outgoing": True,
            "verify_server_hostname": True,
        }
    }


def _acl(subject: Subject) -> dict[str, Any]:
    return {
        "enabled": True,
        "default_policy": "deny",
        "down_policy": "extend-cache",
        "enable_token_persistence": False,
        "tokens": {
            "agent": subject.credentials.consul_agent_token.secret,
            "dns": subject.credentials.consul_dns_token.secret,
        },
    }


def _restraint() -> dict[str, Any]:
    """Nothing that runs commands on the node, and nothing that calls home."""
    return {
        "disable_remote_exec": True,
        "enable_script_checks": False,
        "enable_local_script_checks": False,
        "disable_update_check": True,
        "recursors": [],
    }
