"""Every request of the two APIs that changes something, as (method, path below /v1/, body).

Sources: hashicorp/nomad command/agent/http.go (1.11.3), hashicorp/consul agent/http_register.go (1.22.5).
The ids are those of nothing, so that an operator may send nearly all of them to a cluster that goes on afterwards.
Left out are requests of the Enterprise versions, and those that Nomad answers with a stream.
"""

import json
from base64 import b64encode
from typing import Any

Request = tuple[str, str, Any]

SESSION, DEPLOYMENT = "SESSION", "DEPLOYMENT"
"""Stand for the ids of a session and a deployment that exist: else the answer is that they do not."""
_UUID = "11111111-2222-3333-4444-555555555555"
_HEALTH = {"DeploymentID": DEPLOYMENT, "HealthyAllocationIDs": [_UUID]}
_TASK = {"Name": "t", "Driver": "exec", "Config": {"command": "/bin/true"}}
_GROUP = {"Name": "g", "Count": 0, "Tasks": [_TASK]}
_JOB = {"Job": {"ID": "tried", "Name": "tried", "Type": "batch", "TaskGroups": [_GROUP]}}
_VOLUME = {"ID": "tried", "Name": "tried", "PluginID": "tried"}
_CAPABILITY = {"AccessMode": "single-node-writer", "AttachmentMode": "file-system"}
_HOST_VOLUME = {
    "Name": "tried",
    "PluginID": "mkdir",
    "NodePool": "default",
    "RequestedCapabilities": [_CAPABILITY],
}
_METHOD = {"Name": "tried", "Type": "JWT", "TokenLocality": "local", "MaxTokenTTL": "1h"}

