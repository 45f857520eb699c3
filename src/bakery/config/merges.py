"""What ``roles.NAME.nomad`` and ``roles.NAME.consul`` may not set, each with the reason."""

from collections.abc import Iterator, Mapping
from typing import Any

from bakery.config.findings import FieldPath, Finding, dotted, quoted

_TLS = "every connection of the cluster is protected by mutual TLS"
_NAMES = "names, tags and certificates of the cluster depend on it"
_PORTS = "the port table of bakery decides who may connect to the agents"
_JOIN = "bakery decides how servers form the cluster and how nodes join it"
_ACL = "without a token, ACLs deny everything"
_GOSSIP = "bakery makes and keeps the gossip keys"
_SIGNING = "Nomad would rotate to a key that Consul does not know, and tasks that read Consul would not start"
_LEAVE = "a reboot must not remove a node from the cluster"
_FOLDER = "the image has the folders and their permissions"
_ROOT = "with it a job could become root on the node, and read the node's keys"
_SCRIPTS = "with it a token could run programs on the node"
_JOBS_PORTS = "the firewalls are made for this range of ports"
_META = "it has a key of its own"
_DEBUG = "with it the holder of a certificate reads profiles of the agent without a token"
_BRIDGE = "the host firewall knows Nomad's bridge by its name"

_PROCESSES = "plugin.docker.config.pids_limit"
"""Nomad takes 0 as no limit (drivers/docker/driver.go); a container could then use up the node's processes."""

_USE = {
    "client.meta": "meta", "client.node_class": "node_class", "client.node_pool": "node_pool",
    "client.host_volume": "host_volumes", "client.host_network": "ports",
}  # fmt: skip
"""The key of the role to use instead."""


def _for(reason: str, *keys: str) -> dict[str, str]:
    return dict.fromkeys(keys, reason)


# Keys: https://developer.hashicorp.com/nomad/docs/configuration
NOMAD = {
    **_for(_TLS, "tls"),
    **_for(_ACL, "acl"),
    **_for(_NAMES, "name", "region", "datacenter"),
    **_for(_PORTS, "ports", "addresses", "advertise", "bind_addr"),
    **_for(_FOLDER, "data_dir", "client.cni_path", "client.alloc_dir", "client.state_dir"),
    **_for(_LEAVE, "leave_on_interrupt", "leave_on_terminate"),
    **_for("bakery connects Nomad with the node's own Consul agent", "consul"),
    **_for("the role's kind decides it", "server.enabled", "client.enabled"),
    **_for(
        _JOIN, "server.bootstrap_expect", "server.server_join", "server.retry_join", "server.start_join",
        "server.authoritative_region", "client.server_join", "client.servers", "client.network_interface",
    ),
    **_for(_GOSSIP, "server.encrypt"),
    **_for(_SIGNING, "server.root_key_rotation_threshold"),
    **_for(_DEBUG, "enable_debug"),
    **_for(_BRIDGE, "client.bridge_network_name"),
    **_for("security.client_introduction of the cluster file decides it", "server.client_introduction"),
    **_for(_META, *_USE),
    **_for(_JOBS_PORTS, "client.min_dynamic_port", "client.max_dynamic_port", "client.reserved.reserved_ports"),
    **_for(
        _ROOT, "client.chroot_env", "client.options", "client.template.disable_file_sandbox",
        "client.template.function_denylist", "client.artifact.disable_filesystem_isolation",
        "client.artifact.filesystem_isolation_extra_paths", "client.artifact.disable_artifact_inspection",
        "plugin.raw_exec", "plugin.exec", "plugin.java",
        "plugin.docker.config.allow_privileged", "plugin.docker.config.allow_caps", "plugin.docker.config.volumes",
        "plugin.docker.config.allowed_modes",
    ),
    **_for("docker.registries has the credentials of registries", "plugin.docker.config.auth"),
    # Of Nomad 2.0.4 (hashicorp/nomad#28106): templates would get the client's token, which writes services.
    **_for("a task has a Consul token of its own", "client.template.use_client_consul_token"),
}  # fmt: skip
# Keys: https://developer.hashicorp.com/consul/docs/reference/agent/configuration-file
CONSUL = {
    **_for(
        _TLS, "tls", "ca_file", "ca_path", "cert_file", "key_file", "verify_incoming", "verify_incoming_rpc",
        "verify_incoming_https", "verify_outgoing", "verify_server_hostname", "auto_encrypt", "auto_config",
        "tls_min_version", "tls_cipher_suites", "tls_prefer_server_cipher_suites",
    ),
    **_for(_ACL, "acl"),
    # The keys of Consul before 1.4, which it still takes (agent/config/deprecated.go).
    **_for(
        _ACL, "acl_agent_master_token", "acl_agent_token", "acl_token", "acl_enable_key_list_policy",
        "acl_master_token", "acl_replication_token", "enable_acl_replication", "acl_datacenter",
        "acl_default_policy", "acl_down_policy", "acl_ttl",
    ),
    **_for(_NAMES, "node_name", "node_id", "datacenter", "primary_datacenter", "domain"),
    **_for(
        _PORTS, "ports", "addresses", "client_addr", "bind_addr", "advertise_addr", "advertise_addr_ipv4",
        "advertise_addr_wan", "advertise_addr_wan_ipv4", "serf_lan", "serf_wan", "unix_sockets",
    ),
    **_for(_FOLDER, "data_dir"),
    **_for("mesh of the cluster file decides it", "connect.enabled"),
    # It comes before the ACLs' default, "deny" (hashicorp/consul agent/consul/util.go, DefaultIntentionAllow).
    **_for("services connect only while an intention allows it", "default_intention_policy"),
    **_for(_LEAVE, "leave_on_terminate", "skip_leave_on_interrupt", "rejoin_after_leave"),
    **_for("the role's kind decides it", "server"),
    **_for(
        _JOIN, "bootstrap", "bootstrap_expect", "retry_join", "retry_join_wan", "start_join", "start_join_wan",
        "retry_max", "retry_max_wan",
    ),
    **_for(_GOSSIP, "encrypt", "encrypt_verify_incoming", "encrypt_verify_outgoing"),
    **_for(_SCRIPTS, "enable_script_checks", "enable_local_script_checks", "disable_remote_exec"),
}  # fmt: skip
_BLOCKS = {
    "nomad": {"client.reserved", "telemetry", "limits", "autopilot", "plugin.docker.config"},
    "consul": {"telemetry", "limits", "performance", "ui_config", "dns_config", "autopilot", "http_config"},
}
"""Further keys that are mappings, beside those that have refused keys in them."""
_LOG_LEVELS = {
    "nomad": ("trace", "debug", "info", "warn", "error", "off"),
    "consul": ("trace", "debug", "info", "warn", "err", "error"),
}
"""The agents' ``validate`` accepts every text, and the agents then do not start with another level
(Nomad: command/agent/log_levels.go; Consul: logging/log_levels.go). They take levels in any case."""


