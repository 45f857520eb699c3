"""What the ingress nodes, Consul, the load balancer and the teardown have to agree on."""

SERVICE = "ingress"
"""Traefik's name in Consul's catalog."""
PING_PATH = "/ping"
"""Path of Traefik's health endpoint, on :data:`bakery.plan.ports.PING`."""
DRAIN_SECONDS = 20
"""Seconds for which a node that shuts down still takes requests while its health endpoint fails. A load balancer
that checks every 5 seconds and needs 3 failures stops sending requests within this time."""
REQUEST_SECONDS = 10
"""Seconds that requests under way then have to finish."""
