"""Build Nomad's configuration of a node.

Keys: https://developer.hashicorp.com/nomad/docs/configuration
"""

from typing import Any

from bakery.credentials.model import Token
from bakery.credentials.names import NOMAD_REGION
from bakery.errors import RenderError
from bakery.plan.ports import CONSUL_GRPC, CONSUL_HTTPS, FIRST_DYNAMIC, LAST_DYNAMIC, reserved_ports
from bakery.render import paths
from bakery.render.addresses import checked_join, public_networks, vpc_address, vpc_interface
from bakery.render.autopilot import AUTOPILOT
from bakery.render.context import RenderContext
from bakery.render.merge import merged

# Nomad's default is 24 h (nomad/config.go, ACLTokenMaxExpirationTTL), which is too short for a pipeline's token.
_LONGEST_TOKEN = "8760h"  # noqa: S105 - a duration
# Each queries 169.254.169.254, which the host firewall blocks.
CLOUD_FINGERPRINTERS = ("env_aws", "env_azure", "env_digitalocean", "env_gce")
# The root folder of a task of the exec driver, instead of Nomad's default (Nomad docs, "client block",
# chroot_env): the default contains all of /etc, with the node's keys and tokens, and all of /usr. This folder has
# copies of the node's programs (packer/files/usr/local/lib/bakery/task-root).
TASK_ROOT = "/opt/task-root"
# Nomad links the files of a task's root to those of TASK_ROOT (client/allocdir/fs_unix.go, linkOrCopy), and gives
# a task of exec or java, for any user, the capabilities that are in both its default list and allow_caps
# (drivers/shared/capabilities, Calculate). The default has DAC_OVERRIDE, FOWNER and SETUID, with which a task can
# write the files of other tasks, and KILL, with which a task with pid_mode "host" can end the agents. The
# remaining capability opens ports below 1024.
TASK_CAPABILITIES = ("net_bind_service",)
# Nomad's default for docker (drivers/shared/capabilities/defaults.go) without MKNOD: docker keeps a container from
# opening the node's disk, but Nomad, as root, opens for "alloc fs" and "alloc logs" what a container has made.
CONTAINER_CAPABILITIES = (
    "audit_write", "chown", "dac_override", "fowner", "fsetid", "kill", "net_bind_service", "setfcap", "setgid",
    "setpcap", "setuid", "sys_chroot",
)  # fmt: skip
# The system's own users, consul and nomad among them (Debian policy 9.2.2). "nobody" is 65534.
SYSTEM_USERS = "0-999"
# java has no denied_host_uids (drivers/java/driver.go, 1.9.4 to 2.0.6), so the users that hold keys are named too.
DENIED_USERS = ("root", "consul", "nomad")
# Functions that templates of jobs may not call; Nomad's default are the first three. "caLeaf" gets the key of a
# service of the mesh with the node's certificate (hashicorp/consul-template, dependency/connect_leaf.go). "file"
# reads as root, later than it checks the path: a task can put a link there in between (dependency/file.go).
# "pkiCert" reads the template's destination first, through a link (dependency/vault_pki.go).
DENIED_FUNCTIONS = ("executeTemplate", "plugin", "writeToFile", "caLeaf", "file", "pkiCert")
# The identity of every task with a block "consul {}" (launch/acl/identity.py).
TASK_IDENTITY = {"aud": ["consul.io"], "ttl": "1h"}
# The identity of every service in Consul, only with mesh: true. A sidecar needs the token of its service, and
# Nomad has no other way to give it one (client/allocrunner/taskrunner/sids_hook.go). The price: a key of Nomad
# that Consul does not know fails every job that registers a service. Without the mesh the clients' own token
# registers services well, and a service may still ask for an identity in its own block.
SERVICE_IDENTITY = TASK_IDENTITY
# Nomad signs identities with one key for this long, as long as the CAs last. With the default, 30 days, Nomad
# would rotate to a key that Consul knows only after the next "bakery launch".
SIGNING_KEY_LIFE = "87600h"
# Servers refuse new clients without a token; by default they only warn. Tokens last as long as Nomad lets them by
# default (nomad/structs/node.go, DefaultNodeIntroductionConfig): a client needs its token when it first boots.
CLIENT_INTRODUCTION = {"enforcement": "strict", "default_identity_ttl": "30m", "max_identity_ttl": "30m"}
# Limits a fork bomb in a container, so that the node's agents keep running.
CONTAINER_PROCESSES = 4096
# The image that holds the network of docker tasks in bridge mode. Nodes load it from a file of the snapshot
# (packer/files/usr/local/lib/bakery/pause-image); Nomad's default comes from a registry.
PAUSE_IMAGE = "bakery.invalid/pause:1"