def merge_findings(path: FieldPath, value: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield what is wrong with the configuration at ``path``, whose last step is ``nomad`` or ``consul``.

    Other keys are not checked here: the agent's own ``validate`` knows them.
    """
    product = str(path[-1])
    for key, level in value.items():
        is_level = key.casefold() == "log_level" and not isinstance(level, dict | list)
        if is_level and str(level).lower() not in _LOG_LEVELS[product]:
            message = f"{dotted((*path, key))} {quoted(str(level))} is not a level of {product}"
            yield Finding(path=(*path, key), message=message, hint=f"one of {', '.join(_LOG_LEVELS[product])}")
    refused = NOMAD if product == "nomad" else CONSUL
    inner = {key.rpartition(".")[0] for key in (*refused, *_BLOCKS[product])} | _BLOCKS[product]
    blocks = {block for key in inner if key for block in _prefixes(key)}
    yield from _walk(path, "", value, refused, blocks)


def _walk(
    path: FieldPath, prefix: str, value: Mapping[str, Any], refused: Mapping[str, str], blocks: set[str]
) -> Iterator[Finding]:
    for key, item in value.items():
        # casefold, because Go's strings.EqualFold compares keys: for it U+017F is an s, and U+212A a k.
        at, name = (*path, key), f"{prefix}{key}".casefold()
        shown = dotted(at)
        if name in refused:
            yield Finding(
                path=at, message=f"{shown} cannot be set: {refused[name]}", hint=_hint(name), at_key=True
            )
        elif name == _PROCESSES and not _is_positive(item):
            yield Finding(path=at, message=f"{shown} must be a whole number from 1", hint="0 means no limit")
        elif name in blocks and key != key.casefold():
            # The agents take keys in any case; two spellings of one key would not be merged.
            yield Finding(path=at, message=f"{shown} must be in lower case", hint=key.casefold(), at_key=True)
        elif name in blocks and not isinstance(item, dict):
            yield Finding(path=at, message=f"{shown} must be a mapping", hint="it is merged key by key")
        elif name in blocks:
            yield from _walk(at, f"{name}.", item, refused, blocks)


def _is_positive(item: object) -> bool:
    return isinstance(item, int) and not isinstance(item, bool) and item > 0


def _hint(name: str) -> str:
    return f"use {_USE[name]} of the role" if name in _USE else "remove it"


def _prefixes(key: str) -> Iterator[str]:
    parts = key.split(".")
    for length in range(1, len(parts) + 1):
        yield ".".join(parts[:length])
