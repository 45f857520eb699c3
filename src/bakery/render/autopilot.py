"""Autopilot's settings. Consul and Nomad share the library, and read the settings when the cluster forms.

Keys: https://developer.hashicorp.com/consul/docs/reference/agent/configuration-file/general (autopilot)
"""

# A new server votes once it has been healthy for this long: it answers the leader within 200 ms and lacks at most
# 250 entries of the log. Autopilot looks each 10 s (hashicorp/raft-autopilot, DefaultReconcileInterval), so with
# the default of 10 s a roll waits up to 20 s for each server, and with 3 s up to 13 s.
AUTOPILOT = {"server_stabilization_time": "3s"}
