"""HTTP servers on loopback for the user's browser: the web UIs of Consul and Nomad, and the dashboard."""