NOMAD: tuple[Request, ...] = (
    ("PUT", "jobs", _JOB),
    ("PUT", "job/tried", _JOB),
    ("PUT", "job/tried/plan", _JOB),
    ("PUT", "job/tried/evaluate", {"JobID": "tried"}),
    ("PUT", "job/tried/periodic/force", None),
    ("PUT", "job/tried/dispatch", {"Payload": ""}),
    ("PUT", "job/tried/scale", {"Target": {"Group": "g"}, "Count": 0, "Message": "tried"}),
    ("PUT", "job/tried/revert", {"JobID": "tried", "JobVersion": 0}),
    ("PUT", "job/tried/stable", {"JobID": "tried", "JobVersion": 0, "Stable": True}),
    ("PUT", "job/tried/versions/tried/tag", {"Version": 0, "Description": "tried"}),
    ("DELETE", "job/tried/versions/tried/tag", None),
    ("DELETE", "job/tried", None),
    ("PUT", f"node/{_UUID}/evaluate", None),
    ("PUT", f"node/{_UUID}/drain", {"DrainSpec": {"Deadline": 1}}),
    ("PUT", f"node/{_UUID}/eligibility", {"Eligibility": "ineligible"}),
    ("PUT", f"node/{_UUID}/purge", None),
    ("PUT", "node/pools", {"Name": "tried"}),
    ("PUT", "node/pool/tried", {"Name": "tried"}),
    ("DELETE", "node/pool/tried", None),
    ("PUT", f"allocation/{_UUID}/stop", None),
    ("DELETE", "evaluations", {"EvalIDs": [_UUID]}),
    ("PUT", f"deployment/fail/{DEPLOYMENT}", None),
    ("PUT", f"deployment/pause/{DEPLOYMENT}", {"DeploymentID": DEPLOYMENT, "Pause": True}),
    ("PUT", f"deployment/promote/{DEPLOYMENT}", {"DeploymentID": DEPLOYMENT, "All": True}),
    ("PUT", f"deployment/unblock/{DEPLOYMENT}", {"DeploymentID": DEPLOYMENT}),
    ("PUT", f"deployment/allocation-health/{DEPLOYMENT}", _HEALTH),
    ("PUT", "volume/csi/tried", {"Volumes": [_VOLUME]}),
    ("PUT", "volume/csi/tried/create", {"Volumes": [_VOLUME]}),
    ("DELETE", "volume/csi/tried", None),
    ("DELETE", "volume/csi/tried/delete", None),
    ("DELETE", f"volume/csi/tried/detach?node={_UUID}", None),
    ("PUT", "volumes/snapshot", {"Snapshots": [{"SourceVolumeID": "tried", "Name": "tried"}]}),
    ("DELETE", "volumes/snapshot?plugin_id=tried&snapshot_id=tried", None),
    ("PUT", "volume/host/create", {"Volume": _HOST_VOLUME}),
    ("PUT", "volume/host/register", {"Volume": {**_HOST_VOLUME, "NodeID": _UUID, "HostPath": "/srv"}}),
    ("DELETE", f"volume/host/{_UUID}", None),
    ("DELETE", f"volumes/claim/{_UUID}", None),
    ("PUT", "acl/policy/tried", {"Name": "tried", "Rules": 'namespace "x" { policy = "write" }'}),
    ("DELETE", "acl/policy/tried", None),
    ("PUT", "acl/token", {"Name": "tried", "Type": "management"}),
    ("PUT", f"acl/token/{_UUID}", {"AccessorID": _UUID, "Name": "tried", "Type": "management"}),
    ("DELETE", f"acl/token/{_UUID}", None),
    ("PUT", "acl/role", {"Name": "tried", "Policies": [{"Name": "tried"}]}),
    ("PUT", f"acl/role/{_UUID}", {"ID": _UUID, "Name": "tried", "Policies": [{"Name": "tried"}]}),
    ("DELETE", f"acl/role/{_UUID}", None),
    ("PUT", "acl/auth-method", _METHOD),
    ("PUT", "acl/auth-method/tried", _METHOD),
    ("DELETE", "acl/auth-method/tried", None),
    ("PUT", "acl/binding-rule", {"AuthMethod": "tried", "BindType": "management"}),
    ("PUT", f"acl/binding-rule/{_UUID}", {"ID": _UUID, "AuthMethod": "tried", "BindType": "management"}),
    ("DELETE", f"acl/binding-rule/{_UUID}", None),
    ("PUT", "acl/identity/client-introduction-token", {"TTL": 60_000_000_000, "NodeName": "tried"}),
    ("PUT", "agent/join?address=127.0.0.1", None),
    ("PUT", "agent/force-leave?node=tried", None),
    ("PUT", "agent/schedulers/config", {"num_schedulers": 1, "enabled_schedulers": ["service", "_core"]}),
    ("PUT", "agent/keyring/install", {"Key": "dHJpZWQ="}),
    ("PUT", "agent/keyring/use", {"Key": "dHJpZWQ="}),
    ("PUT", "agent/keyring/remove", {"Key": "dHJpZWQ="}),
    ("DELETE", "service/tried/tried", None),
    ("DELETE", f"operator/raft/peer?id={_UUID}", None),
    ("PUT", f"operator/raft/transfer-leadership?id={_UUID}", None),
    ("PUT", "operator/keyring/rotate", None),
    ("DELETE", f"operator/keyring/key/{_UUID}", None),
    ("PUT", "operator/autopilot/configuration", {"CleanupDeadServers": True}),
    ("PUT", "operator/snapshot", {}),
    ("PUT", "operator/scheduler/configuration", {"SchedulerAlgorithm": "spread"}),
    ("PUT", "system/gc", None),
    ("PUT", "system/reconcile/summaries", None),
    ("PUT", "namespace", {"Name": "tried"}),
    ("PUT", "namespace/tried", {"Name": "tried"}),
    ("DELETE", "namespace/tried", None),
    ("PUT", "var/tried", {"Path": "tried", "Items": {"a": "b"}}),
    ("PUT", "var/tried?lock-acquire", {"Path": "tried", "Items": {"a": "b"}, "Lock": {"TTL": "10s"}}),
    ("DELETE", "var/tried", None),
)  # fmt: skip

_RULE = {"AuthMethod": "tried", "BindType": "service", "BindName": "tried"}
_INTENTION = {"SourceName": "a", "DestinationName": "b", "SourceType": "consul", "Action": "allow"}
_COORDINATE = {"Vec": [0] * 8, "Error": 1.5, "Adjustment": 0, "Height": 0.00001}
_PEER = {"ServerAddresses": ["127.0.0.1:8503"], "ServerName": "server.x.peering.y", "PeerID": _UUID}
_PEERING = b64encode(json.dumps(_PEER).encode()).decode()
_KEY = {"Key": "dHJpZWR0cmllZHRyaWVkdHJpZWR0cmllZHRyaWVkdHI="}