# A job's port with this host_network is bound to the public address: port "http" { host_network = "public" }.
PUBLIC_NETWORK = "public"


def nomad_config(context: RenderContext) -> dict[str, Any]:
    """Return Nomad's configuration of the node in ``context``: of a server, of a client, or of both in one agent.

    Raises:
        RenderError: an address to join is neither an IPv4 address nor a DNS name, a secret is missing, or the
            cluster file's own configuration has a mapping in the wrong place.
    """
    config = {
        **_identity(context),
        "acl": {"enabled": True, "token_max_expiration_ttl": _LONGEST_TOKEN},
        "tls": _tls(),
        "consul": _consul(context),
        "telemetry": _telemetry(),
        # A reboot is not a leave.
        "leave_on_interrupt": False,
        "leave_on_terminate": False,
        "disable_update_check": True,
    }
    if context.kind.is_nomad_server:
        config |= {"server": _server(context), "autopilot": AUTOPILOT}
    if context.kind.is_nomad_client:
        config |= {"client": _client(context), "plugin": _plugins(context)}
    return merged(config, context.settings.nomad, key=f"roles.{context.role}.nomad")


def _identity(context: RenderContext) -> dict[str, Any]:
    own_address = vpc_address(context.plan.vpc_cidr)
    # Only servers accept API requests from outside the VPC; mutual TLS and the cloud firewall protect them.
    http = "0.0.0.0" if context.kind.is_nomad_server else f"127.0.0.1 {own_address}"  # noqa: S104
    identity = {
        "region": NOMAD_REGION,
        "datacenter": context.plan.cluster,
        "data_dir": paths.NOMAD_DATA,
        "bind_addr": own_address,
        "addresses": {"http": http},
        "advertise": {"http": own_address, "rpc": own_address, "serf": own_address},
        "log_level": "INFO",
    }
    # Without name Nomad takes the host name.
    return identity if context.node_name is None else {"name": context.node_name, **identity}


def _server(context: RenderContext) -> dict[str, Any]:
    if context.credentials.nomad_gossip_key is None:
        message = f"the credentials of {context.name} hold no Nomad gossip key"
        raise RenderError(message=message)
    expect = {"bootstrap_expect": context.plan.nomad_expect} if context.join.forms_nomad else {}
    return {
        "enabled": True,
        **expect,
        "encrypt": context.credentials.nomad_gossip_key,
        "root_key_rotation_threshold": SIGNING_KEY_LIFE,
        **({"client_introduction": CLIENT_INTRODUCTION} if context.plan.introduces_clients else {}),
        **_server_join(context),
    }


def _client(context: RenderContext) -> dict[str, Any]:
    # An agent that is also a server asks that server (hashicorp/nomad command/agent/agent.go,
    # finalizeClientConfig). With server_join it would ask the others, and wait-for-servers would delay it until
    # they have a leader.
    join = {} if context.kind.is_nomad_server else _server_join(context)
    return {
        "enabled": True,
        "node_pool": context.node_pool,
        "network_interface": vpc_interface(context.plan.vpc_cidr),
        **join,
        "chroot_env": {TASK_ROOT: "/"},
        "template": {"function_denylist": list(DENIED_FUNCTIONS)},
        "options": {
            "fingerprint.denylist": ",".join(CLOUD_FINGERPRINTERS),
            "user.denylist": ",".join(DENIED_USERS),
        },
        "reserved": _reserved(context),
        "cni_path": paths.CNI_PLUGINS,
        # Without it a task behind the bridge cannot reach itself by the address in Consul (hashicorp/nomad#13352).
        "bridge_network_hairpin_mode": True,
        "min_dynamic_port": FIRST_DYNAMIC,
        "max_dynamic_port": LAST_DYNAMIC,
        **_host_networks(context),
        **_settings(context),
    }


def _reserved(context: RenderContext) -> dict[str, Any]:
    """Return what jobs do not get, in MHz, MB and MB: for the operating system, the agents, and servers if any."""
    ports = ",".join(map(str, reserved_ports(context.kind, mesh=context.plan.mesh)))
    cpu, memory = (500, 768) if context.kind.is_nomad_server else (100, 256)
    return {"cpu": cpu, "memory": memory, "disk": 2048, "reserved_ports": ports}


def _host_networks(context: RenderContext) -> dict[str, Any]:
    """Return the public network, if a port of the role is open beyond the VPC.

    Without one, a job that asks for it is not placed, instead of listening where no client can connect.
    """
    if not any(port.networks for port in context.settings.ports):
        return {}
    return {"host_network": {PUBLIC_NETWORK: {"cidr": public_networks()}}}


