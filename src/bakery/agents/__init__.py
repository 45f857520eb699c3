"""The port to Consul's and Nomad's HTTP APIs over mutual TLS."""