CONSUL: tuple[Request, ...] = (
    ("PUT", "kv/tried", "b"),
    ("DELETE", "kv/tried", None),
    ("PUT", "session/create", {"Name": "tried"}),
    ("PUT", f"session/renew/{SESSION}", None),
    ("PUT", f"session/destroy/{SESSION}", None),
    ("PUT", "catalog/register", {"Node": "tried", "Address": "10.9.9.9"}),
    ("PUT", "catalog/register", {"Node": "tried", "Address": "10.9.9.9", "Service": {"Service": "tried"}}),
    ("PUT", "catalog/deregister", {"Node": "tried"}),
    ("PUT", "agent/service/register", {"Name": "tried"}),
    ("PUT", "agent/service/maintenance/tried?enable=true", None),
    ("PUT", "agent/service/deregister/tried", None),
    ("PUT", "agent/check/register", {"Name": "tried", "TTL": "10s"}),
    ("PUT", "agent/check/pass/tried", None),
    ("PUT", "agent/check/warn/tried", None),
    ("PUT", "agent/check/fail/tried", None),
    ("PUT", "agent/check/update/tried", {"Status": "passing"}),
    ("PUT", "agent/check/deregister/tried", None),
    ("PUT", "agent/maintenance?enable=false", None),
    ("PUT", "agent/reload", None),
    ("PUT", "agent/join/127.0.0.1", None),
    ("PUT", "agent/force-leave/tried", None),
    ("PUT", "agent/token/default", {"Token": "tried"}),
    ("PUT", "event/fire/tried", "b"),
    ("PUT", "config", {"Kind": "service-defaults", "Name": "tried", "Protocol": "http"}),
    ("DELETE", "config/service-defaults/tried", None),
    ("PUT", "connect/ca/configuration", {"Provider": "consul", "Config": {}}),
    ("POST", "connect/intentions", _INTENTION),
    ("PUT", "connect/intentions/exact?source=a&destination=b", {"Action": "allow"}),
    ("DELETE", "connect/intentions/exact?source=a&destination=b", None),
    ("PUT", f"connect/intentions/{_UUID}", _INTENTION),
    ("DELETE", f"connect/intentions/{_UUID}", None),
    ("PUT", "coordinate/update", {"Node": "tried", "Coord": _COORDINATE}),
    ("PUT", "internal/service-virtual-ip", {"Service": "tried", "ManualVIPs": ["240.1.1.1"]}),
    ("PUT", "acl/policy", {"Name": "tried", "Rules": 'key "tried" { policy = "read" }'}),
    ("PUT", f"acl/policy/{_UUID}", {"Name": "tried", "Rules": 'key "tried" { policy = "read" }'}),
    ("DELETE", f"acl/policy/{_UUID}", None),
    ("PUT", "acl/role", {"Name": "tried"}),
    ("PUT", f"acl/role/{_UUID}", {"Name": "tried"}),
    ("DELETE", f"acl/role/{_UUID}", None),
    ("PUT", "acl/token", {"Description": "tried"}),
    ("PUT", f"acl/token/{_UUID}", {"Description": "tried"}),
    ("PUT", f"acl/token/{_UUID}/clone", {"Description": "tried"}),
    ("DELETE", f"acl/token/{_UUID}", None),
    ("PUT", "acl/auth-method", {"Name": "tried", "Type": "jwt"}),
    ("PUT", "acl/auth-method/tried", {"Name": "tried", "Type": "jwt"}),
    ("DELETE", "acl/auth-method/tried", None),
    ("PUT", "acl/binding-rule", _RULE),
    ("PUT", f"acl/binding-rule/{_UUID}", _RULE),
    ("DELETE", f"acl/binding-rule/{_UUID}", None),
    ("POST", f"operator/raft/transfer-leader?id={_UUID}", None),
    ("DELETE", f"operator/raft/peer?id={_UUID}", None),
    ("POST", "operator/keyring", _KEY),
    ("PUT", "operator/keyring", _KEY),
    ("DELETE", "operator/keyring", _KEY),
    ("PUT", "operator/autopilot/configuration", {"CleanupDeadServers": True}),
    ("PUT", "snapshot", {}),
    ("POST", "peering/token", {"PeerName": "tried"}),
    ("POST", "peering/establish", {"PeerName": "tried", "PeeringToken": _PEERING}),
    ("DELETE", "peering/tried", None),
)  # fmt: skip


def requests(product: str, session: str, deployment: str) -> tuple[Request, ...]:
    """Return all of ``consul`` or ``nomad``, for the session and the deployment of these ids."""
    text = json.dumps({"consul": CONSUL, "nomad": NOMAD}[product])
    return tuple(json.loads(text.replace(SESSION, session).replace(DEPLOYMENT, deployment)))