def _settings(context: RenderContext) -> dict[str, Any]:
    """Return what the role of the cluster file adds to the client."""
    settings = context.settings
    volumes = {v.name: {"path": v.path, "read_only": v.read_only} for v in settings.host_volumes}
    added = {"meta": dict(settings.meta), "node_class": settings.node_class, "host_volume": volumes}
    return {key: value for key, value in added.items() if value}


def _server_join(context: RenderContext) -> dict[str, Any]:
    """Return the addresses to join; without any, Nomad finds its servers through the local Consul agent."""
    addresses = checked_join(context.join.nomad)
    return {"server_join": {"retry_join": addresses, "retry_interval": "3s"}} if addresses else {}


def _tls() -> dict[str, Any]:
    return {
        "http": True,
        "rpc": True,
        "ca_file": paths.NOMAD_CA,
        "cert_file": paths.NOMAD_CERTIFICATE,
        "key_file": paths.NOMAD_KEY,
        "verify_server_hostname": True,
        # Before the first use, the ACL bootstrap endpoint needs no token, so clients must show a certificate.
        # Nomad then does not register its HTTPS check in Consul.
        "verify_https_client": True,
    }


def _consul(context: RenderContext) -> dict[str, Any]:
    return {
        "address": f"127.0.0.1:{CONSUL_HTTPS}",
        "ssl": True,
        "ca_file": paths.NOMAD_CONSUL_CA,
        "cert_file": paths.NOMAD_CONSUL_CERTIFICATE,
        "key_file": paths.NOMAD_CONSUL_KEY,
        **_token(context),
        "auto_advertise": True,
        "server_auto_join": True,
        "client_auto_join": True,
        **_native_tasks(context),
        **_identities(context),
        **_sidecars(context),
    }


def _identities(context: RenderContext) -> dict[str, Any]:
    """Return what servers add to jobs that do not ask for an identity themselves."""
    if not context.kind.is_nomad_server:
        return {}
    service = {"service_identity": SERVICE_IDENTITY} if context.plan.mesh else {}
    return {"task_identity": TASK_IDENTITY, **service}


def _native_tasks(context: RenderContext) -> dict[str, Any]:
    """Return what keeps the node's key from tasks with native Connect."""
    # By default Nomad copies this certificate and key to every task of a service with "connect { native = true }"
    # (client/allocrunner/taskrunner/connect_native_hook.go). With it the task could ask the agent for the key of
    # every service of the mesh that runs on the node: Consul keeps these without the token that asked for them
    # (hashicorp/consul agent/leafcert/structs.go, ConnectCALeafRequest.Key).
    return {"share_ssl": False} if context.kind.is_nomad_client else {}


def _sidecars(context: RenderContext) -> dict[str, Any]:
    """Return where the sidecars of a client's jobs get their configuration."""
    if not context.plan.mesh or not context.kind.is_nomad_client:
        return {}
    return {"grpc_address": f"127.0.0.1:{CONSUL_GRPC}", "grpc_ca_file": paths.NOMAD_CONSUL_CA}


def _token(context: RenderContext) -> dict[str, Any]:
    """Return Nomad's Consul token; a client that is introduced gets it with its introduction."""
    return {} if context.is_introduced else {"token": _consul_token(context).secret}


def _consul_token(context: RenderContext) -> Token:
    if context.credentials.consul_nomad_token is None:
        message = f"the credentials of {context.name} hold no token for Nomad's use of Consul"
        raise RenderError(message=message)
    return context.credentials.consul_nomad_token


def _telemetry() -> dict[str, Any]:
    return {
        "collection_interval": "10s",
        "disable_hostname": True,
        "prometheus_metrics": True,
        "publish_allocation_metrics": True,
        "publish_node_metrics": True,
    }


def _container_logs(context: RenderContext) -> dict[str, Any]:
    logs = context.plan.docker.logs
    if logs is None:
        return {}
    limits = {"max-file": str(logs.max_files), "max-size": logs.max_size}
    return {"logging": {"type": "json-file", "config": limits}}


def _plugins(context: RenderContext) -> dict[str, Any]:
    capabilities = list(TASK_CAPABILITIES)
    auth = {"auth": {"config": paths.DOCKER_AUTH}} if context.plan.docker.registries else {}
    return {
        "docker": {
            "config": {
                "allow_privileged": False,
                "allow_caps": list(CONTAINER_CAPABILITIES),
                "volumes": {"enabled": False},
                "extra_labels": ["job_name", "task_group_name", "task_name", "node_name"],
                "pids_limit": CONTAINER_PROCESSES,
                **auth,
                **_container_logs(context),
                "infra_image": PAUSE_IMAGE,
            }
        },
        "exec": {"config": {"allow_caps": capabilities, "denied_host_uids": SYSTEM_USERS}},
        "java": {"config": {"allow_caps": capabilities}},
        "raw_exec": {"config": {"enabled": False}},
    }
